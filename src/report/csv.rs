//! Tables for spreadsheets and notebooks: ledger, faults, recoveries and rewinds as CSV with a head line.

use crate::model::{FaultId, Moment};
use crate::verify::{Judgement, RecoveryPhase};

use super::text::visible;

const TEXT_LIMIT: usize = 2_000;

/// One line per tap: what arrived and what did not.
pub fn csv_ledger(judgement: &Judgement) -> Vec<u8> {
    let head = [
        "tap",
        "connector",
        "expected",
        "once",
        "repeated",
        "extra-copies",
        "own-extra-copies",
        "unexplained-copies",
        "lost",
        "own-lost",
        "undecided",
        "phantom",
        "corrupt",
        "of-unknown",
        "arrived",
        "reorderings",
        "aborted",
    ];
    let rows = judgement.taps.iter().map(|tap| {
        let numbers = [
            tap.expected,
            tap.once,
            tap.repeated,
            tap.extra_copies,
            tap.own_extra_copies,
            tap.unexplained_copies,
            tap.lost,
            tap.own_lost,
            tap.undecided,
            tap.phantom,
            tap.corrupt,
            tap.of_unknown,
            tap.arrived,
            tap.reorderings,
        ];
        let mut row = vec![cell(tap.place.as_str()), cell(tap.connector.as_str())];
        row.extend(numbers.iter().map(u64::to_string));
        row.push(optional(tap.aborted));
        row
    });
    table(&head, rows)
}

/// One line per fault; times in milliseconds since the start of the run.
pub fn csv_faults(judgement: &Judgement) -> Vec<u8> {
    let head = [
        "fault",
        "signal",
        "target",
        "workers",
        "took-effect-ms",
        "proven",
        "recovered-ms",
        "recovery-ms",
        "overlaps",
        "repeats",
        "lost",
        "outage-ms",
        "unowned-task-ms",
        "lasted-ms",
    ];
    let rows = judgement.faults.iter().map(|fault| {
        vec![
            fault.id.to_string(),
            cell(&fault.signal),
            cell(&fault.target),
            cell(&joined(&fault.workers)),
            optional(fault.took_effect.map(Moment::as_ms)),
            fault.proven.to_string(),
            optional(fault.recovered.map(Moment::as_ms)),
            optional(fault.recovery_ms),
            joined(&fault.overlaps),
            fault.repeats.to_string(),
            fault.lost.to_string(),
            fault.outage_ms.to_string(),
            fault.unowned_task_ms.to_string(),
            optional(fault.lasted_ms),
        ]
    });
    table(&head, rows)
}

fn phase_cells(
    (fault, task): (FaultId, &str),
    (total_ms, complete): (u64, bool),
    phase: &RecoveryPhase,
) -> Vec<String> {
    vec![
        fault.to_string(),
        task.to_owned(),
        total_ms.to_string(),
        complete.to_string(),
        cell(&phase.name),
        phase.length_ms.to_string(),
        phase.to.as_ms().to_string(),
        phase.error_ms.to_string(),
        cell(&phase.signal),
        cell(phase.setting.as_deref().unwrap_or_default()),
        cell(&phase.note),
    ]
}

/// One line per phase of each recovery, first of each fault as a whole (without a task), then of its tasks; times in
/// milliseconds, ends since the start of the run.
pub fn csv_recoveries(judgement: &Judgement) -> Vec<u8> {
    let head = [
        "fault",
        "task",
        "total-ms",
        "complete",
        "phase",
        "phase-ms",
        "phase-end-ms",
        "error-ms",
        "signal",
        "setting",
        "note",
    ];
    let wholes = judgement.faults.iter().flat_map(|fault| {
        let total_ms = fault.phases.iter().map(|phase| phase.length_ms).sum();
        let complete = fault.recovery_ms.is_some();
        let of_fault = fault.phases.iter();
        of_fault.map(move |phase| phase_cells((fault.id, ""), (total_ms, complete), phase))
    });
    let tasks = judgement.recoveries.iter().flat_map(|recovery| {
        let task = cell(&recovery.task.to_string());
        let whole = (recovery.total_ms, recovery.complete);
        let of_task = recovery.phases.iter();
        of_task.map(move |phase| phase_cells((recovery.fault, &task), whole, phase))
    });
    let rows = wholes.chain(tasks);
    table(&head, rows)
}

/// One line per rewind; its time in milliseconds since the start of the run.
pub fn csv_rewinds(judgement: &Judgement) -> Vec<u8> {
    let head = [
        "tap",
        "connector",
        "lane",
        "first",
        "last",
        "copies",
        "explained",
        "at-ms",
        "fault",
        "bound",
        "why",
    ];
    let rows = judgement.rewinds.iter().map(|rewind| {
        vec![
            cell(rewind.place.as_str()),
            cell(rewind.connector.as_str()),
            rewind.lane.to_string(),
            rewind.first.to_string(),
            rewind.last.to_string(),
            rewind.copies.to_string(),
            rewind.explained.to_string(),
            rewind.at.as_ms().to_string(),
            optional(rewind.fault),
            optional(rewind.bound),
            cell(&rewind.why),
        ]
    });
    table(&head, rows)
}

/// Text that no spreadsheet takes for a formula, with nothing hidden in it.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let text = visible(text, TEXT_LIMIT);
    if formula { format!("'{text}") } else { text }
}

fn optional<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn joined<T: ToString>(values: &[T]) -> String {
    let words: Vec<String> = values.iter().map(T::to_string).collect();
    words.join(" ")
}

fn table(head: &[&str], mut rows: impl Iterator<Item = Vec<String>>) -> Vec<u8> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer
        .write_record(head)
        .and_then(|()| rows.try_for_each(|row| writer.write_record(row)))
        .expect("rows of the head's length go into memory");
    writer
        .into_inner()
        .expect("flushing into memory cannot fail")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn lines(bytes: Vec<u8>) -> Vec<String> {
        let text = String::from_utf8(bytes).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_tables_have_a_line_for_each_thing_they_are_about() {
        for (name, judgement) in sample::all() {
            let of_tasks = judgement.recoveries.iter().map(|r| r.phases.len());
            let wholes = judgement.faults.iter().map(|f| f.phases.len());
            let phases: usize = of_tasks.chain(wholes).sum();
            let counts = [
                (csv_ledger(&judgement), judgement.taps.len()),
                (csv_faults(&judgement), judgement.faults.len()),
                (csv_recoveries(&judgement), phases),
                (csv_rewinds(&judgement), judgement.rewinds.len()),
            ];
            for (bytes, rows) in counts {
                let read = ::csv::Reader::from_reader(bytes.as_slice());
                assert_eq!(
                    read.into_records().map(Result::unwrap).count(),
                    rows,
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn the_ledger_has_plain_numbers() {
        let ledger = lines(csv_ledger(&sample::held()));
        assert_eq!(
            ledger[1],
            "src.orders,mirror,110000,109407,593,593,593,0,0,0,0,0,0,0,110593,0,"
        );
    }

    #[test]
    fn no_cell_is_a_formula() {
        let mut judgement = sample::held();
        judgement.faults[0].target = "=HYPERLINK(\"x\")".to_owned();
        judgement.rewinds[0].why = "@SUM(1)".to_owned();
        assert!(lines(csv_faults(&judgement))[1].contains("\"'=HYPERLINK"));
        assert!(lines(csv_rewinds(&judgement))[1].ends_with("'@SUM(1)"));
    }
}
