//! The properties that are fuzzed hold for every seed.

use std::fs;
use std::path::Path;

use testkit::oracle::uptane_core as oracle;

fn replay(target: &str, property: fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds").join(target);
    let mut seeds = 0;
    for entry in fs::read_dir(&directory).unwrap() {
        property(&fs::read(entry.unwrap().path()).unwrap());
        seeds += 1;
    }
    assert!(seeds > 0, "no seeds in {}", directory.display());
}

#[test]
fn seeds_hold_what_their_oracles_say() {
    replay("uptane_core_json", oracle::json);
    replay("uptane_core_canonical", oracle::canonical);
    replay("uptane_core_root", oracle::root);
    replay("uptane_core_timestamp", oracle::timestamp);
    replay("uptane_core_snapshot", oracle::snapshot);
    replay("uptane_core_targets", oracle::targets);
    replay("uptane_core_cycle", oracle::cycle);
    replay("uptane_core_reader", oracle::reader);
    replay("uptane_core_stream", oracle::stream);
}
