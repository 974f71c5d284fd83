//! A checked scenario as YAML again, with every default and every filled-in setting written out.

use super::value::Scenario;

impl Scenario {
    /// The scenario with nothing left out, for the run folder; not the format of [`super::parse`] but that of this type.
    pub fn to_yaml(&self) -> String {
        serde_saphyr::to_string(self)
            .expect("plain names, numbers and texts can be written as YAML")
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Scenario, parse};

    #[test]
    fn a_resolved_scenario_reads_back_as_itself() {
        for text in [
            include_str!("../../scenarios/bounce.yaml"),
            include_str!("../../scenarios/own-sequence.yaml"),
        ] {
            let scenario = parse("t", text).unwrap();
            let read: Scenario = serde_saphyr::from_str(&scenario.to_yaml()).unwrap();
            assert_eq!(read, scenario);
        }
    }
}
