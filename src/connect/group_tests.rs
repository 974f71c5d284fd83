//! Tests of the group decoder with bytes of real groups, with an encoder of its own, and with hostile bytes.

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use super::*;

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

fn string(text: &str) -> Vec<u8> {
    let length = i16::try_from(text.len()).unwrap();
    [&length.to_be_bytes(), text.as_bytes()].concat()
}

fn blob(bytes: Option<&[u8]>) -> Vec<u8> {
    match bytes {
        None => (-1_i32).to_be_bytes().to_vec(),
        Some(bytes) => [&i32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat(),
    }
}

type Entries = Vec<(String, Vec<i32>)>;

fn entries(entries: Option<&Entries>) -> Vec<u8> {
    let Some(entries) = entries else {
        return (-1_i32).to_be_bytes().to_vec();
    };
    let mut bytes = i32::try_from(entries.len()).unwrap().to_be_bytes().to_vec();
    for (name, numbers) in entries {
        bytes.extend(string(name));
        bytes.extend(i32::try_from(numbers.len()).unwrap().to_be_bytes());
        numbers
            .iter()
            .for_each(|number| bytes.extend(number.to_be_bytes()));
    }
    bytes
}

fn encoded_assignment(
    version: i16,
    given: Option<&Entries>,
    taken: Option<&Entries>,
    delay: i32,
) -> Vec<u8> {
    let mut bytes = version.to_be_bytes().to_vec();
    bytes.extend(0_i16.to_be_bytes());
    bytes.extend(string("leader-id"));
    bytes.extend(string("http://leader:8083/"));
    bytes.extend(7_i64.to_be_bytes());
    bytes.extend(entries(given));
    if version > 0 {
        bytes.extend(entries(taken));
        bytes.extend(delay.to_be_bytes());
    }
    bytes
}

fn encoded_metadata(version: i16, url: &str, allocation: Option<&[u8]>) -> Vec<u8> {
    let mut bytes = version.to_be_bytes().to_vec();
    bytes.extend(string(url));
    bytes.extend(7_i64.to_be_bytes());
    if version > 0 {
        bytes.extend(blob(allocation));
    }
    bytes
}

fn some_entries() -> impl Strategy<Value = Entries> {
    let numbers = btree_set(-1..9_i32, 0..4).prop_map(|set| set.into_iter().collect());
    proptest::collection::btree_map("[a-z][a-z0-9._-]{0,6}", numbers, 0..4)
        .prop_map(|map| map.into_iter().collect())
}

fn shared(entries: &Entries) -> Share {
    let mut share = Share::default();
    for (name, numbers) in entries {
        let connector = ConnectorName::new(name).unwrap();
        for number in numbers {
            put(&mut share, &connector, *number).unwrap();
        }
    }
    share
}

fn worker(url: &str) -> Option<WorkerName> {
    let name = match url {
        "http://127.0.0.1:19311" => "w1",
        "http://127.0.0.1:19312" => "w2",
        _ => return None,
    };
    Some(WorkerName::new(name).unwrap())
}

// Recorded from a 4.1.1 group of two workers; the leader is the second.
const W2: &str = "connect-127.0.0.1:19312-f4dc8bc0-03fc-4a59-a848-6e84bbb2fc3d";
const W2_METADATA: &str = "00020017687474703a2f2f3132372e302e302e313a31393331322f00000000000000080000008000020000003c636f6e6e6563742d3132372e302e302e313a31393331312d31366135313734632d323064302d343234612d393731302d3262383562373933666436330017687474703a2f2f3132372e302e302e313a31393331312f00000000000000040000000100076172636869766500000001ffffffff0000000000000000";
const W2_ASSIGNMENT: &str = "00020000003c636f6e6e6563742d3132372e302e302e313a31393331312d31366135313734632d323064302d343234612d393731302d3262383562373933666436330017687474703a2f2f3132372e302e302e313a31393331312f00000000000000080000000100076172636869766500000001000000010000000000000000";
const W1: &str = "connect-127.0.0.1:19311-16a5174c-20d0-424a-9710-2b85b793fd63";
const W1_METADATA: &str = "00020017687474703a2f2f3132372e302e302e313a31393331312f00000000000000080000007f00020000003c636f6e6e6563742d3132372e302e302e313a31393331312d31366135313734632d323064302d343234612d393731302d3262383562373933666436330017687474703a2f2f3132372e302e302e313a31393331312f00000000000000040000000100066d6972726f7200000001ffffffff0000000000000000";
const W1_ASSIGNMENT: &str = "00020000003c636f6e6e6563742d3132372e302e302e313a31393331312d31366135313734632d323064302d343234612d393731302d3262383562373933666436330017687474703a2f2f3132372e302e302e313a31393331312f0000000000000008000000010007617263686976650000000200000000000000020000000000000000";
// The same group, once w2 was killed: first while it rebalances, then while the leader waits for w2 to come back.
const W1_REBALANCING: &str = "00020000003c636f6e6e6563742d3132372e302e302e313a31393331312d31366135313734632d323064302d343234612d393731302d3262383562373933666436330017687474703a2f2f3132372e302e302e313a31393331312f0000000000000015000000000000000000000000";
const W1_DELAYED: &str = "00020000003c636f6e6e6563742d3132372e302e302e313a31393331312d31366135313734632d323064302d343234612d393731302d3262383562373933666436330017687474703a2f2f3132372e302e302e313a31393331312f0000000000000015000000000000000000000bb8";

fn view_of(reader: &mut GroupReader, state: &str, members: &[(&str, &str, &str)]) -> GroupView {
    let member = |(id, metadata, assignment): &(&str, &str, &str)| RawMember {
        member_id: (*id).to_owned(),
        client_id: String::new(),
        client_host: String::new(),
        metadata: unhex(metadata),
        assignment: unhex(assignment),
    };
    let raw = RawGroup {
        state: state.to_owned(),
        protocol_type: "connect".to_owned(),
        protocol: "sessioned".to_owned(),
        members: members.iter().map(member).collect(),
    };
    reader.view(&raw, worker).unwrap()
}

fn texts<T: ToString>(names: &[T]) -> Vec<String> {
    names.iter().map(T::to_string).collect()
}

#[test]
fn a_recorded_group_gives_leader_owners_and_connector_instances() {
    let members = [
        (W2, W2_METADATA, W2_ASSIGNMENT),
        (W1, W1_METADATA, W1_ASSIGNMENT),
    ];
    let view = view_of(&mut GroupReader::default(), "Stable", &members);
    assert_eq!(view.leader.unwrap().as_str(), "w1");
    assert_eq!(view.delay_ms, 0);
    let [w1, w2] = view.members.as_slice() else {
        panic!("two members: {:?}", view.members)
    };
    assert_eq!(w1.worker.as_ref().unwrap().as_str(), "w1");
    assert_eq!(w1.url, "http://127.0.0.1:19311");
    assert_eq!(
        (texts(&w1.tasks), texts(&w1.connectors)),
        (
            vec!["archive-0".into(), "archive-2".into()],
            vec!["mirror".into()]
        )
    );
    assert_eq!(
        (texts(&w2.tasks), texts(&w2.connectors)),
        (vec!["archive-1".into()], vec!["archive".into()])
    );
}

#[test]
fn a_member_is_known_through_a_rebalance_and_the_delay_is_seen_after_it() {
    let mut reader = GroupReader::default();
    view_of(
        &mut reader,
        "Stable",
        &[
            (W1, W1_METADATA, W1_ASSIGNMENT),
            (W2, W2_METADATA, W2_ASSIGNMENT),
        ],
    );
    let during = view_of(
        &mut reader,
        "PreparingRebalance",
        &[(W1, "", W1_REBALANCING)],
    );
    assert_eq!(during.members[0].worker.as_ref().unwrap().as_str(), "w1");
    assert_eq!(during.members[0].tasks, []);
    let after = view_of(&mut reader, "Stable", &[(W1, W1_METADATA, W1_DELAYED)]);
    assert_eq!(after.delay_ms, 3_000);
}

#[test]
fn a_leader_that_is_no_member_any_more_does_not_lead() {
    let view = view_of(
        &mut GroupReader::default(),
        "PreparingRebalance",
        &[(W2, W2_METADATA, W2_ASSIGNMENT)],
    );
    assert_eq!(view.leader, None);
}

#[test]
fn under_the_eager_protocol_the_assignment_is_all_that_a_member_owns() {
    let given = vec![("a".to_owned(), vec![-1, 3])];
    let view = decode(
        &encoded_metadata(0, "http://h:1/", None),
        &encoded_assignment(0, Some(&given), None, 0),
    )
    .unwrap();
    assert_eq!(view.owned(), Some(shared(&given)));
    assert_eq!((view.protocol_version, view.delay_ms), (0, 0));
}

#[test]
fn ownership_is_unknown_without_metadata_and_empty_for_a_new_member() {
    let given = vec![("a".to_owned(), vec![0])];
    let assignment = encoded_assignment(2, Some(&given), None, 0);
    assert_eq!(decode(&[], &assignment).unwrap().owned(), None);
    let new = encoded_metadata(2, "http://h:1/", None);
    assert_eq!(decode(&new, &[]).unwrap().owned(), Some(Share::default()));
    assert_eq!(decode(&[], &[]).unwrap(), MemberView::default());
}

#[test]
fn an_impossible_task_or_version_is_an_error_and_an_odd_name_is_left_out() {
    let wrong = vec![("a".to_owned(), vec![-2])];
    let error = decode(&[], &encoded_assignment(1, Some(&wrong), None, 0)).unwrap_err();
    assert!(
        matches!(error, DecodeError::Number { number: -2, .. }),
        "{error}"
    );
    assert!(decode(&[0xff, 0xff], &[]).is_err());
    let odd = vec![("a b".to_owned(), vec![0, 1]), ("b".to_owned(), vec![0])];
    let view = decode(&[], &encoded_assignment(1, Some(&odd), None, 0)).unwrap();
    assert_eq!((view.skipped, view.assigned.tasks.len()), (2, 1));
}

#[test]
fn a_length_that_is_not_there_costs_no_memory() {
    let mut bytes = encoded_assignment(1, Some(&vec![]), Some(&vec![]), 0);
    let assigned_at = bytes.len() - 12;
    bytes[assigned_at..assigned_at + 4].copy_from_slice(&i32::MAX.to_be_bytes());
    assert!(matches!(
        decode(&[], &bytes),
        Err(DecodeError::CutOff { .. })
    ));
    bytes[assigned_at..assigned_at + 4].copy_from_slice(&i32::MIN.to_be_bytes());
    assert!(matches!(
        decode(&[], &bytes),
        Err(DecodeError::Length { .. })
    ));
}

#[test]
fn a_recorded_consumer_assignment_gives_its_partitions() {
    let bytes = unhex("000300000001000a7372632e6f72646572730000000100000000ffffffff");
    assert_eq!(
        consumer_assignment(&bytes).unwrap(),
        [("src.orders".to_owned(), vec![0])].into()
    );
    let nothing = unhex("000300000000ffffffff");
    assert_eq!(consumer_assignment(&nothing).unwrap(), BTreeMap::new());
    assert_eq!(consumer_assignment(&[]).unwrap(), BTreeMap::new());
}

#[test]
fn the_task_stands_in_a_sinks_client_id() {
    let task = |id: &str| task_of_client_id(id).map(|task| task.to_string());
    assert_eq!(
        task("connector-consumer-archive-0").as_deref(),
        Some("archive-0")
    );
    assert_eq!(
        task("connector-consumer-my-sink-12").as_deref(),
        Some("my-sink-12")
    );
    assert_eq!(task("connector-producer-mirror-0"), None);
    assert_eq!(task("connector-consumer-"), None);
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(version in 0..3_i16, held in some_entries(), given in some_entries(), taken in some_entries(), delay in 0..300_000_i32, history in some_entries()) {
        let allocation = encoded_assignment(version, Some(&held), Some(&history), 0);
        let metadata = encoded_metadata(version, "http://member:8083//", Some(&allocation));
        let assignment = encoded_assignment(version, Some(&given), Some(&taken), delay);
        let view = decode(&metadata, &assignment).unwrap();
        prop_assert_eq!(view.protocol_version, version);
        prop_assert_eq!(view.url.as_deref(), Some("http://member:8083"));
        prop_assert_eq!(view.leader_member_id.as_deref(), Some("leader-id"));
        prop_assert_eq!(view.leader_url.as_deref(), Some("http://leader:8083"));
        prop_assert_eq!(view.config_offset, Some(7));
        prop_assert_eq!(&view.assigned, &shared(&given));
        let owned = view.owned().unwrap();
        if version == 0 {
            prop_assert_eq!(owned, shared(&given));
        } else {
            prop_assert_eq!(view.delay_ms, u64::try_from(delay).unwrap());
            let (held, given, taken) = (shared(&held), shared(&given), shared(&taken));
            let kept = held.tasks.difference(&taken.tasks);
            prop_assert_eq!(owned.tasks, kept.chain(&given.tasks).cloned().collect());
            let kept = held.connectors.difference(&taken.connectors);
            prop_assert_eq!(owned.connectors, kept.chain(&given.connectors).cloned().collect());
        }
    }

    #[test]
    fn a_cut_anywhere_is_an_error_and_never_a_smaller_group(given in some_entries(), cut in 1..60_usize) {
        let whole = encoded_assignment(2, Some(&given), None, 5);
        let cut = cut.min(whole.len() - 1);
        prop_assert!(decode(&[], &whole[..whole.len() - cut]).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic(metadata in vec(any::<u8>(), 0..200), assignment in vec(any::<u8>(), 0..200)) {
        let _ = decode(&metadata, &assignment);
        let _ = consumer_assignment(&assignment);
    }

    #[test]
    fn changed_bytes_never_panic(at in 0..128_usize, value: u8) {
        let mut metadata = unhex(W2_METADATA);
        metadata[at] = value;
        let _ = decode(&metadata, &unhex(W2_ASSIGNMENT));
    }
}
