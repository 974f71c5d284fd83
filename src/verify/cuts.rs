//! Committed positions of a place turned into sequence numbers while its rows go by.

/// Partitions beyond this number are not followed.
const MOST_PARTITIONS: usize = 65_536;

/// A position, and the moment in microseconds after which no row of it can have been read any more.
type Cut = (u64, u64);

/// A record by lane and sequence number.
pub(super) type Named = (u32, u64);

#[derive(Debug, Clone, Default)]
struct Part {
    end: Option<u64>,
    last: Option<Named>,
    named: Vec<u64>,
    named_result: Vec<Option<Named>>,
    starts: Vec<Cut>,
}

#[derive(Debug, Clone, Default)]
struct LaneStarts {
    partition: Option<i32>,
    mixed: bool,
    values: Vec<Option<u64>>,
}

/// Two questions about positions of one place: which record did a position leave last behind it (*named*), and at
/// which sequence number does each lane go on from it (*start*). In a place with rewinds the start is the lowest number
/// at or after the position, because all of these would be read again; what was rewound after the reader had gone does
/// not count, because that reader never saw it.
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
    /// Prepares for these (partition, next position) pairs, and for these starts with the moment each reader had gone.
    pub(super) fn new(named: &[(i32, u64)], starts: &[(i32, Cut)], lanes: usize) -> Self {
        let mut cuts = Self {
            parts: Vec::new(),
            lanes: vec![LaneStarts::default(); lanes],
        };
        for (partition, next) in named {
            if let Some(at) = index(*partition) {
                cuts.part(at).named.push(*next);
            }
        }
        for (partition, cut) in starts {
            if let Some(at) = index(*partition) {
                cuts.part(at).starts.push(*cut);
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

    /// A whole record; `rewound` holds when it arrived, where it lies below what its lane has had before.
    #[inline]
    pub(super) fn row(
        &mut self,
        named: Named,
        partition: i32,
        position: i64,
        rewound: Option<u64>,
    ) {
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

    /// The lowest sequence number of a lane at or after a position of its partition, up to when its reader had gone;
    /// `None` when nothing follows there.
    pub(super) fn start(&self, lane: u32, cut: Cut) -> Option<u64> {
        let lane = self.lanes.get(lane as usize)?;
        let part = self.parts.get(index(lane.partition?)?)?;
        let at = part.starts.binary_search(&cut).ok()?;
        lane.values.get(at).copied().flatten()
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
    fn start(&mut self, starts: &[Cut], position: u64, sequence: u64, rewound: Option<u64>) {
        let readable = |gone_us: u64| rewound.is_none_or(|at_us| at_us <= gone_us);
        if rewound.is_some() {
            for (value, (_, gone_us)) in self.values.iter_mut().zip(starts) {
                if readable(*gone_us) {
                    *value = value.map(|lowest| lowest.min(sequence));
                }
            }
        }
        while let Some((next, gone_us)) = starts.get(self.values.len())
            && *next <= position
        {
            self.values
                .push(Some(sequence).filter(|_| readable(*gone_us)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_names_the_record_before_it_and_starts_each_lane_after_it() {
        let mut cuts = Cuts::new(&[(0, 0), (0, 3), (0, 99)], &[(0, (3, 9)), (0, (99, 9))], 2);
        for position in 0..6u64 {
            let named = ((position % 2) as u32, position / 2);
            cuts.row(named, 0, position as i64, None);
        }
        assert_eq!(cuts.named(0, 0), None);
        assert_eq!(cuts.named(0, 3), Some((0, 1)));
        assert_eq!(cuts.named(0, 99), Some((1, 2)));
        let start = |lane, next| cuts.start(lane, (next, 9));
        assert_eq!((start(1, 3), start(0, 3)), (Some(1), Some(2)));
        assert_eq!(start(0, 99), None);
        assert_eq!(cuts.end(0), Some(6));
    }

    #[test]
    fn a_rewind_after_the_position_lowers_the_start() {
        let gone = |next, us| (0, (next, us));
        let starts = [gone(2, 3), gone(2, 2), gone(3, 3), gone(3, 2), gone(5, 9)];
        let mut cuts = Cuts::new(&[], &starts, 1);
        for (position, sequence, rewound) in [
            (0, 0, false),
            (1, 1, false),
            (2, 2, false),
            (3, 1, true),
            (4, 2, true),
            (5, 3, false),
        ] {
            let rewound = rewound.then_some(position as u64);
            cuts.row((0, sequence), 0, position, rewound);
        }
        assert_eq!(cuts.start(0, (5, 9)), Some(3));
        assert_eq!(cuts.start(0, (2, 3)), Some(1));
        // The reader had gone before the rewind.
        assert_eq!(cuts.start(0, (2, 2)), Some(2));
        assert_eq!(cuts.start(0, (3, 3)), Some(1));
        assert_eq!(cuts.start(0, (3, 2)), None);
    }
}
