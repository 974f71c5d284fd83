//! Tests that hold the JSON Schema and the parser together with a validator that knows neither.

use jsonschema::Validator;
use proptest::prelude::*;

use super::tests::{MISUSED_KEYS, MISUSED_VALUES, bundled, damaged_scenario, with};
use super::*;

fn validator() -> Validator {
    jsonschema::draft202012::new(&json_schema()).expect("the schema is a schema")
}

/// The text as any YAML editor reads it.
fn as_json(text: &str) -> Option<serde_json::Value> {
    serde_saphyr::from_str(text).ok()
}

#[test]
fn the_schema_allows_every_bundled_scenario() {
    let validator = validator();
    for (path, text) in bundled() {
        let json = as_json(&text).unwrap();
        if let Err(error) = validator.validate(&json) {
            panic!("{}: {error} at {}", path.display(), error.instance_path());
        }
    }
}

#[test]
fn the_schema_refuses_the_keys_and_values_that_the_parser_refuses() {
    let validator = validator();
    for (lines, _) in MISUSED_KEYS.iter().chain(MISUSED_VALUES) {
        let text = with(lines);
        assert!(parse("t", &text).is_err(), "the parser allows {lines}");
        let Some(json) = as_json(&text) else { continue };
        assert!(!validator.is_valid(&json), "the schema allows {lines}");
    }
}

proptest! {
    #[test]
    fn the_schema_allows_whatever_the_parser_allows(text in damaged_scenario()) {
        if let (Ok(_), Some(json)) = (parse("t", &text), as_json(&text)) {
            let validator = validator();
            let refused = validator.validate(&json).err().map(|error| error.to_string());
            prop_assert_eq!(refused, None);
        }
    }
}
