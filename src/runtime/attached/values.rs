//! The settings that workers say in their logs that they have, held against those of the inventory and of each other.

use std::collections::BTreeMap;

use crate::connect::worker_values::{is_same, with_provided};
use crate::model::{WorkerName, is_provided};
use crate::verify::decisive_settings;

/// The settings of each worker whose log tells them.
pub type Told = BTreeMap<WorkerName, BTreeMap<String, String>>;

/// The settings to count on: those of the inventory, and those that decide something as the logs tell them. Fails with everything in which a
/// log contradicts the inventory, or one worker another where bounds and recoveries rest on it.
pub fn settled(
    inventory: &BTreeMap<String, String>,
    told: &Told,
) -> Result<BTreeMap<String, String>, Vec<String>> {
    let mut wrong = contradictions(inventory, told);
    wrong.extend(decisive_settings().filter_map(|name| disagreement(name, told)));
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let printed: Vec<_> = told.values().cloned().collect();
    let mut settled = with_provided(inventory, decisive_settings(), &printed);
    for name in decisive_settings() {
        if let Some(value) = told.values().find_map(|values| values.get(name)) {
            settled
                .entry(name.to_owned())
                .or_insert_with(|| value.clone());
        }
    }
    Ok(settled)
}

/// Each setting that is to be counted on and that the log of a worker contradicts, in words.
pub fn contradictions(counted_on: &BTreeMap<String, String>, told: &Told) -> Vec<String> {
    let of_worker = |(worker, values): (&WorkerName, &BTreeMap<String, String>)| {
        let wrong = counted_on.iter().filter_map(|(name, written)| {
            let printed = values.get(name).filter(|value| {
                // A worker does not print what is secret, and what a provider gives stands in its log alone.
                !is_same(written, value) && value.as_str() != "[hidden]" && !is_provided(written)
            })?;
            Some(format!(
                "{worker} has {name} = {printed} by its log, not {written}"
            ))
        });
        wrong.collect::<Vec<_>>()
    };
    told.iter().flat_map(of_worker).collect()
}

fn disagreement(name: &str, told: &Told) -> Option<String> {
    let mut values = told
        .iter()
        .filter_map(|(worker, values)| Some((worker, values.get(name)?)));
    let (first, value) = values.next()?;
    let (second, other) = values.find(|(_, other)| !is_same(value, other))?;
    Some(format!(
        "{first} has {name} = {value}, {second} has {other}: restart those that are behind, so that one bound holds for all"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    fn told(workers: &[(&str, &[(&str, &str)])]) -> Told {
        let named =
            |(name, pairs): &(&str, &[(&str, &str)])| (WorkerName::new(name).unwrap(), map(pairs));
        workers.iter().map(named).collect()
    }

    const FLUSH: &str = "offset.flush.interval.ms";

    fn check(inventory: &[(&str, &str)], told: &Told) -> Result<BTreeMap<String, String>, String> {
        settled(&map(inventory), told).map_err(|all| all.join("; "))
    }

    #[test]
    fn what_nobody_tells_is_what_the_inventory_says() {
        assert_eq!(
            check(&[(FLUSH, "5")], &Told::new()),
            Ok(map(&[(FLUSH, "5")]))
        );
        let silent = told(&[("w1", &[])]);
        assert_eq!(check(&[], &silent), Ok(map(&[])));
    }

    #[test]
    fn what_decides_is_taken_from_the_logs() {
        let values: &[(&str, &str)] = &[(FLUSH, "60000"), ("listeners", "[http://:8083]")];
        let told = told(&[("w1", values), ("w2", values)]);
        let expected = map(&[("consumer.session.timeout.ms", "6000"), (FLUSH, "60000")]);
        let inventory = [("consumer.session.timeout.ms", "6000")];
        assert_eq!(check(&inventory, &told), Ok(expected));
        let provided = [(FLUSH, "${file:/x:flush}")];
        assert_eq!(check(&provided, &told), Ok(map(&[(FLUSH, "60000")])));
    }

    #[test]
    fn a_log_that_contradicts_the_inventory_or_another_log_is_told() {
        let told = told(&[("w1", &[(FLUSH, "60000")]), ("w2", &[(FLUSH, "1000")])]);
        let said = check(&[(FLUSH, "1000")], &told).unwrap_err();
        assert!(
            said.contains("w1 has offset.flush.interval.ms = 60000 by its log, not 1000"),
            "{said}"
        );
        assert!(
            said.contains("w1 has offset.flush.interval.ms = 60000, w2 has 1000"),
            "{said}"
        );
        // Addresses differ from worker to worker by nature.
        let other = self::told(&[("w1", &[("rest.port", "1")]), ("w2", &[("rest.port", "2")])]);
        assert_eq!(check(&[], &other), Ok(map(&[])));
    }
}
