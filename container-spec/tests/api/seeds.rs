//! Every fuzz oracle over its seeds.

use testkit::oracle::container_spec as oracle;

fn run(target: &str, oracle: fn(&[u8])) {
    let directory = format!("{}/../fuzz/seeds/container_spec_{target}", env!("CARGO_MANIFEST_DIR"));
    let mut seeds = 0;
    for entry in std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{directory}: {error}")) {
        oracle(&std::fs::read(entry.unwrap().path()).unwrap());
        seeds += 1;
    }
    assert!(seeds >= 2, "{directory} has {seeds} seeds");
}

#[test]
fn references() {
    run("reference", oracle::reference);
}

#[test]
fn short_forms() {
    run("forms", oracle::forms);
}

#[test]
fn compose_files() {
    run("compose", oracle::compose);
}

#[test]
fn substitutions() {
    run("interpolate", oracle::interpolate);
}

#[test]
fn merged_files() {
    run("merge", oracle::merge);
}

#[test]
fn archives() {
    run("archive", oracle::archive);
}

#[test]
fn answers_of_the_engine() {
    run("engine", oracle::engine);
}
