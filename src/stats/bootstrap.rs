//! An interval over faults: whole runs are drawn again, since what happens within one run hangs together.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use super::draws::Draws;
use super::level::{Interval, Level};
use super::order::middle;

/// How often the runs are drawn again.
const DRAWS: usize = 4_999;
/// Below so many runs (or faults of a single run) there is no interval: all that could be drawn are the few values themselves.
const FEWEST: usize = 5;
const SEED: u64 = 0x626f_6f74;

/// What is taken of all faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Summary {
    /// Their mean, for what adds up: duplicates.
    Mean,
    /// Their median, for what users wait for: recovery.
    Median,
}

/// What was drawn again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// So many runs, each with all its faults.
    Runs(usize),
    /// So many faults of the one run there is: the interval says nothing of how another run would differ.
    Faults(usize),
}

/// A summary of all faults with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bootstrap {
    /// The summary of all faults of all runs.
    pub estimate: f64,
    /// The interval; `None` below five runs, or five faults of a single run. Its level is what was asked for, which a bootstrap
    /// reaches roughly and not exactly.
    pub interval: Option<Interval>,
    /// What was drawn again.
    pub over: Over,
}

/// The cluster bootstrap of one value a fault, `runs` holding each run's faults: runs are drawn with replacement and keep
/// their faults (Davison and Hinkley 1997, *Bootstrap Methods and their Application*, §3.8), 4,999 times from a fixed seed.
///
/// The interval lies between percentiles, set wider for few runs as a t-interval is wider than a normal one: the "expanded
/// percentile interval" of Hesterberg 2015, "What teachers should know about the bootstrap", The American Statistician 69(4).
/// A record is never a value here: all records of one crash are one fault. `None` without a fault; runs without one are left out.
///
/// Six runs with means 1 to 6: estimate 3.5, interval about 1.5 to 5.5.
pub fn bootstrap(runs: &[Vec<f64>], summary: Summary, level: Level) -> Option<Bootstrap> {
    let mut runs: Vec<Vec<f64>> = runs
        .iter()
        .map(|run| finite(run))
        .filter(|run| !run.is_empty())
        .collect();
    let mut over = Over::Runs(runs.len());
    if let [only] = runs.as_slice() {
        over = Over::Faults(only.len());
        runs = only.iter().map(|fault| vec![*fault]).collect();
    }
    let mut pool = runs.concat();
    if pool.is_empty() {
        return None;
    }
    Some(Bootstrap {
        estimate: summary.of(&mut pool),
        interval: (runs.len() >= FEWEST).then(|| interval(&runs, summary, level)),
        over,
    })
}

fn finite(run: &[f64]) -> Vec<f64> {
    run.iter()
        .copied()
        .filter(|value| value.is_finite())
        .collect()
}

impl Summary {
    /// The summary of at least one value; may put them in another order.
    fn of(self, values: &mut [f64]) -> f64 {
        match self {
            Self::Mean => values.iter().sum::<f64>() / values.len() as f64,
            Self::Median => {
                values.sort_by(f64::total_cmp);
                middle(values)
            }
        }
    }
}

fn interval(runs: &[Vec<f64>], summary: Summary, level: Level) -> Interval {
    let mut draws = Draws::new(SEED);
    let mut drawn: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let again = (0..runs.len()).flat_map(|_| &runs[draws.below(runs.len())]);
            summary.of(&mut again.copied().collect::<Vec<f64>>())
        })
        .collect();
    drawn.sort_by(f64::total_cmp);
    let left_off = ((DRAWS + 1) as f64 * widened_tail(runs.len(), level)) as usize;
    let left_off = left_off.saturating_sub(1);
    Interval {
        low: drawn[left_off],
        high: drawn[DRAWS - 1 - left_off],
        level: level.share(),
    }
}

/// The tail that makes percentiles as wide as a t-interval, Φ(−√(n/(n−1)) · t), for n runs.
fn widened_tail(runs: usize, level: Level) -> f64 {
    let count = runs as f64;
    let standard = Normal::standard();
    let quantile = StudentsT::new(0.0, 1.0, count - 1.0).map_or_else(
        |_| standard.inverse_cdf(level.tail()),
        |t| t.inverse_cdf(level.tail()),
    );
    standard.cdf(quantile * (count / (count - 1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.stats.norm.cdf(scipy.stats.t.ppf(0.025, n - 1) * (n / (n - 1)) ** 0.5)`, SciPy 1.17.1.
    #[test]
    fn few_runs_widen_the_percentiles() {
        for (runs, tail) in [
            (5, 0.000_954_100_551_882),
            (6, 0.002_431_803_174_612),
            (30, 0.018_753_900_278_221),
        ] {
            let found = widened_tail(runs, Level::USUAL);
            assert!((found - tail).abs() < 1e-9, "{runs}: {found}");
        }
    }

    #[test]
    fn the_interval_lies_about_the_estimate_and_never_changes() {
        let runs: Vec<Vec<f64>> = (1..=6).map(|run| vec![f64::from(run); 4]).collect();
        let found = bootstrap(&runs, Summary::Mean, Level::USUAL).unwrap();
        assert_eq!(found.estimate, 3.5);
        assert_eq!(found.over, Over::Runs(6));
        let interval = found.interval.unwrap();
        assert!(
            (interval.low - 1.5).abs() < 0.2 && (interval.high - 5.5).abs() < 0.2,
            "{interval:?}"
        );
        assert_eq!(bootstrap(&runs, Summary::Mean, Level::USUAL), Some(found));
    }

    #[test]
    fn faults_of_one_run_are_drawn_where_there_is_no_other() {
        let found = bootstrap(
            &[vec![1.0, 2.0, 3.0, 4.0, 9.0], vec![]],
            Summary::Median,
            Level::USUAL,
        )
        .unwrap();
        assert_eq!((found.estimate, found.over), (3.0, Over::Faults(5)));
        assert!(found.interval.is_some());
    }

    #[test]
    fn more_records_of_the_same_crash_make_nothing_surer() {
        let few: Vec<Vec<f64>> = (1..=6).map(|run| vec![f64::from(run)]).collect();
        let many: Vec<Vec<f64>> = (1..=6).map(|run| vec![f64::from(run); 100]).collect();
        let [few, many] = [few, many].map(|runs| {
            bootstrap(&runs, Summary::Mean, Level::USUAL)
                .unwrap()
                .interval
                .unwrap()
        });
        assert!((few.low - many.low).abs() < 1e-9 && (few.high - many.high).abs() < 1e-9);
    }

    #[test]
    fn four_runs_have_an_estimate_and_no_interval() {
        let runs = vec![vec![1.0, 2.0]; 4];
        let found = bootstrap(&runs, Summary::Mean, Level::USUAL).unwrap();
        assert_eq!((found.estimate, found.interval), (1.5, None));
        assert_eq!(
            bootstrap(&[vec![f64::NAN]], Summary::Mean, Level::USUAL),
            None
        );
    }
}
