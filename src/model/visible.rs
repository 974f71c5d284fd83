//! Text of unknown origin made harmless for a reader: nothing hidden, nothing reversed, nothing endless.

/// Whether a character could hide, reverse or forge what a reader sees: control, bidirectional and invisible characters.
pub(crate) fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{FEFF}'
            | '\u{200B}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{FFF9}'..='\u{FFFB}'
            | '\u{FFFE}' | '\u{FFFF}'
            | '\u{E0000}'..='\u{E007F}')
}

/// How a deceptive character is shown: `⟨U+202E⟩`.
pub(crate) fn shown(c: char) -> String {
    format!("⟨U+{:04X}⟩", u32::from(c))
}

/// The text on one line with every deceptive character shown, cut after `limit` characters.
pub(crate) fn visible(text: &str, limit: usize) -> String {
    let mut out = String::with_capacity(text.len().min(limit * 4));
    let mut rest = text.chars();
    for c in rest.by_ref().take(limit) {
        match c {
            '\t' => out.push(' '),
            '\n' => out.push_str(" ⏎ "),
            '\r' => {}
            c if is_deceptive(c) => out.push_str(&shown(c)),
            c => out.push(c),
        }
    }
    let left = rest.count();
    if left > 0 {
        out.push_str(&format!(" … ({left} more characters)"));
    }
    out
}

/// The text with every deceptive character shown but for ends of lines and tabs.
pub(crate) fn visible_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\n' | '\t' => out.push(c),
            '\r' if rest.peek() == Some(&'\n') => {}
            c if is_deceptive(c) => out.push_str(&shown(c)),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_could_deceive_a_reader_is_shown_by_its_number() {
        assert_eq!(visible("a\u{1b}[31mb", 99), "a⟨U+001B⟩[31mb");
        assert_eq!(visible("user\u{202e}nimda", 99), "user⟨U+202E⟩nimda");
        assert_eq!(visible("one\r\n\ttwo", 99), "one ⏎  two");
    }

    #[test]
    fn lines_stay_lines_and_a_lone_return_is_shown() {
        assert_eq!(
            visible_lines("one\r\n\ttwo\rthree\u{9b}2J"),
            "one\n\ttwo⟨U+000D⟩three⟨U+009B⟩2J"
        );
    }

    #[test]
    fn an_endless_line_is_cut_and_says_so() {
        assert_eq!(visible(&"x".repeat(9), 4), "xxxx … (5 more characters)");
    }

    proptest! {
        #[test]
        fn nothing_deceptive_survives(text in any::<String>()) {
            prop_assert!(!visible(&text, 200).chars().any(is_deceptive));
            let allowed = |c| matches!(c, '\n' | '\t') || !is_deceptive(c);
            prop_assert!(visible_lines(&text).chars().all(allowed));
        }
    }
}
