//! Expands a scenario's faults into the timetable of one run.

use crate::model::{Due, FaultId, FaultKind, PlannedFault, Restart, Seed, Target};
use crate::scenario::{FaultStep, InjectStep, Scenario, Start};

use super::estimate::estimate_ms;
use super::stream::NumberStream;
use super::value::Plan;

/// The timetable of this scenario from this seed: the same input gives the same plan, byte for byte.
pub fn draw(scenario: &Scenario, seed: Seed) -> Plan {
    let mut drawing = Drawing {
        seed,
        series: 0,
        faults: Vec::new(),
    };
    for (index, step) in scenario.faults.iter().enumerate() {
        drawing.add(scenario, &format!("faults/{index}"), step);
    }
    Plan {
        format: 1,
        scenario: scenario.name.clone(),
        seed,
        estimate_ms: estimate_ms(scenario, &drawing.faults),
        faults: drawing.faults,
    }
}

struct Drawing {
    seed: Seed,
    series: u32,
    faults: Vec<PlannedFault>,
}

impl Drawing {
    fn add(&mut self, scenario: &Scenario, name: &str, step: &FaultStep) {
        match step {
            FaultStep::Inject(step) => {
                let due = match step.start {
                    Start::At(ms) => Due::At { ms },
                    Start::AfterRecovery(ms) => Due::AfterRecovery { ms },
                };
                self.push(name, step.kind, step.target.clone(), due, step.restart);
            }
            FaultStep::Repeat { .. } => self.add_rounds(name, step),
            FaultStep::Rolling {
                kind,
                restart,
                pause_ms,
            } => {
                for (index, worker) in scenario.connect.workers.iter().enumerate() {
                    let ms = if index == 0 { 0 } else { *pause_ms };
                    let target = Target::Worker(worker.clone());
                    let name = format!("{name}/{worker}");
                    self.push(&name, *kind, target, Due::AfterRecovery { ms }, *restart);
                }
            }
        }
    }

    fn add_rounds(&mut self, name: &str, step: &FaultStep) {
        let FaultStep::Repeat {
            first_ms,
            rounds,
            every_ms,
            jitter_ms,
            steps,
        } = step
        else {
            return;
        };
        let series = self.series;
        self.series += 1;
        let mut earliest = 0;
        for round in 0..*rounds {
            let name = format!("{name}/round-{round}");
            let planned = first_ms + u64::from(round) * every_ms;
            let moved = self.jittered(&name, planned, *jitter_ms);
            // With a jitter of more than half the distance two rounds could change places.
            let start = moved.max(earliest);
            earliest = start;
            for (index, step) in steps.iter().enumerate() {
                let due = match (index, step.start) {
                    (0, _) => Due::InSeries { series, ms: start },
                    (_, Start::AfterRecovery(ms) | Start::At(ms)) => Due::AfterRecovery { ms },
                };
                self.push_step(&format!("{name}/{index}"), step, due);
            }
        }
    }

    fn jittered(&self, name: &str, planned: u64, jitter: u64) -> u64 {
        let mut numbers = NumberStream::new(self.seed, &format!("{name}/start"));
        let moved = planned + numbers.up_to(jitter.saturating_mul(2));
        moved.saturating_sub(jitter)
    }

    fn push_step(&mut self, name: &str, step: &InjectStep, due: Due) {
        self.push(name, step.kind, step.target.clone(), due, step.restart);
    }

    fn push(&mut self, name: &str, kind: FaultKind, target: Target, due: Due, restart: Restart) {
        let number = u32::try_from(self.faults.len() + 1).unwrap_or(u32::MAX);
        self.faults.push(PlannedFault {
            id: FaultId(number),
            kind,
            target,
            // 32 bits choose fairly among workers and survive every JSON reader.
            draw: NumberStream::new(self.seed, &format!("{name}/target")).next() >> 32,
            due,
            restart,
        });
    }
}
