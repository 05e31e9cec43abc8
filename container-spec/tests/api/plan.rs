//! Plans, checked on a model of an engine: every way through a plan ends in the old or the new state, whole.

mod progress;

use std::collections::{BTreeMap, BTreeSet};

use container_spec::compose::limits::MAX_CONTAINERS;
use container_spec::compose::{self, Environment, ErrorKind, Project, Word};
use container_spec::digest::Sha256;
use container_spec::engine::{EngineError, MIN_API, Target};
use container_spec::plan::{
    self, Container, Current, Image, Next, Options, Outcome, Plan, PlanError, Progress, Step, Undo, WaitFor,
};
use proptest::prelude::*;

fn digest(n: u8) -> Sha256 {
    Sha256::from_bytes([n; 32])
}

/// Services `(name, image, rest)`.
fn project(services: &[(&str, u8, &str)]) -> Project {
    let mut text = String::from("services:\n");
    for (name, image, rest) in services {
        text += &format!("  {name}:\n    image: r.example/{name}@{}\n", digest(*image));
        text.extend(rest.lines().map(|line| format!("    {line}\n")));
    }
    compose::load(&text, &Environment::new()).unwrap_or_else(|error| panic!("{}: {error}\n{text}", error.at))
}

/// What an engine would have in the end, as far as plans see it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Engine {
    containers: BTreeMap<String, Container>,
    images: BTreeMap<String, Sha256>,
    networks: BTreeSet<String>,
    volumes: BTreeSet<String>,
}

fn image_id(digest: Sha256) -> String {
    format!("id-{digest}")
}

impl Engine {
    fn current(&self) -> Current {
        Current {
            containers: self.containers.values().cloned().collect(),
            images: self
                .images
                .iter()
                .map(|(id, digest)| Image { id: id.clone(), digests: vec![*digest] })
                .collect(),
            networks: self.networks.clone(),
            volumes: self.volumes.clone(),
        }
    }

    /// Doing a step twice must do no harm, so this accepts it.
    fn perform(&mut self, step: &Step) {
        match step {
            Step::CheckSpace { .. } | Step::Wait { .. } | Step::Confirm => {}
            Step::Pull { digest, .. } | Step::Load { digest, .. } => {
                self.images.insert(image_id(*digest), *digest);
            }
            Step::Verify { digest, .. } => assert!(self.images.values().any(|d| d == digest)),
            Step::CreateNetwork { network, .. } => drop(self.networks.insert(network.clone())),
            Step::CreateVolume { volume, .. } => drop(self.volumes.insert(volume.clone())),
            Step::Create { service, number, container, digest, config_hash, .. } => {
                let made = Container {
                    id: format!("{container}-{config_hash}"),
                    name: container.clone(),
                    service: service.clone(),
                    number: *number,
                    config_hash: Some(*config_hash),
                    image_id: image_id(*digest),
                    running: false,
                    restart: "no".into(),
                };
                assert!(self.images.contains_key(&made.image_id), "create needs its image");
                self.containers.insert(container.clone(), made);
            }
            Step::SetRestart { container, to, .. } => self.get(container).restart.clone_from(to),
            Step::Stop { container, .. } => self.get(container).running = false,
            Step::Start { container, .. } => self.get(container).running = true,
            Step::Rename { from, to } => self.rename(from, to),
            Step::RemoveContainer { container } => drop(self.containers.remove(container)),
            Step::RemoveImage { image_id } => {
                // The engine keeps an image that is in use.
                if self.containers.values().all(|c| c.image_id != *image_id) {
                    self.images.remove(image_id);
                }
            }
            other => panic!("{other}"),
        }
    }

    fn revert(&mut self, undo: &Undo) {
        match undo {
            Undo::Nothing => {}
            Undo::RemoveImage { image } => {
                let digest: Sha256 = image.split_once('@').unwrap().1.parse().unwrap();
                self.images.remove(&image_id(digest));
            }
            Undo::RemoveNetwork { network } => drop(self.networks.remove(network)),
            Undo::RemoveVolume { volume } => drop(self.volumes.remove(volume)),
            Undo::RemoveContainer { container } => drop(self.containers.remove(container)),
            Undo::SetRestart { container, to } => self.get(container).restart.clone_from(to),
            Undo::Start { container } => self.get(container).running = true,
            Undo::Stop { container } => {
                if let Some(container) = self.containers.get_mut(container) {
                    container.running = false;
                }
            }
            Undo::Rename { from, to } => self.rename(from, to),
            other => panic!("{other}"),
        }
    }

    fn get(&mut self, name: &str) -> &mut Container {
        self.containers.get_mut(name).unwrap_or_else(|| panic!("no container {name}"))
    }

    fn rename(&mut self, from: &str, to: &str) {
        if let Some(mut container) = self.containers.remove(from) {
            container.name = to.to_owned();
            assert!(self.containers.insert(to.to_owned(), container).is_none(), "{to} is taken");
        }
    }

    /// Runs the plan to its end; steps with the numbers in `failing` fail.
    fn run(&mut self, plan: Plan, failing: &[usize]) -> Outcome {
        let mut progress = Progress::new(plan);
        loop {
            // The state survives being written and read, as after a power cut.
            progress = serde_json::from_str(&serde_json::to_string(&progress).unwrap()).unwrap();
            match progress.next() {
                Next::Finished(outcome) => return outcome,
                Next::Do(step) => {
                    if failing.contains(&progress.steps_done()) {
                        progress.failed();
                    } else {
                        self.perform(&step.clone());
                        progress.done();
                    }
                }
                Next::Undo(undo) => {
                    self.revert(&undo);
                    progress.done();
                }
            }
        }
    }

    fn apply(&mut self, project: &Project) -> Plan {
        let plan = plan::plan("app", project, &self.current(), &Options::default()).unwrap();
        assert_eq!(self.run(plan.clone(), &[]), Outcome::Applied);
        plan
    }
}

const HEALTH: &str = "healthcheck: {test: [CMD, x]}\n";

fn v1() -> Project {
    project(&[
        ("db", 1, HEALTH),
        ("web", 2, "depends_on: {db: {condition: service_healthy}}\nrestart: always"),
    ])
}

fn v2() -> Project {
    project(&[
        ("db", 1, HEALTH),
        ("web", 3, "depends_on: {db: {condition: service_healthy}}\nrestart: always"),
    ])
}

fn lines(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(ToString::to_string).collect()
}

#[test]
fn a_first_deployment_reads_like_this() {
    let plan = plan::plan("app", &v1(), &Current::default(), &Options::default()).unwrap();
    let (db, web) = (digest(1), digest(2));
    assert_eq!(
        lines(&plan),
        [
            "check nothing of the disk: no image's size is known".to_owned(),
            format!("pull r.example/db@{db}"),
            format!("pull r.example/web@{web}"),
            format!("verify r.example/db@{db}"),
            format!("verify r.example/web@{web}"),
            "create network app_default".to_owned(),
            format!("create container app-db-1.next from r.example/db@{db}"),
            format!("create container app-web-1.next from r.example/web@{web}"),
            "rename container app-db-1.next to app-db-1".to_owned(),
            "rename container app-web-1.next to app-web-1".to_owned(),
            "start container app-db-1".to_owned(),
            "wait until app-db-1 is healthy, at most 300 s".to_owned(),
            "start container app-web-1".to_owned(),
            "wait until app-web-1 keeps running for 5 s".to_owned(),
            "set restart policy of app-web-1 to always".to_owned(),
            "confirm".to_owned(),
        ]
    );
}

#[test]
fn an_update_touches_only_what_changed() {
    let mut engine = Engine::default();
    engine.apply(&v1());
    let plan = engine.apply(&v2());
    let web = digest(3);
    assert_eq!(
        lines(&plan),
        [
            "check nothing of the disk: no image's size is known".to_owned(),
            format!("pull r.example/web@{web}"),
            format!("verify r.example/web@{web}"),
            format!("create container app-web-1.next from r.example/web@{web}"),
            "set restart policy of app-web-1 to no".to_owned(),
            "stop container app-web-1".to_owned(),
            "rename container app-web-1 to app-web-1.previous".to_owned(),
            "rename container app-web-1.next to app-web-1".to_owned(),
            "wait until app-db-1 is healthy, at most 300 s".to_owned(),
            "start container app-web-1".to_owned(),
            "wait until app-web-1 keeps running for 5 s".to_owned(),
            "set restart policy of app-web-1 to always".to_owned(),
            "confirm".to_owned(),
            "remove container app-web-1.previous".to_owned(),
            format!("remove image {}", image_id(digest(2))),
        ]
    );
    assert!(engine.apply(&v2()).is_empty(), "the same again is nothing");
}

#[test]
fn services_that_are_gone_are_stopped_and_removed() {
    let mut engine = Engine::default();
    engine.apply(&v1());
    engine.apply(&project(&[("db", 1, HEALTH)]));
    assert_eq!(engine.containers.keys().collect::<Vec<_>>(), ["app-db-1"]);
    assert_eq!(engine.images.values().collect::<Vec<_>>(), [&digest(1)]);
}

#[test]
fn what_shares_a_namespace_is_made_anew_and_what_asks_for_it_is_restarted() {
    let text = |image| {
        project(&[
            ("a", image, ""),
            ("b", 2, "network_mode: service:a"),
            ("c", 3, "depends_on: {a: {condition: service_started, restart: true}}"),
            ("d", 4, "depends_on: [a]"),
        ])
    };
    let mut engine = Engine::default();
    engine.apply(&text(1));
    let plan = engine.apply(&text(5));
    let created: Vec<_> = plan
        .steps
        .iter()
        .filter_map(|s| if let Step::Create { service, .. } = s { Some(service.as_str()) } else { None })
        .collect();
    let stopped: Vec<_> = plan
        .steps
        .iter()
        .filter_map(|s| if let Step::Stop { service, .. } = s { Some(service.as_str()) } else { None })
        .collect();
    assert_eq!((created, stopped), (vec!["a", "b"], vec!["c", "b", "a"]));
}

#[test]
fn a_one_shot_service_is_waited_for_until_it_has_ended() {
    let project = project(&[
        ("init", 1, ""),
        ("web", 2, "depends_on: {init: {condition: service_completed_successfully}}"),
    ]);
    let plan = plan::plan("app", &project, &Current::default(), &Options::default()).unwrap();
    let waits: Vec<_> = plan
        .steps
        .iter()
        .filter_map(|s| {
            if let Step::Wait { service, until, .. } = s { Some((service.as_str(), *until)) } else { None }
        })
        .collect();
    assert_eq!(waits, [("init", WaitFor::Completed), ("web", WaitFor::Running)]);
}

#[test]
fn space_is_checked_for_the_images_that_are_missing() {
    let options = Options {
        offline: true,
        image_bytes: [(digest(1), 1000), (digest(2), 500)].into(),
        ..Options::default()
    };
    let current =
        Current { images: vec![Image { id: "x".into(), digests: vec![digest(1)] }], ..Current::default() };
    let plan = plan::plan("app", &v1(), &current, &options).unwrap();
    assert_eq!(plan.steps[0], Step::CheckSpace { needed_bytes: 500 });
    assert_eq!(
        plan.steps[1],
        Step::Load { image: format!("r.example/web@{}", digest(2)), digest: digest(2) }
    );
}

#[test]
fn there_is_no_plan_for_an_image_that_can_change() {
    let project = compose::load("services: {a: {image: x}}", &Environment::new()).unwrap();
    let service = Word::new("a");
    let error = plan::plan("app", &project, &Current::default(), &Options::default()).unwrap_err();
    assert_eq!(error, PlanError::Unpinned { service });
    let error = plan::plan("App", &project, &Current::default(), &Options::default()).unwrap_err();
    assert_eq!(error, PlanError::BadName { name: Word::new("App") });
}

#[test]
fn a_failure_at_any_step_ends_in_the_old_or_the_new_state() {
    let mut before = Engine::default();
    before.apply(&v1());
    let plan = plan::plan("app", &v2(), &before.current(), &Options::default()).unwrap();
    let confirm = plan.steps.iter().position(|step| *step == Step::Confirm).unwrap();
    let mut after = before.clone();
    after.apply(&v2());
    for failing in 0..plan.steps.len() {
        let mut engine = before.clone();
        let outcome = engine.run(plan.clone(), &[failing]);
        if failing <= confirm {
            assert_eq!((outcome, &engine), (Outcome::RolledBack, &before), "step {failing}");
            assert!(plan.undo(failing).is_some());
        } else {
            assert_eq!(outcome, Outcome::Applied, "step {failing}");
            assert!(after.containers.iter().all(|(name, c)| engine.containers.get(name) == Some(c)));
            assert_eq!(plan.undo(failing), None);
        }
    }
}

#[test]
fn what_has_stopped_is_started_again_in_order_and_not_made_anew() {
    let mut engine = Engine::default();
    engine.apply(&v1());
    engine.containers.values_mut().for_each(|container| container.running = false);
    let plan = engine.apply(&v1());
    assert_eq!(
        lines(&plan),
        [
            "start container app-db-1",
            "wait until app-db-1 is healthy, at most 300 s",
            "start container app-web-1",
            "wait until app-web-1 keeps running for 5 s",
            "confirm",
        ]
    );
    assert!(engine.apply(&v1()).is_empty());
}

#[test]
fn what_an_earlier_switch_left_behind_is_not_taken_for_the_container_of_a_service() {
    let mut engine = Engine::default();
    engine.apply(&v1());
    let mut left = engine.containers.get("app-db-1").unwrap().clone();
    assert!(!left.is_left_over());
    left.name += plan::PREVIOUS_SUFFIX;
    left.id = "left".into();
    left.running = false;
    assert!(left.is_left_over());
    let mut current = engine.current();
    current.containers.insert(0, left);
    let plan = plan::plan("app", &v1(), &current, &Options::default()).unwrap();
    let removed = ["stop container app-db-1.previous", "confirm", "remove container app-db-1.previous"];
    assert_eq!(lines(&plan), removed);
}

// A file of 3.8 MB may well have 2,000 services.
const _: () = assert!(MAX_CONTAINERS >= 2000);

#[test]
fn a_project_has_a_limited_number_of_containers() {
    let digest = "86e0e091d0da6bde2456dbb48306f3956bbeb2eae1b5b9a43045843f69fe4aaa";
    let text = |scale: u32| {
        format!(
            "services:\n  a: {{image: 'x@sha256:{digest}'}}\n  b:\n    image: x@sha256:{digest}\n    scale: {scale}\n"
        )
    };
    let environment = Environment::new();
    let full = compose::load(&text(MAX_CONTAINERS - 1), &environment).unwrap();
    assert_eq!(full.beyond_containers(), None);
    let target = Target { project: "app", directory: "/", api: MIN_API };
    let created = target.requests(&full).unwrap();
    let created = created.iter().filter(|request| request.path.contains("/containers/create")).count();
    assert_eq!(u32::try_from(created), Ok(MAX_CONTAINERS));
    let plan = plan::plan("app", &full, &Current::default(), &Options::default()).unwrap();
    let created = plan.steps.iter().filter(|step| matches!(step, Step::Create { .. })).count();
    assert_eq!(u32::try_from(created), Ok(MAX_CONTAINERS));

    for scale in [MAX_CONTAINERS, u32::MAX] {
        let error = compose::load(&text(scale), &environment).unwrap_err();
        assert_eq!((error.at.line, error.at.column, error.kind), (5, 12, ErrorKind::TooManyContainers));
        let mut project = full.clone();
        project.services.get_mut("b").unwrap().scale = Some(scale);
        let service = Word::new("b");
        let planned = plan::plan("app", &project, &Current::default(), &Options::default());
        assert_eq!(planned, Err(PlanError::TooManyContainers { service }));
        assert_eq!(target.requests(&project), Err(EngineError::TooManyContainers { service }));
    }
}

/// A project of some of the services a to e, with images and links between them.
fn any_project() -> impl Strategy<Value = Project> {
    let service = (0..4_u8, 0..3_u8, proptest::bool::ANY, proptest::bool::ANY);
    proptest::collection::btree_map(0..5_usize, service, 0..5).prop_map(|services| {
        let names = ["a", "b", "c", "d", "e"];
        let present: Vec<usize> = services.keys().copied().collect();
        let services: Vec<(&str, u8, String)> = services
            .iter()
            .map(|(&index, &(image, restart, health, depends))| {
                let mut rest =
                    String::from(["", "restart: always\n", "restart: on-failure\n"][usize::from(restart)]);
                if health {
                    rest += HEALTH;
                }
                let before = present.iter().filter(|&&other| other < index).max();
                if let (true, Some(&before)) = (depends, before) {
                    rest += &format!(
                        "depends_on: {{{}: {{condition: service_started, restart: true}}}}\n",
                        names[before]
                    );
                }
                (names[index], image, rest)
            })
            .collect();
        if services.is_empty() {
            return Project::default();
        }
        project(&services.iter().map(|(n, i, r)| (*n, *i, r.as_str())).collect::<Vec<_>>())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_plan_can_be_undone_at_every_step_and_reaches_its_goal(old in any_project(), new in any_project()) {
        let mut before = Engine::default();
        before.apply(&old);
        let plan = plan::plan("app", &new, &before.current(), &Options::default()).unwrap();
        let mut after = before.clone();
        prop_assert_eq!(after.run(plan.clone(), &[]), Outcome::Applied);
        prop_assert!(plan::plan("app", &new, &after.current(), &Options::default()).unwrap().is_empty());
        let running: BTreeSet<&str> = after.containers.values().filter(|c| c.running).map(|c| c.service.as_str()).collect();
        prop_assert_eq!(running, new.services.keys().map(String::as_str).collect());
        for failing in 0..plan.steps.len() {
            let mut engine = before.clone();
            if engine.run(plan.clone(), &[failing]) == Outcome::RolledBack {
                prop_assert_eq!(&engine, &before);
            }
        }
    }
}
