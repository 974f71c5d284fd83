//! All derived files of a run folder, by name.

use crate::verify::Judgement;

use super::{csv_faults, csv_ledger, csv_recoveries, csv_rewinds, html, json, junit, markdown};

/// Name and content of each file that is made from a judgement; the same judgement and folder give the same bytes.
/// `folder` is how the JUnit report names the run folder.
pub fn files(judgement: &Judgement, folder: &str) -> Vec<(String, Vec<u8>)> {
    let report_path = format!("{}/report.html", folder.trim_end_matches('/'));
    let files = [
        ("result.json", json(judgement)),
        ("report.html", html(judgement)),
        ("junit.xml", junit(judgement, &report_path)),
        ("ledger.csv", csv_ledger(judgement)),
        ("faults.csv", csv_faults(judgement)),
        ("recoveries.csv", csv_recoveries(judgement)),
        ("rewinds.csv", csv_rewinds(judgement)),
        ("summary.md", markdown(judgement).into_bytes()),
    ];
    files.map(|(name, bytes)| (name.to_owned(), bytes)).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{from_json, sample};

    #[test]
    fn the_files_can_be_made_again_from_result_json_byte_for_byte() {
        for (name, judgement) in sample::all() {
            let first = files(&judgement, "reports/x");
            let again = files(&from_json(&first[0].1).unwrap(), "reports/x/");
            for ((file, bytes), (_, second)) in first.iter().zip(&again) {
                assert!(bytes == second, "{name}: {file}");
                assert!(!bytes.is_empty(), "{name}: {file}");
            }
        }
    }
}
