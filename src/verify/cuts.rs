//! Committed positions of a place turned into sequence numbers while its rows go by.

/// Partitions beyond this number are not followed.
const MOST_PARTITIONS: usize = 65_536;

/// How far a lane had come at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LaneAt {
    /// Rows of the lane so far, copies included.
    pub rows: u64,
    /// The highest sequence number so far.
    pub high: Option<u64>,
}

/// A record by lane and sequence number.
pub(super) type Named = (u32, u64);

#[derive(Debug, Clone, Default)]
struct Part {
    end: Option<u64>,
    last: Option<Named>,
    named: Vec<u64>,
    named_result: Vec<Option<Named>>,
    starts: Vec<u64>,
}

#[derive(Debug, Clone, Default)]
struct LaneStarts {
    partition: Option<i32>,
    mixed: bool,
    values: Vec<LaneAt>,
}

/// Two questions about positions of one place: which record did a position leave last behind it (*named*), and how far
/// had each lane come there (*start*), so that all its rows from there on would be read again.
#[derive(Debug, Clone, Default)]
pub(super) struct Cuts {
    parts: Vec<Part>,
    lanes: Vec<LaneStarts>,
}

fn index(partition: i32) -> Option<usize> {
    usize::try_from(partition)
        .ok()
        .filter(|index| *index < MOST_PARTITIONS)
}

impl Cuts {
    /// Prepares for these (partition, next position) pairs, and for these starts.
    pub(super) fn new(named: &[(i32, u64)], starts: &[(i32, u64)], lanes: usize) -> Self {
        let mut cuts = Self {
            parts: Vec::new(),
            lanes: vec![LaneStarts::default(); lanes],
        };
        for (partition, next) in named {
            if let Some(at) = index(*partition) {
                cuts.part(at).named.push(*next);
            }
        }
        for (partition, next) in starts {
            if let Some(at) = index(*partition) {
                cuts.part(at).starts.push(*next);
            }
        }
        for part in &mut cuts.parts {
            part.named.sort_unstable();
            part.named.dedup();
            part.starts.sort_unstable();
            part.starts.dedup();
        }
        cuts
    }

    fn part(&mut self, at: usize) -> &mut Part {
        if at >= self.parts.len() {
            self.parts.resize_with(at + 1, Part::default);
        }
        &mut self.parts[at]
    }

    /// A row that is no record of a lane still takes a position.
    pub(super) fn touch(&mut self, partition: i32, position: i64) {
        if let (Some(at), Ok(position)) = (index(partition), u64::try_from(position)) {
            let part = self.part(at);
            part.end = part.end.max(Some(position + 1));
        }
    }

    /// A whole record, and how far its lane had come before it.
    #[inline]
    pub(super) fn row(&mut self, named: Named, partition: i32, position: i64, before: LaneAt) {
        let (Some(at), Ok(position)) = (index(partition), u64::try_from(position)) else {
            return;
        };
        if at >= self.parts.len() {
            self.part(at);
        }
        let part = &mut self.parts[at];
        part.end = part.end.max(Some(position + 1));
        while part.named_result.len() < part.named.len()
            && part.named[part.named_result.len()] <= position
        {
            part.named_result.push(part.last);
        }
        part.last = Some(named);
        let lane = &mut self.lanes[named.0 as usize];
        match lane.partition {
            None => lane.partition = Some(partition),
            Some(known) => lane.mixed |= known != partition,
        }
        if !part.starts.is_empty() && lane.partition == Some(partition) {
            lane.start(&part.starts, position, before);
        }
    }

    /// The last record before a position; `None` when there is none.
    pub(super) fn named(&self, partition: i32, next: u64) -> Option<Named> {
        let part = self.parts.get(index(partition)?)?;
        let at = part.named.binary_search(&next).ok()?;
        part.named_result.get(at).copied().unwrap_or(part.last)
    }

    /// How far a lane had come at a position of its partition; `None` when nothing of it follows there.
    pub(super) fn start(&self, lane: u32, next: u64) -> Option<LaneAt> {
        let lane = self.lanes.get(lane as usize)?;
        let part = self.parts.get(index(lane.partition?)?)?;
        let at = part.starts.binary_search(&next).ok()?;
        lane.values.get(at).copied()
    }

    /// The partition of a lane, when it keeps to one.
    pub(super) fn partition_of(&self, lane: u32) -> Option<i32> {
        let lane = self.lanes.get(lane as usize)?;
        lane.partition.filter(|_| !lane.mixed)
    }

    /// One past the last position that was seen in a partition.
    pub(super) fn end(&self, partition: i32) -> Option<u64> {
        self.parts.get(index(partition)?)?.end
    }
}

impl LaneStarts {
    #[inline]
    fn start(&mut self, starts: &[u64], position: u64, before: LaneAt) {
        while let Some(next) = starts.get(self.values.len())
            && *next <= position
        {
            self.values.push(before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_names_the_record_before_it_and_starts_each_lane_after_it() {
        let mut cuts = Cuts::new(&[(0, 0), (0, 3), (0, 99)], &[(0, 3), (0, 99)], 2);
        for position in 0..6u64 {
            let (lane, sequence) = ((position % 2) as u32, position / 2);
            let before = LaneAt {
                rows: sequence,
                high: sequence.checked_sub(1),
            };
            cuts.row((lane, sequence), 0, position as i64, before);
        }
        assert_eq!(cuts.named(0, 0), None);
        assert_eq!(cuts.named(0, 3), Some((0, 1)));
        assert_eq!(cuts.named(0, 99), Some((1, 2)));
        let start = |lane, next| cuts.start(lane, next).map(|at| (at.rows, at.high));
        assert_eq!(start(1, 3), Some((1, Some(0))));
        assert_eq!(start(0, 3), Some((2, Some(1))));
        assert_eq!(start(0, 99), None);
        assert_eq!(cuts.end(0), Some(6));
    }

    #[test]
    fn a_lane_keeps_to_a_partition_until_it_was_seen_in_another_one() {
        let mut cuts = Cuts::new(&[], &[], 2);
        let before = LaneAt {
            rows: 0,
            high: None,
        };
        for (sequence, partition) in (0..).zip([1, 1, 0, 1]) {
            assert_eq!(cuts.partition_of(1).is_none(), [0, 3].contains(&sequence));
            cuts.row((1, sequence), partition, sequence as i64, before);
        }
        assert_eq!((cuts.partition_of(0), cuts.partition_of(1)), (None, None));
    }

    #[test]
    fn partitions_beyond_the_most_that_are_followed_have_no_end() {
        let mut cuts = Cuts::default();
        let ends = [MOST_PARTITIONS - 1, MOST_PARTITIONS].map(|partition| {
            let partition = i32::try_from(partition).unwrap();
            cuts.touch(partition, 3);
            cuts.end(partition)
        });
        assert_eq!(ends, [Some(4), None]);
    }
}
