//! Runs on a cluster that somebody else started: certified, left as it was found, and refused whatever is not allowed.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;
mod foreign;

use std::collections::BTreeMap;

use common::{Running, one_cluster, outcome, squall};
use foreign::Foreign;

fn bundled(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("scenarios")
        .join(format!("{name}.yaml"));
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_quickstart_holds_on_a_cluster_of_others_and_leaves_it_as_it_was() {
    let _turn = one_cluster();
    let foreign = Foreign::start(3);
    foreign.add_connector("theirs");
    let inventory = foreign.write_inventory(&foreign.inventory());
    let before = foreign.belongings();
    let mut run = Running::start(&bundled("quickstart"), &["--attach", &inventory]);
    let (code, result) = run.judged();
    assert_eq!(code, 0, "{}\n{}", run.stderr(), run.stdout());
    assert_eq!(result["verdict"], "held");
    assert_eq!(
        result["run"]["faults-proven"],
        result["run"]["faults-injected"]
    );
    assert_eq!(foreign.belongings(), before);
    let info = squall::journal::RunFolder::open(&run.folder())
        .unwrap()
        .info()
        .unwrap();
    assert_eq!(info.runtime, squall::model::RuntimeKind::Attached);
    let watched: Vec<String> = info.watched.iter().map(ToString::to_string).collect();
    assert_eq!(watched, ["theirs"]);
    assert_eq!(
        foreign.states("theirs"),
        BTreeMap::from([(0, "RUNNING".to_owned())])
    );
    let log = run.folder().join("logs/w1-1.log");
    assert!(std::fs::metadata(log).unwrap().len() > 0);
    let (code, said, _) = outcome(
        &squall(&["clean"])
            .env("SQUALL_STATE", run.home.path().join("state"))
            .output()
            .unwrap(),
    );
    assert_eq!((code, said.trim()), (0, "nothing to undo"));
}
