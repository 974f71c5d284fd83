//! Whether a run failed because a disk was full: brokers and workers say so in their logs, and end with another message.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Of each log so much is read, from its end: it is what the process said last that matters.
const TAIL_BYTES: u64 = 1 << 20;
/// How Linux and the JVM tell it.
const WORDS: [&str; 2] = ["No space left on device", "Disk quota exceeded"];

/// The reason of a failure, with the full disk before it where a log tells of one; `temp` is where brokers keep their data.
pub fn before(why: String, logs: &Path, temp: &Path) -> String {
    let Some((log, words)) = first_log(logs) else {
        return why;
    };
    let log = log.file_name().unwrap_or_default().to_string_lossy();
    format!(
        "a disk was full ({log}: \"{words}\"); brokers write to {}, workers to the run folder: free space there, or name \
         other folders with TMPDIR and --reports; {why}",
        temp.display()
    )
}

fn first_log(logs: &Path) -> Option<(PathBuf, &'static str)> {
    let mut all: Vec<PathBuf> = std::fs::read_dir(logs)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    all.sort();
    all.into_iter().find_map(|log| {
        let end = end_of(&log).ok()?;
        let words = WORDS.into_iter().find(|words| end.contains(words))?;
        Some((log, words))
    })
}

fn end_of(log: &Path) -> std::io::Result<String> {
    let mut file = File::open(log)?;
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_tells_of_a_full_disk_comes_first_in_the_reason() {
        let logs = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| std::fs::write(logs.path().join(name), text).unwrap();
        let reason = || before("broker-1 ended".to_owned(), logs.path(), Path::new("/data"));
        put("w1-1.log", "[t] INFO fine (a)\n");
        assert_eq!(reason(), "broker-1 ended");
        let padding = "x".repeat(2 << 20);
        put(
            "broker-1-1.log",
            &format!("{padding}\nCaused by: java.io.IOException: No space left on device\n"),
        );
        let told = reason();
        assert!(
            told.starts_with("a disk was full (broker-1-1.log: \"No space"),
            "{told}"
        );
        assert!(
            told.contains("TMPDIR") && told.ends_with("; broker-1 ended"),
            "{told}"
        );
    }
}
