//! The judgement of a run, from evidence to verdict.

use std::collections::BTreeMap;

use crate::journal::{Ending, Event, What};
use crate::model::Verdict;

use super::case::Case;
use super::doubts::Doubts;
use super::findings::{self, Facts};
use super::guarantees::{self, Grounds};
use super::losses::Losses;
use super::offsets::Offsets;
use super::ownership::Ownership;
use super::rewinds::Rewinds;
use super::strays::OwnStrays;
use super::{Evidence, GuaranteeResult, Judgement};
use super::{
    backlog, contradictions, ledger, recovery, sentence, settings, summary, timeline, warned,
    watched,
};

/// Judges a run by its evidence alone. Never fails: what is damaged or missing becomes a doubt, and a doubt makes the
/// verdict at best inconclusive.
pub fn judge(evidence: &Evidence<'_>) -> Judgement {
    let case = Case::read(evidence);
    let rewinds = Rewinds::tell(&case);
    let recoveries = recovery::of_faults(&case);
    let losses = Losses::find(&case, &recoveries);
    let facts = Facts {
        case: &case,
        rewinds: &rewinds,
        strays: &OwnStrays::of_all(&case),
        losses: &losses,
        offsets: &Offsets::check(&case),
        ownership: &Ownership::read(&case),
        recoveries: &recoveries,
        contradictions: &contradictions::of_places(&case),
    };
    let judgement = Judgement {
        warnings: warned::warnings(evidence.info, &evidence.log.events),
        ..conclude(&facts)
    };
    match failed_before_the_stream(evidence) {
        true => nothing_to_judge(judgement),
        false => judgement,
    }
}

/// Whether the run is whole and ended before anything was sent: then the reason is all that there is to say.
fn failed_before_the_stream(evidence: &Evidence<'_>) -> bool {
    let log = &evidence.log;
    let failed = log.events.last().is_some_and(|event| {
        matches!(
            &event.what,
            What::RunEnded {
                ending: Ending::Environment(_) | Ending::Refused(_),
                ..
            }
        )
    });
    // A source that makes its records itself sends once its tasks run: nobody tells when a feed began.
    let fed = evidence.info.scenario.route.feed().is_some();
    let sent = |event: &Event| match event.what {
        What::FeedBegan => true,
        What::TasksRunning { .. } => !fed,
        _ => false,
    };
    failed && log.damage.is_none() && !log.events.iter().any(sent)
}

/// The reason once, and no answer to questions that were never asked.
fn nothing_to_judge(judgement: Judgement) -> Judgement {
    Judgement {
        sentence: "Nothing was sent, so there is nothing to judge.".to_owned(),
        verdict: Verdict::Inconclusive,
        doubts: Vec::new(),
        guarantees: Vec::new(),
        feed: None,
        taps: Vec::new(),
        faults: Vec::new(),
        findings: Vec::new(),
        findings_not_listed: BTreeMap::new(),
        recoveries: Vec::new(),
        offsets: Vec::new(),
        series: Vec::new(),
        latency: Vec::new(),
        ..judgement
    }
}

fn conclude(facts: &Facts<'_, '_>) -> Judgement {
    let case = facts.case;
    let (findings, findings_not_listed) = findings::list(facts);
    let ledgers = ledger::taps(case, facts.rewinds);
    let doubts = Doubts::of(facts);
    let guarantees = guarantees::all(&Grounds {
        facts,
        ledgers: &ledgers,
        findings: &findings,
        doubts: &doubts,
    });
    let verdict = worst(&guarantees, &doubts);
    let rewinds = facts.rewinds.listed(case);
    let mut method = summary::method(case, facts.rewinds, rewinds.len());
    method.extend(sentence::unasked(&findings, &guarantees));
    Judgement {
        format: 2,
        verdict,
        sentence: sentence::sentence(verdict, facts, &ledgers, &guarantees, &findings, &doubts),
        run: summary::run(case),
        feed: ledger::feed(case),
        faults: summary::faults(facts),
        recoveries: recovery::of_tasks(case),
        offsets: facts.offsets.reports.clone(),
        watched: watched::reports(case),
        timeline: timeline::timeline(case, facts.recoveries),
        series: backlog::series(case),
        latency: backlog::latency(case),
        settings: settings::table(case.info),
        log_excerpts: summary::log_excerpts(case, facts.recoveries),
        doubts: doubts.list,
        environment_failure: doubts.environment,
        interrupted: doubts.interrupted,
        guarantees,
        taps: ledgers,
        findings,
        findings_not_listed,
        rewinds,
        method,
        warnings: Vec::new(),
    }
}

/// The worst answer of all guarantees and doubts.
fn worst(guarantees: &[GuaranteeResult], doubts: &Doubts) -> Verdict {
    let doubtful = if doubts.list.is_empty() {
        Verdict::Held
    } else {
        Verdict::Inconclusive
    };
    guarantees.iter().fold(doubtful, |verdict, guarantee| {
        verdict.and(guarantee.verdict)
    })
}
