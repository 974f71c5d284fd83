//! The claims: what a judgement has to say of legal histories, of planted harm, and of evidence that is gone.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use squall::journal::ObservationKind;
use squall::model::{GuaranteeKind, Verdict};
use squall::verify::{Finding, FindingKind, Judgement, open_and_judge};

use super::evidence::Case;
use super::folders::{Mishap, judged_on_disk, verdict_of};
use super::harm::{Claim, Harm, harmed};
use super::history::{History, Seen};
use super::life::live;
use super::rng::Rng;
use super::setup::{Setup, Style};
use super::still;

pub fn number(name: &str, default: u64) -> u64 {
    let text = std::env::var(name).ok();
    let parse = |text: String| match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    text.and_then(parse).unwrap_or(default)
}

/// Runs this for each seed, on all processors.
pub fn for_all(first: u64, count: u64, work: impl Fn(u64) + Sync) {
    let next = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= count {
                        return;
                    }
                    work(first + n);
                }
            });
        }
    });
}

fn say(history: &History, judgement: &Judgement, why: &str) -> String {
    let mut text = format!(
        "\n== {why}\n{}\n  => {}\n",
        history.story.join("\n"),
        judgement.sentence
    );
    for guarantee in &judgement.guarantees {
        if guarantee.verdict != Verdict::Held {
            text += &format!("  {guarantee:?}\n");
        }
    }
    for doubt in &judgement.doubts {
        text += &format!("  doubt: {doubt}\n");
    }
    for finding in judgement.findings.iter().take(6) {
        text += &format!("  {finding:?}\n");
        if finding.kind != FindingKind::Repeat {
            text += &copies_of(history, finding);
        }
    }
    text
}

/// Which start of a task wrote each copy of the first record of a finding, in each place where it is.
fn copies_of(history: &History, finding: &Finding) -> String {
    let (Some(lane), Some((first, _))) = (finding.lane, finding.ranges.first()) else {
        return String::new();
    };
    let mut text = String::new();
    for (place, rows) in &history.places.0 {
        let of_record = |seen: &&Seen| {
            let row = seen.row;
            row.kind == ObservationKind::Whole && row.lane == lane && row.sequence.0 == *first
        };
        let copies: Vec<String> = rows
            .iter()
            .filter(of_record)
            .map(|seen| format!("{:?} at {}", seen.by, seen.row.at))
            .collect();
        text += &format!("    record {first} at {place}: {}\n", copies.join(", "));
    }
    text
}

/// What was not held, for sorting histories by it.
fn kinds_of(judgement: &Judgement) -> String {
    let guarantees = judgement.guarantees.iter();
    let not_held = guarantees.filter(|guarantee| guarantee.verdict != Verdict::Held);
    let mut kinds: Vec<String> = not_held
        .map(|guarantee| {
            format!(
                "{} {}",
                guarantee.kind.key(),
                guarantee.verdict.word().to_lowercase()
            )
        })
        .collect();
    if !judgement.doubts.is_empty() {
        let first = judgement.doubts[0].split_whitespace().take(8);
        kinds.push(format!("doubt “{} …”", first.collect::<Vec<_>>().join(" ")));
    }
    kinds.join(", ")
}

fn keep(history: &History, name: &str) {
    if let Ok(folder) = std::env::var("SQUALL_KEEP") {
        history.write(std::path::Path::new(&folder), name);
    }
}

#[test]
fn legal_histories_are_held() {
    let (first, count) = match std::env::var("SQUALL_SEED") {
        Ok(_) => (number("SQUALL_SEED", 0), 1),
        Err(_) => (number("SQUALL_FIRST", 1), number("SQUALL_HISTORIES", 120)),
    };
    let verdicts: Mutex<BTreeMap<String, u64>> = Mutex::default();
    let told: Mutex<Vec<(u64, String)>> = Mutex::default();
    let kinds: Mutex<BTreeMap<String, Vec<u64>>> = Mutex::default();
    for_all(first, count, |seed| {
        let (mut cluster, stages) = match live(Setup::draw(seed)) {
            Ok(lived) => lived,
            Err(stuck) => panic!("history {seed} did not end: {}", stuck.0),
        };
        let history = History::of(&mut cluster, &stages);
        let judgement = history.judge();
        let verdict = judgement.verdict;
        if seed.is_multiple_of(20) {
            let on_disk = judged_on_disk(&history);
            assert_eq!(
                on_disk, judgement,
                "history {seed} is judged otherwise on disk"
            );
        }
        *verdicts
            .lock()
            .unwrap()
            .entry(verdict.word().to_owned())
            .or_default() += 1;
        if verdict != Verdict::Held {
            let text = say(&history, &judgement, verdict.word());
            told.lock().unwrap().push((seed, text));
            kinds
                .lock()
                .unwrap()
                .entry(kinds_of(&judgement))
                .or_default()
                .push(seed);
            keep(&history, &format!("legal-{seed}"));
        }
    });
    let mut told = told.into_inner().unwrap();
    told.sort();
    for (_, text) in told.iter().take(number("SQUALL_TELL", 5) as usize) {
        println!("{text}");
    }
    println!("{:?}", verdicts.lock().unwrap());
    for (kinds, mut seeds) in kinds.into_inner().unwrap() {
        seeds.sort_unstable();
        println!(
            "{:>5} {kinds}: {:?}",
            seeds.len(),
            &seeds[..seeds.len().min(12)]
        );
    }
    let of = |word: &str| verdicts.lock().unwrap().get(word).copied().unwrap_or(0);
    assert_eq!(of("BROKEN"), 0, "a legal history was called broken");
    assert!(
        of("INCONCLUSIVE") * 100 <= count,
        "more than one in a hundred was not decided"
    );
}

/// The findings that stand for a harm, and the guarantee that it breaks.
fn signs(harm: Harm) -> (Option<FindingKind>, GuaranteeKind) {
    use FindingKind as F;
    use GuaranteeKind as G;
    match harm {
        Harm::Loss | Harm::TailLoss => (Some(F::Lost), G::Lost),
        Harm::Repeat | Harm::ThirdCopy | Harm::BelowCommit => {
            (Some(F::UnexplainedRepeat), G::UnexplainedDuplicates)
        }
        Harm::Reordering => (Some(F::Reordering), G::Order),
        Harm::Phantom => (Some(F::Phantom), G::Phantoms),
        Harm::Corrupt => (Some(F::Corrupt), G::Phantoms),
        Harm::CommitAhead => (Some(F::OffsetAhead), G::Offsets),
        Harm::Overlap => (Some(F::Overlap), G::Overlap),
        Harm::Outage => (None, G::Outage),
        Harm::Crash => (None, G::Stops),
    }
}

/// What is wrong with a judgement of a harmed history; nothing where it found what was done.
fn missed(judgement: &Judgement, claim: &Claim) -> Option<String> {
    let (kind, guarantee) = signs(claim.harm);
    let found = judgement
        .guarantees
        .iter()
        .find(|result| result.kind == guarantee);
    let answer = found.map_or(Verdict::Held, |result| result.verdict);
    if judgement.verdict == Verdict::Held {
        return Some("it was held".to_owned());
    }
    if answer == Verdict::Held {
        return Some(format!("{} was held", guarantee.key()));
    }
    if answer == Verdict::Inconclusive || judgement.verdict == Verdict::Inconclusive {
        return Some("it was not decided".to_owned());
    }
    let kind = kind?;
    let findings = judgement
        .findings
        .iter()
        .filter(|finding| finding.kind == kind);
    let connector = format!("c{}", claim.leg);
    let mut counted = 0;
    for finding in findings {
        let named = finding.connector.as_ref().map(ToString::to_string);
        let by_task = finding.task.as_ref().map(|task| task.connector.to_string());
        if named.or(by_task).is_some_and(|name| name != connector) {
            return Some(format!("another connector was blamed: {}", finding.text));
        }
        counted += finding.count;
    }
    match claim.count {
        Some(count) if counted != count => Some(format!("{counted} were counted, not {count}")),
        _ if counted == 0 => Some("nothing was found".to_owned()),
        _ => None,
    }
}

#[test]
fn planted_harm_is_found() {
    let count = number("SQUALL_HARMED", number("SQUALL_HISTORIES", 96));
    let first = number("SQUALL_SEED", number("SQUALL_FIRST", 100_000));
    let only = std::env::var("SQUALL_HARM").ok();
    let told: Mutex<Vec<(u64, String)>> = Mutex::default();
    let kinds: Mutex<BTreeMap<(Harm, String), Vec<u64>>> = Mutex::default();
    let harms: Vec<Harm> = Harm::ALL
        .into_iter()
        .filter(|harm| {
            only.as_ref()
                .is_none_or(|only| format!("{harm:?}") == *only)
        })
        .collect();
    let each = if std::env::var("SQUALL_SEED").is_ok() {
        1
    } else {
        count.div_ceil(12)
    };
    for_all(0, each * harms.len() as u64, |n| {
        let harm = harms[(n % harms.len() as u64) as usize];
        // Not every history has a place for every harm.
        let seeds = (0..400).map(|more| first + n / harms.len() as u64 + more * 1_000_003);
        let Some((seed, (history, claim))) = seeds
            .filter_map(|seed| harmed(harm, seed).map(|harmed| (seed, harmed)))
            .next()
        else {
            panic!("no history has a place for {harm:?}");
        };
        let judgement = history.judge();
        let word = missed(&judgement, &claim).unwrap_or_else(|| "found".to_owned());
        if word != "found" {
            let text = say(
                &history,
                &judgement,
                &format!("{harm:?}, seed {seed}: {word}"),
            );
            told.lock().unwrap().push((seed, text));
            keep(&history, &format!("{harm:?}-{seed}"));
        }
        let word = word.split(':').next().unwrap_or_default().to_owned();
        kinds
            .lock()
            .unwrap()
            .entry((harm, word))
            .or_default()
            .push(seed);
    });
    let mut told = told.into_inner().unwrap();
    told.sort();
    for (_, text) in told.iter().take(number("SQUALL_TELL", 5) as usize) {
        println!("{text}");
    }
    let mut missed = 0;
    for ((harm, word), mut seeds) in kinds.into_inner().unwrap() {
        seeds.sort_unstable();
        missed += if word == "found" { 0 } else { seeds.len() };
        println!(
            "{:>5} {harm:?} {word}: {:?}",
            seeds.len(),
            &seeds[..seeds.len().min(8)]
        );
    }
    assert_eq!(missed, 0, "planted harm was not found as it is");
}

#[test]
fn histories_that_were_judged_wrongly_once_are_right() {
    let judged = |seed| {
        let lived = live(Setup::draw(seed));
        let (mut cluster, stages) = lived.unwrap_or_else(|stuck| panic!("{}", stuck.0));
        History::of(&mut cluster, &stages).judge()
    };
    for seed in [
        // As many copies as refused numbers before the next new one, so what had been given came too late, it was thought.
        400_043, // What an heir did again was in flight when its network went.
        502_024,
        // What two starts had repeated was charged to one fault, and so beyond its bound.
        500_604, 801_761,
        // A worker was given a task while it was paused, and ran it when it woke up.
        1_010_816,
        // The end of a process was told after the start of the next one, so its member was thought to be nobody's.
        1_025_956,
        // A worker that was lost already and had not joined again was paused: what it ran went on as a zombie's.
        1_026_977,
        // A worker that was just joining was cut off from the network, and had its tasks in hand when it was back.
        1_303_277,
        // Paused workers were back under their old names before the group was looked at again: the proof had seen it without.
        1_715_686,
    ] {
        let judgement = judged(seed);
        assert_eq!(
            judgement.verdict,
            Verdict::Held,
            "{seed}: {}",
            judgement.sentence
        );
    }
    // A consumer was given up while its group was changing, or between two looks at it; a worker was just joining.
    for seed in [1_011_278, 1_014_540, 1_016_083, 1_308_725] {
        let judgement = judged(seed);
        assert_ne!(
            judgement.verdict,
            Verdict::Broken,
            "{seed}: {}",
            judgement.sentence
        );
    }
    for (harm, seed) in [
        // The record that came late had no answer, and the feed was thought to have been late.
        (Harm::Reordering, 200_026),
        // Two tasks of one victim may have been behind the lane, and both paid for it.
        (Harm::ThirdCopy, 1_200_123),
        // Whether the group gave up a paused worker was not known, though it had yet to join and had no task to lose.
        (Harm::Repeat, 200_143),
        // All were given up and seen again in one view, and that was thought to be none.
        (Harm::Repeat, 1_120_396),
        // A zombie had joined again before it was paused once more, and no view followed that.
        (Harm::Repeat, 1_120_496),
        // A worker was killed outside of the group; any task, also of others, may have been its own, it was thought.
        (Harm::Repeat, 2_120_036),
        // Two tasks, killed by two faults, were both taken to be behind a lane that its source makes.
        (Harm::ThirdCopy, 3_120_571),
        (Harm::ThirdCopy, 4_120_137),
        // Paused once more and kept, a zombie was one to the end of the run.
        (Harm::ThirdCopy, 12_120_566),
    ] {
        let (history, claim) = harmed(harm, seed).unwrap();
        assert_eq!(missed(&history.judge(), &claim), None, "{harm:?} {seed}");
    }
    // A row beside committed ones of its transaction was taken for a record that was lost.
    for seed in [1_500_011, 1_500_017] {
        let (_, history) = first_deprived(Case::NotBetween, seed);
        let verdict = history.judge().verdict;
        assert_eq!(verdict, Verdict::Inconclusive, "NotBetween {seed}");
    }
}

#[test]
fn evidence_that_is_gone_is_never_held_and_never_breaks() {
    let count = number("SQUALL_EVIDENCE", number("SQUALL_HISTORIES", 56));
    let first = number("SQUALL_SEED", number("SQUALL_FIRST", 200_000));
    let only = std::env::var("SQUALL_CASE").ok();
    let told: Mutex<Vec<(u64, String)>> = Mutex::default();
    let words: Mutex<BTreeMap<(Case, &str), Vec<u64>>> = Mutex::default();
    let cases: Vec<Case> = Case::all()
        .into_iter()
        .filter(|case| {
            only.as_ref()
                .is_none_or(|only| format!("{case:?}") == *only)
        })
        .collect();
    let seeded = std::env::var("SQUALL_SEED").is_ok();
    let each = if seeded {
        1
    } else {
        count.div_ceil(cases.len() as u64)
    };
    for_all(0, each * cases.len() as u64, |n| {
        let case = cases[(n % cases.len() as u64) as usize];
        let (seed, history) = first_deprived(case, first + n / cases.len() as u64);
        let judgement = history.judge();
        let word = match judgement.verdict {
            Verdict::Held => "held",
            Verdict::Inconclusive => "not decided",
            Verdict::Broken => "broken",
        };
        if word != "not decided" {
            let why = format!("{case:?}, seed {seed}: {word}");
            let text = say(&history, &judgement, &why);
            told.lock().unwrap().push((seed, text));
            let name = format!("{case:?}-{seed}").replace(['(', ')', '"'], "-");
            keep(&history, &name);
        }
        let mut words = words.lock().unwrap();
        words.entry((case, word)).or_default().push(seed);
    });
    let mut told = told.into_inner().unwrap();
    told.sort();
    for (_, text) in told.iter().take(number("SQUALL_TELL", 5) as usize) {
        println!("{text}");
    }
    let mut wrong = 0;
    for ((case, word), mut seeds) in words.into_inner().unwrap() {
        seeds.sort_unstable();
        wrong += if word == "not decided" {
            0
        } else {
            seeds.len()
        };
        println!(
            "{:>5} {case:?} {word}: {:?}",
            seeds.len(),
            &seeds[..seeds.len().min(6)]
        );
    }
    assert_eq!(wrong, 0, "evidence that is gone was taken for something");
}

#[test]
fn a_tap_that_stood_still_breaks_nothing() {
    let count = number("SQUALL_STILL", number("SQUALL_HISTORIES", 60));
    let first = number("SQUALL_SEED", number("SQUALL_FIRST", 400_000));
    let words: Mutex<BTreeMap<&str, Vec<u64>>> = Mutex::default();
    for_all(first, count, |seed| {
        let mut rng = Rng::new(seed ^ 0x571e);
        let mut history = attended(seed);
        still::tighten(&mut history);
        let leg = rng.range(0, history.setup.legs.len() as u64 - 1) as usize;
        let from = rng.range(history.stages.feed, history.stages.converge);
        let across = still::across_a_fault(&history, &mut rng).filter(|_| rng.chance(70));
        // Before the drain ends every tap has caught up.
        let until = (from + rng.spread(100, 12_000)).min(history.stages.converge);
        let stretch = across.unwrap_or((from, until));
        still::tap(&mut history, leg, stretch);
        history
            .story
            .push(format!("STILL: leg {leg}, {stretch:?} ms"));
        let judgement = history.judge();
        let word = judgement.verdict.word();
        if judgement.verdict == Verdict::Broken {
            println!("{}", say(&history, &judgement, &format!("seed {seed}")));
        }
        words.lock().unwrap().entry(word).or_default().push(seed);
        // Where taps do not tell that they look, nobody knows better.
        history.info.format = 2;
        if history.judge().verdict == Verdict::Broken {
            let mut words = words.lock().unwrap();
            words
                .entry("BROKEN if it were not told")
                .or_default()
                .push(seed);
        }
    });
    let words = words.into_inner().unwrap();
    for (word, seeds) in &words {
        println!(
            "{:>5} {word}: {:?}",
            seeds.len(),
            &seeds[..seeds.len().min(6)]
        );
    }
    assert!(
        !words.contains_key("BROKEN"),
        "a tap that stood still broke something"
    );
}

/// The first history from this seed on whose observers tell of themselves and that was held.
fn attended(seed: u64) -> History {
    let seeds = (0..100).map(|more| seed + more * 1_000_003);
    let found = seeds.filter(|seed| Setup::draw(*seed).style == Style::Full);
    let mut histories = found.filter_map(|seed| {
        let (mut cluster, stages) = live(Setup::draw(seed)).ok()?;
        Some(History::of(&mut cluster, &stages))
    });
    histories
        .find(|history| history.judge().verdict == Verdict::Held)
        .expect("a history that is held")
}

/// The first history from this seed on that has a place for the case.
fn first_deprived(case: Case, first: u64) -> (u64, History) {
    let seeds = (0..600).map(|more| first + more * 1_000_003);
    let found = seeds
        .filter_map(|seed| Some((seed, deprived(case, seed)?)))
        .next();
    found.unwrap_or_else(|| panic!("no history has a place for {case:?}"))
}

/// A history of this seed that was held, without what the case takes from it.
fn deprived(case: Case, seed: u64) -> Option<History> {
    let setup = Setup::draw(seed);
    if case.asks_for_all() && setup.style == Style::Sparse {
        return None;
    }
    let (mut cluster, stages) = live(setup).ok()?;
    let history = History::of(&mut cluster, &stages);
    let deprived = case.done_to(&history, &mut Rng::new(seed ^ 0xe71d))?;
    (history.judge().verdict == Verdict::Held).then_some(deprived)
}

#[test]
fn evidence_in_a_damaged_folder_is_never_held_and_never_breaks() {
    let count = number("SQUALL_EVIDENCE", number("SQUALL_HISTORIES", 27)) / 3;
    let first = number("SQUALL_SEED", number("SQUALL_FIRST", 300_000));
    let words: Mutex<BTreeMap<(Mishap, String, Verdict), Vec<u64>>> = Mutex::default();
    for_all(first, count.max(9), |seed| {
        let mishap = Mishap::ALL[(seed % 9) as usize];
        let held = (0..100)
            .map(|more| seed + more * 1_000_003)
            .find_map(|seed| {
                let (mut cluster, stages) = live(Setup::draw(seed)).ok()?;
                let history = History::of(&mut cluster, &stages);
                (history.judge().verdict == Verdict::Held).then_some(history)
            });
        let history = held.expect("a history that is held");
        let reports = tempfile::tempdir().unwrap();
        let (folder, file) = mishap.befall(&history, reports.path(), &mut Rng::new(seed));
        let verdict = verdict_of(&open_and_judge(&folder));
        if mishap.matters(&file) {
            words
                .lock()
                .unwrap()
                .entry((mishap, file, verdict))
                .or_default()
                .push(seed);
        }
    });
    let mut wrong = 0;
    for ((mishap, file, verdict), seeds) in words.into_inner().unwrap() {
        let right = verdict == Verdict::Inconclusive;
        wrong += if right { 0 } else { seeds.len() };
        if !right {
            println!(
                "{:>5} {mishap:?} {file} {verdict:?}: {seeds:?}",
                seeds.len()
            );
        }
    }
    assert_eq!(wrong, 0, "a damaged folder was taken for something");
}
