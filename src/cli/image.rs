//! `squall image build`: an image for `--runtime docker` where no registry can be reached.

use crate::journal::{Clock, Journal, RunFolder};
use crate::run::{StopToken, Urgency};
use crate::runtime::docker::{BuiltImage, build_image};
use crate::runtime::{Ledger, UserFolders};

use super::args::{ImageArguments, ImageBuildArguments, ImageCommand};
use super::exit::Exit;
use super::output::{Format, Output};
use super::signals;

/// Does what is to be done with images.
pub fn image(arguments: &ImageArguments, output: &Output) -> Exit {
    match &arguments.command {
        ImageCommand::Build(arguments) => build(arguments, output),
    }
}

fn build(arguments: &ImageBuildArguments, output: &Output) -> Exit {
    let version = arguments.kafka;
    let name = match &arguments.tag {
        None => format!("squall/kafka:{version}"),
        Some(name)
            if name
                .rsplit('/')
                .next()
                .is_some_and(|last| last.contains(':')) =>
        {
            name.clone()
        }
        Some(name) => format!("{name}:{version}"),
    };
    let stop = StopToken::default();
    let built = signals::listen(&stop)
        .map_err(|error| error.to_string())
        .and_then(|()| built(arguments, &name, &stop, output));
    match built {
        Ok(image) if arguments.format == Format::Json => output.json(&image),
        Ok(image) => output.text(format!("built {} ({})", image.image, image.id)),
        Err(_) if stop.urgency() > Urgency::None => {
            return Exit::of_signal(stop.signal());
        }
        Err(error) => return output.failed(Exit::Environment, &error),
    }
    Exit::Fine
}

fn built(
    arguments: &ImageBuildArguments,
    name: &str,
    stop: &StopToken,
    output: &Output,
) -> Result<BuiltImage, String> {
    let folders = UserFolders::from_env();
    let clock = Clock::start();
    let run = format!("image-{}-{}", std::process::id(), clock.started_unix_us());
    // Fetching tells what it does to a journal; nobody reads this one later.
    let notes = folders.state.join("image-build");
    let words = |error: &dyn std::fmt::Display| error.to_string();
    let folder = RunFolder::create(&notes, &run).map_err(|error| words(&error))?;
    let journal = Journal::create(&folder, clock).map_err(|error| words(&error))?;
    let ledger = Ledger::create(&folders, &run, folder.path()).map_err(|error| words(&error))?;
    let told = |what: &str| output.remark(what);
    let image = build_image(
        &folders,
        arguments.kafka,
        name,
        &ledger,
        &journal,
        &told,
        stop.asked(),
    );
    if ledger.has_no_folder_left() {
        ledger.close();
    }
    // A folder of notes that stays is harmless.
    let _ = std::fs::remove_dir_all(folder.path());
    image.map_err(|error| words(&error))
}
