//! Fuzzing without a fuzzer of its own: seeds are changed at random within a budget of time, and what fails is kept.
//!
//! `SQUALL_FUZZ_SECONDS` is the budget of each target, `SQUALL_FUZZ_SEED` begins other changes. The same seed gives the same
//! inputs in the same order. What fails is written to `target/tmp/fuzz/`; copied to `tests/fuzz/corpus/TARGET/` it is tried first
//! for ever after.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]
#![allow(clippy::print_stdout, reason = "how much was tried is to be seen")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use squall::journal::Deadline;

/// Long enough to see that everything works, short enough for every test run.
const SECONDS: u64 = 2;
/// No input of these sizes may take longer, on a busy machine without optimisation.
const SLOW: Duration = Duration::from_secs(20);
/// Of an input; how time and memory grow with the size is asked elsewhere.
const MOST_BYTES: usize = 64 * 1024;

/// SplitMix64: the same seed gives the same numbers on every machine.
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 where that is 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// What is fuzzed: seeds that are right, and words that mean something to whoever reads them.
pub struct Target<'a> {
    pub name: &'a str,
    pub seeds: Vec<Vec<u8>>,
    pub words: &'a [&'a str],
    /// By how many targets the budget is shared.
    pub parts: u32,
}

impl Target<'_> {
    /// Tries what failed once, the seeds, and changed seeds until the budget is used up.
    pub fn fuzz(&self, check: impl Fn(&[u8])) {
        let kept = kept(self.name);
        for (name, bytes) in &kept {
            self.tried(name, bytes, &check);
        }
        for (n, bytes) in self.seeds.iter().enumerate() {
            self.tried(&format!("seed-{n}"), bytes, &check);
        }
        let (seconds, seed) = (
            number("SQUALL_FUZZ_SECONDS", SECONDS),
            number("SQUALL_FUZZ_SEED", 1),
        );
        let deadline = Deadline::after(Duration::from_secs(seconds) / self.parts);
        let own = self.name.bytes().fold(seed, |sum, byte| {
            sum.wrapping_mul(0x100_0000_01b3) ^ u64::from(byte)
        });
        let mut count = 0_u64;
        while !deadline.has_passed() {
            let mut rng = Rng::new(own.wrapping_mul(0x2545_f491_4f6c_dd1d).wrapping_add(count));
            let bytes = self.changed(&mut rng);
            self.tried(&format!("{seed}-{count}"), &bytes, &check);
            count += 1;
        }
        println!(
            "{}: {} kept, {count} inputs from seed {seed}",
            self.name,
            kept.len()
        );
    }

    fn tried(&self, name: &str, bytes: &[u8], check: &impl Fn(&[u8])) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{}-{name}", self.name));
        // Written before it is tried: a stack that overflows ends the whole process.
        std::fs::write(&file, bytes).unwrap();
        let limit = Deadline::after(SLOW);
        let failed = catch_unwind(AssertUnwindSafe(|| check(bytes))).is_err();
        let keep = format!(
            "{} (SQUALL_FUZZ_SEED and number: {name}); copy it to tests/fuzz/corpus/{}/",
            file.display(),
            self.name
        );
        assert!(!failed, "failed on {keep}");
        assert!(!limit.has_passed(), "took longer than {SLOW:?} on {keep}");
        std::fs::remove_file(&file).unwrap();
    }

    fn changed(&self, rng: &mut Rng) -> Vec<u8> {
        let mut bytes = rng.pick(&self.seeds).clone();
        if rng.below(2) == 0
            && let Some(changed) = changed_json(&bytes, rng)
        {
            bytes = changed;
            if rng.below(2) == 0 {
                return bytes;
            }
        }
        for _ in 0..=rng.below(6) {
            let other = rng.pick(&self.seeds);
            change(&mut bytes, other, self.words, rng);
            bytes.truncate(MOST_BYTES);
        }
        bytes
    }
}

/// A number of the environment.
pub fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().expect("a whole number"))
}

/// What failed once, by file name.
fn kept(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    let mut found: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder.join(target))
        .into_iter()
        .flatten()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(&path).unwrap())
        })
        .collect();
    found.sort();
    found
}

/// One change: of bits, bytes, stretches, lines or words.
pub fn change(bytes: &mut Vec<u8>, other: &[u8], words: &[&str], rng: &mut Rng) {
    let at = rng.below(bytes.len() + 1);
    let end = (at + rng.below(40)).min(bytes.len());
    match rng.below(10) {
        0 if at < bytes.len() => bytes[at] ^= 1 << rng.below(8),
        1 if at < bytes.len() => bytes[at] = rng.below(256) as u8,
        2 => drop(bytes.drain(at..end)),
        3 => bytes.truncate(at),
        4 => {
            let piece = bytes[at..end].to_vec();
            let to = rng.below(bytes.len() + 1);
            bytes.splice(to..to, piece);
        }
        5 => {
            let from = rng.below(other.len());
            let piece = &other[from..(from + rng.below(200)).min(other.len())];
            bytes.splice(at..end, piece.iter().copied());
        }
        6 => lines(bytes, rng),
        7 => {
            let piece = [rng.below(256) as u8].repeat(1 + rng.below(300));
            bytes.splice(at..at, piece);
        }
        8 => {
            let number = *rng.pick(&[0, 1, -1, i64::MAX, i64::MIN, 1 << 31, 1 << 16, 255]);
            let width = *rng.pick(&[1, 2, 4, 8]);
            let number = &number.to_be_bytes()[8 - width..];
            bytes.splice(at..(at + width).min(bytes.len()), number.iter().copied());
        }
        _ if !words.is_empty() => {
            bytes.splice(at..end, rng.pick(words).bytes());
        }
        _ => bytes.insert(at, 0),
    }
}

/// A line less, twice, elsewhere or further in.
fn lines(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let mut all: Vec<Vec<u8>> = bytes
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    let (one, two) = (rng.below(all.len()), rng.below(all.len()));
    match rng.below(4) {
        0 => drop(all.remove(one)),
        1 => all.insert(two, all[one].clone()),
        2 => all.swap(one, two),
        _ => drop(all[one].splice(0..0, *b"  ")),
    }
    *bytes = all.join(&b'\n');
}

/// JSON, or one line of many, with one value changed and all brackets in their place; `None` where it is no JSON.
fn changed_json(bytes: &[u8], rng: &mut Rng) -> Option<Vec<u8>> {
    let mut lines: Vec<&[u8]> = match serde_json::from_slice::<Value>(bytes) {
        Ok(_) => vec![bytes],
        Err(_) => bytes.split(|byte| *byte == b'\n').collect(),
    };
    let line = rng.below(lines.len());
    let mut value: Value = serde_json::from_slice(lines[line]).ok()?;
    let mut left = rng.below(size(&value));
    replace(&mut value, &mut left, rng);
    let changed = serde_json::to_vec(&value).unwrap();
    lines[line] = &changed;
    Some(lines.join(&b'\n'))
}

fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(map) => map.values().map(size).sum(),
        _ => 0,
    }
}

fn replace(value: &mut Value, left: &mut usize, rng: &mut Rng) {
    if *left == 0 {
        *value = another(value, rng);
        *left = usize::MAX;
        return;
    }
    *left -= 1;
    let children: Vec<&mut Value> = match value {
        Value::Array(items) => items.iter_mut().collect(),
        Value::Object(map) => map.values_mut().collect(),
        _ => Vec::new(),
    };
    for child in children {
        if *left == usize::MAX {
            return;
        }
        replace(child, left, rng);
    }
}

fn another(value: &Value, rng: &mut Rng) -> Value {
    let numbers = [
        0,
        1,
        2,
        -1,
        i64::MAX,
        i64::MIN,
        i64::from(u32::MAX),
        1_000_000,
    ];
    match (value, rng.below(6)) {
        (Value::Array(items), 0) => {
            let twice = items.iter().chain(items.iter());
            twice.cloned().collect()
        }
        (Value::Array(items), 1) => items.iter().rev().cloned().collect(),
        (Value::Object(map), 0 | 1) => {
            let gone = rng.below(map.len());
            let left = map.iter().enumerate().filter(|(n, _)| *n != gone);
            left.map(|(_, (key, value))| (key.clone(), value.clone()))
                .collect()
        }
        (_, 0..=2) => Value::from(*rng.pick(&numbers)),
        (_, 3) => Value::from(u64::MAX),
        (_, 4) => Value::from(*rng.pick(&["", "w1", "\u{1b}[2J\u{202e}", "é\n::error::"])),
        _ => Value::Null,
    }
}
