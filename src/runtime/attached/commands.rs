//! What each way of controlling a worker means in shell commands: plain functions that run nothing.

use std::collections::BTreeMap;
use std::path::Path;

use crate::connect::worker_values::BEGINS;
use crate::model::FaultKind;
use crate::scenario::inventory::{Commands, Way};

use super::super::Act;

/// The text as one word of a POSIX shell.
pub fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./:@%+,-".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A network of a container, as it has to be joined again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// The names that the container has in it.
    pub aliases: Vec<String>,
    /// The address that the container was given by its user; others are given anew.
    pub fixed_ip: Option<String>,
}

/// The networks in the answer of `docker inspect -f '{{json .NetworkSettings.Networks}}'`; `None` when it is no such answer.
pub fn networks_in(json: &str) -> Option<Vec<Network>> {
    let networks: BTreeMap<String, serde_json::Value> = serde_json::from_str(json.trim()).ok()?;
    let network = |(name, found): (String, serde_json::Value)| Network {
        name,
        aliases: found["Aliases"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|alias| alias.as_str().map(str::to_owned))
            .collect(),
        fixed_ip: found["IPAMConfig"]["IPv4Address"]
            .as_str()
            .filter(|ip| !ip.is_empty())
            .map(str::to_owned),
    };
    Some(networks.into_iter().map(network).collect())
}

/// The commands of a way; for a container they say which network it is cut off from once that is known. Those of a Compose
/// service speak of its container as `$c`: it is found first, see [`container_question`].
pub fn commands_of(way: &Way, network: Option<&Network>) -> Commands {
    match way {
        Way::Docker {
            container,
            network: named,
        } => docker(&quoted(container), network, named.as_deref()),
        Way::Compose { .. } => docker("\"$c\"", network, None),
        Way::Systemd { unit, user } => systemd(&quoted(unit), *user),
        Way::Process {
            pid_file,
            start,
            log,
        } => process(pid_file, start, log.as_deref()),
        Way::Commands(commands) => commands.clone(),
    }
}

/// The command that prints the names of a service's containers; `None` for what is no service.
pub fn container_question(way: &Way) -> Option<String> {
    match way {
        Way::Compose { project, service } => Some(format!(
            "docker ps -a {} --format '{{{{.Names}}}}'",
            filters(project, service)
        )),
        Way::Docker { .. } | Way::Systemd { .. } | Way::Process { .. } | Way::Commands(_) => None,
    }
}

/// The command that asks for a container's networks; `None` for what is no container.
pub fn network_question(way: &Way) -> Option<String> {
    let inspect = "docker inspect -f '{{json .NetworkSettings.Networks}}'";
    match way {
        Way::Docker { container, .. } => Some(format!("{inspect} {}", quoted(container))),
        Way::Compose { .. } => Some(format!("{inspect} \"$c\"")),
        Way::Systemd { .. } | Way::Process { .. } | Way::Commands(_) => None,
    }
}

/// The command that prints the settings of a worker's last start as its log so far has them; `None` where there is no such
/// log. What follows the header line begins with a tab.
pub fn settings_question(way: &Way) -> Option<String> {
    let block = format!(
        "awk '/{BEGINS}/{{b=$0 \"\\n\";f=1;next}} f&&/^\\t/{{b=b $0 \"\\n\";next}} {{f=0}} END{{printf \"%s\",b}}'"
    );
    let docker = |target: &str| format!("docker logs {target} 2>&1 | {block}");
    match way {
        Way::Docker { container, .. } => Some(docker(&quoted(container))),
        Way::Compose { .. } => Some(docker("\"$c\"")),
        Way::Systemd { unit, user } => {
            let own = if *user { " --user" } else { "" };
            let unit = quoted(unit);
            Some(format!(
                "journalctl{own} -u {unit} -o cat --no-pager | {block}"
            ))
        }
        Way::Process { log, .. } => {
            let log = log.as_ref()?.to_string_lossy().into_owned();
            Some(format!("{block} {}", quoted(&log)))
        }
        Way::Commands(_) => None,
    }
}

fn filters(project: &str, service: &str) -> String {
    let label = |name: &str, value: &str| {
        let filter = format!("label=com.docker.compose.{name}={value}");
        format!("--filter {}", quoted(&filter))
    };
    [
        label("project", project),
        label("service", service),
        label("oneoff", "False"),
    ]
    .join(" ")
}

fn docker(target: &str, network: Option<&Network>, named: Option<&str>) -> Commands {
    let first = format!(
        "\"$(docker inspect -f '{{{{range $n, $x := .NetworkSettings.Networks}}}}{{{{println $n}}}}{{{{end}}}}' {target} | head -n 1)\""
    );
    let name = network.map(|network| network.name.as_str()).or(named);
    let net = name.map_or(first, quoted);
    let mut reconnect = "docker network connect".to_owned();
    if let Some(network) = network {
        for alias in &network.aliases {
            reconnect.push_str(&format!(" --alias {}", quoted(alias)));
        }
        if let Some(ip) = &network.fixed_ip {
            reconnect.push_str(&format!(" --ip {}", quoted(ip)));
        }
    }
    Commands {
        kill: Some(format!("docker kill --signal KILL {target}")),
        stop: Some(format!("docker kill --signal TERM {target}")),
        start: Some(format!("docker start {target}")),
        pause: Some(format!("docker pause {target}")),
        resume: Some(format!("docker unpause {target}")),
        disconnect: Some(format!("docker network disconnect {net} {target}")),
        reconnect: Some(format!("{reconnect} {net} {target}")),
        dump_threads: Some(format!("docker kill --signal QUIT {target}")),
        status: Some(docker_status(target, name)),
        // A container that is down has no log to follow: the next start is waited for. It is said to have started a little
        // after it printed its first lines, so what comes behind its last end is taken.
        log: Some(format!(
            "if [ \"${{SQUALL_INCARNATION:-1}}\" = 1 ]; then exec docker logs -f --tail 0 {target} 2>&1; fi; \
             until [ \"$(docker inspect -f '{{{{.State.Running}}}}' {target})\" = true ]; do sleep 0.1; done; \
             exec docker logs -f --since \"$(docker inspect -f '{{{{.State.FinishedAt}}}}' {target})\" {target} 2>&1"
        )),
    }
}

fn docker_status(target: &str, network: Option<&str>) -> String {
    let joined = network.map_or_else(
        || "{{len .NetworkSettings.Networks}}".to_owned(),
        |name| {
            // The name stands in a string of a template in a quoted word of the shell.
            let name = name.replace(['"', '\\', '\''], "");
            format!(
                "{{{{if index .NetworkSettings.Networks \"{name}\"}}}}1{{{{else}}}}0{{{{end}}}}"
            )
        },
    );
    format!(
        "s=$(docker inspect -f '{{{{.State.Status}}}} {{{{.State.ExitCode}}}} {{{{.State.StartedAt}}}} {joined}' {target}) || exit 1; set -- $s; \
         case \"$1\" in \
         running) if [ \"$4\" = 0 ]; then echo \"disconnected $3\"; else echo \"running $3\"; fi;; \
         paused) echo \"paused $3\";; \
         *) echo \"ended $2\";; esac"
    )
}

fn systemd(unit: &str, user: bool) -> Commands {
    let (own, systemctl) = if user {
        (" --user", "systemctl --user")
    } else {
        ("", "systemctl")
    };
    // `--kill-who` is the older name of `--kill-whom`, and understood by all releases.
    let signal = |name: &str| Some(format!("{systemctl} kill --kill-who=main -s {name} {unit}"));
    // Which process it is, systemd alone tells: one that was killed may be gone from /proc before systemd says so.
    let status = format!(
        "s=$({systemctl} show -p ActiveState,MainPID,ExecMainStartTimestampMonotonic,ExecMainCode,ExecMainStatus {unit}) || exit 1; \
         get() {{ printf '%s\\n' \"$s\" | sed -n \"s/^$1=//p\"; }}; p=$(get MainPID); r=$(get ExecMainStatus); \
         i=$p.$(get ExecMainStartTimestampMonotonic); \
         case \"$(get ActiveState)\" in active|reloading|activating|deactivating) \
         if [ \"${{p:-0}}\" != 0 ]; then case \"$(sed 's/.*) //' \"/proc/$p/stat\" 2>/dev/null)\" in \
         T*|t*) echo \"paused $i\";; *) echo \"running $i\";; esac; exit 0; fi;; esac; \
         case \"$(get ExecMainCode)\" in 1) echo \"ended $r\";; 2|3) echo \"ended $((128+r))\";; *) echo ended;; esac"
    );
    Commands {
        kill: signal("KILL"),
        stop: Some(format!("{systemctl} stop --no-block {unit}")),
        start: Some(format!(
            "{systemctl} reset-failed {unit} 2>/dev/null; {systemctl} start --no-block {unit}"
        )),
        pause: signal("STOP"),
        resume: signal("CONT"),
        disconnect: None,
        reconnect: None,
        dump_threads: signal("QUIT"),
        status: Some(status),
        log: Some(format!("exec journalctl{own} -u {unit} -f -n 0 -o cat")),
    }
}

fn process(pid_file: &Path, start: &str, log: Option<&Path>) -> Commands {
    let file = quoted(&pid_file.to_string_lossy());
    // The process that had this id when it was last looked at; a later one with the same id is none of ours.
    let find = format!(
        "p=$(cat {file}) && set -- $(sed 's/.*) //' \"/proc/$p/stat\") && \
         [ \"${{SQUALL_IDENTITY:-$p.${{20}}}}\" = \"$p.${{20}}\" ]"
    );
    let signal = |name: &str| Some(format!("{find} && kill -{name} \"$p\""));
    let status = format!(
        "p=$(cat {file} 2>/dev/null) || {{ echo ended; exit 0; }}; \
         f=$(sed 's/.*) //' \"/proc/$p/stat\" 2>/dev/null) || {{ echo ended; exit 0; }}; set -- $f; \
         case \"$1\" in Z|X|'') echo ended;; T|t) echo \"paused $p.${{20}}\";; *) echo \"running $p.${{20}}\";; esac"
    );
    Commands {
        kill: signal("KILL"),
        stop: signal("TERM"),
        start: Some(start.to_owned()),
        pause: signal("STOP"),
        resume: signal("CONT"),
        disconnect: None,
        reconnect: None,
        dump_threads: signal("QUIT"),
        status: Some(status),
        log: log.map(|log| format!("exec tail -n 0 -F {}", quoted(&log.to_string_lossy()))),
    }
}

/// The command for this act, where there is one.
pub fn command_for(commands: &Commands, act: Act) -> Option<&str> {
    let command = match act {
        Act::Kill => &commands.kill,
        Act::Terminate => &commands.stop,
        Act::Pause => &commands.pause,
        Act::Resume => &commands.resume,
        Act::Disconnect => &commands.disconnect,
        Act::Reconnect => &commands.reconnect,
        Act::DumpThreads => &commands.dump_threads,
    };
    command.as_deref()
}

/// What must be there for a fault of this kind, in the order of its use: what begins it, what may have to follow, and what
/// undoes it. Each with its name in an inventory.
pub fn needed_for(commands: &Commands, kind: FaultKind) -> Vec<(&'static str, Option<&str>)> {
    let kill = ("kill", commands.kill.as_deref());
    let start = ("start", commands.start.as_deref());
    match kind {
        FaultKind::Kill => vec![kill, start],
        FaultKind::Stop { .. } => vec![("stop", commands.stop.as_deref()), kill, start],
        FaultKind::Pause => vec![
            ("pause", commands.pause.as_deref()),
            ("resume", commands.resume.as_deref()),
        ],
        FaultKind::Disconnect => vec![
            ("disconnect", commands.disconnect.as_deref()),
            ("reconnect", commands.reconnect.as_deref()),
        ],
    }
}

/// What a fault of this kind may use and can do without, with its name in an inventory.
pub fn useful_for(commands: &Commands, kind: FaultKind) -> Option<(&'static str, &str)> {
    match kind {
        FaultKind::Stop { .. } => Some(("dump-threads", commands.dump_threads.as_deref()?)),
        FaultKind::Kill | FaultKind::Pause | FaultKind::Disconnect => None,
    }
}

#[cfg(test)]
#[path = "commands_tests.rs"]
mod tests;
