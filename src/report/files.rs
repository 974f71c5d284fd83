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
    use crate::report::sample;
    use crate::report::text::is_deceptive;

    #[test]
    fn no_file_holds_a_hidden_character_whatever_the_texts_are() {
        let mut judgement = sample::hostile();
        // XML forbids most control characters and two that are none; terminals obey U+009B like ESC [.
        let evil = "\u{0}\u{b}\u{1b}\u{7f}\u{9b}\u{fffe}\u{ffff}\u{2028}\u{202e}";
        judgement.faults[0].signal = evil.to_owned();
        judgement.guarantees[0].note = evil.to_owned();
        judgement.doubts.push(evil.to_owned());
        judgement.environment_failure = Some(evil.to_owned());
        for (name, bytes) in files(&judgement, evil) {
            let text = String::from_utf8(bytes).unwrap();
            let hidden = |c: char| match name.as_str() {
                // For programs: JSON's own escapes are what it needs.
                "result.json" => u32::from(c) < 0x20 && c != '\n',
                _ => c != '\n' && is_deceptive(c),
            };
            assert_eq!(text.chars().find(|c| hidden(*c)), None, "{name}");
        }
    }

    #[test]
    fn the_files_can_be_made_again_from_result_json_byte_for_byte() {
        for (name, judgement) in sample::all() {
            let first = files(&judgement, "reports/x");
            let again = files(&serde_json::from_slice(&first[0].1).unwrap(), "reports/x/");
            for ((file, bytes), (_, second)) in first.iter().zip(&again) {
                assert!(bytes == second, "{name}: {file}");
                assert!(!bytes.is_empty(), "{name}: {file}");
            }
        }
    }
}
