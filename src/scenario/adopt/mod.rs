//! What people have, a worker's properties file and a connector as they post it, to a first scenario around both.

mod connector;
mod nodes;
mod notes;
mod places;
mod properties;
mod secret;
mod value;
mod worker;
mod write;

#[cfg(test)]
mod tests;

use super::mistake::{Collector, Mistakes};
use super::read;

use notes::Notes;
use worker::Worker;

pub use value::{Adopted, Around, Source};

/// Makes a scenario around a worker's settings, or a connector, or both; what is not given is as in `quickstart`. Fails with
/// every mistake of every file.
pub fn adopt(
    worker: Option<Source<'_>>,
    connector: Option<Source<'_>>,
    around: &Around<'_>,
) -> Result<Adopted, Vec<Mistakes>> {
    let mut notes = Notes::default();
    let mut wrong = Vec::new();
    let mut read_worker = Worker::default();
    if let Some(source) = worker {
        let mut mistakes = Collector::new(source.text);
        let properties = properties::read(source.text, &mut mistakes);
        read_worker = worker::read(source.name, &properties, around, &mut notes, &mut mistakes);
        wrong.extend(finished(mistakes, source));
    }
    let mut posted = None;
    if let Some(source) = connector {
        let mut mistakes = Collector::new(source.text);
        posted = connector::read(&source, &mut notes, &mut mistakes);
        wrong.extend(finished(mistakes, source));
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let mut leg = match (posted, connector) {
        (Some(posted), Some(source)) => places::of(posted, source.name, &mut notes),
        _ => places::usual(),
    };
    if worker.is_none() {
        worker::support_exactly_once(&mut read_worker, &leg.settings, &mut notes);
    }
    secret::hide(
        &mut read_worker.settings,
        &mut leg.settings,
        around,
        &mut notes,
    );
    let notes = notes.lines();
    let files: Vec<&str> = [worker, connector]
        .into_iter()
        .flatten()
        .map(|source| source.name)
        .collect();
    let text = write::scenario(&files, &notes, &read_worker, &leg);
    // What the files' own checks let pass is caught here, before it is called a scenario.
    match read::parse("the scenario made of these files", &text) {
        Ok(_) => Ok(Adopted { text, notes }),
        Err(mistakes) => Err(vec![mistakes]),
    }
}

fn finished(mistakes: Collector<'_>, source: Source<'_>) -> Option<Mistakes> {
    (!mistakes.is_empty()).then(|| mistakes.finish(source.name))
}
