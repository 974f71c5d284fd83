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
fn a_process_is_seen_running_paused_and_ended_and_a_later_one_with_its_id_is_left_alone() {
    let temp = tempfile::tempdir().unwrap();
    let way = process_way(temp.path());
    let commands = commands_of(&way, None);
    let status = commands.status.clone().unwrap();
    assert_eq!(shell(&status), (true, "ended".to_owned()));
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    let Way::Process { pid_file, .. } = &way else {
        panic!("a process")
    };
    std::fs::write(pid_file, format!("{}\n", child.id())).unwrap();
    let (_, seen) = shell(&status);
    let identity = seen.strip_prefix("running ").unwrap().to_owned();
    assert!(
        identity.starts_with(&format!("{}.", child.id())),
        "{identity}"
    );
    assert!(shell(&commands.pause.unwrap()).0);
    assert_eq!(shell(&status).1, format!("paused {identity}"));
    assert!(shell(&commands.resume.unwrap()).0);
    let kill = commands.kill.unwrap();
    assert!(
        !shell(&format!(
            "SQUALL_IDENTITY=1.1; export SQUALL_IDENTITY; {kill}"
        ))
        .0
    );
    assert_eq!(shell(&status).1, format!("running {identity}"));
    assert!(
        shell(&format!(
            "SQUALL_IDENTITY={identity}; export SQUALL_IDENTITY; {kill}"
        ))
        .0
    );
    // Not reaped yet: a zombie has ended.
    while shell(&status).1 != "ended" {
        std::thread::yield_now();
    }
    child.wait().unwrap();
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
