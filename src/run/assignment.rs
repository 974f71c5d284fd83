//! What is asked of a run: scenario and timetable, and where: a cluster of our own, or one that is there.

use std::path::PathBuf;

use crate::model::RuntimeKind;
use crate::plan::Plan;
use crate::scenario::inventory::Inventory;
use crate::scenario::{self, Difference, Override, Scenario};

/// What is joined, and with what consent.
#[derive(Debug, Clone)]
pub struct Attach {
    /// The inventory.
    pub inventory: Inventory,
    /// Where it was read: an absolute path, or the name of a bundled one.
    pub path: PathBuf,
    /// The same as the user gave it, to repeat the run with.
    pub given: PathBuf,
    /// The group that the user said he means.
    pub yes_i_mean: Option<String>,
    /// Settings of the scenario that the cluster has otherwise.
    pub differences: Vec<Difference>,
}

/// Where a run takes place, with what only that place knows.
#[derive(Debug, Clone)]
pub enum Site {
    /// Java processes on this machine.
    Process {
        /// A Kafka installation to use instead of a fetched one.
        home: Option<PathBuf>,
    },
    /// Containers on this machine.
    Docker {
        /// The image of brokers and workers instead of the usual one.
        image: Option<String>,
    },
    /// A cluster that is there.
    Attached(Box<Attach>),
}

impl Site {
    /// What the cluster is made of.
    pub fn kind(&self) -> RuntimeKind {
        match self {
            Self::Process { .. } => RuntimeKind::Process,
            Self::Docker { .. } => RuntimeKind::Docker,
            Self::Attached(_) => RuntimeKind::Attached,
        }
    }

    /// The cluster that is joined, where one is.
    pub fn attach(&self) -> Option<&Attach> {
        match self {
            Self::Attached(attach) => Some(attach),
            Self::Process { .. } | Self::Docker { .. } => None,
        }
    }

    /// The words of the command line that say it, to repeat the run with: nothing for what a run would do anyway.
    pub fn arguments(&self) -> Vec<String> {
        let path = |path: &PathBuf| path.display().to_string();
        let all = match self {
            Self::Process { home } => vec![("--kafka-home", home.as_ref().map(path))],
            Self::Docker { image } => vec![
                ("--runtime", Some("docker".to_owned())),
                ("--image", image.clone()),
            ],
            Self::Attached(attach) => vec![
                ("--attach", Some(path(&attach.given))),
                ("--yes-i-mean", attach.yes_i_mean.clone()),
            ],
        };
        all.into_iter()
            .filter_map(|(name, value)| Some([name.to_owned(), value?]))
            .flatten()
            .collect()
    }
}

/// What is to be run, and where.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The scenario.
    pub scenario: Scenario,
    /// Its text, with what was set from outside in it.
    pub text: String,
    /// Its path, as given.
    pub path: String,
    /// The timetable.
    pub plan: Plan,
    /// What was set from outside; it stands in the text.
    pub set: Vec<Override>,
    /// Where.
    pub site: Site,
}

impl Assignment {
    /// The words of the command line that repeat it, beside scenario and seed; secrets among them are hidden.
    pub(super) fn arguments(&self) -> Vec<String> {
        let set = self.set.iter().map(Override::masked);
        let set = set.flat_map(|one| ["--set".to_owned(), one]);
        self.site.arguments().into_iter().chain(set).collect()
    }

    /// What may not do what it says in the scenario, each with its place.
    pub(super) fn warnings(&self) -> Vec<String> {
        let inventory = self.site.attach().map(|attach| &attach.inventory);
        let told = scenario::warnings(&self.path, &self.text, inventory);
        told.map_or_else(Vec::new, |told| told.lines())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_repeated_by_its_own_words_alone() {
        let words = |site: Site| site.arguments().join(" ");
        assert_eq!(words(Site::Process { home: None }), "");
        let home = Some(PathBuf::from("/opt/kafka"));
        assert_eq!(words(Site::Process { home }), "--kafka-home /opt/kafka");
        assert_eq!(words(Site::Docker { image: None }), "--runtime docker");
        let image = Some("mine:1".to_owned());
        assert_eq!(
            words(Site::Docker { image }),
            "--runtime docker --image mine:1"
        );
    }
}
