//! Reading what a user names on the command line: text up to a size that such a file has.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// No scenario, inventory or settings file comes near. One byte more is read, so that whoever takes the text sees that it is
/// too long; a pipe and `/dev/stdin` are as good as a file, and none is read without end.
const MOST_BYTES: u64 = (1 << 20) + 1;

/// The text of the file, or its beginning where it is longer than any file of its kind.
pub fn read_text(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST_BYTES).read_to_end(&mut bytes)?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        // Cut within a character, and too long anyway.
        Err(error) if error.as_bytes().len() as u64 == MOST_BYTES => {
            Ok(String::from_utf8_lossy(error.as_bytes()).into_owned())
        }
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let why = format!("byte {at} is no UTF-8 text: save the file as UTF-8");
            Err(io::Error::new(io::ErrorKind::InvalidData, why))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_ends_is_read_to_its_limit() {
        let text = read_text(Path::new("/dev/zero")).unwrap();
        assert_eq!(text.len() as u64, MOST_BYTES);
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("long.yaml");
        std::fs::write(&file, "é".repeat(1 << 20)).unwrap();
        assert!(read_text(&file).unwrap().len() as u64 >= MOST_BYTES);
        std::fs::write(&file, b"name: \xff").unwrap();
        let error = read_text(&file).unwrap_err().to_string();
        assert!(error.contains("byte 6 is no UTF-8"), "{error}");
    }
}
