//! The journal writer: gives each event its number and its time, and puts all events in one order.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use crate::model::secrets::{Known, mask_text};

use super::{Clock, Event, FolderError, RunFolder, What};

/// A handle to the journal of a run; clones write to the same file, in one order.
#[derive(Clone)]
pub struct Journal {
    inner: Arc<Mutex<Inner>>,
    clock: Clock,
}

struct Inner {
    file: File,
    path: PathBuf,
    next: u64,
    listeners: Vec<mpsc::Sender<Event>>,
    failure: Option<String>,
    secrets: Known,
}

impl Journal {
    /// Begins `events.jsonl` of a new run folder.
    pub fn create(folder: &RunFolder, clock: Clock) -> Result<Self, FolderError> {
        let path = folder.join("events.jsonl");
        let file = File::create_new(&path).map_err(|source| FolderError::Write {
            path: path.clone(),
            source,
        })?;
        let inner = Inner {
            file,
            path,
            next: 0,
            listeners: Vec::new(),
            failure: None,
            secrets: Known::default(),
        };
        Ok(Self {
            inner: Arc::new(Mutex::new(inner)),
            clock,
        })
    }

    /// The run's clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Writes down that this happened now, and returns the event. What cannot be written is kept as the journal's
    /// failure: the run must look at [`Journal::failure`] and end when there is one.
    pub fn record(&self, mut what: What) -> Event {
        let mut inner = self.lock();
        for text in what.free_texts() {
            *text = mask_text(&inner.secrets.hide(text));
        }
        let event = Event {
            n: inner.next,
            at: self.clock.now(),
            what,
        };
        inner.next += 1;
        inner.append(&event);
        inner
            .listeners
            .retain(|listener| listener.send(event.clone()).is_ok());
        event
    }

    /// From now on these secrets are hidden in the free texts of all events.
    pub fn learn(&self, secrets: &Known) {
        self.lock().secrets.join(secrets);
    }

    /// The text without the secrets that the journal knows.
    pub fn hidden(&self, text: &str) -> String {
        let secrets = self.lock().secrets.clone();
        secrets.hide(text)
    }

    /// Every event from now on is also sent here, until the receiver is dropped.
    pub fn listen(&self) -> mpsc::Receiver<Event> {
        let (sender, receiver) = mpsc::channel();
        self.lock().listeners.push(sender);
        receiver
    }

    /// Why events could not be written, if that ever happened.
    pub fn failure(&self) -> Option<String> {
        self.lock().failure.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn append(&mut self, event: &Event) {
        if self.failure.is_some() {
            return;
        }
        let mut line = serde_json::to_vec(event).expect("events have string keys only");
        line.push(b'\n');
        if let Err(error) = self.file.write_all(&line) {
            let failure = FolderError::Write {
                path: self.path.clone(),
                source: error,
            };
            self.failure = Some(failure.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_is_in_no_event_and_no_listener_hears_it() {
        let reports = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(reports.path(), "r").unwrap();
        let journal = Journal::create(&folder, Clock::start()).unwrap();
        let heard = journal.listen();
        let mut known = Known::default();
        known.learn("db.password", "hunter2");
        journal.learn(&known);
        let words = "hunter2 for db.pwd=a is wrong";
        let hidden = What::Note("[hidden] for db.pwd=[hidden] is wrong".to_owned());
        assert_eq!(journal.record(What::Note(words.to_owned())).what, hidden);
        assert_eq!(heard.recv().unwrap().what, hidden);
        let events = folder.events().unwrap().events;
        assert_eq!(events.last().map(|event| &event.what), Some(&hidden));
    }

    #[test]
    fn events_are_numbered_without_holes_and_read_back_in_order() {
        let reports = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(reports.path(), "r").unwrap();
        let journal = Journal::create(&folder, Clock::start()).unwrap();
        let heard = journal.listen();
        let threads: Vec<_> = (0..4)
            .map(|t| {
                let journal = journal.clone();
                std::thread::spawn(move || {
                    (0..50).for_each(|n| drop(journal.record(What::Note(format!("{t} {n}")))))
                })
            })
            .collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        let log = folder.events().unwrap();
        assert_eq!(log.damage, None);
        assert_eq!(log.events.len(), 200);
        assert!(
            log.events
                .windows(2)
                .all(|pair| pair[0].n + 1 == pair[1].n && pair[0].at <= pair[1].at)
        );
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), log.events);
    }

    #[test]
    fn a_cut_or_holed_event_file_says_so() {
        let reports = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(reports.path(), "r").unwrap();
        let journal = Journal::create(&folder, Clock::start()).unwrap();
        (0..3).for_each(|n| drop(journal.record(What::Note(n.to_string()))));
        let path = folder.join("events.jsonl");
        let whole = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 4]).unwrap();
        let cut = folder.events().unwrap();
        assert_eq!((cut.events.len(), cut.damage.is_some()), (2, true));
        let holed: Vec<&str> = whole
            .lines()
            .enumerate()
            .filter(|(n, _)| *n != 1)
            .map(|(_, line)| line)
            .collect();
        std::fs::write(&path, holed.join("\n")).unwrap();
        let log = folder.events().unwrap();
        assert_eq!((log.events.len(), log.damage.is_some()), (1, true));
    }
}
