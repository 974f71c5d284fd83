//! What a guarantee measured, in numbers, and the words that are made of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::GuaranteeKind;

use super::figures::{grouped, percent, plural, seconds};

/// What a value and its limit count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Records, or copies of records.
    Records,
    /// Copies that one fault let one lane repeat: the lane and fault that used most of their bound.
    RecordsPerFaultAndLane,
    /// Committed offsets.
    Commits,
    /// Milliseconds.
    Milliseconds,
    /// Workers that were asked to stop.
    Stops,
}

/// A measured value with its limit. *0 lost of 110,000 records with a limit of 0: value 0, unit records, limit 0, population
/// 110,000.*
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Measure {
    /// What was measured; more is worse.
    pub value: u64,
    /// What it counts.
    pub unit: Unit,
    /// The most that is allowed; `None` for repeats within the flush bound when nothing was repeated.
    pub limit: Option<u64>,
    /// Out of how many: records that were expected, own copies, commits, stops; `None` for times and for what has no such
    /// number.
    pub population: Option<u64>,
    /// The limit as the scenario says it where it is a share, in millionths of the population.
    pub limit_per_million: Option<u32>,
}

impl Measure {
    /// A value with a fixed limit and no population.
    pub(super) fn of(value: u64, unit: Unit, limit: u64) -> Self {
        Self {
            value,
            unit,
            limit: Some(limit),
            population: None,
            limit_per_million: None,
        }
    }

    /// The same, out of so many.
    pub(super) fn out_of(self, population: u64) -> Self {
        Self {
            population: Some(population),
            ..self
        }
    }

    /// Whether it is more than is allowed.
    pub fn is_beyond(&self) -> bool {
        self.limit.is_some_and(|limit| self.value > limit)
    }

    /// How much of the limit was used, 0 to 1 and above; `None` where nothing at all is allowed.
    pub fn used(&self) -> Option<f64> {
        let limit = self.limit.filter(|limit| *limit > 0)?;
        Some(self.value as f64 / limit as f64)
    }

    /// The value in words: "0 of 110,000", "9.4 s".
    pub fn in_words(&self, kind: GuaranteeKind) -> String {
        let value = grouped(self.value);
        let of = |words: &str| match self.population {
            Some(population) => format!("{value} of {}{words}", grouped(population)),
            None => value.clone(),
        };
        match (self.unit, kind) {
            (Unit::RecordsPerFaultAndLane, _) => format!("{value} in the worst lane"),
            (Unit::Commits, _) => of(" commits wrong"),
            (Unit::Milliseconds, GuaranteeKind::Overlap) => format!("{value} ms"),
            (Unit::Milliseconds, _) => seconds(self.value),
            (Unit::Stops, _) => format!(
                "{value} of {} overran or crashed",
                plural(self.population.unwrap_or(0), "stop")
            ),
            (Unit::Records, GuaranteeKind::UnexplainedDuplicates) => of(" repeats"),
            (Unit::Records, _) => of(""),
        }
    }

    /// The limit in words: "0", "≤ 1,340", "≤ 45.0 s".
    pub fn limit_in_words(&self, kind: GuaranteeKind) -> String {
        let Some(limit) = self.limit else {
            return "the bound".to_owned();
        };
        let most = grouped(limit);
        match (self.unit, kind, self.limit_per_million) {
            (Unit::RecordsPerFaultAndLane, _, _) => format!("≤ {most} per fault and lane"),
            (Unit::Milliseconds, GuaranteeKind::Overlap, _) => format!("≤ {most} ms"),
            (Unit::Milliseconds, _, _) => format!("≤ {}", seconds(limit)),
            (_, _, Some(millionths)) => {
                format!("≤ {} ({most})", percent(f64::from(millionths) / 1e6))
            }
            (_, _, None) if limit == 0 => most,
            (_, _, None) => format!("≤ {most}"),
        }
    }

    /// What is promised, in words: "No record lost".
    pub fn title(&self, kind: GuaranteeKind) -> &'static str {
        match kind {
            GuaranteeKind::Lost if self.limit == Some(0) => "No record lost",
            GuaranteeKind::Lost => "Few records lost",
            GuaranteeKind::UnexplainedDuplicates => "No repeat without an explanation",
            GuaranteeKind::Duplicates if self.unit == Unit::Records => "Few repeats",
            GuaranteeKind::Duplicates => "Repeats within what the flush interval promises",
            GuaranteeKind::Order => "Order within each lane kept",
            GuaranteeKind::Phantoms => "Nothing arrived that was not sent, or damaged",
            GuaranteeKind::Offsets => "Committed offsets tell the truth",
            GuaranteeKind::Overlap => "No task on two workers at once",
            GuaranteeKind::Recovery => "Recovered in time after each fault",
            GuaranteeKind::Outage => "No lane silent for too long",
            GuaranteeKind::Stops => "Workers stop by themselves when asked",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(measure: Measure, kind: GuaranteeKind) -> (String, String) {
        (measure.in_words(kind), measure.limit_in_words(kind))
    }

    #[test]
    fn the_words_of_a_measure_are_made_of_its_numbers() {
        use GuaranteeKind as K;
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let lost = Measure::of(3, Unit::Records, 0).out_of(110_000);
        assert_eq!(words(lost, K::Lost), pair("3 of 110,000", "0"));
        assert_eq!(lost.title(K::Lost), "No record lost");
        let share = Measure {
            limit_per_million: Some(100_000),
            ..Measure::of(70, Unit::Records, 100).out_of(1_005)
        };
        assert_eq!(words(share, K::Lost), pair("70 of 1,005", "≤ 10.0 % (100)"));
        assert_eq!(share.title(K::Lost), "Few records lost");
        let unit = Unit::RecordsPerFaultAndLane;
        let bound = Measure::of(593, unit, 670).out_of(1_120);
        let said = pair("593 in the worst lane", "≤ 670 per fault and lane");
        assert_eq!(words(bound, K::Duplicates), said);
        let none = Measure {
            limit: None,
            ..bound
        };
        assert_eq!(none.limit_in_words(K::Duplicates), "the bound");
        let time = Measure::of(9_430, Unit::Milliseconds, 45_000);
        assert_eq!(words(time, K::Recovery), pair("9.4 s", "≤ 45.0 s"));
        assert_eq!(words(time, K::Overlap), pair("9,430 ms", "≤ 45,000 ms"));
        let stops = Measure::of(1, Unit::Stops, 0).out_of(2);
        assert_eq!(
            words(stops, K::Stops),
            pair("1 of 2 stops overran or crashed", "0")
        );
    }

    #[test]
    fn a_measure_is_beyond_its_limit_only_above_it() {
        let beyond = |value| Measure::of(value, Unit::Records, 5).is_beyond();
        assert_eq!([4, 5, 6].map(beyond), [false, false, true]);
        assert_eq!(Measure::of(3, Unit::Records, 0).used(), None);
        assert_eq!(Measure::of(3, Unit::Records, 6).used(), Some(0.5));
    }
}
