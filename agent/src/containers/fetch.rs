//! The plan of a switch with the sizes of what it pulls, and its first part alone: images.

use container_spec::compose::Project;
use container_spec::plan::{self, Current, Options, Plan, Step, Undo};

use super::archives::{Archives, NoArchives};
use super::registry::pull_sizes;
use super::steps::Worker;
use super::switch::read;
use super::{Engine, Settings};
use crate::report::{Event, Observer};

/// Plans the switch to `project`. Registries are asked for the size of what has to be pulled from them; where one does not
/// tell, the check of the disk is about the others, and the pull decides.
pub(super) fn planned(
    engine: &Engine,
    settings: &Settings,
    project: &Project,
    current: &Current,
    options: &Options,
) -> anyhow::Result<Plan> {
    let plan = plan::plan(&settings.project, project, current, options)?;
    let pulls: Vec<_> = plan
        .steps
        .iter()
        .filter_map(|step| match step {
            Step::Pull { image, digest } if !options.image_bytes.contains_key(digest) => {
                Some((*digest, image.as_str()))
            }
            _ => None,
        })
        .collect();
    if pulls.is_empty() {
        return Ok(plan);
    }
    let (credentials, there) = (settings.credentials()?, engine.layers(&current.images)?);
    let unknown = |image: &str, error: &anyhow::Error| {
        tracing::warn!("the size of {image} is not known, and not in the check of the disk: {error:#}");
    };
    let sizes = pull_sizes(pulls.into_iter(), &credentials, settings.platform()?, there, unknown);
    let mut options = options.clone();
    options.image_bytes.extend(sizes);
    Ok(plan::plan(&settings.project, project, current, &options)?)
}

/// Brings the images of the Compose file `text` to the engine and verifies them, so that the switch to it needs
/// neither network nor archives. Nothing that runs changes. `fetches` is told the images that are not there yet
/// before any is fetched, so that they can be removed again if they come to nothing.
///
/// # Errors
/// If the file is refused or not pinned, or an image cannot be had; it may be repeated.
pub fn fetch(
    engine: &Engine,
    settings: &Settings,
    archives: &dyn Archives,
    text: &str,
    options: &Options,
    observer: &mut dyn Observer,
    fetches: impl FnOnce(&Plan, &[&str]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let _lock = settings.lock()?;
    let project = read(text)?;
    let mut images = settings.images()?;
    let mut current = engine.current(&settings.project)?;
    images.name(&mut current);
    let plan = planned(engine, settings, &project, &current, options)?;
    let missing = plan.steps.iter().filter_map(|step| match step {
        Step::Pull { image, .. } | Step::Load { image, .. } => Some(image.as_str()),
        _ => None,
    });
    fetches(&plan, &missing.collect::<Vec<_>>())?;
    let of = plan.steps.len();
    let mut worker = Worker { engine, settings, archives, images: &mut images, project: &project };
    for (step, number) in plan.steps.iter().zip(1..) {
        if !matches!(
            step,
            Step::CheckSpace { .. } | Step::Pull { .. } | Step::Load { .. } | Step::Verify { .. }
        ) {
            break;
        }
        observer.event(Event::Step { number, of, step: step.clone() });
        worker.step(step, observer)?;
    }
    Ok(())
}

/// Removes an image that [`fetch`] brought, unless a container uses it or it is gone.
///
/// # Errors
/// If the engine cannot be asked.
pub fn remove_image(engine: &Engine, settings: &Settings, image: &str) -> anyhow::Result<()> {
    let (project, mut images) = (Project::default(), settings.images()?);
    let worker = Worker { engine, settings, archives: &NoArchives, images: &mut images, project: &project };
    worker.undo(&Undo::RemoveImage { image: image.to_owned() })
}
