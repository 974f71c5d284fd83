//! What Kafka Connect itself says against a scenario's connectors, as mistakes at their places in the text.

use crate::model::Refusal;

use super::mistake::{Collector, Mistakes, Span};
use super::tree::{self, Node};

/// The mistakes of this scenario text that Connect found: each at its setting, at the connector's class where the text
/// does not have the setting, and at the beginning where there is no such connector.
pub fn refused(source_name: &str, text: &str, refusals: &[Refusal]) -> Mistakes {
    let mut mistakes = Collector::new(text);
    let root = tree::read(text, &mut mistakes);
    let list = root.as_ref().and_then(|root| root.get("route"));
    let connectors: Vec<&Node> = list
        .map_or(&[][..], Node::items)
        .iter()
        .filter_map(|step| step.get("connector"))
        .collect();
    for refusal in refusals {
        let (setting, why) = (refusal.setting.as_deref(), &refusal.why);
        let connector = connectors.get(refusal.connector).copied();
        let config = connector.and_then(|connector| connector.get("config"));
        let at = setting.and_then(|setting| config?.get(setting));
        let message = match setting {
            Some(setting) => format!("Kafka Connect does not take `{setting}`"),
            None => "Kafka Connect does not take this configuration".to_owned(),
        };
        let place = at.or_else(|| config?.get("connector.class")).or(connector);
        mistakes.report(
            place.map_or(Span::between(0, 0), |node| node.span),
            message,
            why,
        );
    }
    mistakes.finish(source_name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ConnectorName;

    const TEXT: &str = "name: x
route:
  - feed: {topic: orders}
  - connector: {name: mirror, config: {connector.class: MirrorSourceConnector}}
  - tap: {topic: src.orders}
  - connector:
      name: archive
      config:
        connector.class: FileStreamSink
        errors.tolerance: maybe
";

    #[test]
    fn what_connect_refuses_stands_at_its_setting_or_at_the_class() {
        let refusal = |connector, setting: Option<&str>, why: &str| Refusal {
            connector,
            name: ConnectorName::new("any").unwrap(),
            setting: setting.map(str::to_owned),
            why: why.to_owned(),
        };
        let list = [
            refusal(
                1,
                Some("errors.tolerance"),
                "String must be one of: none, all",
            ),
            refusal(0, Some("source.cluster.alias"), "no default"),
            refusal(7, None, "nothing fits"),
        ];
        let mistakes = refused("x.yaml", TEXT, &list);
        let places: Vec<(usize, usize)> = mistakes
            .all()
            .iter()
            .map(|mistake| (mistake.line, mistake.column))
            .collect();
        assert_eq!(places, [(1, 1), (4, 57), (10, 27)]);
        assert!(mistakes.to_string().contains("one of: none, all"));
    }
}
