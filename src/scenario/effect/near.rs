//! The setting that was probably meant by a name that nobody knows.

/// Names that are shorter are too near to too many words.
const SHORTEST: usize = 6;
/// A known name that is shorter has too many neighbours.
const SHORTEST_KNOWN: usize = 9;
/// No setting is as long.
const LONGEST: usize = 120;

/// How many unknown names are still compared: it takes time, and who has more of them has another file.
#[derive(Debug)]
pub(super) struct Patience(u32);

impl Default for Patience {
    fn default() -> Self {
        Self(200)
    }
}

/// The known name that a name is probably meant to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Near {
    pub(super) name: String,
    /// A slip of the keyboard, or the same words in another order; else a word too many or too few.
    pub(super) is_slip: bool,
}

impl Patience {
    /// The nearest of these names, each of which is a prefix and what follows it.
    pub(super) fn nearest<'k>(
        &mut self,
        name: &str,
        known: impl Iterator<Item = (&'k str, &'k str)>,
    ) -> Option<Near> {
        let length = name.len();
        if !(SHORTEST..=LONGEST).contains(&length) || self.0 == 0 {
            return None;
        }
        self.0 -= 1;
        // Kafka's names are in small letters.
        let name = &name.to_ascii_lowercase();
        let words = sorted_words(name);
        let mut best: Option<(usize, String)> = None;
        for (prefix, inner) in known {
            let known_length = prefix.len() + inner.len();
            if known_length < SHORTEST_KNOWN || known_length.abs_diff(length) > 12 {
                continue;
            }
            let whole = format!("{prefix}{inner}");
            let found = distance(name, &words, &whole).map(|distance| (distance, whole));
            best = match (best, found) {
                (Some(best), Some(found)) => Some(best.min(found)),
                (best, found) => best.or(found),
            };
        }
        best.map(|(distance, name)| Near {
            name,
            is_slip: distance < WORD,
        })
    }
}

/// A missing or superfluous word is farther than any slip.
const WORD: usize = 3;

fn distance(name: &str, words: &[&str], known: &str) -> Option<usize> {
    let slips = match known.len() {
        0..12 => 1,
        _ => 2,
    };
    if known.len().abs_diff(name.len()) <= slips {
        let distance = strsim::damerau_levenshtein(name, known);
        if distance <= slips {
            return Some(distance);
        }
    }
    let known = sorted_words(known);
    if known == words && known.len() >= 3 {
        return Some(slips);
    }
    let (longer, shorter) = match known.len() > words.len() {
        true => (&known[..], words),
        false => (words, &known[..]),
    };
    let one_more = longer.len() == shorter.len() + 1 && shorter.len() >= 3;
    (one_more && contains_all(longer, shorter)).then_some(WORD)
}

fn contains_all(longer: &[&str], shorter: &[&str]) -> bool {
    let mut rest = longer.iter();
    shorter
        .iter()
        .all(|word| rest.by_ref().any(|other| other == word))
}

fn sorted_words(name: &str) -> Vec<&str> {
    let mut words: Vec<&str> = name.split(['.', '_', '-']).collect();
    words.sort_unstable();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capitals_are_a_slip() {
        let known = [("", "offset.flush.interval.ms")].into_iter();
        let near = Patience::default().nearest("Offset.Flush.Interval.Ms", known);
        assert!(near.is_some_and(|near| near.is_slip));
    }

    #[test]
    fn slips_and_turned_words_are_understood_and_other_names_are_left_alone() {
        let known = [
            "scheduled.rebalance.max.delay.ms",
            "offset.flush.interval.ms",
            "consumer.session.timeout.ms",
            "tasks.max",
            "topics",
        ];
        let near = |name: &str| {
            let all = known.iter().map(|known| ("", *known));
            let found = Patience::default().nearest(name, all)?;
            let place = known.iter().position(|known| *known == found.name);
            Some((place, found.is_slip))
        };
        assert_eq!(
            near("scheduled.rebalance.delay.max.ms"),
            Some((Some(0), true))
        );
        assert_eq!(near("scheduled.rebalance.delay.ms"), Some((Some(0), false)));
        assert_eq!(near("offset.flush.intervall.ms"), Some((Some(1), true)));
        assert_eq!(near("offset_flush_interval_ms"), Some((Some(1), true)));
        assert_eq!(near("task.max"), Some((Some(3), true)));
        for other in [
            "topic",
            "my.own",
            "batch.size",
            "connection.url",
            "offset.flush.ms.x.y",
        ] {
            assert_eq!(near(other), None, "{other}");
        }
    }

    #[test]
    fn of_names_without_end_only_the_first_are_compared() {
        let mut patience = Patience::default();
        let mut ask = || patience.nearest("task.max", [("", "tasks.max")].into_iter());
        assert_eq!((0..300).filter_map(|_| ask()).count(), 200);
        let long = "x".repeat(1 << 20);
        let known = [("", "tasks.max")].into_iter();
        assert_eq!(Patience::default().nearest(&long, known), None);
    }
}
