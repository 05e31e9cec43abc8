//! `ota-agent uptane vectors`: the Uptane test vectors, with the errors that aktualizr gives.

use std::collections::{BTreeMap, HashMap, hash_map::Entry};
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;
use uptane_core::primary::{Action, Cycle, MAX_METADATA_BYTES, Outcome};
use uptane_core::target::ImageVerifier;
use uptane_core::{Ecu, Error, Repository, Role, UtcTime};

use super::{VectorsArgs, print};
use crate::cli::Exit;
use crate::clock;
use crate::files::prefix_if_there;

/// `expected.json`: what each step of each vector ends with.
type Expected = BTreeMap<String, Vector>;

#[derive(Debug, Deserialize)]
struct Vector {
    steps: Vec<ExpectedStep>,
}

#[derive(Debug, Deserialize)]
struct ExpectedStep {
    director: ExpectedSide,
    image_repo: ExpectedSide,
}

#[derive(Debug, Deserialize)]
struct ExpectedSide {
    update: ExpectedResult,
    targets: BTreeMap<String, ExpectedResult>,
}

#[derive(Debug, Deserialize)]
struct ExpectedResult {
    is_success: bool,
    err: Option<String>,
}

impl ExpectedStep {
    /// The first error in the order of a client: the metadata of both repositories, then the images.
    fn error(&self) -> Option<&str> {
        let updates = [&self.director.update, &self.image_repo.update];
        let targets = [&self.director.targets, &self.image_repo.targets];
        let all = updates.into_iter().chain(targets.into_iter().flat_map(BTreeMap::values));
        all.filter(|result| !result.is_success).map(|result| result.err.as_deref().unwrap_or("")).next()
    }
}

/// What the device under test keeps from step to step.
type Store = HashMap<(Repository, Role), Vec<u8>>;

pub(super) fn run(args: &VectorsArgs, json: bool) -> anyhow::Result<Exit> {
    let path = args.directory.join("expected.json");
    let text = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    let expected: Expected =
        serde_json::from_slice(&text).with_context(|| format!("in {}", path.display()))?;
    let ecus = [Ecu { serial: &args.ecu, hardware_id: &args.hardware }];
    let now = UtcTime::from_unix(clock::unix_now());
    let (mut agreed, mut steps) = (0_usize, 0_usize);
    for (name, vector) in &expected {
        let mut store = Store::new();
        for (number, expected) in vector.steps.iter().enumerate() {
            let directory = args.directory.join(name).join(number.to_string());
            let result = step(&directory, &mut store, Cycle::new(&ecus, now))
                .with_context(|| format!("{name} step {number}"))?;
            let got = result.as_ref().err().map(|error| error.aktualizr_name().to_string());
            let agrees = got.as_deref() == expected.error();
            steps += 1;
            agreed += usize::from(agrees);
            let (mark, wanted) = (if agrees { "ok" } else { "NO" }, expected.error().unwrap_or("success"));
            let got = got.as_deref().unwrap_or("success");
            let said = result.err().map(|error| format!(" ({error})")).unwrap_or_default();
            let line = format!("{mark} {name} step {number}: expected {wanted}, got {got}{said}");
            let object = serde_json::json!({
                "event": "vector", "vector": name, "step": number, "expected": wanted, "got": got, "agrees": agrees,
            });
            print(json, &line, &object);
        }
    }
    let vectors = expected.len();
    let object =
        serde_json::json!({ "event": "total", "vectors": vectors, "steps": steps, "agreed": agreed });
    print(json, &format!("{vectors} vectors, {steps} steps: {agreed} agree"), &object);
    Ok(if agreed == steps && steps > 0 { Exit::Done } else { Exit::Failed })
}

/// One step: verify what the repositories serve, then each image that is assigned.
fn step(directory: &Path, store: &mut Store, cycle: Cycle<'_>) -> anyhow::Result<Result<(), Error>> {
    for (repository, name) in [(Repository::Director, "director"), (Repository::Image, "image_repo")] {
        // The vectors trust the first Root that they see.
        if let Entry::Vacant(place) = store.entry((repository, Role::Root)) {
            let path = directory.join(name).join("1.root.json");
            let root = prefix_if_there(&path, MAX_METADATA_BYTES)?;
            place.insert(root.with_context(|| format!("no {}", path.display()))?);
        }
    }
    let outcome = match verify(directory, store, cycle)? {
        Ok(outcome) => outcome,
        Err(error) => return Ok(Err(error)),
    };
    for assigned in &outcome.assigned {
        let path = directory.join("image_repo").join(&assigned.name);
        let image = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let mut verifier = ImageVerifier::new(assigned.length, assigned.hashes);
        if let Err(error) = verifier.update(&image).and_then(|()| verifier.finish()) {
            return Ok(Err(error));
        }
    }
    Ok(Ok(()))
}

fn verify(
    directory: &Path,
    store: &mut Store,
    mut cycle: Cycle<'_>,
) -> anyhow::Result<Result<Outcome, Error>> {
    loop {
        let fed = match cycle.poll() {
            Action::Load { repository, role } => {
                let bytes = store.get(&(repository, role)).cloned();
                cycle.feed(bytes.as_deref())
            }
            Action::Fetch { repository, file, max_bytes } => {
                let folder = match repository {
                    Repository::Director => "director",
                    Repository::Image => "image_repo",
                };
                let bytes = prefix_if_there(&directory.join(folder).join(file), max_bytes)?;
                cycle.feed(bytes.as_deref())
            }
            Action::Persist { repository, role, bytes, .. } => {
                store.insert((repository, role), bytes.into());
                cycle.persisted()
            }
            Action::Forget { repository, role } => {
                store.remove(&(repository, role));
                cycle.persisted()
            }
            Action::Done => {
                return cycle.into_outcome().context("the verification ended without an outcome").map(Ok);
            }
        };
        if let Err(error) = fed {
            return Ok(Err(error));
        }
    }
}
