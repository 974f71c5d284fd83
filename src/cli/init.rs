//! `squall init`: a first scenario and its schema.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use super::args::InitArguments;
use super::exit::Exit;
use super::output::Output;
use super::scenarios::BUNDLED;

/// Writes `scenario.yaml` and `scenario.schema.json`; never overwrites a file.
pub fn init(arguments: &InitArguments, output: &Output) -> Exit {
    let quickstart = BUNDLED
        .iter()
        .find(|(name, _)| *name == "quickstart")
        .map_or("", |(_, text)| text);
    let schema = crate::journal::json_bytes(&crate::scenario::json_schema());
    let files = [
        ("scenario.yaml", quickstart.as_bytes()),
        ("scenario.schema.json", schema.as_slice()),
    ];
    if let Err(error) = std::fs::create_dir_all(&arguments.folder) {
        return output.failed(
            Exit::Usage,
            &format!("cannot make {}: {error}", arguments.folder.display()),
        );
    }
    let taken: Vec<&str> = files
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| arguments.folder.join(name).exists())
        .collect();
    if !taken.is_empty() {
        let folder = arguments.folder.display();
        return output.failed(
            Exit::Usage,
            &format!(
                "{} already in {folder}; choose another folder",
                taken.join(" and ")
            ),
        );
    }
    for (name, bytes) in files {
        let path = arguments.folder.join(name);
        if let Err(error) = write_new(&path, bytes) {
            return output.failed(
                Exit::Usage,
                &format!("cannot write {}: {error}", path.display()),
            );
        }
        output.text(format!("wrote {}", path.display()));
    }
    let scenario = arguments.folder.join("scenario.yaml");
    output.text(format!(
        "next: squall plan {0}, then squall run {0}",
        scenario.display()
    ));
    Exit::Fine
}

fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)?
        .write_all(bytes)
}
