//! Finds the Connect group that a worker belongs to, among all groups of its brokers.

use std::collections::{BTreeMap, BTreeSet};

use crate::kafka::RawGroup;

use super::super::group::decode;
use super::super::reach::authority;

/// Why no group was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// No group of Connect at all.
    #[error(
        "no Connect group on {bootstrap}: the worker {worker} belongs to other brokers, or has not joined yet; look at the bootstrap address"
    )]
    None {
        /// The brokers.
        bootstrap: String,
        /// The worker.
        worker: String,
    },
    /// The group that was named is not there.
    #[error("no Connect group {group} on {bootstrap}; there are: {there}")]
    NotThere {
        /// The group.
        group: String,
        /// The brokers.
        bootstrap: String,
        /// Those that are there.
        there: String,
    },
    /// More than one group may be it.
    #[error(
        "{worker} may belong to each of these Connect groups on {bootstrap}: {there}; name one with --group, or with `group` in the inventory"
    )]
    Many {
        /// The worker.
        worker: String,
        /// The brokers.
        bootstrap: String,
        /// The candidates.
        there: String,
    },
    /// No group has such a member.
    #[error(
        "none of the Connect groups on {bootstrap} has {worker} for a member: {there}; name one with --group, or with `group` in the inventory"
    )]
    Stranger {
        /// The worker.
        worker: String,
        /// The brokers.
        bootstrap: String,
        /// The candidates with their members.
        there: String,
    },
}

/// What is known of the worker whose group is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The group's id, where the user has named it.
    pub group: Option<&'a str>,
    /// The brokers, for messages.
    pub bootstrap: &'a str,
    /// The worker ids under which the asked worker is known.
    pub asked: &'a BTreeSet<String>,
    /// The worker ids that its REST interface names as owners of connectors and tasks.
    pub claimed: &'a BTreeSet<String>,
}

/// The group's id. That there is only one group proves nothing: the worker may belong to one that is still forming.
pub fn find(groups: &BTreeMap<String, RawGroup>, wanted: &Wanted<'_>) -> Result<String, FindError> {
    let bootstrap = wanted.bootstrap.to_owned();
    if let Some(named) = wanted.group {
        if groups.contains_key(named) {
            return Ok(named.to_owned());
        }
        return Err(FindError::NotThere {
            group: named.to_owned(),
            bootstrap,
            there: listed(groups.keys()),
        });
    }
    let worker = listed(wanted.asked);
    for ids in [wanted.asked, wanted.claimed] {
        let fitting: Vec<&String> = groups
            .iter()
            .filter(|(_, group)| members(group).iter().any(|member| ids.contains(member)))
            .map(|(id, _)| id)
            .collect();
        match fitting.as_slice() {
            [] => {}
            [only] => return Ok((*only).clone()),
            several => {
                return Err(FindError::Many {
                    worker,
                    bootstrap,
                    there: listed(several.iter().copied()),
                });
            }
        }
    }
    if groups.is_empty() {
        return Err(FindError::None { bootstrap, worker });
    }
    Err(FindError::Stranger {
        worker,
        bootstrap,
        there: with_members(groups),
    })
}

/// Worker ids of the members, as far as the group's bytes tell them now.
fn members(group: &RawGroup) -> BTreeSet<String> {
    let urls = group
        .members
        .iter()
        .filter_map(|member| decode(&member.metadata, &member.assignment).ok()?.url);
    urls.map(|url| authority(&url).to_owned()).collect()
}

fn with_members(groups: &BTreeMap<String, RawGroup>) -> String {
    let each = groups.iter().map(|(id, group)| {
        let members = members(group);
        if members.is_empty() {
            format!("{id} ({})", group.state)
        } else {
            format!("{id} ({})", listed(&members))
        }
    });
    each.collect::<Vec<_>>().join(", ")
}

fn listed<'a>(words: impl IntoIterator<Item = &'a String>) -> String {
    let words: Vec<&str> = words.into_iter().map(String::as_str).collect();
    if words.is_empty() {
        "none".to_owned()
    } else {
        words.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::RawMember;

    fn member(url: &str) -> RawMember {
        let mut metadata = 0i16.to_be_bytes().to_vec();
        metadata.extend(i16::try_from(url.len()).unwrap().to_be_bytes());
        metadata.extend(url.as_bytes());
        metadata.extend(7i64.to_be_bytes());
        RawMember {
            member_id: url.to_owned(),
            client_id: String::new(),
            client_host: String::new(),
            metadata,
            assignment: Vec::new(),
        }
    }

    fn groups(of: &[(&str, &[&str])]) -> BTreeMap<String, RawGroup> {
        let group = |urls: &[&str]| RawGroup {
            state: "Stable".to_owned(),
            protocol_type: "connect".to_owned(),
            protocol: "sessioned".to_owned(),
            members: urls.iter().map(|url| member(url)).collect(),
        };
        of.iter()
            .map(|(id, urls)| ((*id).to_owned(), group(urls)))
            .collect()
    }

    fn found(
        groups: &BTreeMap<String, RawGroup>,
        asked: &str,
        claimed: &[&str],
    ) -> Result<String, FindError> {
        let asked = BTreeSet::from([asked.to_owned()]);
        let claimed = claimed.iter().map(|id| (*id).to_owned()).collect();
        let wanted = Wanted {
            group: None,
            bootstrap: "b:1",
            asked: &asked,
            claimed: &claimed,
        };
        find(groups, &wanted)
    }

    #[test]
    fn a_group_is_found_by_the_address_that_was_asked() {
        let groups = groups(&[
            ("a", &["http://h1:1/", "http://h2:1/"]),
            ("b", &["http://h3:1/"]),
        ]);
        assert_eq!(found(&groups, "h2:1", &[]).unwrap(), "a");
        assert_eq!(found(&groups, "h3:1", &["h1:1"]).unwrap(), "b");
    }

    #[test]
    fn behind_a_mapped_port_the_group_is_found_by_what_rest_claims() {
        let groups = groups(&[("a", &["http://h1:1/"]), ("b", &["http://h3:1/"])]);
        assert_eq!(found(&groups, "localhost:9", &["h3:1"]).unwrap(), "b");
    }

    #[test]
    fn several_that_fit_and_none_that_fits_are_named() {
        let same = groups(&[("a", &["http://c:1/"]), ("b", &["http://c:1/"])]);
        let error = found(&same, "c:1", &[]).unwrap_err().to_string();
        assert!(
            error.contains("a, b") && error.contains("--group"),
            "{error}"
        );
        let error = found(&same, "x:1", &[]).unwrap_err().to_string();
        assert!(error.contains("a (c:1), b (c:1)"), "{error}");
        let none = found(&BTreeMap::new(), "x:1", &[]).unwrap_err();
        assert!(
            none.to_string().contains("no Connect group on b:1"),
            "{none}"
        );
    }

    #[test]
    fn the_only_group_is_not_taken_for_that_of_a_worker_that_may_not_have_joined() {
        let one = groups(&[("a", &["http://c:1/"])]);
        assert!(matches!(
            found(&one, "x:1", &[]),
            Err(FindError::Stranger { .. })
        ));
    }
}
