//! The HTML report as a browser sees it: closed, harmless, small and readable.

use super::*;
use crate::report::sample;

fn text(judgement: &Judgement) -> String {
    String::from_utf8(html(judgement)).unwrap()
}

/// Name and attributes of each tag of a page, found as a browser finds them: a quoted value may hold anything.
fn tags(page: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut tags = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once('<') {
        let end = after.find([' ', '>']).unwrap();
        let name = after[..end].to_owned();
        rest = &after[end..];
        let mut attributes = Vec::new();
        while let Some(inside) = rest.strip_prefix(' ') {
            let end = inside.find(['=', ' ', '>']).unwrap();
            let attribute = inside[..end].to_owned();
            rest = &inside[end..];
            let mut value = "";
            if let Some(quoted) = rest.strip_prefix("=\"") {
                (value, rest) = quoted.split_once('"').unwrap();
            }
            attributes.push((attribute, value.to_owned()));
        }
        tags.push((name, attributes));
    }
    tags
}

#[test]
fn no_page_asks_for_anything_from_outside() {
    for (name, judgement) in sample::all() {
        let page = text(&judgement);
        assert!(page.contains("content=\"default-src 'none'; "), "{name}");
        let style = page
            .split("<style>")
            .nth(1)
            .unwrap()
            .split("</style>")
            .next()
            .unwrap();
        assert!(
            !style.contains("@import") && !style.contains("//"),
            "{name}"
        );
        assert_eq!(
            style.matches("url(").count(),
            style.matches("url(#").count(),
            "{name}"
        );
        for (tag, attributes) in tags(&page) {
            for (attribute, value) in attributes {
                match attribute.as_str() {
                    "href" => assert!(value.starts_with('#'), "{name}: {value}"),
                    "style" => assert!(!value.contains("url"), "{name}: {value}"),
                    "src" | "srcset" | "data" | "action" | "xlink:href" | "poster" => {
                        panic!("{name}: {tag} has {attribute}")
                    }
                    _ => {}
                }
            }
        }
    }
}

#[test]
fn hostile_text_adds_no_tag_and_no_attribute() {
    let kinds = |page: &str| -> BTreeSet<(String, String)> {
        let tags = tags(page);
        let pairs = tags.into_iter().flat_map(|(tag, attributes)| {
            let names = attributes.into_iter().map(|(name, _)| name);
            names
                .chain([String::new()])
                .map(move |name| (tag.clone(), name))
        });
        pairs.collect()
    };
    let hostile = kinds(&text(&sample::hostile()));
    let mut known = kinds(&text(&sample::broken()));
    known.extend(kinds(&text(&sample::inconclusive())));
    let new: Vec<_> = hostile.difference(&known).collect();
    assert!(new.is_empty(), "{new:?}");
    assert!(
        known
            .iter()
            .all(|(tag, name)| tag != "script" && !name.starts_with("on"))
    );
}

#[test]
fn hostile_text_stays_readable_and_cannot_reverse_the_page() {
    let page = text(&sample::hostile());
    assert!(page.contains("&lt;/script&gt;&lt;script"));
    assert!(page.contains("⟨U+202E⟩gnp.exe"));
    assert!(!page.chars().any(|c| c != '\n' && is_deceptive(c)));
    assert!(page.contains("more characters)"));
    assert!(page.len() < 400_000, "{}", page.len());
}

#[test]
fn a_broken_page_begins_with_what_broke() {
    let page = text(&sample::broken());
    let what = page.find("id=\"finding-lost-1\"").unwrap();
    assert!(what < page.find("<h2 id=\"guarantees\"").unwrap());
    assert_eq!(page.matches("id=\"finding-lost-1\"").count(), 1);
}

#[test]
fn every_link_leads_somewhere_and_every_tag_is_closed() {
    for (name, judgement) in sample::all() {
        let page = text(&judgement);
        for link in page.split("href=\"#").skip(1) {
            let target = link.split('"').next().unwrap();
            assert!(
                page.contains(&format!("id=\"{target}\"")),
                "{name}: {target}"
            );
        }
        for tag in [
            "div", "section", "table", "tr", "td", "th", "details", "svg", "g", "p", "pre", "main",
            "span",
        ] {
            let open = page.matches(&format!("<{tag} ")).count()
                + page.matches(&format!("<{tag}>")).count();
            assert_eq!(
                open,
                page.matches(&format!("</{tag}>")).count(),
                "{name}: {tag}"
            );
        }
    }
}

#[test]
fn every_section_of_a_full_run_is_there() {
    let page = text(&sample::held());
    for id in [
        "guarantees",
        "ledger",
        "timeline",
        "recovery",
        "rewinds",
        "findings",
        "faults",
        "offsets",
        "settings",
        "latency",
        "time",
        "log",
        "method",
        "environment",
    ] {
        assert!(page.contains(&format!("<h2 id=\"{id}\"")), "{id}");
    }
    assert!(
        page.contains("110,000 acknowledged = 109,137 once + 863 repeated + 0 lost + 0 undecided")
    );
}

#[test]
fn a_page_stays_small_even_for_half_an_hour_with_a_hundred_faults() {
    assert!(html(&sample::held()).len() < 150_000);
    let large = html(&sample::large()).len();
    assert!(large < 1_500_000, "{large}");
}

#[test]
fn a_judgement_that_was_written_and_read_gives_the_same_page() {
    for (name, judgement) in sample::all() {
        let read = serde_json::from_slice(&crate::report::json(&judgement)).unwrap();
        assert!(html(&read) == html(&judgement), "{name}");
    }
}

/// Relative luminance and contrast as WCAG 2.1 defines them.
fn contrast(one: &str, other: &str) -> f64 {
    let luminance = |hex: &str| {
        let channel = |at: usize| {
            let value = u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
            let value = f64::from(value) / 255.0;
            if value <= 0.040_45 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    };
    let (a, b) = (luminance(one), luminance(other));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn text_can_be_read_on_its_ground_in_light_and_in_dark() {
    let css = include_str!("../templates/style.css");
    let themes: Vec<&str> = css
        .split(":root{")
        .skip(1)
        .map(|part| part.split('}').next().unwrap())
        .collect();
    assert_eq!(themes.len(), 3, "light, dark and print");
    for theme in themes {
        let colour = |name: &str| {
            let (_, rest) = theme.split_once(&format!("--{name}:")).unwrap();
            rest.split(';').next().unwrap().trim().to_owned()
        };
        let pairs = [
            ("fg", "bg"),
            ("fg", "card"),
            ("mut", "bg"),
            ("mut", "card"),
            ("ok", "card"),
            ("bad", "card"),
            ("warn", "card"),
            ("on-w0", "w0"),
            ("on-w1", "w1"),
            ("on-w2", "w2"),
            ("on-w3", "w3"),
            ("on-w4", "w4"),
            ("on-w5", "w5"),
            ("seg", "good"),
            ("seg", "changing"),
            ("seg", "waiting"),
            ("seg", "badfill"),
            ("on-p", "p1"),
            ("on-p", "p2"),
            ("on-p", "p3"),
            ("on-p", "p4"),
            ("on-p", "p5"),
            ("on-p", "p6"),
            ("on-p", "p7"),
        ];
        for (text, ground) in pairs {
            let ratio = contrast(&colour(text), &colour(ground));
            assert!(ratio >= 4.5, "{text} on {ground}: {ratio:.2} in {theme}");
        }
    }
}

#[test]
fn a_pause_is_a_stronger_part_of_its_band_and_says_what_came_of_it() {
    let page = text(&sample::zombie());
    assert_eq!(page.matches("class=\"band lasts\"").count(), 1);
    for part in [
        "stronger while it lasted",
        "14.03 s to 26.13 s, undone at 26.00 s",
        "pause <b>w2</b> for 12.0 s",
        "the group was without w2 from 19.20 s",
        "and 2 by zombies",
        "docker image",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let held = text(&sample::held());
    assert!(!held.contains("band lasts") && !held.contains("while it lasted"));
}
