//! README and `docs/`: their links lead somewhere, and their examples are read, planned or compared with what is true.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use common::{outcome, squall};
use serde_json::Value;

/// A page for users, by its path in the repository.
struct Page {
    path: PathBuf,
    text: String,
}

impl Page {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// The fenced blocks: their language, the line that they begin in, their text.
    fn blocks(&self) -> Vec<(String, usize, String)> {
        let mut blocks = Vec::new();
        let mut open: Option<(String, usize, String)> = None;
        for (n, line) in self.text.lines().enumerate() {
            match (line.strip_prefix("```"), &mut open) {
                (Some(language), None) => open = Some((language.to_owned(), n + 2, String::new())),
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (None, Some((_, _, text))) => {
                    text.push_str(line);
                    text.push('\n');
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a block is never closed", self.name());
        blocks
    }

    /// The text without its fenced blocks.
    fn prose(&self) -> String {
        self.text.split("\n```").step_by(2).collect()
    }

    /// What the headings are linked as.
    fn anchors(&self) -> BTreeSet<String> {
        let prose = self.prose();
        let headings = prose.lines().filter(|line| line.starts_with('#'));
        headings.map(anchor).collect()
    }
}

/// The anchor that GitHub and GitLab give a heading.
fn anchor(heading: &str) -> String {
    let title = heading.trim_start_matches('#').trim().to_lowercase();
    title
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page(path: &str) -> Page {
    Page {
        path: PathBuf::from(path),
        text: fs::read_to_string(root().join(path)).unwrap(),
    }
}

fn pages() -> Vec<Page> {
    let mut found = vec![page("README.md")];
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") {
            found.push(page(&format!("docs/{name}")));
        }
    }
    assert!(found.len() >= 8, "the pages were not found");
    found
}

fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The parts of a YAML map by its keys at the left margin, each with the lines that belong to it.
fn sections(text: &str) -> BTreeMap<String, String> {
    let mut sections: BTreeMap<String, String> = BTreeMap::new();
    let mut current = String::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some((key, _)) = line.split_once(':')
            && key.starts_with(|c: char| c.is_ascii_alphabetic())
        {
            current = key.to_owned();
        }
        let section = sections.entry(current.clone()).or_default();
        section.push_str(line);
        section.push('\n');
    }
    sections
}

/// Part of a scenario, with the rest from `quickstart`.
fn completed(part: &BTreeMap<String, String>) -> String {
    let mut whole =
        sections(&fs::read_to_string(root().join("scenarios/quickstart.yaml")).unwrap());
    // Both follow from the route: an example that shows another route has others.
    whole.retain(|key, _| key != "stream" && key != "connect");
    whole.extend(part.clone());
    whole.into_values().collect()
}

/// Plans a scenario; `more` are further arguments.
fn plan(scenario: &str, more: &[&str]) -> Result<String, String> {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("scenario.yaml");
    fs::write(&file, scenario).unwrap();
    let output = squall(&["plan", file.to_str().unwrap(), "--seed", "0000-0001"])
        .args(more)
        .env("SQUALL_PASSWORD", "something")
        .env("CONNECT_PASSWORD", "something")
        .output()
        .unwrap();
    let (code, stdout, stderr) = outcome(&output);
    if code == 0 { Ok(stdout) } else { Err(stderr) }
}

/// Reads an inventory and plans `bounce` on its cluster.
fn plan_on(inventory: &str) -> Result<String, String> {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("inventory.yaml");
    fs::write(&file, inventory).unwrap();
    let bounce = fs::read_to_string(root().join("scenarios/bounce.yaml")).unwrap();
    let shown = plan(&bounce, &["--attach", file.to_str().unwrap()])?;
    if shown.contains("kill: ") {
        Ok(shown)
    } else {
        Err(format!(
            "no command is shown that would kill a worker:\n{shown}"
        ))
    }
}

/// The keys of an object of the scenarios' JSON Schema.
fn keys_of(pointer: &str) -> BTreeSet<String> {
    let (code, schema, stderr) = outcome(&squall(&["schema"]).output().unwrap());
    assert_eq!(code, 0, "{stderr}");
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let keys = schema.pointer(pointer).and_then(Value::as_object);
    keys.unwrap().keys().cloned().collect()
}

#[test]
fn every_scenario_and_inventory_that_is_shown_is_read_and_planned() {
    let keys = keys_of("/properties");
    let (mut wrong, mut read) = (Vec::new(), 0);
    for page in pages() {
        let blocks = page.blocks();
        let yaml = blocks.iter().filter(|(language, ..)| language == "yaml");
        for (_, line, text) in yaml {
            let name = format!("{}:{line}", page.name());
            let parts = sections(text);
            let outcome = if parts.contains_key("bootstrap") {
                plan_on(text)
            } else if parts.contains_key("name") && parts.contains_key("route") {
                plan(text, &[])
            } else if parts.keys().all(|key| keys.contains(key)) {
                plan(&completed(&parts), &[])
            } else if page.name() == "docs/ci.md" {
                continue; // Read by tests/ci.rs.
            } else {
                Err("nobody knows what this example is".to_owned())
            };
            read += 1;
            wrong.extend(outcome.err().map(|why| format!("{name}: {why}")));
        }
    }
    assert_none(&wrong);
    assert!(read >= 8, "only {read} examples were found");
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_that_exist() {
    let mut wrong = Vec::new();
    for page in pages() {
        let folder = page.path.parent().unwrap().to_owned();
        let prose = page.prose();
        for link in prose.split("](").skip(1) {
            let link = &link[..link.find(')').unwrap()];
            if link.starts_with("https://") {
                continue;
            }
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let file = if path.is_empty() {
                root().join(&page.path)
            } else {
                root().join(&folder).join(path)
            };
            if !file.exists() {
                wrong.push(format!("{}: no file behind {link}", page.name()));
            } else if !heading.is_empty() {
                let there = Page {
                    text: fs::read_to_string(&file).unwrap(),
                    path: file,
                };
                if !there.anchors().contains(heading) {
                    wrong.push(format!("{}: no heading behind {link}", page.name()));
                }
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn every_page_is_linked_from_the_readme() {
    let readme = page("README.md").text;
    let unlinked: Vec<String> = pages()
        .iter()
        .skip(1)
        .map(Page::name)
        .filter(|name| !readme.contains(&format!("]({name})")))
        .collect();
    assert_none(&unlinked);
}

#[test]
fn every_file_and_every_target_of_make_that_is_named_exists() {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let ours = ["src/", "tests/", "scenarios/", ".ci/", "deploy/", "docs/"];
    let mut wrong = Vec::new();
    for page in pages() {
        let prose = page.prose();
        let codes = prose.split('`').skip(1).step_by(2).map(str::to_owned);
        let fenced = page.blocks().into_iter().map(|(_, _, text)| text);
        let lines: Vec<String> = codes
            .chain(fenced.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()))
            .collect();
        for line in &lines {
            let target = line
                .strip_prefix("make ")
                .and_then(|rest| rest.split_whitespace().next());
            if let Some(target) = target
                && !makefile.contains(&format!("\n{target}:"))
            {
                wrong.push(format!("{}: no `make {target}`", page.name()));
            }
            let is_path = ours.iter().any(|start| line.starts_with(start));
            let whole = !line.contains(['*', ' ', '…', '<']);
            if is_path && whole && !root().join(line).exists() {
                wrong.push(format!("{}: no file {line}", page.name()));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn the_readme_stays_short_and_its_terminal_sample_is_what_the_terminal_shows() {
    let readme = page("README.md");
    let lines = readme.text.lines().count();
    assert!(
        lines <= 180,
        "a newcomer reads 180 lines to the end, not {lines}: move what only some need to docs/"
    );
    let shown = fs::read_to_string(root().join(
        "src/report/snapshots/squall__report__terminal__tests__a_held_run_in_a_terminal.snap",
    ))
    .unwrap();
    let blocks = readme.blocks();
    let (_, _, sample) = blocks
        .iter()
        .find(|(language, ..)| language == "text")
        .expect("the README has a sample of the terminal");
    let mut rest = shown.lines();
    for line in sample.lines() {
        assert!(
            rest.any(|shown| shown == line),
            "the terminal does not show, or not in this order:\n{line}"
        );
    }
}

#[test]
fn every_guarantee_and_every_key_of_a_scenario_is_explained() {
    let (reports, scenarios) = (page("docs/reports.md").text, page("docs/scenarios.md").text);
    let mut wrong = Vec::new();
    for key in keys_of("/properties") {
        if !scenarios.contains(&format!("`{key}`")) && !scenarios.contains(&format!("\n{key}:")) {
            wrong.push(format!("docs/scenarios.md does not explain `{key}`"));
        }
    }
    for guarantee in keys_of("/properties/expect/properties") {
        if !reports.contains(&format!("\n| `{guarantee}` |")) {
            wrong.push(format!("docs/reports.md does not explain `{guarantee}`"));
        }
    }
    assert_none(&wrong);
}
