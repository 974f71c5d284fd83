//! Run folders of which a file was changed in any way and sealed again: judging, reporting and explaining them ends soon and
//! never panics.

use std::fs;

use squall::journal::RunFolder;
use squall::verify::{open_and_explain, open_and_judge};
use squall::{report, verify};

use super::fuzz::Target;
use super::history::History;
use super::life::live;
use super::setup::Setup;

/// The histories of the first seeds with the fewest rows, so that many changes of them can be judged.
fn small(count: usize) -> Vec<History> {
    let mut all: Vec<History> = (1..40)
        .filter_map(|seed| live(Setup::draw(seed)).ok())
        .map(|(mut cluster, stages)| History::of(&mut cluster, &stages))
        .collect();
    all.sort_by_key(|history| history.rows().values().sum::<u64>());
    all.truncate(count);
    all
}

/// Everything that is done with a run folder.
fn use_all_of(folder: &RunFolder) {
    let Ok(judgement) = open_and_judge(folder) else {
        return;
    };
    for (name, bytes) in report::files(&judgement, ".") {
        let text = String::from_utf8(bytes).unwrap();
        let hidden = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        assert!(!text.chars().any(hidden), "{name}");
    }
    let shown = report::terminal(&judgement, "folder", false, 100);
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n'));
    for finding in judgement.findings.iter().take(3) {
        let _: Option<verify::Explanation> =
            open_and_explain(folder, &judgement, &finding.id).unwrap_or_default();
    }
}

#[test]
fn fuzz_folders_of_others() {
    let home = tempfile::tempdir().unwrap();
    let folders: Vec<RunFolder> = small(2)
        .iter()
        .enumerate()
        .map(|(n, history)| history.write(home.path(), &format!("run-{n}")))
        .collect();
    let place = fs::read_dir(folders[0].join("observations")).unwrap();
    let place = place.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let observations = format!("observations/{}", place.min().unwrap());
    let files = [
        "run.json",
        "plan.json",
        "events.jsonl",
        "evidence.json",
        &observations,
    ];
    for file in files {
        let target = Target {
            name: &format!("folder-{}", file.split(['/', '.']).next().unwrap()),
            seeds: folders
                .iter()
                .filter_map(|folder| fs::read(folder.join(file)).ok())
                .collect(),
            words: &[
                "null",
                "\"w1\"",
                "{}",
                "[]",
                "-1",
                "18446744073709551615",
                "kill",
                "orders",
            ],
            parts: 5,
        };
        let whole = fs::read(folders[0].join(file)).unwrap();
        target.fuzz(|bytes| {
            fs::write(folders[0].join(file), bytes).unwrap();
            if file != "evidence.json" {
                folders[0].seal().unwrap();
            }
            use_all_of(&folders[0]);
        });
        fs::write(folders[0].join(file), whole).unwrap();
        folders[0].seal().unwrap();
    }
}
