//! `squall init`: a first scenario and its schema.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::model::secrets;
use crate::scenario::{self, Adopted};

use super::args::InitArguments;
use super::exit::Exit;
use super::output::Output;
use super::scenarios::BUNDLED;

/// Writes `scenario.yaml` and `scenario.schema.json`; never overwrites a file.
pub fn init(arguments: &InitArguments, output: &Output) -> Exit {
    let first = match first_scenario(arguments, output) {
        Ok(first) => first,
        Err(exit) => return exit,
    };
    let schema = crate::journal::json_bytes(&scenario::json_schema());
    let files = [
        ("scenario.yaml", first.text.as_bytes()),
        ("scenario.schema.json", schema.as_slice()),
    ];
    if let Err(why) = write_all(&arguments.folder, &files, output) {
        return output.failed(Exit::Usage, &why);
    }
    for note in &first.notes {
        output.text(format!("- {note}"));
    }
    let scenario = arguments.folder.join("scenario.yaml");
    output.text(format!(
        "next: squall plan {0}, then squall run {0}",
        scenario.display()
    ));
    Exit::Fine
}

/// `quickstart`, or what is made of the files that are given; every mistake in them goes to stderr.
fn first_scenario(arguments: &InitArguments, output: &Output) -> Result<Adopted, Exit> {
    let (worker, connector) = (&arguments.from, &arguments.connector);
    if worker.is_none() && connector.is_none() {
        let quickstart = BUNDLED.iter().find(|(name, _)| *name == "quickstart");
        return Ok(Adopted {
            text: quickstart.map_or_else(String::new, |(_, text)| (*text).to_owned()),
            notes: Vec::new(),
        });
    }
    let files = [read(worker.as_deref()), read(connector.as_deref())];
    for error in files.iter().filter_map(|file| file.as_ref().err()) {
        output.failed(Exit::Usage, error);
    }
    let [Ok(worker), Ok(connector)] = files else {
        return Err(Exit::Usage);
    };
    let around = scenario::Around {
        hides: &|name, value| {
            let config = [(name.to_owned(), value.to_owned())].into();
            secrets::mask(&config) != config
        },
        plugins_in: &plugins_in,
    };
    scenario::adopt(as_source(&worker), as_source(&connector), &around).map_err(|wrong| {
        for mistakes in wrong {
            // A mistake is shown with its line, in which a secret may stand too.
            let shown = mistakes.render(output.colour_err());
            output.remark(secrets::mask_text(&shown));
        }
        Exit::Usage
    })
}

/// A file by the name that it was given by, and its text.
type File = (String, String);

fn read(path: Option<&Path>) -> Result<Option<File>, String> {
    let Some(path) = path else { return Ok(None) };
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some((name, text))),
        Err(error) => Err(format!("cannot read {name}: {error}")),
    }
}

fn as_source(file: &Option<File>) -> Option<scenario::Source<'_>> {
    let (name, text) = file.as_ref()?;
    Some(scenario::Source { name, text })
}

/// The jars in a folder of `plugin.path`, and the folders in it that hold jars themselves or one level below.
fn plugins_in(folder: &str) -> Vec<String> {
    let mut plugins: Vec<String> = children(Path::new(folder))
        .into_iter()
        .filter(|path| {
            let jars = |path: &Path| children(path).iter().any(|path| is_jar(path));
            is_jar(path) || jars(path) || children(path).iter().any(|below| jars(below))
        })
        .map(|path| path.display().to_string())
        .collect();
    plugins.sort();
    plugins
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn is_jar(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "jar")
}

/// Writes the files into a folder that has none of them.
fn write_all(folder: &Path, files: &[(&str, &[u8])], output: &Output) -> Result<(), String> {
    std::fs::create_dir_all(folder)
        .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    let taken: Vec<&str> = files
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| folder.join(name).exists())
        .collect();
    if !taken.is_empty() {
        let folder = folder.display();
        let taken = taken.join(" and ");
        return Err(format!(
            "{taken} already in {folder}; choose another folder"
        ));
    }
    for (name, bytes) in files {
        let path = folder.join(name);
        write_new(&path, bytes)
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        output.text(format!("wrote {}", path.display()));
    }
    Ok(())
}

fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)?
        .write_all(bytes)
}
