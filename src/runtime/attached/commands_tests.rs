//! Tests of commands: quoting against a real shell, and the process commands against real processes.

use std::path::PathBuf;
use std::process::Command;

use proptest::prelude::*;

use super::*;

fn shell(script: &str) -> (bool, String) {
    let output = Command::new("sh").args(["-c", script]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.success(), text.trim().to_owned())
}

fn process_way(folder: &Path) -> Way {
    Way::Process {
        pid_file: folder.join("it's a \"pid\""),
        start: "true".to_owned(),
        log: Some(folder.join("a log")),
    }
}

#[test]
fn the_settings_of_the_last_start_are_printed_from_a_log() {
    let temp = tempfile::tempdir().unwrap();
    let way = process_way(temp.path());
    let question = settings_question(&way).unwrap();
    assert!(!shell(&question).0);
    let block = |value: &str| {
        format!(
            "[t] INFO DistributedConfig values: \n\tlisteners = []\n\toffset.flush.interval.ms = {value}\n (c)\n[t] INFO more\n\tno = setting\n"
        )
    };
    let Way::Process { log: Some(log), .. } = &way else {
        panic!("a process with a log")
    };
    std::fs::write(log, format!("[t] INFO first\n{}{}", block("1"), block("2"))).unwrap();
    let (succeeded, printed) = shell(&question);
    assert!(succeeded, "{printed}");
    let values = crate::connect::worker_values::last_in(&printed);
    assert_eq!(values.len(), 2, "{printed}");
    assert_eq!(values["offset.flush.interval.ms"], "2");
}

/// A process that ends with its test, however that ends.
struct Sleeper(std::process::Child);

impl Drop for Sleeper {
    fn drop(&mut self) {
        // One that was killed already is fine.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asks until this is the answer: a signal takes a moment to show.
fn await_answer(status: &str, wanted: &str) {
    let deadline = crate::journal::Deadline::after(std::time::Duration::from_secs(20));
    loop {
        let (_, seen) = shell(status);
        if seen == wanted {
            return;
        }
        assert!(!deadline.has_passed(), "{seen}, not {wanted}");
        std::thread::yield_now();
    }
}

#[test]
fn a_process_is_seen_running_paused_and_ended_and_a_later_one_with_its_id_is_left_alone() {
    let temp = tempfile::tempdir().unwrap();
    let way = process_way(temp.path());
    let commands = commands_of(&way, None);
    let status = commands.status.clone().unwrap();
    assert_eq!(shell(&status), (true, "ended".to_owned()));
    let sleeper = Sleeper(Command::new("sleep").arg("60").spawn().unwrap());
    let id = sleeper.0.id();
    let Way::Process { pid_file, .. } = &way else {
        panic!("a process")
    };
    std::fs::write(pid_file, format!("{id}\n")).unwrap();
    let (_, seen) = shell(&status);
    let identity = seen.strip_prefix("running ").unwrap().to_owned();
    assert!(identity.starts_with(&format!("{id}.")), "{identity}");
    assert!(shell(&commands.pause.unwrap()).0);
    await_answer(&status, &format!("paused {identity}"));
    assert!(shell(&commands.resume.unwrap()).0);
    let kill = commands.kill.unwrap();
    assert!(
        !shell(&format!(
            "SQUALL_IDENTITY=1.1; export SQUALL_IDENTITY; {kill}"
        ))
        .0
    );
    await_answer(&status, &format!("running {identity}"));
    assert!(
        shell(&format!(
            "SQUALL_IDENTITY={identity}; export SQUALL_IDENTITY; {kill}"
        ))
        .0
    );
    // Not reaped yet: a zombie has ended.
    await_answer(&status, "ended");
    drop(sleeper);
    assert_eq!(shell(&status).1, "ended");
}

#[test]
fn a_network_is_joined_again_with_the_names_and_the_fixed_address_that_it_had() {
    let json = r#"{"squall_default": {"IPAMConfig": {"IPv4Address": "10.9.0.7"}, "Aliases": ["connect-1", "it's"]}}"#;
    let networks = networks_in(json).unwrap();
    let way = Way::Docker {
        container: "c1".to_owned(),
        network: None,
    };
    let commands = commands_of(&way, networks.first());
    assert_eq!(
        commands.disconnect.unwrap(),
        "docker network disconnect squall_default c1"
    );
    assert_eq!(
        commands.reconnect.unwrap(),
        r"docker network connect --alias connect-1 --alias 'it'\''s' --ip 10.9.0.7 squall_default c1"
    );
    assert_eq!(networks_in("no json"), None);
}

#[test]
fn each_way_can_do_what_it_can_and_says_what_it_cannot() {
    let disconnect = |way: &Way| {
        let commands = commands_of(way, None);
        let needed = needed_for(&commands, FaultKind::Disconnect);
        needed.iter().all(|(_, command)| command.is_some())
    };
    let compose = Way::Compose {
        project: "p".to_owned(),
        service: "s".to_owned(),
    };
    let unit = Way::Systemd {
        unit: "kafka-connect".to_owned(),
        user: false,
    };
    assert!(disconnect(&compose) && !disconnect(&unit));
    assert!(!disconnect(&process_way(Path::new("/run"))));
    let stop = FaultKind::Stop { grace_ms: 1 };
    let commands = commands_of(&unit, None);
    assert!(needed_for(&commands, stop).iter().all(|(_, c)| c.is_some()));
    let quit = "systemctl kill --kill-who=main -s QUIT kafka-connect";
    assert_eq!(useful_for(&commands, stop), Some(("dump-threads", quit)));
    assert_eq!(useful_for(&commands, FaultKind::Kill), None);
    assert_eq!(useful_for(&Commands::default(), stop), None);
}

#[test]
fn every_command_is_sound_to_a_shell() {
    let odd = "a'b \"c\" $(touch /tmp/no) `x` ;&|".to_owned();
    let ways = [
        Way::Docker {
            container: odd.clone(),
            network: Some(odd.clone()),
        },
        Way::Compose {
            project: odd.clone(),
            service: odd.clone(),
        },
        Way::Systemd {
            unit: odd.clone(),
            user: true,
        },
        Way::Process {
            pid_file: PathBuf::from(&odd),
            start: "true".to_owned(),
            log: Some(PathBuf::from(&odd)),
        },
    ];
    for way in ways {
        let commands = commands_of(&way, None);
        let all = [
            &commands.kill,
            &commands.stop,
            &commands.start,
            &commands.pause,
            &commands.resume,
            &commands.disconnect,
            &commands.reconnect,
            &commands.dump_threads,
            &commands.status,
            &commands.log,
        ];
        for command in all.into_iter().flatten() {
            let checked = Command::new("sh").args(["-n", "-c", command]).status();
            assert!(checked.unwrap().success(), "{command}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_stays_one_word(text in "[^\\x00]{0,40}") {
        let output = Command::new("sh")
            .args(["-c", &format!("printf '%s' {}", quoted(&text))])
            .output()
            .unwrap();
        prop_assert_eq!(String::from_utf8_lossy(&output.stdout), text);
    }
}

/// A container that does nothing, in a network of its own; dropping it removes everything.
struct Container(String);

impl Container {
    /// `None` without a Docker engine: there is nothing to test then.
    fn start(name: &str) -> Option<Self> {
        if !shell("docker version").0 {
            return None;
        }
        let name = format!("{name}-{}", std::process::id());
        let container = Self(name.clone());
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().display();
        let script = format!(
            "set -e; mkdir -p {root}/bin; cp -L \"$(command -v dash || command -v sh)\" {root}/bin/sh; cp -L \"$(command -v sleep)\" {root}/bin/sleep; \
             for f in $(ldd {root}/bin/sh {root}/bin/sleep | grep -o '/[^ )]*' | sort -u); do case $f in *:) ;; *) mkdir -p {root}$(dirname $f); cp -L $f {root}$f;; esac; done; \
             tar -C {root} -c . | docker import - {name} >/dev/null; \
             docker network create --subnet 10.213.77.0/24 {name} >/dev/null; \
             docker run -d --name {name} --label com.docker.compose.project={name} --label com.docker.compose.service=connect-1 --label com.docker.compose.oneoff=False \
             --network {name} --network-alias connect-1 --ip 10.213.77.9 {name} /bin/sh -c 'trap \"echo stopping; exit 143\" TERM; echo started; while :; do sleep 0.1; done' >/dev/null"
        );
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Some(container)
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let name = &self.0;
        shell(&format!(
            "docker rm -f {name}; docker network rm {name}; docker rmi {name}"
        ));
    }
}

#[test]
fn a_container_goes_through_all_that_can_be_done_to_it() {
    let Some(container) = Container::start("squall-commands") else {
        return;
    };
    let service = Way::Compose {
        project: container.0.clone(),
        service: "connect-1".to_owned(),
    };
    let (_, found) = shell(&container_question(&service).unwrap());
    assert_eq!(found, container.0);
    let way = Way::Docker {
        container: found,
        network: None,
    };
    let networks = networks_in(&shell(&network_question(&way).unwrap()).1).unwrap();
    let [network] = networks.as_slice() else {
        panic!("{networks:?}")
    };
    assert_eq!(network.fixed_ip.as_deref(), Some("10.213.77.9"));
    assert!(
        network.aliases.contains(&"connect-1".to_owned()),
        "{network:?}"
    );
    let commands = commands_of(&way, Some(network));
    let status = commands.status.clone().unwrap();
    let seen = || shell(&status).1;
    let first = seen().strip_prefix("running ").unwrap().to_owned();
    let run = |command: &Option<String>| assert!(shell(command.as_ref().unwrap()).0, "{command:?}");
    run(&commands.pause);
    assert_eq!(seen(), format!("paused {first}"));
    run(&commands.resume);
    run(&commands.disconnect);
    assert_eq!(seen(), format!("disconnected {first}"));
    run(&commands.reconnect);
    assert_eq!(seen(), format!("running {first}"));
    let again = networks_in(&shell(&network_question(&way).unwrap()).1).unwrap();
    assert_eq!(again[0].fixed_ip, network.fixed_ip);
    assert!(
        again[0].aliases.contains(&"connect-1".to_owned()),
        "{again:?}"
    );
    run(&commands.kill);
    assert_eq!(seen(), "ended 137");
    run(&commands.start);
    assert!(seen().starts_with("running ") && seen() != format!("running {first}"));
    let log = format!(
        "SQUALL_INCARNATION=2; export SQUALL_INCARNATION; timeout 3 sh -c {}",
        quoted(commands.log.as_ref().unwrap())
    );
    assert_eq!(shell(&log).1, "started");
    run(&commands.stop);
    while seen().starts_with("running") {
        std::thread::yield_now();
    }
    assert_eq!(seen(), "ended 143");
}
