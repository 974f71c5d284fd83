//! The JSON Schema of a scenario file, made from the same tables that the parser checks with.

use serde_json::{Map, Value, json};

use super::inventory::INVENTORY;
use super::keys::{SCENARIO, Shape, Table};

const DURATION: &str = "[0-9]+(ms|s|m|h)( ?[0-9]+(ms|s|m|h))*";

/// A duration in which one number is not zero.
const LENGTH: &str = "([0-9]+(ms|s|m|h) ?)*0*[1-9][0-9]*(ms|s|m|h)( ?[0-9]+(ms|s|m|h))*";

/// The JSON Schema (draft 2020-12) of the scenario format.
pub fn json_schema() -> Value {
    let mut schema = of_table(&SCENARIO);
    let head = [
        (
            "$schema",
            json!("https://json-schema.org/draft/2020-12/schema"),
        ),
        ("title", json!("Squall scenario")),
        (
            "description",
            json!("What to start, what to send, what to break, and what must hold."),
        ),
    ];
    for (key, value) in head {
        schema[key] = value;
    }
    schema
}

/// The JSON Schema (draft 2020-12) of the inventory format.
pub fn inventory_schema() -> Value {
    let mut schema = of_table(&INVENTORY);
    let head = [
        (
            "$schema",
            json!("https://json-schema.org/draft/2020-12/schema"),
        ),
        ("title", json!("Squall inventory")),
        (
            "description",
            json!(
                "A cluster that somebody else runs: how it is reached and what of it may be touched."
            ),
        ),
    ];
    for (key, value) in head {
        schema[key] = value;
    }
    schema
}

fn of_table(table: &Table) -> Value {
    let properties: Map<String, Value> = table
        .keys
        .iter()
        .map(|key| {
            let mut schema = of_shape(&key.shape);
            schema["description"] = json!(key.about);
            (key.name.to_owned(), schema)
        })
        .collect();
    let required: Vec<&str> = table
        .keys
        .iter()
        .filter(|key| key.required)
        .map(|key| key.name)
        .collect();
    let mut schema = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    let exactly_one = table.exactly_one.iter().map(|group| {
        let one: Vec<Value> = group
            .iter()
            .map(|key| json!({ "required": [key] }))
            .collect();
        json!({ "oneOf": one })
    });
    let at_most_one = table
        .at_most_one
        .iter()
        .map(|group| json!({ "not": { "required": group } }));
    let groups: Vec<Value> = exactly_one.chain(at_most_one).collect();
    if !groups.is_empty() {
        schema["allOf"] = json!(groups);
    }
    schema
}

fn of_shape(shape: &Shape) -> Value {
    match shape {
        Shape::Text => json!({ "type": "string" }),
        Shape::Word(words) => json!({ "type": "string", "enum": words }),
        Shape::Whole(least, most) => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        Shape::OneOf(numbers) => json!({ "type": "integer", "enum": numbers }),
        Shape::Duration => text_like(DURATION),
        Shape::Length => text_like(LENGTH),
        Shape::DurationOr(word) => text_like(&format!("({DURATION}|{word})")),
        Shape::Jittered => text_like(&format!("{DURATION}( *(±|\\+-|\\+/-) *{DURATION})?")),
        Shape::Stretch => text_like(&format!("{DURATION} *\\.\\. *{DURATION}")),
        Shape::Rate => text_like("(0[0_,]*)?[1-9][0-9_,]*k?/s"),
        Shape::Size => json!({
            "type": ["integer", "string"],
            "minimum": 0,
            "pattern": "^[0-9]+( ?(B|KiB|MiB))?$",
        }),
        Shape::Version => text_like("(3\\.[0-9]+|4\\.[0-3])\\.[0-9]+"),
        Shape::Pointer => text_like("(/([^~]|~[01])*)?"),
        Shape::Maven => text_like("[^:/]+:[^:/]+:[^:/]+"),
        Shape::Limit(words) => json!({
            "anyOf": [{ "type": "integer", "minimum": 0 }, { "type": "string", "enum": words }],
        }),
        Shape::LimitOr(words, table) => json!({
            "anyOf": [
                { "type": "integer", "minimum": 0 },
                { "type": "string", "enum": words },
                of_table(table),
            ],
        }),
        Shape::Amount => json!({
            "anyOf": [
                { "type": "integer", "minimum": 0 },
                text_like("[0-9]{1,3}(\\.[0-9]{1,4})? ?%"),
            ],
        }),
        Shape::Truth => json!({ "type": "boolean" }),
        Shape::Settings => json!({
            "type": "object",
            "additionalProperties": { "type": ["string", "number", "boolean"] },
        }),
        Shape::Map(table) => of_table(table),
        Shape::List(of, least, most) => json!({
            "type": "array",
            "minItems": least,
            "maxItems": most,
            "items": of_shape(of),
        }),
        Shape::TextOr(table) => json!({ "anyOf": [{ "type": "string" }, of_table(table)] }),
        Shape::WordOrTexts(word) => json!({
            "anyOf": [{ "const": word }, { "type": "array", "items": { "type": "string" } }],
        }),
    }
}

fn text_like(pattern: &str) -> Value {
    json!({ "type": "string", "pattern": format!("^{pattern}$") })
}
