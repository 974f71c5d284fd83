//! Text for a reader: words for a shell, lines of a width, and characters of unknown origin made harmless.

use crate::verify::RunSummary;

pub(crate) use crate::model::visible;
pub(super) use crate::model::{is_deceptive, shown};

/// A word as a POSIX shell takes it back unchanged: quoted only where it must be.
pub(super) fn shell_word(word: &str) -> String {
    let plain =
        |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | '=' | ':' | ',');
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The command that repeats a run.
pub(super) fn again(run: &RunSummary) -> String {
    let seed = run.seed.to_string();
    let words = ["squall", "run", &run.scenario_path].into_iter();
    let cluster = run.cluster_arguments.iter().map(String::as_str);
    words
        .chain(cluster)
        .chain(["--seed", &seed])
        .map(shell_word)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The text in lines of at most `width` characters, broken at spaces; a longer word stays whole.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        let word_length = word.chars().count();
        if length > 0 && length + 1 + word_length > width {
            lines.push(std::mem::take(&mut line));
            length = 0;
        }
        if length > 0 {
            line.push(' ');
            length += 1;
        }
        line.push_str(word);
        length += word_length;
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_path_is_quoted_for_the_shell_only_where_it_must_be() {
        assert_eq!(shell_word("scenarios/bounce.yaml"), "scenarios/bounce.yaml");
        assert_eq!(shell_word("my files/it's.yaml"), r"'my files/it'\''s.yaml'");
        assert_eq!(shell_word("$(rm)"), "'$(rm)'");
        assert_eq!(shell_word(""), "''");
    }

    #[test]
    fn a_run_is_repeated_on_the_same_kind_of_cluster() {
        let mut run = crate::report::sample::held().run;
        assert_eq!(
            again(&run),
            "squall run scenarios/bounce.yaml --seed 7f3a-91c2"
        );
        run.cluster_arguments = ["--attach", "my cluster.yaml"].map(str::to_owned).to_vec();
        assert_eq!(
            again(&run),
            "squall run scenarios/bounce.yaml --attach 'my cluster.yaml' --seed 7f3a-91c2"
        );
    }

    proptest! {
        #[test]
        fn wrapping_loses_no_word_and_keeps_the_width(text in "[a-z ]{0,200}", width in 10usize..80) {
            let lines = wrapped(&text, width);
            let words: Vec<&str> = lines.iter().flat_map(|line| line.split(' ')).collect();
            prop_assert_eq!(words, text.split_whitespace().collect::<Vec<_>>());
            for line in &lines {
                prop_assert!(line.chars().count() <= width || !line.contains(' '));
            }
        }
    }
}
