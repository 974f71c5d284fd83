//! The judgement as a JUnit report: broken is a failure, what could not be decided is an error.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::model::Verdict;
use crate::verify::{GuaranteeResult, Judgement};

use super::text::visible;

const TEXT_LIMIT: usize = 2_000;

/// One suite for the scenario, one case per guarantee, and the case `evidence` that errs whenever the run cannot vouch
/// for its answers; `report_path` is where people find the HTML report.
pub fn junit(judgement: &Judgement, report_path: &str) -> Vec<u8> {
    let run = &judgement.run;
    let name = visible(&run.scenario, TEXT_LIMIT);
    let time = Duration::from_millis(run.duration_ms);
    let mut suite = TestSuite::new(name.as_str());
    suite.set_time(time);
    suite.timestamp = run.started.parse().ok();
    for (key, value) in properties(judgement, report_path) {
        let (key, value) = (visible(&key, TEXT_LIMIT), visible(&value, TEXT_LIMIT));
        suite.add_property((key.as_str(), value.as_str()));
    }
    let class = format!("squall.{name}");
    let statuses = std::iter::once(("evidence", evidence(judgement)))
        .chain(environment(judgement))
        .chain(
            judgement
                .guarantees
                .iter()
                .map(|guarantee| (guarantee.kind.key(), outcome(judgement, guarantee))),
        );
    for (key, status) in statuses {
        let mut case = TestCase::new(key, status);
        case.set_classname(class.as_str());
        suite.add_test_case(case);
    }
    let mut report = Report::new("squall");
    report.set_time(time).add_test_suite(suite);
    let mut bytes = Vec::new();
    report
        .serialize(&mut bytes)
        .expect("writing XML into memory cannot fail");
    bytes
}

fn properties(judgement: &Judgement, report_path: &str) -> Vec<(String, String)> {
    let run = &judgement.run;
    let facts = run.runtime_facts.iter();
    let facts = facts.map(|(name, value)| (format!("runtime-{name}"), value.clone()));
    let own = [
        ("verdict", judgement.verdict.word().to_owned()),
        ("seed", run.seed.to_string()),
        ("squall", run.squall.clone()),
        ("kafka", run.kafka.clone()),
        ("connect", run.connect.clone()),
        ("workers", run.workers.to_string()),
        ("runtime", run.runtime.to_string()),
        ("faults", run.faults_injected.to_string()),
        ("faults-proven", run.faults_proven.to_string()),
        ("report", report_path.to_owned()),
    ];
    let own = own.into_iter().map(|(key, value)| (key.to_owned(), value));
    own.chain(facts).collect()
}

fn non_success(
    kind: NonSuccessKind,
    class: &str,
    message: &str,
    description: &str,
) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status
        .set_type(class)
        .set_message(visible(message, TEXT_LIMIT).as_str());
    if !description.is_empty() {
        status.set_description(description);
    }
    status
}

/// The case that keeps an inconclusive run from being green, even when no guarantee says so.
fn evidence(judgement: &Judgement) -> TestCaseStatus {
    let told = judgement
        .guarantees
        .iter()
        .any(|guarantee| guarantee.verdict != Verdict::Held)
        || judgement.environment_failure.is_some();
    let silent = judgement.verdict != Verdict::Held && !told;
    if judgement.doubts.is_empty() && !silent {
        return TestCaseStatus::success();
    }
    let message = judgement.doubts.first().unwrap_or(&judgement.sentence);
    let doubts: Vec<String> = judgement
        .doubts
        .iter()
        .map(|doubt| visible(doubt, TEXT_LIMIT))
        .collect();
    non_success(
        NonSuccessKind::Error,
        "inconclusive",
        message,
        &doubts.join("\n"),
    )
}

fn environment(judgement: &Judgement) -> Option<(&'static str, TestCaseStatus)> {
    let why = judgement.environment_failure.as_ref()?;
    let status = non_success(NonSuccessKind::Error, "environment", why, "");
    Some(("environment", status))
}

fn outcome(judgement: &Judgement, guarantee: &GuaranteeResult) -> TestCaseStatus {
    let message = format!(
        "{}: {}, limit {}",
        guarantee.title(),
        guarantee.measured(),
        guarantee.limit()
    );
    let description = description(judgement, guarantee);
    match guarantee.verdict {
        Verdict::Held => TestCaseStatus::success(),
        Verdict::Broken => non_success(NonSuccessKind::Failure, "broken", &message, &description),
        Verdict::Inconclusive => non_success(
            NonSuccessKind::Error,
            "inconclusive",
            &message,
            &description,
        ),
    }
}

fn description(judgement: &Judgement, guarantee: &GuaranteeResult) -> String {
    let note = (!guarantee.note.is_empty()).then(|| visible(&guarantee.note, TEXT_LIMIT));
    let findings = judgement
        .findings
        .iter()
        .filter(|finding| guarantee.findings.contains(&finding.id))
        .map(|finding| format!("{}: {}", finding.id, visible(&finding.text, TEXT_LIMIT)));
    let lines: Vec<String> = note.into_iter().chain(findings).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn text(judgement: &Judgement) -> String {
        String::from_utf8(junit(judgement, "reports/x/report.html")).unwrap()
    }

    #[test]
    fn a_run_is_green_only_when_it_held() {
        for (name, judgement) in sample::all() {
            let xml = text(&judgement);
            let green = xml.contains("failures=\"0\" errors=\"0\"");
            let held =
                judgement.verdict == Verdict::Held && judgement.environment_failure.is_none();
            assert_eq!(green, held, "{name}: {xml}");
        }
    }

    #[test]
    fn doubts_without_guarantees_are_an_error() {
        let mut judgement = sample::inconclusive();
        judgement.guarantees.clear();
        assert!(text(&judgement).contains("type=\"inconclusive\""));
        judgement.doubts.clear();
        assert!(text(&judgement).contains("type=\"inconclusive\""));
    }

    #[test]
    fn a_broken_guarantee_is_a_failure_with_its_findings() {
        insta::assert_snapshot!(text(&sample::broken()));
    }

    #[test]
    fn what_is_known_of_the_runtime_is_a_property() {
        let xml = text(&sample::zombie());
        for part in [
            "name=\"runtime\" value=\"docker\"",
            "name=\"runtime-image\" value=\"apache/kafka:4.1.1\"",
        ] {
            assert!(xml.contains(part), "{part}: {xml}");
        }
    }

    #[test]
    fn hostile_text_stays_text() {
        let xml = text(&sample::hostile());
        assert!(!xml.contains("<script") && !xml.contains("<img"));
        assert!(!xml.contains('\u{202e}') && !xml.contains('\u{1b}'));
    }
}
