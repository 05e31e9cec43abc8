//! The making of a plan.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Container, Current, NEXT_SUFFIX, Options, PREVIOUS_SUFFIX, Plan, Step, WaitFor};
use crate::compose::limits::MAX_CONTAINERS;
use crate::compose::model::{Condition, MountKind, Service};
use crate::compose::{Project, Word};
use crate::digest::Sha256;

/// Why there is no plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A service without an image.
    #[error("service {service} has no image")]
    NoImage {
        /// Its name.
        service: Word,
    },
    /// A service whose image has no sha256 digest.
    #[error("the image of service {service} is not pinned by a sha256 digest")]
    Unpinned {
        /// Its name.
        service: Word,
    },
    /// Services that depend on each other.
    #[error("service {service} depends on itself through others")]
    Cycle {
        /// One of them.
        service: Word,
    },
    /// More than [`MAX_CONTAINERS`] containers.
    #[error("with service {service} there are more than {MAX_CONTAINERS} containers")]
    TooManyContainers {
        /// The service.
        service: Word,
    },
    /// Not a project name, see [`is_project_name`](crate::compose::is_project_name).
    #[error("the project is named {name}, which is no project name")]
    BadName {
        /// The name.
        name: Word,
    },
}

/// One container that is wanted.
struct Instance<'p> {
    service: &'p str,
    model: &'p Service,
    number: u32,
    name: String,
    image: String,
    digest: Sha256,
    hash: Sha256,
    /// Networks and volumes are named by the engine's names in here.
    old: Option<&'p Container>,
    fate: Fate,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Keep,
    /// Started again: it is stopped, or what it depends on is made anew.
    Restart,
    Create,
}

/// Plans the way from `current` to `project` under the name `name`.
///
/// The same input gives the same plan. A service is kept as it is if its container runs, was made from the
/// same image digest and has the same [config hash](Service::config_hash); if it does not run, as after a power
/// cut, it is started again.
///
/// # Errors
/// If a service has no pinned image, if services depend on each other, or if `name` is no project name.
pub fn plan(name: &str, project: &Project, current: &Current, options: &Options) -> Result<Plan, PlanError> {
    if !crate::compose::is_project_name(name) {
        return Err(PlanError::BadName { name: Word::new(name) });
    }
    let instances = instances(name, project, current)?;
    let leaving = leaving(&instances, current);
    let mut steps = Vec::new();
    fetch(&instances, current, options, &mut steps);
    resources(name, project, current, &instances, &mut steps);
    create(&instances, &mut steps);
    stop(&instances, &leaving, &mut steps);
    start(project, &instances, options, &mut steps);
    if !steps.is_empty() {
        steps.push(Step::Confirm);
    }
    collect(&instances, &leaving, current, &mut steps);
    Ok(Plan { project: name.to_owned(), steps })
}

/// All wanted containers in the order in which they start.
fn instances<'p>(
    name: &str,
    project: &'p Project,
    current: &'p Current,
) -> Result<Vec<Instance<'p>>, PlanError> {
    let order = project.start_order().map_err(|error| PlanError::Cycle { service: error.subject })?;
    if let Some(service) = project.beyond_containers() {
        return Err(PlanError::TooManyContainers { service: Word::new(service) });
    }
    let mut instances: Vec<Instance<'p>> = Vec::new();
    for service in order {
        let Some(model) = project.services.get(service) else { continue };
        let word = Word::new(service);
        let image = model.image.as_ref().and_then(|image| image.normalized());
        let image = image.ok_or(PlanError::NoImage { service: word })?;
        let digest = image.pinned().ok_or(PlanError::Unpinned { service: word })?;
        let hash = model.config_hash();
        for number in 1..=model.replicas() {
            let container = match &model.container_name {
                Some(container) => container.0.clone(),
                None => format!("{name}-{service}-{number}"),
            };
            let mut olds = current.containers.iter().filter(|c| c.service == service && c.number == number);
            // What an earlier switch has left behind comes second.
            let old = olds.clone().find(|c| c.name == container).or_else(|| olds.next());
            let same = old.is_some_and(|old| {
                old.config_hash == Some(hash)
                    && old.name == container
                    && has_image(current, &old.image_id, digest)
            });
            // Instances come in start order: what this one depends on is decided already.
            let anew = |other: &str| instances.iter().any(|i| i.service == other && i.fate == Fate::Create);
            let orphaned = model.namespace_owners().any(anew);
            let stopped = old.is_some_and(|old| !old.running);
            let restarts = stopped || model.depends_on.iter().any(|(other, how)| how.restart && anew(other));
            let fate = match (same && !orphaned, restarts) {
                (false, _) => Fate::Create,
                (true, true) => Fate::Restart,
                (true, false) => Fate::Keep,
            };
            let image = image.to_pull().to_string();
            instances.push(Instance {
                service,
                model,
                number,
                name: container,
                image,
                digest,
                hash,
                old,
                fate,
            });
        }
    }
    Ok(instances)
}

fn has_image(current: &Current, id: &str, digest: Sha256) -> bool {
    current.images.iter().any(|image| image.id == id && image.digests.contains(&digest))
}

/// Containers that are no longer wanted as they are.
fn leaving<'p>(instances: &[Instance<'p>], current: &'p Current) -> Vec<&'p Container> {
    let stays = |container: &Container| {
        instances.iter().any(|i| i.fate != Fate::Create && i.old.is_some_and(|old| old.id == container.id))
    };
    current.containers.iter().filter(|container| !stays(container)).collect()
}

fn fetch(instances: &[Instance<'_>], current: &Current, options: &Options, steps: &mut Vec<Step>) {
    let mut images: BTreeMap<Sha256, &str> = BTreeMap::new();
    for instance in instances.iter().filter(|instance| instance.fate == Fate::Create) {
        images.entry(instance.digest).or_insert(&instance.image);
    }
    let present = |digest: &Sha256| current.images.iter().any(|image| image.digests.contains(digest));
    let missing: Vec<_> = images.iter().filter(|(digest, _)| !present(digest)).collect();
    if !missing.is_empty() {
        let sizes = missing.iter().filter_map(|(digest, _)| options.image_bytes.get(digest));
        steps.push(Step::CheckSpace { needed_bytes: sizes.fold(0, |sum, &size| sum.saturating_add(size)) });
    }
    for (&digest, &image) in missing {
        let image = image.to_owned();
        steps.push(if options.offline { Step::Load { image, digest } } else { Step::Pull { image, digest } });
    }
    steps.extend(images.iter().map(|(&digest, &image)| Step::Verify { image: image.to_owned(), digest }));
}

fn resources(
    name: &str,
    project: &Project,
    current: &Current,
    instances: &[Instance<'_>],
    steps: &mut Vec<Step>,
) {
    let mut networks = BTreeSet::new();
    let mut volumes = BTreeSet::new();
    for instance in instances.iter().filter(|instance| instance.fate == Fate::Create) {
        networks.extend(instance.model.networks.keys());
        let mounts = instance.model.volumes.iter().filter(|mount| mount.0.kind() == MountKind::Volume);
        volumes.extend(mounts.filter_map(|mount| mount.0.source.as_ref()));
    }
    for key in networks {
        let Some(network) = project.networks.get(key) else { continue };
        let external = network.external.as_ref().is_some_and(|external| external.external);
        let network = network.name.clone().unwrap_or_else(|| format!("{name}_{key}"));
        if !external && !current.networks.contains(&network) {
            steps.push(Step::CreateNetwork { network, key: key.clone() });
        }
    }
    for key in volumes {
        let Some(volume) = project.volumes.get(key) else { continue };
        let external = volume.external.as_ref().is_some_and(|external| external.external);
        let volume = volume.name.clone().unwrap_or_else(|| format!("{name}_{key}"));
        if !external && !current.volumes.contains(&volume) {
            steps.push(Step::CreateVolume { volume, key: key.clone() });
        }
    }
}

/// The name of a container before it takes over.
fn next_name(name: &str) -> String {
    format!("{name}{NEXT_SUFFIX}")
}

/// The name of a container after another one took over.
fn previous_name(name: &str) -> String {
    format!("{name}{PREVIOUS_SUFFIX}")
}

fn create(instances: &[Instance<'_>], steps: &mut Vec<Step>) {
    for instance in instances.iter().filter(|instance| instance.fate == Fate::Create) {
        steps.push(Step::Create {
            service: instance.service.to_owned(),
            number: instance.number,
            container: next_name(&instance.name),
            image: instance.image.clone(),
            digest: instance.digest,
            config_hash: instance.hash,
        });
    }
}

/// Old containers stop in the reverse of the order in which they would start; those that nobody knows any
/// more stop first.
fn stop(instances: &[Instance<'_>], leaving: &[&Container], steps: &mut Vec<Step>) {
    let rank = |container: &Container| instances.iter().position(|i| i.service == container.service);
    let mut leaving = leaving.to_vec();
    leaving.sort_by_key(|container| {
        (rank(container).map_or(0, |rank| instances.len() - rank), container.name.as_str())
    });
    leaving.sort_by_key(|container| rank(container).is_some());
    let restarting = instances.iter().rev().filter(|instance| instance.fate == Fate::Restart);
    for old in restarting.filter_map(|instance| instance.old).filter(|old| old.running) {
        steps.push(stop_step(old));
    }
    for old in &leaving {
        // Otherwise the engine would start both when it starts itself after a power cut.
        if !matches!(old.restart.as_str(), "" | "no") {
            steps.push(Step::SetRestart {
                container: old.name.clone(),
                from: old.restart.clone(),
                to: "no".to_owned(),
            });
        }
        steps.push(stop_step(old));
    }
    let taken: BTreeSet<&str> =
        instances.iter().filter(|i| i.fate == Fate::Create).map(|i| i.name.as_str()).collect();
    for old in leaving.iter().filter(|old| taken.contains(old.name.as_str())) {
        steps.push(Step::Rename { from: old.name.clone(), to: previous_name(&old.name) });
    }
    for instance in instances.iter().filter(|instance| instance.fate == Fate::Create) {
        steps.push(Step::Rename { from: next_name(&instance.name), to: instance.name.clone() });
    }
}

fn stop_step(old: &Container) -> Step {
    Step::Stop { service: old.service.clone(), container: old.name.clone(), was_running: old.running }
}

fn start(project: &Project, instances: &[Instance<'_>], options: &Options, steps: &mut Vec<Step>) {
    let mut waited: BTreeSet<&str> = BTreeSet::new();
    let timeout = options.start_timeout.as_millis();
    let wait = |instance: &Instance<'_>, until, timeout_ms| Step::Wait {
        service: instance.service.to_owned(),
        container: instance.name.clone(),
        until,
        timeout_ms,
    };
    let starting = || instances.iter().filter(|instance| instance.fate != Fate::Keep);
    for instance in starting() {
        for (other, how) in instance.model.depends_on.iter() {
            let until = match how.condition {
                Condition::Started => continue,
                Condition::Healthy => WaitFor::Healthy,
                Condition::Completed => WaitFor::Completed,
            };
            if project.services.contains_key(other) && waited.insert(other) {
                let others = instances.iter().filter(|i| i.service == other);
                steps.extend(others.map(|other| wait(other, until, timeout)));
            }
        }
        steps.push(Step::Start { service: instance.service.to_owned(), container: instance.name.clone() });
    }
    for instance in starting().filter(|instance| !waited.contains(instance.service)) {
        let check = instance.model.healthcheck.as_ref();
        let healthy = check.is_some_and(|check| check.test.is_some() && !check.is_disabled());
        steps.push(match healthy {
            true => wait(instance, WaitFor::Healthy, timeout),
            false => wait(instance, WaitFor::Running, options.settle.as_millis()),
        });
    }
    for instance in starting().filter(|instance| instance.fate == Fate::Create) {
        let policy = instance.model.restart.unwrap_or_default().to_string();
        if policy != "no" {
            let from = "no".to_owned();
            steps.push(Step::SetRestart { container: instance.name.clone(), from, to: policy });
        }
    }
}

fn collect(instances: &[Instance<'_>], leaving: &[&Container], current: &Current, steps: &mut Vec<Step>) {
    let renamed = |name: &str| instances.iter().any(|i| i.fate == Fate::Create && i.name == name);
    for old in leaving {
        let container = if renamed(&old.name) { previous_name(&old.name) } else { old.name.clone() };
        steps.push(Step::RemoveContainer { container });
    }
    let wanted = |image: &str| instances.iter().any(|instance| has_image(current, image, instance.digest));
    let images: BTreeSet<&str> = leaving.iter().map(|old| old.image_id.as_str()).collect();
    for image_id in images.into_iter().filter(|image| !image.is_empty() && !wanted(image)) {
        steps.push(Step::RemoveImage { image_id: image_id.to_owned() });
    }
}
