//! What Java patterns of a scenario match, as far as they mean the same in Rust.

use regex::Regex;

/// Whether the pattern matches the whole text (`Matcher.matches`); `None` where it has what only Java knows.
pub(super) fn matches(pattern: &str, text: &str) -> Option<bool> {
    Some(whole(pattern)?.is_match(text))
}

/// What `RegexRouter` makes of a topic: the replacement where the pattern matches the whole name, else the name as it is.
/// `None` where that is known to Java alone.
pub(super) fn routed(pattern: &str, replacement: &str, topic: &str) -> Option<String> {
    let Some(groups) = whole(pattern)?.captures(topic) else {
        return Some(topic.to_owned());
    };
    let mut name = String::new();
    let mut rest = replacement.chars();
    while let Some(next) = rest.next() {
        match next {
            '\\' => name.push(rest.next()?),
            '$' => {
                let number = rest.next()?.to_digit(10)?;
                // A second digit would count where there are as many groups.
                if groups.len() > 10 {
                    return None;
                }
                let group = groups.get(usize::try_from(number).ok()?);
                name.push_str(group.map_or("", |group| group.as_str()));
            }
            other => name.push(other),
        }
    }
    Some(name)
}

/// A pattern that matches this text and nothing else.
pub(super) fn quoted(text: &str) -> String {
    format!(r"\Q{text}\E")
}

fn whole(pattern: &str) -> Option<Regex> {
    // On its own first: a parenthesis too many must not close the one around it.
    Regex::new(pattern).ok()?;
    Regex::new(&format!("^(?:{pattern})$")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_whole_names_only() {
        assert_eq!(matches("src[.].*", "src.orders"), Some(true));
        assert_eq!(matches("orders", "src.orders"), Some(false));
        assert_eq!(matches("a|src.orders", "src.orders"), Some(true));
        assert_eq!(matches(r"src\.orders", "src.orders"), Some(true));
        assert_eq!(matches(r"\Qsrc.orders\E", "src.orders"), None);
        assert_eq!(matches("(?!a).*", "src.orders"), None);
        assert_eq!(matches("a)(b", "ab"), None);
    }

    #[test]
    fn a_router_replaces_what_it_matches() {
        let check = |pattern, replacement, expected: Option<&str>| {
            let name = routed(pattern, replacement, "src.orders");
            assert_eq!(name.as_deref(), expected, "{pattern} {replacement}");
        };
        check("src[.](.*)", "renamed-$1", Some("renamed-orders"));
        check("(s)rc[.](.*)", "$2$1", Some("orderss"));
        check("(.*)", r"\$$0", Some("$src.orders"));
        check("orders", "x", Some("src.orders"));
        check("(?<a>.*)", "${a}", None);
        check("(.*)", "$", None);
        check("(?!a).*", "x", None);
    }
}
