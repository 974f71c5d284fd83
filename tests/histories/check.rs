//! The claims: what a judgement has to say of legal histories, of planted harm, and of evidence that is gone.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use squall::model::Verdict;
use squall::verify::Judgement;

use super::history::History;
use super::life::live;
use super::setup::Setup;

fn number(name: &str, default: u64) -> u64 {
    let text = std::env::var(name).ok();
    let parse = |text: String| match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    text.and_then(parse).unwrap_or(default)
}

/// Runs this for each seed, on all processors.
fn for_all(first: u64, count: u64, work: impl Fn(u64) + Sync) {
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
        Err(_) => (number("SQUALL_FIRST", 1), number("SQUALL_HISTORIES", 200)),
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
