//! Starts containers, the first time and again, and watches for their first answer.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use testcontainers::bollard::models::{
    HostConfig, HostConfigLogConfig, PortBinding, RestartPolicy, RestartPolicyNameEnum,
};
use testcontainers::core::{AccessMode, IntoContainerPort, Mount};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerRequest, GenericImage, ImageExt};

use crate::journal::{Deadline, What};

use super::super::process::node::POLL;
use super::super::{LogFile, RuntimeError, Thing};
use super::engine::{CALL_LIMIT, in_words};
use super::follow::Follower;
use super::inner::{Inner, LOG_LIMIT};
use super::node::{Node, Plan};

/// Starts these containers at the same time; fails with the first failure.
pub fn all(inner: &Arc<Inner>, which: Range<usize>, limit: Duration) -> Result<(), RuntimeError> {
    std::thread::scope(|scope| {
        let starts: Vec<_> = which
            .map(|index| scope.spawn(move || one(inner, index, limit)))
            .collect();
        let ends: Vec<_> = starts
            .into_iter()
            .map(|start| {
                start.join().unwrap_or_else(|_| {
                    Err(RuntimeError::Interrupted("starting containers".to_owned()))
                })
            })
            .collect();
        ends.into_iter().collect()
    })
}

/// Starts one container that is down, and watches for its first answer for so long.
pub fn one(inner: &Arc<Inner>, index: usize, limit: Duration) -> Result<(), RuntimeError> {
    let node = &inner.nodes[index];
    let _busy = node.busy.lock().unwrap_or_else(PoisonError::into_inner);
    if let (true, Some(worker)) = (node.slot().is_up(), &node.plan.worker) {
        return Err(RuntimeError::WorkerUp(worker.clone()));
    }
    if inner.closing.load(Ordering::SeqCst) {
        return Err(RuntimeError::Interrupted(format!(
            "starting {}",
            node.plan.name
        )));
    }
    // What the last start wrote goes into its own log, whole, before there is more.
    if let Some(follower) = node.change(|slot| slot.follower.take()) {
        follower.finish(LOG_LIMIT);
    }
    let is_first = node.slot().handle.is_none();
    let incarnation = node.change(|slot| {
        slot.incarnation += 1;
        slot.announced = false;
        slot.exit = None;
        slot.asked = false;
        slot.expected = vec!["start".to_owned()];
        slot.is_paused = false;
        slot.ready = false;
        slot.last_seen = "nothing yet".to_owned();
        slot.incarnation
    });
    let started = if is_first {
        create(inner, index)
    } else {
        inner.engine.start(&node.plan.container)
    };
    if let Err(error) = started {
        // It is not up; what was made of it is removed when the cluster is taken down.
        node.change(|slot| slot.exit = Some(crate::journal::Exit::Code(-1)));
        return Err(error);
    }
    announce(inner, index, incarnation)?;
    watch_readiness(inner, index, incarnation, limit)
}

/// Makes and starts the container, then gives it its lasting address: the engine takes one that was asked for only from
/// who connects a container, and testcontainers has no word for it.
fn create(inner: &Arc<Inner>, index: usize) -> Result<(), RuntimeError> {
    let node = &inner.nodes[index];
    let name = &node.plan.container;
    inner
        .ledger
        .note(&Thing::Container { name: name.clone() })?;
    node.change(|slot| slot.network_acts += 1);
    let container = inner
        .engine
        .block_on(request(inner, &node.plan).start())
        .map_err(|error| failed_start(node, &in_words(&error)))?;
    let id = container.id().to_owned();
    node.change(|slot| slot.handle = Some(container));
    inner.record().ids.insert(id, index);
    let placed = inner
        .engine
        .disconnect(name, &inner.network)
        .and_then(|()| inner.engine.reconnect(name, &inner.network, &node.address));
    node.change(|slot| slot.network_acts += 1);
    match placed {
        Ok(()) => std::fs::write(&node.plan.gate, b"")
            .map_err(RuntimeError::file("write", &node.plan.gate)),
        // It has ended already: its log tells more.
        Err(refusal) if refusal.why.contains("not running") => Ok(()),
        Err(refusal) => Err(failed_start(node, &refusal.why)),
    }
}

fn failed_start(node: &Node, why: &str) -> RuntimeError {
    let is_port = ["port is already allocated", "address already in use"]
        .iter()
        .any(|words| why.contains(words));
    if is_port {
        return RuntimeError::PortTaken {
            who: node.plan.name.clone(),
            attempts: 1,
            seen: why.to_owned(),
        };
    }
    RuntimeError::Engine {
        action: format!("start container {}", node.plan.container),
        why: why.to_owned(),
    }
}

fn request(inner: &Inner, plan: &Plan) -> ContainerRequest<GenericImage> {
    // An id is written like a name with a tag: `sha256:…`.
    let (name, tag) = plan
        .image
        .id
        .split_once(':')
        .unwrap_or((&plan.image.id, ""));
    let port = plan.inner_port.tcp();
    let mut request = GenericImage::new(name, tag)
        .with_entrypoint(&plan.entry_point)
        .with_exposed_port(port)
        .with_cmd(plan.arguments.iter().cloned())
        .with_container_name(&plan.container)
        .with_network(&inner.network)
        .with_labels(&inner.labels)
        .with_label("squall.node", &plan.name)
        .with_user(&plan.user)
        .with_working_dir(plan.folder.display().to_string())
        .with_startup_timeout(CALL_LIMIT);
    let path = |path: &std::path::Path| path.display().to_string();
    for shared in &plan.read_write {
        request = request.with_mount(Mount::bind_mount(path(shared), path(shared)));
    }
    for shared in &plan.read_only {
        let mount = Mount::bind_mount(path(shared), path(shared));
        request = request.with_mount(mount.with_access_mode(AccessMode::ReadOnly));
    }
    let (inner_port, host_port) = (port.to_string(), plan.port);
    request.with_host_config_modifier(move |host| for_this_machine(host, &inner_port, host_port))
}

/// What testcontainers has no words for: a port of 127.0.0.1 only, no restart by the engine, and a log that the engine
/// neither sends elsewhere nor cuts.
fn for_this_machine(host: &mut HostConfig, inner_port: &str, port: u16) {
    let binding = PortBinding {
        host_ip: Some("127.0.0.1".to_owned()),
        host_port: Some(port.to_string()),
    };
    host.publish_all_ports = Some(false);
    host.port_bindings = Some(HashMap::from([(
        inner_port.to_owned(),
        Some(vec![binding]),
    )]));
    host.restart_policy = Some(RestartPolicy {
        name: Some(RestartPolicyNameEnum::NO),
        maximum_retry_count: None,
    });
    host.log_config = Some(HostConfigLogConfig {
        typ: Some("json-file".to_owned()),
        config: Some(HashMap::from([("max-size".to_owned(), "1000g".to_owned())])),
    });
}

/// Records the start, begins its log, and records its end if that came first.
fn announce(inner: &Arc<Inner>, index: usize, incarnation: u32) -> Result<(), RuntimeError> {
    let node = &inner.nodes[index];
    let state = inner
        .engine
        .inspect(&node.plan.container)?
        .state
        .unwrap_or_default();
    let log = node.log(incarnation);
    if let Some(worker) = &node.plan.worker {
        inner.record().logs.push(LogFile {
            worker: worker.clone(),
            incarnation,
            path: log.clone(),
        });
    }
    let pid = state.pid.and_then(|pid| u32::try_from(pid).ok());
    inner.journal.record(What::ProcessStarted {
        name: node.plan.name.clone(),
        pid: pid.unwrap_or(0),
        incarnation,
        log: format!("logs/{}", node.log_name(incarnation)),
    });
    let follower = Follower::start(&inner.engine, &node.plan.container, &log, &node.seen)?;
    let ended = node.change(|slot| {
        slot.follower = Some(follower);
        slot.announced = true;
        slot.pid = pid;
        slot.exit
    });
    if let Some(exit) = ended {
        inner.record_end(index, exit);
    }
    Ok(())
}

/// Asks the container on a thread of its own until it answers, ends, or is taken down.
fn watch_readiness(
    inner: &Arc<Inner>,
    index: usize,
    incarnation: u32,
    limit: Duration,
) -> Result<(), RuntimeError> {
    let weak = Arc::downgrade(inner);
    let clock = inner.journal.clock();
    let started = clock.now();
    let deadline = Deadline::after(limit);
    let watch = move || {
        while let Some(inner) = weak.upgrade() {
            let node = &inner.nodes[index];
            if inner.closing.load(Ordering::SeqCst)
                || !node.slot().is_starting(incarnation)
                || deadline.has_passed()
            {
                return;
            }
            let answer = node.plan.probe.ask();
            let mut slot = node.slot();
            match answer {
                Ok(()) if slot.is_starting(incarnation) => {
                    let took = clock.now().since(started);
                    inner.journal.record(What::ProcessReady {
                        name: node.plan.name.clone(),
                        incarnation,
                        took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                    });
                    slot.ready = true;
                    return;
                }
                Ok(()) => return,
                Err(seen) => slot.last_seen = seen,
            }
            drop(slot);
            drop(inner);
            std::thread::sleep(POLL);
        }
    };
    std::thread::Builder::new()
        .name("readiness".to_owned())
        .spawn(watch)
        .map(drop)
        .map_err(|source| RuntimeError::Spawn {
            who: "a readiness thread".to_owned(),
            source,
        })
}
