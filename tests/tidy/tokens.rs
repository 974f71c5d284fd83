//! The paths that a source names, read from its words: comments, texts and what is for tests only are left out.

/// What a file says of others.
#[derive(Default)]
pub struct Spoken {
    /// Paths in `use` lines and in code.
    pub named: Vec<Vec<String>>,
    /// What it passes on by `pub use`, with the name that it gives to it.
    pub passed_on: Vec<(String, Vec<String>)>,
    /// Modules for tests only, by name, or by file name (`x.rs`) where they have a path of their own.
    pub tests: Vec<String>,
}

/// Reads a source.
pub fn spoken(text: &str) -> Spoken {
    let mut spoken = Spoken::default();
    let tokens = without_tests(&tokens(text), &mut spoken.tests);
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at] == "use" {
            let is_public = at > 0 && (tokens[at - 1] == "pub" || tokens[at - 1] == ")");
            let end = tokens[at..].iter().position(|token| token == ";");
            let end = end.map_or(tokens.len(), |length| at + length);
            let mut leaves = Vec::new();
            flatten(&tokens[at + 1..end], &[], &mut leaves);
            for (name, path) in leaves {
                if is_public && name != "*" {
                    spoken.passed_on.push((name, path));
                } else {
                    spoken.named.push(path);
                }
            }
            at = end;
        } else if is_word(&tokens[at]) && (at == 0 || tokens[at - 1] != "::") {
            let (path, next) = path_at(&tokens, at);
            if path.len() > 1 {
                spoken.named.push(path);
            }
            at = next;
        } else {
            at += 1;
        }
    }
    spoken
}

/// The words with `::` between them from here on, and where they end.
fn path_at(tokens: &[String], mut at: usize) -> (Vec<String>, usize) {
    let mut path = vec![tokens[at].clone()];
    at += 1;
    while at + 1 < tokens.len() && tokens[at] == "::" && is_word(&tokens[at + 1]) {
        path.push(tokens[at + 1].clone());
        at += 2;
    }
    (path, at)
}

/// The leaves of a `use` tree with the names that they get.
fn flatten(tree: &[String], prefix: &[String], leaves: &mut Vec<(String, Vec<String>)>) {
    for part in parts(tree) {
        let open = part.iter().position(|token| token == "{");
        let words = |tokens: &[String]| {
            let words = tokens.iter().filter(|token| *token != "::");
            [prefix, &words.cloned().collect::<Vec<_>>()].concat()
        };
        if let Some(open) = open {
            let end = part.len().saturating_sub(1);
            flatten(&part[open + 1..end], &words(&part[..open]), leaves);
            continue;
        }
        let alias = part.iter().position(|token| token == "as");
        let mut path = words(&part[..alias.unwrap_or(part.len())]);
        // `{self, …}` is what stands before the brace.
        if path.len() > 1 {
            path.pop_if(|last| last == "self");
        }
        let name = alias.and_then(|alias| part.get(alias + 1)).or(path.last());
        if let Some(name) = name.cloned() {
            leaves.push((name, path));
        }
    }
}

/// What stands between the outermost commas.
fn parts(tree: &[String]) -> Vec<&[String]> {
    let mut depth = 0usize;
    let parts = tree.split(|token| {
        match token.as_str() {
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && token == ","
    });
    parts.filter(|part| !part.is_empty()).collect()
}

/// The tokens without what stands behind `#[cfg(test)]`, whose modules are put into `tests`.
fn without_tests(tokens: &[String], tests: &mut Vec<String>) -> Vec<String> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at..].len() >= MARK.len() && tokens[at..at + MARK.len()] == MARK {
            at += MARK.len();
            let end = end_of_item(tokens, at);
            tests.extend(module_in(&tokens[at..end]));
            at = end;
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// Behind the `;` or the brace that ends the item, with the attributes before it.
fn end_of_item(tokens: &[String], from: usize) -> usize {
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match token.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" if depth == 0 => return at,
            "}" | ")" | "]" => {
                depth -= 1;
                if depth == 0 && token == "}" {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}

/// The module that an item declares, where it is `mod x;`.
fn module_in(item: &[String]) -> Option<String> {
    let [before @ .., word, name, end] = item else {
        return None;
    };
    let own = before.windows(3).find_map(|window| match window {
        [path, equals, file] if path == "path" && equals == "=" => file.strip_prefix('"'),
        _ => None,
    });
    (word == "mod" && end == ";").then(|| own.unwrap_or(name).to_owned())
}

fn is_word(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// The tokens of a source: words, `::`, texts (with a quote before them), and each other sign for itself.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => comment_length(rest),
            '\'' => quote_length(rest),
            '"' => {
                let length = text_length(rest);
                tokens.push(rest[..length].trim_end_matches('"').to_owned());
                length
            }
            _ if first.is_whitespace() => first.len_utf8(),
            _ if first.is_alphanumeric() || first == '_' => {
                let is_part = |c: char| c.is_alphanumeric() || c == '_';
                let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
                let (word, behind) = rest.split_at(length);
                match raw_length(word, behind) {
                    Some(raw) => length + raw,
                    None => {
                        tokens.push(word.to_owned());
                        length
                    }
                }
            }
            _ => {
                let length = if rest.starts_with("::") {
                    2
                } else {
                    first.len_utf8()
                };
                tokens.push(rest[..length].to_owned());
                length
            }
        };
        rest = &rest[length..];
    }
    tokens
}

/// A comment may stand in a comment.
fn comment_length(text: &str) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// A text from its quote to its quote.
fn text_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// What stands behind `r` or `br` where a raw text begins there.
fn raw_length(word: &str, behind: &str) -> Option<usize> {
    let hashes = behind.len() - behind.trim_start_matches('#').len();
    if !matches!(word, "r" | "br" | "cr") || !behind[hashes..].starts_with('"') {
        return None;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let inner = &behind[hashes + 1..];
    Some(hashes + 1 + inner.find(&end).map_or(inner.len(), |at| at + end.len()))
}

/// A character in quotes; of a lifetime the quote only.
fn quote_length(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((at, second))) => {
            let from = at + second.len_utf8();
            text[from..]
                .find('\'')
                .map_or(text.len(), |end| from + end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}
