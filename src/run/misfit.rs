//! What to say when a connector changes the records on their way, and which setting leaves them as they are.

use crate::model::{Connector, Decode, Decoded, Place};
use crate::places::{Dress, Misfit};

const STRING: &str = "org.apache.kafka.connect.storage.StringConverter";
const BYTES: &str = "org.apache.kafka.connect.converters.ByteArrayConverter";

/// The trouble in words: connector, tap, one of the records, and what to set.
pub fn in_words(misfit: &Misfit, connector: &Connector, tap: &Place) -> String {
    let got = match misfit.dress {
        Dress::Stranger | Dress::JavaArray => "gets records that are none of those that were fed",
        Dress::Payload => "gets records whose numbers stand elsewhere",
        Dress::JsonText
        | Dress::JsonEnvelope
        | Dress::Base64
        | Dress::JsonField
        | Dress::JavaField
        | Dress::Inside => "gets records that contain a fed one and are not it",
    };
    format!(
        "tap {} {got}: connector {} {}; one of them: {}",
        tap.name,
        connector.name,
        what_to_set(misfit.dress, connector, tap),
        misfit.sample
    )
}

fn what_to_set(dress: Dress, connector: &Connector, tap: &Place) -> String {
    let converter = converter(connector);
    match dress {
        Dress::JsonText => format!("writes them as JSON strings; {converter}"),
        Dress::JsonEnvelope => format!(
            "writes them as JSON with their schema; {converter}; `value.converter.schemas.enable: false` alone would leave them in quotes"
        ),
        Dress::Base64 => format!("writes their bytes in base64, as JSON does; {converter}"),
        Dress::JavaArray => {
            format!("writes bytes as Java prints an array, which says nothing of them; {converter}")
        }
        Dress::JsonField | Dress::JavaField => {
            format!("puts them into a field; {}", transforms(connector))
        }
        Dress::Inside => format!("adds something to them; {}", transforms(connector)),
        Dress::Payload => format!(
            "writes them with their schema; set `value.converter.schemas.enable: false` in its config, or say `{}` at the tap",
            deeper(tap)
        ),
        Dress::Stranger => format!(
            "changes them beyond recognition; {}, and {converter}",
            transforms(connector)
        ),
    }
}

/// Which converter leaves a record as it is: a mirror hands bytes on, all others speak in text here.
fn converter(connector: &Connector) -> String {
    let class = match connector.is_class("MirrorSource") {
        true => BYTES,
        false => STRING,
    };
    let now = match connector.config.get("value.converter") {
        Some(now) if now == class => {
            return format!("its `value.converter` is {now} already, so look at its transforms");
        }
        Some(now) => format!("now {now}"),
        None => "now that of the workers".to_owned(),
    };
    format!("set `value.converter: {class}` in its config ({now})")
}

/// The transforms that a connector has, by the names of its configuration.
fn transforms(connector: &Connector) -> String {
    let named = connector.config.get("transforms");
    let names = named.iter().flat_map(|list| list.split(','));
    let described: Vec<String> = names
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(|name| {
            let class = connector.config.get(&format!("transforms.{name}.type"));
            let class = class.map_or("no type", |class| class.rsplit('.').next().unwrap_or(class));
            format!("{name} ({class})")
        })
        .collect();
    match described.as_slice() {
        [] => "it has no transform, so this is the connector's own doing: set what makes it write the plain value".to_owned(),
        all => format!(
            "take out what does so in its `transforms`: {}; or undo it behind that, as `ExtractField$Value` undoes `HoistField$Value`",
            all.join(", ")
        ),
    }
}

/// The tap's own pointer into the value, one step deeper.
fn deeper(tap: &Place) -> String {
    let at = |name: &str, at: &Decoded| match at {
        Decoded::Value(pointer) => Some(format!("{name}: {{value: /payload{pointer}}}")),
        Decoded::Key(_) => None,
    };
    let Decode::Pointers { lane, sequence } = &tap.decode else {
        return String::new();
    };
    let both = [at("lane", lane), at("sequence", sequence)];
    both.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::model::{ConnectorName, Direction, Medium, OffsetMapping, PlaceName};

    use super::*;

    fn told(dress: Dress, decode: Decode, config: &[(&str, &str)]) -> String {
        let config: BTreeMap<String, String> = config
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let connector = Connector {
            name: ConnectorName::new("mirror").unwrap(),
            direction: Direction::Source,
            config,
            offsets: OffsetMapping::NotMeasurable,
            told: BTreeMap::new(),
        };
        let tap = Place {
            name: PlaceName::new("src.orders").unwrap(),
            medium: Medium::Topic("src.orders".to_owned()),
            partitions: 1,
            decode,
            silent_for_ms: None,
        };
        let misfit = Misfit {
            dress,
            sample: "\"sq1 7f3a91c2 …".to_owned(),
        };
        in_words(&misfit, &connector, &tap)
    }

    #[test]
    fn the_converter_that_is_to_be_set_is_named() {
        let mirror = [
            ("connector.class", "MirrorSourceConnector"),
            (
                "value.converter",
                "org.apache.kafka.connect.json.JsonConverter",
            ),
        ];
        insta::assert_snapshot!(told(Dress::Base64, Decode::Line, &mirror), @r#"tap src.orders gets records that contain a fed one and are not it: connector mirror writes their bytes in base64, as JSON does; set `value.converter: org.apache.kafka.connect.converters.ByteArrayConverter` in its config (now org.apache.kafka.connect.json.JsonConverter); one of them: "sq1 7f3a91c2 …"#);
        let other = told(Dress::JsonText, Decode::Line, &[]);
        assert!(other.contains("set `value.converter: org.apache.kafka.connect.storage.StringConverter` in its config (now that of the workers); one of them: "), "{other}");
    }

    #[test]
    fn the_transforms_that_may_do_it_are_named() {
        let hoist = [
            ("transforms", "hoist"),
            (
                "transforms.hoist.type",
                "org.apache.kafka.connect.transforms.HoistField$Value",
            ),
        ];
        let told_of = told(Dress::JavaField, Decode::Line, &hoist);
        assert!(told_of.contains("hoist (HoistField$Value)"), "{told_of}");
        let none = told(Dress::Inside, Decode::Line, &[]);
        assert!(none.contains("it has no transform"), "{none}");
    }

    #[test]
    fn the_pointer_that_would_fit_is_named() {
        let decode = Decode::Pointers {
            lane: Decoded::Key(String::new()),
            sequence: Decoded::Value("/seqno".to_owned()),
        };
        let text = told(Dress::Payload, decode, &[]);
        assert!(
            text.contains("`sequence: {value: /payload/seqno}`"),
            "{text}"
        );
        assert!(text.contains("schemas.enable: false"), "{text}");
    }
}
