//! The lines of `docs/attached.md` for a Compose cluster, run as they stand there.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic: it then says what is wrong"
)]

mod common;

use std::path::Path;
use std::process::{Command, Output};

/// The lines of the page's block that brings the Compose cluster up, attacks it and takes it down.
fn shown_lines() -> Vec<String> {
    let page = std::fs::read_to_string(repository().join("docs/attached.md")).unwrap();
    let block = page
        .split("```")
        .find(|block| {
            block.contains("docker compose up -d") && block.contains("--attach compose.yaml")
        })
        .expect("docs/attached.md has the block of the Compose cluster");
    let lines: Vec<String> = block
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    assert_eq!(lines.len(), 5, "the page promises five lines: {lines:?}");
    lines
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `docker compose` where this machine has it, else the older `docker-compose`.
fn compose() -> &'static str {
    let plugin = Command::new("docker").args(["compose", "version"]).output();
    if plugin.is_ok_and(|output| output.status.success()) {
        "docker compose"
    } else {
        "docker-compose"
    }
}

fn shell(script: &str, reports: &Path) -> Output {
    Command::new("bash")
        .args(["-c", script])
        .current_dir(repository())
        .env("SQUALL_REPORTS", reports)
        .env("CI", "true")
        .env_remove("GITHUB_STEP_SUMMARY")
        .output()
        .unwrap()
}

/// Takes the cluster down whatever happens to the test.
struct Down<'a>(&'a Path);

impl Drop for Down<'_> {
    fn drop(&mut self) {
        shell(&format!("{} down", compose()), self.0);
    }
}

fn text(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!(
        "{}\n{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(err)
    )
}

/// Whether it failed by the fault of Kafka Connect's own that lets a stop hang.
fn hung(output: &Output) -> bool {
    let said = text(output);
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    output.status.code() == Some(1) && said.contains(common::KAFKA_HUNG)
}

#[test]
fn the_lines_of_the_page_show_a_verdict_on_a_compose_cluster() {
    let reports = tempfile::tempdir().unwrap();
    let lines: Vec<String> = shown_lines()
        .iter()
        .map(|line| line.replace("target/release/squall", env!("CARGO_BIN_EXE_squall")))
        .map(|line| line.replace("docker compose", compose()))
        .collect();
    let [image, up, inspect, run, down] = lines.as_slice() else {
        unreachable!("their number was asserted");
    };
    // Only the first line exports something that the others need.
    let image_name = image
        .rsplit("KAFKA_IMAGE=")
        .next()
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap();
    let built = shell(image, reports.path());
    assert!(built.status.success(), "{}", text(&built));
    let with_image = |line: &str| {
        let script = format!("export KAFKA_IMAGE={image_name}; {line}");
        let mut output = shell(&script, reports.path());
        if hung(&output) {
            common::tell_again(&text(&output));
            output = shell(&script, reports.path());
        }
        assert!(output.status.success(), "{line}\n{}", text(&output));
        text(&output)
    };
    let _down = Down(reports.path());
    with_image(up);
    let seen = with_image(inspect);
    for worker in [
        "connect-1:8083",
        "connect-2:8083",
        "connect-3:8083",
        "squall-compose",
    ] {
        assert!(seen.contains(worker), "{worker} is missing in:\n{seen}");
    }
    let verdict = with_image(run);
    assert!(verdict.to_lowercase().contains("held"), "{verdict}");
    let after = with_image(inspect);
    assert!(!after.contains("mirror"), "a connector was left:\n{after}");
    with_image(down);
    let left = shell(
        "docker ps -aq --filter name=squall-connect --filter name=squall-broker",
        reports.path(),
    );
    assert_eq!(String::from_utf8_lossy(&left.stdout).trim(), "");
}
