//! Committed positions of a place turned into sequence numbers while its rows go by.

/// Partitions beyond this number are not followed.
const MOST_PARTITIONS: usize = 65_536;

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
    values: Vec<u64>,
}

/// Two questions about positions of one place: which record did a position leave last behind it (*named*), and at
/// which sequence number does each lane go on from it (*start*). In a place with rewinds the start is the lowest number
/// at or after the position, because all of these would be read again.
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
    /// Prepares for these (partition, next position) pairs.
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

    /// A whole record; `rewound` when it lies below what its lane has had before.
    #[inline]
    pub(super) fn row(&mut self, named: Named, partition: i32, position: i64, rewound: bool) {
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
            lane.start(&part.starts, position, named.1, rewound);
        }
    }

    /// The last record before a position; `None` when there is none.
    pub(super) fn named(&self, partition: i32, next: u64) -> Option<Named> {
        let part = self.parts.get(index(partition)?)?;
        let at = part.named.binary_search(&next).ok()?;
        part.named_result.get(at).copied().unwrap_or(part.last)
    }

    /// The lowest sequence number of a lane at or after a position of its partition; `None` when nothing follows there.
    pub(super) fn start(&self, lane: u32, next: u64) -> Option<u64> {
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
    fn start(&mut self, starts: &[u64], position: u64, sequence: u64, rewound: bool) {
        if rewound {
            self.values
                .iter_mut()
                .for_each(|value| *value = sequence.min(*value));
        }
        while self.values.len() < starts.len() && starts[self.values.len()] <= position {
            self.values.push(sequence);
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
            let named = ((position % 2) as u32, position / 2);
            cuts.row(named, 0, position as i64, false);
        }
        assert_eq!(cuts.named(0, 0), None);
        assert_eq!(cuts.named(0, 3), Some((0, 1)));
        assert_eq!(cuts.named(0, 99), Some((1, 2)));
        assert_eq!((cuts.start(1, 3), cuts.start(0, 3)), (Some(1), Some(2)));
        assert_eq!(cuts.start(0, 99), None);
        assert_eq!(cuts.end(0), Some(6));
    }

    #[test]
    fn a_rewind_after_the_position_lowers_the_start() {
        let mut cuts = Cuts::new(&[], &[(0, 2), (0, 5)], 1);
        for (position, sequence, rewound) in [
            (0, 0, false),
            (1, 1, false),
            (2, 2, false),
            (3, 1, true),
            (4, 2, true),
            (5, 3, false),
        ] {
            cuts.row((0, sequence), 0, position, rewound);
        }
        assert_eq!((cuts.start(0, 2), cuts.start(0, 5)), (Some(1), Some(3)));
    }
}
