//! `squall verify`, `report` and `explain`: everything that is done with a run folder afterwards.

use std::path::Path;

use crate::journal::{FolderError, RunFolder, append};
use crate::model::visible;
use crate::verify::{Explanation, Judgement};
use crate::{report, verify};

use super::args::{ExplainArguments, FolderArguments};
use super::exit::Exit;
use super::output::{Format, Output};

/// The most characters of a line; a log line has 2,000.
const LINE: usize = 4_000;

/// A path as it is shown: relative to where we are, when it lies below.
pub fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here)
        .unwrap_or(path)
        .display()
        .to_string()
}

fn open(path: &Path, output: &Output) -> Result<(RunFolder, Judgement), Exit> {
    let failed = |error: FolderError| output.failed(Exit::Usage, &error);
    let folder = RunFolder::open(path).map_err(failed)?;
    let judgement = verify::open_and_judge(&folder).map_err(failed)?;
    Ok((folder, judgement))
}

/// Writes every derived file into the run folder.
pub fn write_reports(judgement: &Judgement, folder: &RunFolder) -> Result<(), FolderError> {
    let mut files = report::files(judgement, ".");
    files.push((
        "result.schema.json".to_owned(),
        crate::journal::json_bytes(&report::result_schema()),
    ));
    files
        .iter()
        .try_for_each(|(name, bytes)| folder.write(name, bytes))
}

/// Appends the Markdown summary to the file that `GITHUB_STEP_SUMMARY` names, when it is set.
pub fn append_summary(judgement: &Judgement, output: &Output) {
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) else {
        return;
    };
    let appended = append(Path::new(&path), report::markdown(judgement).as_bytes());
    if let Err(error) = appended {
        output.remark(format!(
            "warning: cannot append the summary to {}: {error}",
            Path::new(&path).display()
        ));
    }
}

/// `squall verify DIR`: judges again and says what it found; writes nothing.
pub fn verify(arguments: &FolderArguments, output: &Output) -> Exit {
    match open(&arguments.folder, output) {
        Ok((folder, judgement)) => {
            show(&judgement, &folder, arguments.format, output);
            Exit::of(&judgement)
        }
        Err(exit) => exit,
    }
}

/// `squall report DIR`: writes all reports again.
pub fn report(arguments: &FolderArguments, output: &Output) -> Exit {
    let (folder, judgement) = match open(&arguments.folder, output) {
        Ok(opened) => opened,
        Err(exit) => return exit,
    };
    if let Err(error) = write_reports(&judgement, &folder) {
        return output.failed(Exit::Environment, &error);
    }
    show(&judgement, &folder, arguments.format, output);
    Exit::Fine
}

/// Prints what was judged.
pub fn show(judgement: &Judgement, folder: &RunFolder, format: Format, output: &Output) {
    match format {
        Format::Human => output.painted(&report::terminal(
            judgement,
            &shown(folder.path()),
            output.colour_out(),
            output.width(),
        )),
        Format::Json => output.json_bytes(&report::json(judgement)),
    }
}

/// `squall explain DIR FINDING`.
pub fn explain(arguments: &ExplainArguments, output: &Output) -> Exit {
    let (folder, judgement) = match open(&arguments.folder, output) {
        Ok(opened) => opened,
        Err(exit) => return exit,
    };
    let Some(id) = &arguments.finding else {
        return list_findings(&judgement, arguments.format, output);
    };
    match verify::open_and_explain(&folder, &judgement, id) {
        Ok(Some(story)) => {
            match arguments.format {
                Format::Human => output.text(told(&story)),
                Format::Json => output.json(&story),
            }
            Exit::Fine
        }
        Ok(None) => {
            let known: Vec<&str> = judgement
                .findings
                .iter()
                .map(|finding| finding.id.as_str())
                .take(20)
                .collect();
            let known = if known.is_empty() {
                "this run has none".to_owned()
            } else {
                known.join(", ")
            };
            output.failed(
                Exit::NothingSelected,
                &format!("there is no finding {id}; known: {known}"),
            )
        }
        Err(error) => output.failed(Exit::Usage, &error),
    }
}

fn list_findings(judgement: &Judgement, format: Format, output: &Output) -> Exit {
    match format {
        Format::Json => output.json(&judgement.findings),
        Format::Human => {
            for finding in &judgement.findings {
                let line = format!("{:<18} {}", finding.id, finding.text);
                output.text(visible(&line, LINE));
            }
        }
    }
    if judgement.findings.is_empty() {
        Exit::NothingSelected
    } else {
        Exit::Fine
    }
}

fn told(story: &Explanation) -> String {
    let mut text = visible(&story.title, LINE);
    for line in &story.lines {
        let at = line.at.map(|at| at.to_string()).unwrap_or_default();
        text.push_str(&format!("\n  {at:>10}  {}", visible(&line.text, LINE)));
    }
    text
}
