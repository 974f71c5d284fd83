//! The judgement as JSON and back: `result.json`, the one derived file that other tools are meant to read.

use crate::verify::Judgement;

/// The version of the format that is written and read here.
pub const RESULT_FORMAT: u32 = 1;

/// Why a `result.json` cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ResultError {
    /// The text is no judgement.
    #[error("this is no result.json of Squall ({0}): make it again with `squall verify`")]
    Unreadable(#[from] serde_json::Error),
    /// The text is a judgement in another format.
    #[error(
        "result.json has format {found}, this Squall reads format {RESULT_FORMAT}: make it again with `squall verify`"
    )]
    Format {
        /// The format found.
        found: u32,
    },
}

/// The judgement as indented JSON with a final line end; the same judgement gives the same bytes.
pub fn json(judgement: &Judgement) -> Vec<u8> {
    // A judgement has only string keys and no writer that could fail, so serialising it cannot fail.
    let mut bytes = serde_json::to_vec_pretty(judgement)
        .expect("a judgement has string keys and derived serialisation only");
    bytes.push(b'\n');
    bytes
}

/// Reads what [`json`] wrote; fails for other text and for other formats.
pub fn from_json(bytes: &[u8]) -> Result<Judgement, ResultError> {
    #[derive(serde::Deserialize)]
    struct Head {
        format: u32,
    }
    let head: Head = serde_json::from_slice(bytes)?;
    if head.format != RESULT_FORMAT {
        return Err(ResultError::Format { found: head.format });
    }
    Ok(serde_json::from_slice(bytes)?)
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
            assert_eq!(from_json(&bytes).unwrap(), judgement, "{name}");
            assert_eq!(bytes.last(), Some(&b'\n'));
        }
    }

    #[test]
    fn a_result_of_another_format_is_refused_by_its_number() {
        let mut future = sample::held();
        future.format = 2;
        let error = from_json(&json(&future)).unwrap_err();
        assert!(matches!(error, ResultError::Format { found: 2 }), "{error}");
    }

    #[test]
    fn a_truncated_result_is_refused() {
        let bytes = json(&sample::held());
        let error = from_json(&bytes[..bytes.len() / 2]).unwrap_err();
        assert!(matches!(error, ResultError::Unreadable(_)), "{error}");
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
