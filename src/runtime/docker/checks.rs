//! What `squall doctor` asks of the container engine.

use super::super::doctor::{Check, CheckState, DoctorScope, check, disk};
use super::engine::{Engine, Facts};
use super::image::{Image, candidates, found, is_elsewhere};
use super::sweep;

/// An image of Kafka with Java, and room for the containers' own files.
const NEEDED_MIB: u64 = 1_500;

/// All checks of the engine; only the first one when there is none.
pub fn engine_checks(scope: &DoctorScope) -> Vec<Check> {
    let remedy = "install Docker 20.10 or later and start it (Debian: apt-get install docker.io), or name its socket with DOCKER_HOST";
    let asked = Engine::connect().and_then(|engine| Ok((engine.facts()?, engine)));
    let (facts, engine) = match asked {
        Ok(asked) => asked,
        Err(error) => {
            let found = error.to_string();
            return vec![check("Docker engine", CheckState::Fail, found, remedy)];
        }
    };
    let mut checks = vec![version(&facts), place(&facts)];
    checks.push(image(&engine, scope));
    checks.push(disk(
        "disk space of the engine",
        &facts.data_root,
        NEEDED_MIB,
        "the engine's data-root",
    ));
    checks.push(earlier_runs(&engine));
    checks
}

fn version(facts: &Facts) -> Check {
    let found = format!(
        "{} {}, API {}, cgroup version {}",
        if facts.is_podman { "Podman" } else { "Docker" },
        facts.version,
        facts.api,
        facts.cgroup
    );
    let name = "Docker engine";
    if !facts.api_will_do() {
        let remedy = "install Docker 20.10 or later: its API must be 1.41 or later";
        return check(name, CheckState::Fail, found, remedy);
    }
    if facts.is_podman {
        let remedy = "quickstart and partition came to a verdict on the socket of Podman 5.4 as root; no older one and no rootless one was tried, and Podman before 5 tells published ports with an empty address";
        return check(name, CheckState::Warn, found, remedy);
    }
    check(name, CheckState::Ok, found, "")
}

fn place(facts: &Facts) -> Check {
    let name = "engine's place";
    if is_elsewhere() {
        let host = std::env::var("DOCKER_HOST").unwrap_or_default();
        return check(
            name,
            CheckState::Fail,
            format!("{} ({host})", facts.machine),
            "containers and squall share files and 127.0.0.1: use the engine of this machine (unset DOCKER_HOST)",
        );
    }
    check(
        name,
        CheckState::Ok,
        format!("this machine ({})", facts.machine),
        "",
    )
}

fn image(engine: &Engine, scope: &DoctorScope) -> Check {
    let names = candidates(scope.image.as_deref(), scope.version);
    let looked: Result<Vec<Option<Image>>, _> =
        names.iter().map(|name| found(engine, name)).collect();
    let build = format!(
        "where no registry can be reached: squall image build --kafka {}",
        scope.version
    );
    let name = "image";
    match looked {
        Err(error) => check(name, CheckState::Fail, error.to_string(), build),
        Ok(looked) => match looked.into_iter().flatten().next() {
            Some(image) => check(
                name,
                CheckState::Ok,
                format!("{} is on the engine", image.name),
                "",
            ),
            None => check(
                name,
                CheckState::Warn,
                format!(
                    "{} must be pulled",
                    names.last().cloned().unwrap_or_default()
                ),
                build,
            ),
        },
    }
}

fn earlier_runs(engine: &Engine) -> Check {
    let name = "containers of earlier runs";
    match sweep::leftovers(engine) {
        Err(error) => check(
            name,
            CheckState::Fail,
            error.to_string(),
            "look at the engine's own log",
        ),
        Ok(runs) if runs.is_empty() => check(name, CheckState::Ok, "nothing left behind", ""),
        Ok(runs) => check(
            name,
            CheckState::Warn,
            format!("left behind by run {}", runs.join(", ")),
            "run `squall clean`",
        ),
    }
}
