//! Secrets that are known by their shape, whatever name they stand under: private keys, tokens, web hooks.

use std::ops::Range;

use super::names::{HIDDEN, looks_random};

/// How tokens begin whose issuers mark them, so that they can be found where they should not be.
const MARKS: [&str; 34] = [
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "gldt-",
    "xoxa-",
    "xoxb-",
    "xoxp-",
    "xoxr-",
    "xoxs-",
    "xapp-",
    "sk_live_",
    "rk_live_",
    "sk_test_",
    "sk-",
    "AIza",
    "ya29.",
    "SG.",
    "hvs.",
    "hvb.",
    "dapi",
    "npm_",
    "pypi-",
    "dop_v1_",
    "shpat_",
    "dckr_pat_",
    "ATATT3",
    "lin_api_",
    "NRAK-",
    "AKIA",
    "ASIA",
];
/// Shorter ones are words that only begin alike.
const SHORTEST_MARKED: usize = 20;
/// Where a private key ends at the latest, when its end is not marked.
const LONGEST_KEY: usize = 16 * 1024;
/// Services whose addresses are secrets: host, and what stands before the secret.
const SERVICES: [(&str, &str); 5] = [
    ("maker.ifttt.com", "/trigger/"),
    ("api.telegram.org", "/bot"),
    ("events.pagerduty.com", "/integration/"),
    ("chat.googleapis.com", "/v1/"),
    ("logic.azure.com", "/workflows/"),
];

/// Where in the text they stand; in order by kind, and not free of overlaps.
pub(super) fn spans(text: &str) -> Vec<Range<usize>> {
    let mut found = private_keys(text);
    found.extend(tokens(text));
    found.extend(hooks(text));
    found
}

/// From `-----BEGIN … PRIVATE KEY-----` to its end, line ends written out or not.
fn private_keys(text: &str) -> Vec<Range<usize>> {
    const BEGIN: &str = "-----BEGIN ";
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(step) = text[from..].find(BEGIN) {
        let start = from + step;
        let label = &text[start + BEGIN.len()..];
        from = start + BEGIN.len();
        let Some(label_end) = label.find("-----").filter(|length| *length <= 40) else {
            continue;
        };
        if !label[..label_end].contains("PRIVATE KEY") {
            continue;
        }
        let body = &label[label_end + 5..];
        let body_start = from + label_end + 5;
        let length = key_length(body);
        found.push(start..body_start + length);
        from = body_start + length;
    }
    found
}

fn key_length(body: &str) -> usize {
    let near = &body[..body.floor_char_boundary(LONGEST_KEY)];
    if let Some(end) = near.find("-----END ") {
        let label = &near[end + 9..];
        let closing = label.find("-----").map_or(label.len(), |at| at + 5);
        return end + 9 + closing;
    }
    let is_key = |c: char| c.is_ascii_alphanumeric() || c.is_whitespace() || "+/=\\#".contains(c);
    near.find(|c| !is_key(c)).unwrap_or(near.len())
}

fn tokens(text: &str) -> Vec<Range<usize>> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(step) = text[from..].find(is_part) {
        let start = from + step;
        let rest = &text[start..];
        let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let token = rest[..length].trim_end_matches('.');
        if is_token(token) {
            found.push(start..start + token.len());
        }
        from = start + length;
    }
    found
}

fn is_token(token: &str) -> bool {
    if token.len() < SHORTEST_MARKED {
        return false;
    }
    let mut parts = token.split('.');
    let is_web_token = matches!((parts.next(), parts.next()), (Some(head), Some(claims))
        if head.starts_with("eyJ") && claims.starts_with("eyJ"));
    let marked = MARKS.iter().find_map(|mark| token.strip_prefix(mark));
    is_web_token || marked.is_some_and(|rest| looks_random(&rest.replace('.', "_")))
}

/// What stands behind the host of an address that is itself the secret.
fn hooks(text: &str) -> Vec<Range<usize>> {
    const SCHEME: &str = "://";
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(step) = text[from..].find(SCHEME) {
        let start = from + step + SCHEME.len();
        let rest = &text[start..];
        let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`');
        let rest = &rest[..rest.find(SCHEME).unwrap_or(rest.len())];
        let address = &rest[..rest.find(is_end).unwrap_or(rest.len())];
        if let Some(kept) = before_hook(address).filter(|kept| {
            let secret = address.get(*kept..).unwrap_or("");
            !secret.is_empty() && !secret.starts_with(HIDDEN)
        }) {
            let whole = address.trim_end_matches(['.', ',', ';', ')', '}', ']', '\\']);
            found.push(start + kept..start + whole.len().max(kept));
        }
        from = start;
    }
    found.retain(|span| !span.is_empty());
    found
}

/// How much of the address (without its scheme) may be told.
fn before_hook(address: &str) -> Option<usize> {
    let slash = address.find('/')?;
    let (host, path) = address.split_at(slash);
    let name = host.rsplit('@').next()?.split(':').next()?;
    let service = SERVICES.iter().find(|(known, _)| {
        name == *known
            || name
                .strip_suffix(known)
                .is_some_and(|sub| sub.ends_with('.'))
    });
    if let Some((_, before)) = service {
        return path.find(before).map(|at| slash + at + before.len());
    }
    let is_hook = |word: &str| {
        let word = word.to_ascii_lowercase();
        matches!(word.as_str(), "hook" | "hooks") || word.starts_with("webhook")
    };
    if name.split(['.', '-']).any(is_hook) {
        return Some(slash + 1);
    }
    let mut end = slash + 1;
    for segment in path[1..].split('/') {
        end += segment.len() + 1;
        if is_hook(segment) {
            return Some(end);
        }
    }
    None
}
