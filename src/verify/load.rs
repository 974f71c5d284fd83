//! How much of this machine others took while the run needed it: a fold over what an observer of its CPUs wrote down.

use std::time::Duration;

use crate::journal::{Event, What};
use crate::model::Moment;

/// Others that take less than this part of what the stream leaves of a machine are its own housekeeping: the kernel's
/// threads, the container engine, and what a process used in the last moment before its end.
const LEAST_PART: u64 = 10;
/// A stream that needs more of the machine than this is a load of our own making.
const MOST_STREAM: f64 = 0.7;

/// One piece of the run's time, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    from: u64,
    to: u64,
    /// Time of it that others took.
    taken: u64,
    /// Time of it that a recovery would at most have been spared, had nobody taken anything.
    spared: u64,
    /// A limit of CPU had a part in that.
    limited: bool,
}

/// What others took, piece by piece.
#[derive(Debug, Default)]
pub(super) struct Load {
    pieces: Vec<Piece>,
}

/// What a stretch may have come to on a machine of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct OwnMachine {
    /// Its length there, in microseconds.
    pub us: u64,
    /// The part of the machine that others took, from 0 to 1.
    pub others: f64,
    /// Whether a limit of CPU was among them.
    pub limited: bool,
}

impl Load {
    /// The stream needs at any time what it needed while nothing disturbed it (`undisturbed`, where that was).
    pub(super) fn of(events: &[Event], undisturbed: Option<(Moment, Moment)>) -> Self {
        let stream = undisturbed.map_or(0.0, |stretch| ours(events, stretch));
        let stream = stream.min(MOST_STREAM);
        let pieces = events.iter().filter_map(|event| piece(event, stream));
        Self {
            pieces: pieces.collect(),
        }
    }

    /// How long a stretch may have been on a machine of its own. Waits that a setting limits (`timed`, in order and apart
    /// from each other) are as long on any machine. Of a piece that begins before the stretch or ends after it, what was
    /// taken may all have been within, though only a part of it is told. Nothing where nothing was taken, or nobody knows.
    pub(super) fn without_others(
        &self,
        (from, to): (Moment, Moment),
        timed: &[(Moment, Moment)],
    ) -> Option<OwnMachine> {
        let length = to.0.saturating_sub(from.0);
        let waits: u64 = timed.iter().map(|wait| common(*wait, (from, to))).sum();
        let (mut all, mut spared, mut limited) = (0.0, 0, false);
        for piece in &self.pieces {
            let within = (Moment(piece.from), Moment(piece.to));
            let cut = (from.max(within.0), to.min(within.1));
            let overlap = common(within, (from, to));
            let waited: u64 = timed.iter().map(|wait| common(*wait, cut)).sum();
            all += piece.taken as f64 * overlap as f64 / (piece.to - piece.from).max(1) as f64;
            spared += piece.spared.min(overlap.saturating_sub(waited));
            limited |= piece.limited && overlap > 0;
        }
        let most = length.saturating_sub(waits);
        (spared > 0).then(|| OwnMachine {
            us: length - spared.min(most),
            others: (all / length as f64).min(1.0),
            limited,
        })
    }
}

/// For how long two stretches are at the same time.
fn common((a, b): (Moment, Moment), (c, d): (Moment, Moment)) -> u64 {
    b.min(d).0.saturating_sub(a.max(c).0)
}

/// The part of the machine that the run had in a stretch.
fn ours(events: &[Event], stretch: (Moment, Moment)) -> f64 {
    let (mut ours, mut total) = (0.0, 0.0);
    for event in events {
        if let What::MachineLoad {
            over_ms,
            total_ms,
            ours_ms,
            ..
        } = &event.what
        {
            let from = event.at.before(Duration::from_millis(*over_ms));
            let weight = common((from, event.at), stretch) as f64;
            ours += *ours_ms as f64 * weight;
            total += *total_ms as f64 * weight;
        }
    }
    if total > 0.0 { ours / total } else { 0.0 }
}

/// What the run lacked while CPUs were idle, nobody kept from it; and what others had, it could have used at most. A
/// recovery has what the stream leaves, so it would have been spared the part of this that others had, and no more than
/// the time in which anybody had to wait for a CPU.
fn piece(event: &Event, stream: f64) -> Option<Piece> {
    let What::MachineLoad {
        over_ms,
        total_ms,
        free_ms,
        ours_ms,
        stolen_ms,
        waited_ms,
        throttled_ms,
    } = &event.what
    else {
        return None;
    };
    let over = over_ms.saturating_mul(1_000);
    let busy = total_ms.saturating_sub(*free_ms);
    let stolen = busy.min(*stolen_ms);
    let others = (busy - stolen).saturating_sub(*ours_ms);
    let part = |ms: u64| {
        let us = u128::from(over) * u128::from(ms) / u128::from((*total_ms).max(1));
        u64::try_from(us).unwrap_or(u64::MAX)
    };
    let waited = waited_ms.map_or(u64::MAX, |ms| ms.saturating_mul(1_000));
    let limit = throttled_ms.saturating_mul(1_000);
    let programs = part(others).min(waited).saturating_add(part(stolen));
    let of_rest = |us: u64| (us as f64 / (1.0 - stream)) as u64;
    let all = of_rest(part(others)).min(waited);
    let all = all.saturating_add(of_rest(part(stolen)));
    let spared = all.saturating_add(limit).min(over);
    let counts = spared.saturating_mul(LEAST_PART) >= over;
    let counted = |us: u64| if counts { us } else { 0 };
    Some(Piece {
        from: event.at.0.saturating_sub(over),
        to: event.at.0,
        taken: counted(programs.saturating_add(limit).min(over)),
        spared: counted(spared),
        limited: limit > programs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two seconds up to a moment on two CPUs, of which others had so much; nobody's was what is left.
    fn load(at_ms: u64, others_ms: u64, ours_ms: u64) -> Event {
        load_over(2_000, at_ms, others_ms, ours_ms)
    }

    fn load_over(over_ms: u64, at_ms: u64, others_ms: u64, ours_ms: u64) -> Event {
        let total_ms = over_ms * 2;
        Event {
            n: 0,
            at: Moment::from_ms(at_ms),
            what: What::MachineLoad {
                over_ms,
                total_ms,
                free_ms: total_ms - others_ms - ours_ms,
                ours_ms,
                stolen_ms: 0,
                waited_ms: None,
                throttled_ms: 0,
            },
        }
    }

    fn changed(
        mut event: Event,
        change: impl FnOnce(&mut u64, &mut Option<u64>, &mut u64),
    ) -> Event {
        if let What::MachineLoad {
            stolen_ms,
            waited_ms,
            throttled_ms,
            ..
        } = &mut event.what
        {
            change(stolen_ms, waited_ms, throttled_ms);
        }
        event
    }

    fn ms(from: u64, to: u64) -> (Moment, Moment) {
        (Moment::from_ms(from), Moment::from_ms(to))
    }

    /// What is left of a stretch, in milliseconds, and the percentage of others.
    fn own(
        events: &[Event],
        stretch: (Moment, Moment),
        timed: &[(Moment, Moment)],
    ) -> Option<(u64, u64)> {
        let own = Load::of(events, None).without_others(stretch, timed)?;
        Some((own.us / 1_000, (own.others * 100.0).round() as u64))
    }

    #[test]
    fn a_stretch_is_shorter_by_the_part_that_others_took() {
        let busy: Vec<Event> = (1..=10).map(|n| load(n * 2_000, 2_840, 1_000)).collect();
        assert_eq!(own(&busy, ms(2_000, 12_000), &[]), Some((2_900, 71)));
        let idle: Vec<Event> = (1..=10).map(|n| load(n * 2_000, 0, 3_900)).collect();
        assert_eq!(own(&idle, ms(2_000, 12_000), &[]), None);
        assert_eq!(own(&[], ms(2_000, 12_000), &[]), None);
        assert_eq!(own(&busy, ms(30_000, 40_000), &[]), None);
        assert_eq!(own(&busy, ms(5_000, 5_000), &[]), None);
    }

    #[test]
    fn what_a_piece_at_the_edge_lost_may_all_have_been_within() {
        // 1,420 ms of 2,000 were taken; 1,500 and 500 ms of it are within.
        assert_eq!(
            own(&[load(6_000, 2_840, 0)], ms(4_500, 9_000), &[]),
            Some((3_080, 24))
        );
        assert_eq!(
            own(&[load(6_000, 2_840, 0)], ms(5_500, 9_000), &[]),
            Some((3_000, 10))
        );
    }

    #[test]
    fn a_wait_that_a_setting_limits_is_as_long_on_any_machine() {
        let busy: Vec<Event> = (1..=10).map(|n| load(n * 2_000, 3_000, 0)).collect();
        assert_eq!(own(&busy, ms(2_000, 12_000), &[]), Some((2_500, 75)));
        // 6 s of the 10 s are waits, and of the other 4 s three quarters were taken.
        let waits = [ms(2_000, 6_000), ms(8_000, 10_000)];
        assert_eq!(own(&busy, ms(2_000, 12_000), &waits), Some((7_000, 75)));
        assert_eq!(own(&busy, ms(2_000, 12_000), &[ms(0, 20_000)]), None);
    }

    #[test]
    fn the_example_of_the_definition_comes_out() {
        let (stretch, waits) = (
            ms(57_200, 191_000),
            [ms(57_200, 60_200), ms(63_200, 66_200)],
        );
        let own = |percent: u64| {
            let load = |at| load_over(200, at, percent * 4, if at > 50_000 { 20 } else { 120 });
            let events: Vec<Event> = (1..1_000).map(|n| load(n * 200)).collect();
            let load = Load::of(&events, Some(ms(20_000, 50_000)));
            load.without_others(stretch, &waits).unwrap().us / 1_000
        };
        // The stream had 30 % of the machine in the baseline.
        assert!(own(50).abs_diff(42_514) <= 1, "{}", own(50));
        assert!(own(40).abs_diff(60_771) <= 1, "{}", own(40));
    }

    #[test]
    fn a_stream_is_no_excuse_beyond_seven_tenths_of_the_machine() {
        let events = [load(2_000, 0, 3_900), load(4_000, 1_000, 3_000)];
        let load = Load::of(&events, Some(ms(0, 2_000)));
        let own = load.without_others(ms(2_000, 4_000), &[]).unwrap();
        assert!(own.us.abs_diff(333_333) <= 1, "{own:?}");
    }

    #[test]
    fn housekeeping_excuses_nothing() {
        assert_eq!(own(&[load(4_000, 396, 3_000)], ms(2_000, 4_000), &[]), None);
        assert_eq!(
            own(&[load(4_000, 400, 3_000)], ms(2_000, 4_000), &[]),
            Some((1_800, 10))
        );
    }

    #[test]
    fn the_more_the_stream_needs_the_less_are_others_housekeeping() {
        // Of a real run: three brokers and the stream had most of two CPUs, and what others had was all that was left.
        let own = |others| {
            let events = [load(2_000, 0, 2_800), load(4_000, others, 3_700)];
            let load = Load::of(&events, Some(ms(0, 2_000)));
            load.without_others(ms(2_000, 4_000), &[]).map(|own| own.us)
        };
        assert!(own(240).is_some_and(|us| us.abs_diff(1_600_000) <= 1));
        assert_eq!(own(100), None);
    }

    #[test]
    fn where_nobody_waited_for_a_cpu_nothing_was_taken() {
        let waited = |ms| changed(load(4_000, 2_000, 500), |_, waited, _| *waited = Some(ms));
        assert_eq!(own(&[waited(0)], ms(2_000, 4_000), &[]), None);
        assert_eq!(
            own(&[waited(600)], ms(2_000, 4_000), &[]),
            Some((1_400, 30))
        );
        assert_eq!(
            own(&[waited(1_900)], ms(2_000, 4_000), &[]),
            Some((1_000, 50))
        );
    }

    #[test]
    fn what_the_host_or_a_limit_withholds_is_taken_too() {
        // Those who wait for the host are not counted as waiting for a CPU.
        let stolen = changed(load(4_000, 2_000, 500), |stolen, waited, _| {
            (*stolen, *waited) = (1_000, Some(0));
        });
        assert_eq!(own(&[stolen], ms(2_000, 4_000), &[]), Some((1_500, 25)));
        let limited = changed(load(4_000, 0, 2_000), |_, _, limit| *limit = 1_200);
        let own_machine = Load::of(&[limited], None).without_others(ms(2_000, 4_000), &[]);
        let own_machine = own_machine.unwrap();
        assert_eq!((own_machine.us, own_machine.limited), (800_000, true));
    }

    #[test]
    fn figures_that_cannot_be_are_no_excuse_and_do_no_harm() {
        let event = |total_ms, free_ms, ours_ms| Event {
            n: 0,
            at: Moment::from_ms(4_000),
            what: What::MachineLoad {
                over_ms: u64::MAX,
                total_ms,
                free_ms,
                ours_ms,
                stolen_ms: 0,
                waited_ms: Some(u64::MAX),
                throttled_ms: 0,
            },
        };
        assert_eq!(own(&[event(0, 0, 0)], ms(2_000, 4_000), &[]), None);
        assert_eq!(own(&[event(10, 20, 0)], ms(2_000, 4_000), &[]), None);
        assert_eq!(own(&[event(10, 0, 20)], ms(2_000, 4_000), &[]), None);
        assert_eq!(
            own(&[event(u64::MAX, 0, 0)], ms(2_000, 4_000), &[]),
            Some((0, 100))
        );
    }
}
