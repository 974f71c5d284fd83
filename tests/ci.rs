//! The GitHub action and the GitLab template of `deploy/ci`: sound by their schemas and by shellcheck, and run with a stub in
//! place of squall for each of its exit codes.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

const ACTION: &str = "deploy/ci/github/action.yml";
const TEMPLATE: &str = "deploy/ci/gitlab/certify.yml";

/// Exit code, verdict, and whether the run got as far as a run folder.
const ENDINGS: [(i32, &str, bool); 9] = [
    (0, "held", true),
    (1, "broken", true),
    (2, "usage", false),
    (3, "inconclusive", true),
    (4, "environment", false),
    (4, "environment", true),
    (129, "interrupted", false),
    (143, "interrupted", true),
    (101, "environment", false),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

/// A folder with a `squall` that writes what the real one would write, and ends with a code.
struct Stub {
    home: tempfile::TempDir,
}

impl Stub {
    fn ending(code: i32, with_folder: bool) -> Self {
        let folder = r#"
folder=$4/nightly-2026-11-28T02-00-00
mkdir -p "$folder"
ln -sfn "$(basename "$folder")" "$4/latest"
[ -z "${GITHUB_STEP_SUMMARY:-}" ] || echo "the summary of squall" >>"$GITHUB_STEP_SUMMARY"
"#;
        let folder = if with_folder { folder } else { "" };
        Self::of(&format!("{folder}exit {code}\n"))
    }

    fn of(body: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let bin = home.path().join("bin");
        fs::create_dir_all(&bin).unwrap();
        let squall = bin.join("squall");
        let text = format!(
            "#!/bin/bash\nprintf '%s\\n' \"$@\" >{}\n{body}",
            "\"$STUB_ARGUMENTS\""
        );
        fs::write(&squall, text).unwrap();
        fs::set_permissions(&squall, fs::Permissions::from_mode(0o755)).unwrap();
        Self { home }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap_or_default()
    }

    /// Runs a script as the platform would, in the stub's folder.
    fn shell(&self, script: &str, environment: &BTreeMap<String, String>) -> Command {
        fs::write(self.file("script"), script).unwrap();
        let path = std::env::var("PATH").unwrap();
        // Where these tests run in the background an interrupt is ignored, and no shell takes that back.
        let mut command = Command::new("env");
        command
            .args(["--default-signal=INT", "bash"])
            .args(["--noprofile", "--norc", "-eo", "pipefail", "script"])
            .current_dir(self.home.path())
            .env("PATH", format!("{}:{path}", self.file("bin").display()))
            .env("STUB_ARGUMENTS", self.file("arguments"))
            .env("RUNNER_TEMP", self.home.path())
            .env("CI_PROJECT_DIR", self.home.path())
            .env("CI_JOB_URL", "https://gitlab.example/job/7")
            .env_remove("GITHUB_STEP_SUMMARY")
            .envs(environment)
            .stdin(Stdio::null());
        command
    }
}

fn said(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    String::from_utf8_lossy(out).into_owned() + &String::from_utf8_lossy(err)
}

/// The GitHub action on its way: its inputs, and the outputs of its steps so far.
struct Action {
    document: Value,
    values: BTreeMap<String, String>,
}

impl Action {
    fn with(inputs: &[(&str, &str)]) -> Self {
        let document = yaml(&read(ACTION));
        let mut values = BTreeMap::from([(
            "github.action_path".to_owned(),
            root().join("deploy/ci/github").display().to_string(),
        )]);
        for (name, input) in document["inputs"].as_object().unwrap() {
            let default = input["default"].as_str().unwrap_or_default();
            values.insert(format!("inputs.{name}"), default.to_owned());
        }
        for (name, value) in inputs {
            let known = values.insert(format!("inputs.{name}"), (*value).to_owned());
            assert!(known.is_some(), "the action has no input {name}");
        }
        Self { document, values }
    }

    fn step(&self, name: &str) -> Value {
        let steps = self.document["runs"]["steps"].as_array().unwrap();
        let step = steps.iter().find(|step| step["name"] == name);
        step.unwrap_or_else(|| panic!("no step {name}")).clone()
    }

    /// A text with `${{ … }}` replaced; only what the action uses is known.
    fn resolved(&self, text: &str) -> String {
        let mut resolved = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("${{ ") {
            let (expression, after) = behind.split_once(" }}").unwrap();
            resolved.push_str(before);
            resolved.push_str(self.values.get(expression).map_or("", String::as_str));
            rest = after;
        }
        resolved + rest
    }

    fn environment(&self, step: &Value, stub: &Stub) -> BTreeMap<String, String> {
        let mut environment: BTreeMap<String, String> = BTreeMap::from([
            (
                "GITHUB_OUTPUT".to_owned(),
                stub.file("output").display().to_string(),
            ),
            (
                "GITHUB_STEP_SUMMARY".to_owned(),
                stub.file("summary").display().to_string(),
            ),
        ]);
        for (name, value) in step["env"].as_object().unwrap() {
            environment.insert(name.clone(), self.resolved(value.as_str().unwrap()));
        }
        environment
    }

    /// Runs a step and remembers its outputs.
    fn run(&mut self, name: &str, stub: &Stub) -> Output {
        let step = self.step(name);
        fs::write(stub.file("output"), "").unwrap();
        let environment = self.environment(&step, stub);
        let mut command = stub.shell(step["run"].as_str().unwrap(), &environment);
        let output = command.output().unwrap();
        self.remember(&step, stub);
        output
    }

    fn remember(&mut self, step: &Value, stub: &Stub) {
        let id = step["id"].as_str().unwrap_or_default();
        for line in stub.text("output").lines() {
            let (name, value) = line.split_once('=').unwrap();
            self.values
                .insert(format!("steps.{id}.outputs.{name}"), value.to_owned());
        }
    }

    fn output(&self, name: &str) -> &str {
        self.values
            .get(&format!("steps.certify.outputs.{name}"))
            .map_or("", String::as_str)
    }
}

#[test]
fn the_action_tells_every_ending_apart_and_ends_with_the_code_of_squall() {
    for (code, verdict, with_folder) in ENDINGS {
        let stub = Stub::ending(code, with_folder);
        let inputs = [
            ("scenario", "my scenario.yaml"),
            ("arguments", "--runtime docker"),
        ];
        let mut action = Action::with(&inputs);
        let found = action.run("Find Squall", &stub);
        assert!(found.status.success(), "{}", said(&found));
        let certified = action.run("Certify", &stub);
        assert!(certified.status.success(), "{code}: {}", said(&certified));
        assert_eq!(
            stub.text("arguments"),
            "run\nmy scenario.yaml\n--reports\nreports\n--runtime\ndocker\n"
        );
        assert_eq!(action.output("verdict"), verdict);
        assert_eq!(action.output("exit-code"), code.to_string());
        assert_eq!(
            action
                .output("folder")
                .ends_with("/nightly-2026-11-28T02-00-00"),
            with_folder
        );
        let summary = stub.text("summary");
        let expected = if with_folder {
            "the summary of squall"
        } else {
            verdict
        };
        assert!(summary.contains(expected), "{code}: {summary}");
        let end = action.run("Verdict", &stub);
        assert_eq!(end.status.code(), Some(code), "{}", said(&end));
        let annotation = format!("::error title=Squall: {verdict}::");
        assert_eq!(
            said(&end).contains(&annotation),
            code != 0,
            "{}",
            said(&end)
        );
    }
}

#[test]
fn an_inconclusive_run_only_warns_where_that_is_asked_for() {
    let stub = Stub::ending(3, true);
    let mut action = Action::with(&[("scenario", "nightly"), ("inconclusive", "warn")]);
    action.run("Find Squall", &stub);
    action.run("Certify", &stub);
    let end = action.run("Verdict", &stub);
    assert!(end.status.success(), "{}", said(&end));
    assert!(said(&end).contains("::warning title=Squall: inconclusive::"));
}

#[test]
fn an_older_run_folder_is_not_taken_for_that_of_a_run_that_made_none() {
    let stub = Stub::ending(4, false);
    let old = stub.file("reports/nightly-2026-11-27T02-00-00");
    fs::create_dir_all(&old).unwrap();
    std::os::unix::fs::symlink(&old, stub.file("reports/latest")).unwrap();
    let mut action = Action::with(&[("scenario", "nightly")]);
    action.run("Find Squall", &stub);
    action.run("Certify", &stub);
    assert_eq!(action.output("folder"), "");
    assert!(stub.text("summary").contains("environment"));
}

#[test]
fn a_version_is_fetched_and_the_source_of_the_action_is_built_without_one() {
    let stub = Stub::ending(0, true);
    let upstream = stub.file("upstream");
    let git = "git init --quiet upstream && cd upstream && mkdir src scenarios && touch src/lib.rs scenarios/a.yaml Cargo.toml \
               Cargo.lock && git add . && git -c user.name=a -c user.email=a@b commit --quiet -m a && git tag v1";
    let made = stub.shell(git, &BTreeMap::new()).output().unwrap();
    assert!(made.status.success(), "{}", said(&made));
    let repository = upstream.display().to_string();
    let mut action = Action::with(&[("version", "v1"), ("repository", &repository)]);
    let found = action.run("Find Squall", &stub);
    assert!(found.status.success(), "{}", said(&found));
    let source = &action.values["steps.find.outputs.source"];
    assert!(Path::new(source).join("src/lib.rs").exists());

    fs::remove_file(stub.file("bin/squall")).unwrap();
    let mut action = Action::with(&[]);
    let found = action.run("Find Squall", &stub);
    assert!(found.status.success(), "{}", said(&found));
    assert_eq!(
        fs::canonicalize(&action.values["steps.find.outputs.source"]).unwrap(),
        fs::canonicalize(root()).unwrap()
    );
    assert_eq!(action.values["steps.find.outputs.key"].len(), 16);
}

#[test]
fn a_job_that_is_cancelled_lets_squall_undo_everything_first() {
    let stub = Stub::of(
        "trap 'echo undone >undone; exit 143' TERM\ntouch started\nwhile true; do sleep 0.05; done\n",
    );
    let mut action = Action::with(&[("scenario", "nightly")]);
    action.run("Find Squall", &stub);
    let step = action.step("Certify");
    let environment = action.environment(&step, &stub);
    let mut job = stub
        .shell(step["run"].as_str().unwrap(), &environment)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let started = stub.file("started");
    let limit = std::time::Instant::now() + Duration::from_secs(30);
    while !started.exists() {
        assert!(std::time::Instant::now() < limit, "the stub did not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = job.id().to_string();
    Command::new("kill").args(["-INT", &pid]).status().unwrap();
    assert!(job.wait().unwrap().success());
    action.remember(&step, &stub);
    assert_eq!(stub.text("undone"), "undone\n");
    assert_eq!(action.output("verdict"), "interrupted");
    assert_eq!(action.output("exit-code"), "143");
}

/// The documents of the GitLab template: its inputs, and the job with the inputs filled in.
fn template(inputs: &[(&str, &str)]) -> (Value, Value) {
    let text = read(TEMPLATE);
    let (header, job) = text.split_once("\n---\n").unwrap();
    let header = yaml(header);
    let mut job = job.to_owned();
    for (name, input) in header["spec"]["inputs"].as_object().unwrap() {
        let given = inputs.iter().find(|(given, _)| given == name);
        let default = input["default"].as_str();
        let value = given.map(|(_, value)| *value).or(default).unwrap_or("");
        job = job.replace(&format!("$[[ inputs.{name} ]]"), value);
    }
    assert!(!job.contains("$[["), "an input is not declared:\n{job}");
    (header, yaml(&job))
}

#[test]
fn the_gitlab_job_tells_every_ending_apart_and_ends_with_the_code_of_squall() {
    let (_, jobs) = template(&[
        ("scenario", "my scenario.yaml"),
        ("arguments", "--runtime docker"),
    ]);
    let job = &jobs["squall"];
    let script = job["script"][0].as_str().unwrap();
    for (code, verdict, with_folder) in ENDINGS {
        let stub = Stub::ending(code, with_folder);
        let variables = job["variables"].as_object().unwrap();
        let environment = variables
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
            .collect();
        let end = stub.shell(script, &environment).output().unwrap();
        // What no exit code of squall is must not look like one of GitLab's own.
        let expected = if code == 101 { 4 } else { code };
        assert_eq!(end.status.code(), Some(expected), "{}", said(&end));
        assert_eq!(
            stub.text("arguments"),
            "run\nmy scenario.yaml\n--reports\nreports\n--runtime\ndocker\n"
        );
        assert!(
            said(&end).contains(&format!("Squall: {verdict}: ")),
            "{}",
            said(&end)
        );
        assert!(
            stub.text("squall.env")
                .contains(&format!("SQUALL_VERDICT={verdict}\n"))
        );
        let link = "artifacts/file/reports/nightly-2026-11-28T02-00-00/report.html";
        assert_eq!(said(&end).contains(link), with_folder, "{}", said(&end));
    }
    assert_eq!(job["allow_failure"]["exit_codes"], serde_json::json!([3]));
}

#[test]
fn a_gitlab_job_that_cannot_build_is_no_broken_guarantee() {
    let (_, jobs) = template(&[("scenario", "nightly"), ("version", "v1")]);
    let script = jobs["squall"]["script"][0].as_str().unwrap();
    let stub = Stub::ending(0, true);
    let nowhere = stub.file("nowhere").display().to_string();
    let environment = [
        ("SQUALL_VERSION", "v1"),
        ("SQUALL_REPOSITORY", nowhere.as_str()),
        ("SQUALL_SCENARIO", "nightly"),
        ("SQUALL_REPORTS", "reports"),
        ("SQUALL_ARGUMENTS", ""),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let end = stub.shell(script, &environment.into()).output().unwrap();
    assert_eq!(end.status.code(), Some(4), "{}", said(&end));
    assert!(
        stub.text("squall.env")
            .contains("SQUALL_VERDICT=environment\n")
    );
}

/// The schemas are those of SchemaStore (Apache-2.0) and GitLab (MIT), as published.
#[test]
fn both_files_are_what_their_platforms_accept() {
    let check = |schema: &str, document: &Value| {
        let schema: Value = serde_json::from_str(&read(schema)).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let wrong: Vec<String> = validator
            .iter_errors(document)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    };
    check("tests/ci/github-action.schema.json", &yaml(&read(ACTION)));
    let (header, job) = template(&[("scenario", "nightly")]);
    check("tests/ci/gitlab-ci.schema.json", &header);
    check("tests/ci/gitlab-ci.schema.json", &job);
}

/// `.ci/run` installs shellcheck and demands it; elsewhere it is used where it is there.
#[test]
fn shellcheck_has_nothing_to_say_of_the_scripts() {
    let demanded = std::env::var_os("SQUALL_NEEDS_SHELLCHECK").is_some();
    let there = Command::new("shellcheck").arg("--version").output().is_ok();
    assert!(there || !demanded, "shellcheck is not installed");
    if !there {
        return;
    }
    let action = yaml(&read(ACTION));
    let steps = action["runs"]["steps"].as_array().unwrap();
    let steps = steps.iter().filter_map(|step| step["run"].as_str());
    let (_, jobs) = template(&[]);
    let job = jobs["squall"]["script"][0].as_str().unwrap();
    let mut scripts: Vec<String> = steps
        .map(|script| format!("#!/bin/bash\n{script}"))
        .collect();
    scripts.push(format!("#!/bin/sh\n{job}"));
    scripts.extend([".ci/engine", ".ci/needs", ".ci/run"].map(read));
    for script in scripts {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("script");
        fs::write(&file, &script).unwrap();
        let checked = Command::new("shellcheck").arg(&file).output().unwrap();
        assert!(checked.status.success(), "{}", said(&checked));
    }
}

#[test]
fn the_examples_of_the_docs_give_inputs_that_exist_and_all_that_are_required() {
    let page = read("docs/ci.md");
    let blocks: Vec<&str> = page
        .split("```yaml\n")
        .skip(1)
        .map(|block| block.split("```").next().unwrap())
        .collect();
    let [workflow, include] = blocks.as_slice() else {
        panic!("docs/ci.md has {} examples", blocks.len());
    };
    let steps = yaml(workflow)["jobs"]["nightly"]["steps"].clone();
    let steps = steps.as_array().unwrap();
    let ours = steps.iter().find(|step| {
        step["uses"]
            .as_str()
            .is_some_and(|uses| uses.contains("/deploy/ci/github@"))
    });
    let action = yaml(&read(ACTION));
    check_inputs(&ours.unwrap()["with"], &action["inputs"], |input| {
        input["required"] == true
    });
    let include = &yaml(include)["include"][0];
    assert!(include["remote"].as_str().unwrap().ends_with(TEMPLATE));
    let (header, _) = template(&[]);
    check_inputs(&include["inputs"], &header["spec"]["inputs"], |input| {
        input.get("default").is_none()
    });
    for input in action["inputs"].as_object().unwrap().keys() {
        assert!(
            page.contains(&format!("| `{input}` |")),
            "{input} is not explained"
        );
    }
}

fn check_inputs(given: &Value, known: &Value, required: impl Fn(&Value) -> bool) {
    let known = known.as_object().unwrap();
    for name in given.as_object().unwrap().keys() {
        assert!(known.contains_key(name), "there is no input {name}");
    }
    for (name, input) in known {
        assert!(
            !required(input) || given.get(name).is_some(),
            "{name} is required"
        );
    }
}
