//! Finds free ports that no outgoing connection will take while a worker is down.

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

use super::super::RuntimeError;

const LOWEST: u16 = 15_000;
const LEAST_CHOICE: u16 = 1_000;

/// `count` different ports of 127.0.0.1 that are free now. They lie below the kernel's range for outgoing connections:
/// a worker that is down for seconds must find its port free again. `salt` makes runs begin their search apart.
pub(in crate::runtime) fn free_ports(count: usize, salt: u64) -> Result<Vec<u16>, RuntimeError> {
    let range = search_range(ephemeral_start());
    let length = u64::from(range.end - range.start);
    let mut held = Vec::new();
    let mut tried = BTreeSet::new();
    let mut draw = salt;
    while held.len() < count && tried.len() < usize::from(range.end - range.start) / 2 {
        // Knuth's multiplicative step: spreads successive draws over the whole range.
        draw = draw
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let port = range.start + u16::try_from((draw >> 33) % length).expect("less than the range");
        if tried.insert(port) {
            held.extend(TcpListener::bind((Ipv4Addr::LOCALHOST, port)));
        }
    }
    let ports: Vec<u16> = held
        .iter()
        .filter_map(|listener| Some(listener.local_addr().ok()?.port()))
        .collect();
    if ports.len() == count {
        return Ok(ports);
    }
    Err(RuntimeError::PortTaken {
        who: "the cluster".to_owned(),
        attempts: u32::try_from(tried.len()).unwrap_or(u32::MAX),
        seen: format!(
            "no {count} free ports between {} and {}",
            range.start, range.end
        ),
    })
}

fn search_range(ephemeral_start: u16) -> Range<u16> {
    if ephemeral_start >= LOWEST + LEAST_CHOICE {
        LOWEST..ephemeral_start
    } else {
        LOWEST..u16::MAX
    }
}

fn ephemeral_start() -> u16 {
    fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|text| text.split_ascii_whitespace().next()?.parse().ok())
        .unwrap_or(32_768)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_different_free_and_outside_the_range_of_outgoing_connections() {
        let ports = free_ports(8, 42).unwrap();
        assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), 8);
        let range = search_range(ephemeral_start());
        assert!(ports.iter().all(|port| range.contains(port)));
    }

    #[test]
    fn a_taken_port_is_passed_over() {
        let first = free_ports(1, 7).unwrap()[0];
        let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, first)).unwrap();
        assert_ne!(free_ports(1, 7).unwrap()[0], first);
    }

    #[test]
    fn a_machine_with_a_very_wide_range_still_gets_ports() {
        assert_eq!(search_range(1024), LOWEST..u16::MAX);
        assert_eq!(search_range(32_768), LOWEST..32_768);
    }
}
