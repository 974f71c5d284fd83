//! Bytes of a growing file cut into lines, each with the position of its first byte.

/// More of a line than this is not kept: no record is that long, so the rest cannot change what it is.
const MOST_LINE_BYTES: usize = 1 << 20;

/// Cuts what is appended into whole lines; what follows the last line end stays pending.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pending: Vec<u8>,
    /// Position of the first byte of the pending line.
    line_at: u64,
    /// Position behind everything that was pushed.
    read_to: u64,
}

impl Lines {
    /// Takes the next bytes of the file and hands over each line that they complete, without its line end.
    pub(super) fn push(&mut self, bytes: &[u8], mut take: impl FnMut(u64, &[u8])) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            if self.pending.is_empty() {
                take(self.line_at, line);
            } else {
                self.keep(line);
                take(self.line_at, &self.pending);
                self.pending.clear();
            }
            self.read_to += end as u64 + 1;
            self.line_at = self.read_to;
            rest = after;
        }
        self.keep(rest);
        self.read_to += rest.len() as u64;
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = MOST_LINE_BYTES.saturating_sub(self.pending.len());
        self.pending
            .extend_from_slice(&bytes[..room.min(bytes.len())]);
    }

    /// Position of the first byte that belongs to no whole line yet.
    pub(super) fn line_at(&self) -> u64 {
        self.line_at
    }

    /// Position behind everything that was pushed.
    pub(super) fn read_to(&self) -> u64 {
        self.read_to
    }

    /// The unfinished last line, if there is one.
    pub(super) fn unfinished(&self) -> Option<(u64, &[u8])> {
        (!self.pending.is_empty()).then_some((self.line_at, self.pending.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_without_its_end_is_not_handed_over() {
        let mut lines = Lines::default();
        let mut got = Vec::new();
        lines.push(b"one\ntw", |at, line| got.push((at, line.to_vec())));
        assert_eq!(got, [(0, b"one".to_vec())]);
        assert_eq!((lines.line_at(), lines.read_to()), (4, 6));
        assert_eq!(lines.unfinished(), Some((4, b"tw".as_slice())));
        lines.push(b"o\n", |at, line| got.push((at, line.to_vec())));
        assert_eq!(got[1], (4, b"two".to_vec()));
        assert_eq!(lines.unfinished(), None);
    }

    #[test]
    fn a_line_without_any_end_does_not_fill_the_memory() {
        let mut lines = Lines::default();
        let much = vec![b'x'; MOST_LINE_BYTES];
        let mut got = Vec::new();
        for _ in 0..3 {
            lines.push(&much, |_, _| ());
        }
        lines.push(b"\nend\n", |at, line| got.push((at, line.len())));
        let long = MOST_LINE_BYTES as u64 * 3;
        assert_eq!(got, [(0, MOST_LINE_BYTES), (long + 1, 3)]);
    }

    proptest! {
        #[test]
        fn however_it_is_cut_the_lines_are_the_same(text in "[ab\n]{0,60}", cuts in prop::collection::vec(0..60usize, 0..6)) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let (mut lines, mut got) = (Lines::default(), Vec::new());
            for pair in cuts.windows(2) {
                lines.push(&bytes[pair[0]..pair[1]], |at, line| got.push((at, line.to_vec())));
            }
            let mut expected = Vec::new();
            let mut at = 0;
            for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
                expected.push((at, line.trim_end_matches('\n').as_bytes().to_vec()));
                at += line.len() as u64;
            }
            prop_assert_eq!(got, expected);
            prop_assert_eq!(lines.line_at(), at);
        }
    }
}
