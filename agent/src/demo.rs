//! The demonstration: a factory, a server and a device in one directory, and the story of its updates.
//!
//! Nothing in it is played: the bytes on disk are signed, served, verified, deployed and booted by the code that a
//! device runs. Only two things are modelled, because they are hardware: U-Boot ([`bsp_imx95::boot_script`]) and the
//! initial RAM disk, which follows `ostree=` to a deployment.

mod attacks;
mod chapters;
mod factory;
mod fixture;
mod machine;
mod rehearsal;
mod release;
mod server;
mod signing;
mod story;
mod world;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::report::{Event, Observer};
pub use rehearsal::Rehearsal;
use story::Story;
use world::World;

/// How the demonstration is run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where; a temporary directory if not given. It must not exist, or be empty.
    pub directory: Option<PathBuf>,
    /// Leave the directory behind.
    pub keep: bool,
    /// The recorded OSTree repository, as a tar file; the one that was compiled in if not given.
    pub fixture: Option<PathBuf>,
    /// The program that is started and killed in the chapter about the power cut: this one.
    pub program: PathBuf,
}

/// Tells the story; `true` if every claim in it held.
///
/// # Errors
/// If the directory cannot be used. A step that fails is a claim that does not hold.
pub fn run(options: &Options, observer: &mut dyn Observer) -> anyhow::Result<bool> {
    let (directory, temporary) = match &options.directory {
        Some(directory) => (prepare(directory)?, None),
        None => {
            let temporary = tempfile::Builder::new().prefix("ota-demo-").tempdir()?;
            (temporary.path().to_path_buf(), Some(temporary))
        }
    };
    let mut story = Story::new(observer);
    if let Err(error) = tell(&directory, options, &mut story) {
        story.prove("the story is told to its end", false, format!("{error:#}"));
    }
    let held = story.end();
    if options.keep {
        if let Some(temporary) = temporary {
            let _ = temporary.keep();
        }
        observer.event(Event::Note { text: format!("everything is in {}", directory.display()) });
    } else if temporary.is_none() {
        std::fs::remove_dir_all(&directory).with_context(|| format!("removing {}", directory.display()))?;
    }
    Ok(held)
}

/// The directory by its absolute path, made if it is not there.
fn prepare(directory: &Path) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
    if std::fs::read_dir(directory)?.next().is_some() {
        bail!("{} is not empty", directory.display());
    }
    Ok(std::fs::canonicalize(directory)?)
}

fn tell(directory: &Path, options: &Options, story: &mut Story<'_>) -> anyhow::Result<()> {
    let mut world = World::make(directory, options, story)?;
    chapters::first_update(&mut world, story)?;
    chapters::bad_update(&mut world, story)?;
    chapters::lockbox(&mut world, story)?;
    attacks::all(&mut world, story)?;
    chapters::power_cut(&mut world, &options.program, story)
}
