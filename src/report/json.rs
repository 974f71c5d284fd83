//! The judgement as JSON: `result.json`, the one derived file that other tools are meant to read.

use crate::verify::Judgement;

/// The judgement as indented JSON with a final line end; the same judgement gives the same bytes.
pub fn json(judgement: &Judgement) -> Vec<u8> {
    // A judgement has only string keys and no writer that could fail, so serialising it cannot fail.
    let mut bytes = serde_json::to_vec_pretty(judgement)
        .expect("a judgement has string keys and derived serialisation only");
    bytes.push(b'\n');
    bytes
}

/// The JSON Schema (draft 2020-12) of `result.json`.
pub fn result_schema() -> serde_json::Value {
    schemars::schema_for!(Judgement).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn every_kind_of_judgement_survives_being_written_and_read() {
        for (name, judgement) in sample::all() {
            let bytes = json(&judgement);
            let read: Judgement = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(read, judgement, "{name}");
            assert_eq!(bytes.last(), Some(&b'\n'));
        }
    }

    #[test]
    fn the_schema_names_what_the_json_holds() {
        let schema = result_schema();
        let value: serde_json::Value = serde_json::from_slice(&json(&sample::broken())).unwrap();
        let described = schema["properties"].as_object().unwrap();
        let held = value.as_object().unwrap();
        assert!(described.keys().eq(held.keys()));
        assert!(schema["$defs"]["Finding"]["description"].is_string());
    }
}
