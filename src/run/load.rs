//! The observer of this machine's CPUs: how much of them the run had, and how much others took.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::time::Duration;

use crate::journal::{Journal, What};
use crate::model::{Moment, RuntimeKind};
use crate::runtime::{Runtime, proc_table};

use super::host::TICKS_PER_SECOND;
use super::observe::stopped_within;

/// What a process used between the last look at it and its end goes to nobody, so looks are much closer than events.
const LOOK: Duration = Duration::from_millis(500);
const TELL_EVERY: Duration = Duration::from_secs(2);
const CGROUPS: &str = "/sys/fs/cgroup";

/// Writes down what the machine's CPUs do until told to stop. Where the processes of the cluster are not to be seen on
/// this machine, nothing is written.
pub fn watch(runtime: &dyn Runtime, journal: &Journal, stop: &Receiver<()>) {
    let clock = journal.clock();
    let machine = Machine::of(runtime.kind());
    let mut account = None;
    loop {
        let ending = stopped_within(stop, LOOK);
        let now = clock.now();
        let look = runtime.pids().and_then(|pids| machine.look(&pids));
        account = match (account.take(), look) {
            (_, None) => None,
            (None, Some(look)) => Some(Account::begin(now, look)),
            (Some(account), Some(look)) => Some(account.with(look)),
        };
        let due = |account: &&mut Account| ending || now.since(account.began) >= TELL_EVERY;
        if let Some(told) = account.as_mut().filter(due).map(|a| a.tell(now)) {
            journal.record(told);
        }
        if ending {
            return;
        }
    }
}

/// Where the counters of this machine stand that concern the run.
struct Machine {
    /// The CPUs that the run may use; all when `None`.
    allowed: Option<BTreeSet<u32>>,
    /// The groups whose limits of CPU hold for the run.
    limits: Vec<PathBuf>,
}

impl Machine {
    /// Local processes share our affinity and limits; containers have their own.
    fn of(runtime: RuntimeKind) -> Self {
        let shared = runtime == RuntimeKind::Process;
        let read = |path: &str| fs::read_to_string(path).ok().filter(|_| shared);
        let groups = read("/proc/self/cgroup").map(|text| limiting(&text));
        Self {
            allowed: read("/proc/self/status").and_then(|status| allowed(&status)),
            limits: groups.unwrap_or_default(),
        }
    }

    /// All counters now; nothing where the kernel does not say.
    fn look(&self, pids: &[u32]) -> Option<Look> {
        let pids = pids.iter().copied().chain([std::process::id()]);
        let processes = pids.filter_map(|pid| {
            let (start, used) = proc_table::start_and_used_ticks(pid)?;
            Some(((pid, start), used))
        });
        let pressure = fs::read_to_string("/proc/pressure/cpu").ok();
        let limits = self.limits.iter().filter_map(|path| {
            let stat = fs::read_to_string(path).ok()?;
            counter(&stat, "throttled_usec ")
        });
        Some(Look {
            cpus: cpus(
                &fs::read_to_string("/proc/stat").ok()?,
                self.allowed.as_ref(),
            )?,
            processes: processes.collect(),
            waited_us: pressure.and_then(|text| waited_us(&text)),
            throttled_us: limits.sum(),
        })
    }
}

/// Counters that only grow, at one moment; ticks are the kernel's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Look {
    cpus: Cpus,
    /// Ticks that each process has used, by its pid and its start.
    processes: BTreeMap<(u32, u64), u64>,
    waited_us: Option<u64>,
    throttled_us: u64,
}

/// Ticks of some CPUs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Cpus {
    total: u64,
    free: u64,
    stolen: u64,
}

/// What has happened since the last event.
struct Account {
    began: Moment,
    first: Look,
    last: Look,
    ours: u64,
}

impl Account {
    fn begin(began: Moment, look: Look) -> Self {
        Self {
            began,
            first: look.clone(),
            last: look,
            ours: 0,
        }
    }

    /// Adds what each process has used since the last look at it; one that is new has used all of it since then.
    fn with(mut self, mut look: Look) -> Self {
        let mut known = std::mem::take(&mut self.last.processes);
        for (process, used) in look.processes {
            let before = known.insert(process, used).unwrap_or(0);
            self.ours += used.saturating_sub(before);
        }
        look.processes = known;
        self.last = look;
        self
    }

    /// The event; the next one counts from here.
    fn tell(&mut self, now: Moment) -> What {
        let (first, last) = (&self.first, &self.last);
        let ticks = |to: u64, from: u64| to.saturating_sub(from) * 1_000 / TICKS_PER_SECOND;
        let us = |to: u64, from: u64| to.saturating_sub(from) / 1_000;
        let over = now.since(self.began).as_millis();
        let what = What::MachineLoad {
            over_ms: u64::try_from(over).unwrap_or(u64::MAX),
            total_ms: ticks(last.cpus.total, first.cpus.total),
            free_ms: ticks(last.cpus.free, first.cpus.free),
            stolen_ms: ticks(last.cpus.stolen, first.cpus.stolen),
            ours_ms: ticks(self.ours, 0),
            waited_ms: last.waited_us.zip(first.waited_us).map(|(l, f)| us(l, f)),
            throttled_ms: us(last.throttled_us, first.throttled_us),
        };
        *self = Self::begin(now, last.clone());
        what
    }
}

/// The ticks of these CPUs, from the text of `/proc/stat`. Guests' time is in that of users.
fn cpus(stat: &str, allowed: Option<&BTreeSet<u32>>) -> Option<Cpus> {
    let wanted = |name: &str| match (name.strip_prefix("cpu")?, allowed) {
        ("", None) => Some(()),
        (number, Some(allowed)) => {
            let number: u32 = number.parse().ok()?;
            allowed.contains(&number).then_some(())
        }
        (_, None) => None,
    };
    let mut sum = Cpus::default();
    for line in stat.lines() {
        let mut words = line.split_ascii_whitespace();
        if words.next().and_then(wanted).is_none() {
            continue;
        }
        let ticks: Vec<u64> = words.map_while(|word| word.parse().ok()).take(8).collect();
        let [_, _, _, idle, waiting, irq, softirq, stolen] = ticks[..] else {
            return None;
        };
        sum.total += ticks.iter().sum::<u64>();
        sum.free += idle + waiting + irq + softirq;
        sum.stolen += stolen;
    }
    (sum.total > 0).then_some(sum)
}

/// For how long in all some process had to wait for a CPU, from the text of `/proc/pressure/cpu`.
fn waited_us(pressure: &str) -> Option<u64> {
    let some = pressure.lines().find(|line| line.starts_with("some "))?;
    some.rsplit_once("total=")?.1.trim().parse().ok()
}

fn counter(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines();
    lines.find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

/// The counters of all groups above a process, from its `cgroup`: each may have a limit. Version 2 only.
fn limiting(cgroup: &str) -> Vec<PathBuf> {
    let own = cgroup.lines().find_map(|line| line.strip_prefix("0::/"));
    let path = Path::new(CGROUPS).join(own.unwrap_or_default());
    let above = path
        .ancestors()
        .take_while(|path| path.starts_with(CGROUPS));
    above.map(|group| group.join("cpu.stat")).collect()
}

/// The CPUs that a process may use, from its `status`: `0-1,4`.
fn allowed(status: &str) -> Option<BTreeSet<u32>> {
    let mut lines = status.lines();
    let list = lines.find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    let mut all = BTreeSet::new();
    for range in list.trim().split(',') {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        all.extend(from.parse::<u32>().ok()?..=to.parse().ok()?);
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "cpu  300 10 60 500 50 5 20 55 7 0
cpu0 100 10 30 300 30 5 10 15 7 0
cpu1 200 0 30 200 20 0 10 40 0 0
intr 42 0
ctxt 77
";

    fn look(total: u64, free: u64, processes: &[((u32, u64), u64)]) -> Look {
        Look {
            cpus: Cpus {
                total,
                free,
                stolen: 0,
            },
            processes: processes.iter().copied().collect(),
            waited_us: Some(total * 1_000),
            throttled_us: total * 10,
        }
    }

    #[test]
    fn what_cpus_did_is_read_for_all_or_for_those_that_the_run_may_use() {
        let cpus = |allowed: Option<&[u32]>| {
            let allowed = allowed.map(|numbers| numbers.iter().copied().collect());
            let cpus = cpus(STAT, allowed.as_ref())?;
            Some((cpus.total, cpus.free, cpus.stolen))
        };
        assert_eq!(cpus(None), Some((1_000, 575, 55)));
        assert_eq!(cpus(Some(&[1])), Some((500, 230, 40)));
        assert_eq!(cpus(Some(&[0, 1])), Some((1_000, 575, 55)));
        assert_eq!(cpus(Some(&[7])), None);
    }

    #[test]
    fn what_else_the_kernel_says_is_read() {
        let pressure = "some avg10=94.31 avg60=96.74 avg300=97.13 total=10016\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n";
        assert_eq!(waited_us(pressure), Some(10_016));
        assert_eq!(waited_us(""), None);
        let limits = "usage_usec 5\nnr_throttled 3\nthrottled_usec 900\n";
        assert_eq!(counter(limits, "throttled_usec "), Some(900));
        let status = "Cpus_allowed:\t13\nCpus_allowed_list:\t0-1,4\n";
        assert_eq!(allowed(status), Some(BTreeSet::from([0, 1, 4])));
        assert_eq!(allowed("Cpus_allowed_list:\tall\n"), None);
        let paths = ["/a/b", "/a", ""].map(|group| format!("{CGROUPS}{group}/cpu.stat"));
        assert_eq!(limiting("3:cpu:/x\n0::/a/b\n"), paths.map(PathBuf::from));
    }

    #[test]
    fn a_process_that_came_or_went_counts_for_as_long_as_it_was_seen() {
        let (own, old, new) = ((1, 5), (2, 6), (2, 9));
        let account = Account::begin(
            Moment::from_ms(1_000),
            look(1_000, 400, &[(own, 10), (old, 500)]),
        );
        // One ends after 20 ticks more, and another has its pid.
        let account = account.with(look(1_100, 420, &[(own, 15), (old, 520)]));
        let mut account = account.with(look(1_200, 440, &[(own, 17), (new, 30)]));
        let expected = What::MachineLoad {
            over_ms: 2_000,
            total_ms: 2_000,
            free_ms: 400,
            ours_ms: (7 + 20 + 30) * 10,
            stolen_ms: 0,
            waited_ms: Some(200),
            throttled_ms: 2,
        };
        assert_eq!(account.tell(Moment::from_ms(3_000)), expected);
        let What::MachineLoad {
            over_ms, ours_ms, ..
        } = account.tell(Moment::from_ms(3_500))
        else {
            panic!("no load");
        };
        assert_eq!((over_ms, ours_ms), (500, 0));
    }

    #[test]
    fn this_machine_says_what_its_cpus_did_and_what_this_process_used() {
        let machine = Machine::of(RuntimeKind::Process);
        let before = machine.look(&[]).unwrap();
        let mut account = Account::begin(Moment::default(), before);
        let mut waste = 0u64;
        while account.ours == 0 {
            (0..1_000_000).for_each(|n| waste = waste.wrapping_mul(31) ^ n);
            let next = machine.look(&[]).unwrap();
            account = account.with(next);
        }
        let told = account.tell(Moment::from_ms(1_000));
        let What::MachineLoad {
            total_ms, ours_ms, ..
        } = told
        else {
            panic!("no load");
        };
        assert!(0 < ours_ms && ours_ms <= total_ms + 20, "{told:?} {waste}");
    }
}
