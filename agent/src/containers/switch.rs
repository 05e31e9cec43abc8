//! The switch of an application, step by step, with a journal.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use container_spec::compose::{self, Environment, Project};
use container_spec::engine::Request;
use container_spec::plan::{self, Next, Options, Outcome, Plan, Progress, Step, Undo};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::Engine;
use super::archives::{Archives, NoArchives};
use super::images::Images;
use super::steps::Worker;
use crate::atomic;
use crate::files;
use crate::report::{Event, Observer};

/// What does not change from switch to switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Name of the project for the engine.
    pub project: String,
    /// Where the files of this module are.
    pub directory: PathBuf,
    /// The directory that relative paths of Compose files start from: absolute, without a `/` at its end.
    pub base: String,
    /// The platform that images are for; that of this program if absent.
    pub platform: Option<String>,
}

impl Settings {
    /// Of the application `project` with its files in `directory`, which relative paths start from as well.
    ///
    /// # Errors
    /// If the directory's absolute name is no UTF-8.
    pub fn new(project: &str, directory: &Path, platform: Option<&str>) -> anyhow::Result<Self> {
        let base = std::path::absolute(directory)?;
        let base = base.to_str().context("a directory whose name is no UTF-8")?;
        Ok(Self {
            project: project.to_owned(),
            directory: directory.into(),
            base: base.trim_end_matches('/').to_owned(),
            platform: platform.map(str::to_owned),
        })
    }

    fn compose_file(&self) -> PathBuf {
        self.directory.join("docker-compose.yml")
    }

    fn next_file(&self) -> PathBuf {
        self.directory.join("next/docker-compose.yml")
    }

    fn journal(&self) -> PathBuf {
        self.directory.join("next/progress.json")
    }

    /// There while a switch waits for another decision before it is confirmed.
    fn held_file(&self) -> PathBuf {
        self.directory.join("next/held")
    }

    fn is_held(&self) -> anyhow::Result<bool> {
        self.held_file().try_exists().context("looking for what holds the switch")
    }

    fn images(&self) -> anyhow::Result<Images> {
        Images::open(&self.directory.join("images.json"))
    }

    /// Keeps other processes from switching the same application, as long as the file is open.
    fn lock(&self) -> anyhow::Result<File> {
        std::fs::create_dir_all(&self.directory)
            .with_context(|| format!("making {}", self.directory.display()))?;
        let path = self.directory.join("lock");
        let file = File::create(&path).with_context(|| format!("opening {}", path.display()))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => {
                bail!("another process switches the application, it has {}", path.display())
            }
            locked => locked.with_context(|| format!("locking {}", path.display()))?,
        }
        Ok(file)
    }

    /// How far the switch is that is not finished; nothing if there is none.
    ///
    /// # Errors
    /// If the journal is damaged.
    pub fn progress(&self) -> anyhow::Result<Option<Progress>> {
        let path = self.journal();
        let Some(bytes) = files::read_if_there(&path, MAX_JOURNAL_BYTES)? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).with_context(|| format!("{} is damaged", path.display()))
    }

    /// The Compose file of the last switch that was confirmed; nothing if there was none.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn confirmed(&self) -> anyhow::Result<Option<String>> {
        files::read_compose_if_there(&self.compose_file())
    }
}

/// How often a reverse, or the removal of what is old, is tried.
const TRIES: u32 = 5;

/// How long to wait after the first try; twice as long after each other one.
const PAUSE: Duration = Duration::from_millis(200);

/// The largest journal, in bytes.
const MAX_JOURNAL_BYTES: usize = 16 << 20;

/// A switch that is prepared or under way.
pub struct Switch<'s> {
    engine: &'s Engine,
    settings: &'s Settings,
    archives: &'s dyn Archives,
    images: Images,
    project: Project,
    progress: Progress,
    /// Held until the switch is finished, or left to a later process.
    _lock: File,
}

impl core::fmt::Debug for Switch<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Switch").field("progress", &self.progress).finish_non_exhaustive()
    }
}

impl<'s> Switch<'s> {
    /// Plans the switch to the Compose file `text` and writes the journal. What runs has not changed.
    ///
    /// # Errors
    /// If the file is refused or not pinned, another switch is not finished, or the engine cannot be asked.
    pub fn prepare(
        engine: &'s Engine,
        settings: &'s Settings,
        archives: &'s dyn Archives,
        text: &str,
        options: &Options,
    ) -> anyhow::Result<Self> {
        Self::begin(engine, settings, archives, text, options, false)
    }

    /// As [`prepare`](Self::prepare), of a switch that is not confirmed before another decision is made:
    /// [`run_to_confirmation`](Self::run_to_confirmation) takes it there, also by [`start`] after a boot, and
    /// [`run`](Self::run) confirms it.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    pub fn prepare_held(
        engine: &'s Engine,
        settings: &'s Settings,
        archives: &'s dyn Archives,
        text: &str,
        options: &Options,
    ) -> anyhow::Result<Self> {
        Self::begin(engine, settings, archives, text, options, true)
    }

    fn begin(
        engine: &'s Engine,
        settings: &'s Settings,
        archives: &'s dyn Archives,
        text: &str,
        options: &Options,
        held: bool,
    ) -> anyhow::Result<Self> {
        let lock = settings.lock()?;
        if settings.journal().try_exists().context("looking for the journal")? {
            bail!("another switch is not finished");
        }
        let project = read(text)?;
        sweep(engine, settings, &project)?;
        let mut images = settings.images()?;
        let mut current = engine.current(&settings.project)?;
        images.retain(&current)?;
        images.name(&mut current);
        let plan = plan::plan(&settings.project, &project, &current, options)?;
        let progress = Progress::new(plan);
        let switch = Self { engine, settings, archives, images, project, progress, _lock: lock };
        atomic::write(&settings.next_file(), text.as_bytes()).context("recording the Compose file")?;
        match held {
            true => atomic::write(&settings.held_file(), b"").context("holding the switch")?,
            false => atomic::remove(&settings.held_file()).context("removing what held another switch")?,
        }
        switch.record()?;
        Ok(switch)
    }

    /// Takes up the switch that the journal tells of; nothing if there is none.
    ///
    /// # Errors
    /// If the journal is damaged.
    pub fn resume(
        engine: &'s Engine,
        settings: &'s Settings,
        archives: &'s dyn Archives,
    ) -> anyhow::Result<Option<Self>> {
        let lock = settings.lock()?;
        let Some(mut progress) = settings.progress()? else { return Ok(None) };
        progress.resume();
        let text = files::read_compose_if_there(&settings.next_file())?
            .context("the Compose file of the switch is gone")?;
        let (project, images) = (read(&text)?, settings.images()?);
        Ok(Some(Self { engine, settings, archives, images, project, progress, _lock: lock }))
    }

    /// The plan.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        self.progress.plan()
    }

    /// Turns back, unless the switch is confirmed. Returns whether it goes back now.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn roll_back(&mut self) -> anyhow::Result<bool> {
        let back = self.progress.roll_back();
        self.record()?;
        Ok(back)
    }

    /// Takes steps until there is none left.
    ///
    /// # Errors
    /// If the journal cannot be written, or a reverse does not work: the next start tries again.
    pub fn run(mut self, observer: &mut dyn Observer) -> anyhow::Result<Outcome> {
        loop {
            if let Some(outcome) = self.advance(observer)? {
                return Ok(outcome);
            }
        }
    }

    /// Takes steps until all that is wanted runs and only the confirmation is left, or back until what ran before
    /// runs again. The switch itself stays open, for [`run`](Self::run). Returns whether what is wanted runs.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_to_confirmation(&mut self, observer: &mut dyn Observer) -> anyhow::Result<bool> {
        loop {
            match self.progress.next() {
                Next::Do(Step::Confirm) | Next::Finished(Outcome::Applied) => return Ok(true),
                Next::Finished(Outcome::RolledBack) => return Ok(false),
                Next::Do(_) if self.progress.is_confirmed() => return Ok(true),
                _ => drop(self.advance(observer)?),
            }
        }
    }

    /// Takes one step or reverse and writes the journal. After the last, tells the outcome and forgets the
    /// switch.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn advance(&mut self, observer: &mut dyn Observer) -> anyhow::Result<Option<Outcome>> {
        if self.progress.is_confirmed() {
            self.take_over()?;
        }
        if let Next::Finished(outcome) = self.progress.next() {
            if outcome == Outcome::Applied {
                self.take_over()?;
            }
            self.forget()?;
            return Ok(Some(outcome));
        }
        match self.perform(observer) {
            Ok(()) => self.progress.done(),
            Err(error) if matches!(self.progress.next(), Next::Do(_)) => {
                let number = self.progress.steps_done() + 1;
                observer.event(Event::StepFailed { number, reason: format!("{error:#}") });
                self.progress.failed();
            }
            Err(error) => return Err(error),
        }
        self.record()?;
        Ok(None)
    }

    /// Does what comes next, without writing so to the journal: after a power cut at this point it is done
    /// again. [`advance`](Self::advance) does both.
    ///
    /// # Errors
    /// If it does not work.
    pub fn perform(&mut self, observer: &mut dyn Observer) -> anyhow::Result<()> {
        let mut worker = Worker {
            engine: self.engine,
            settings: self.settings,
            archives: self.archives,
            images: &mut self.images,
            project: &self.project,
        };
        let (number, of) = (self.progress.steps_done() + 1, self.progress.plan().steps.len());
        match self.progress.next() {
            Next::Do(step) => {
                observer.event(Event::Step { number, of, step: step.clone() });
                if self.progress.is_confirmed() {
                    patiently(|| worker.step(step, observer))
                } else {
                    worker.step(step, observer)
                }
            }
            Next::Undo(undo) => {
                observer.event(Event::Undo { left: self.progress.steps_done(), undo: undo.clone() });
                patiently(|| worker.undo(&undo)).with_context(|| format!("going back: {undo}"))
            }
            Next::Finished(_) => Ok(()),
        }
    }

    fn record(&self) -> anyhow::Result<()> {
        let bytes = serde_json::to_vec(&self.progress)?;
        atomic::write(&self.settings.journal(), &bytes).context("writing the journal of the switch")
    }

    /// Makes the file of a confirmed switch the one that runs.
    fn take_over(&self) -> anyhow::Result<()> {
        let next = files::read_compose_if_there(&self.settings.next_file())?
            .context("the Compose file of the switch is gone")?;
        if self.settings.confirmed()?.as_ref() == Some(&next) {
            return Ok(());
        }
        atomic::write(&self.settings.compose_file(), next.as_bytes()).context("writing the Compose file")
    }

    /// The journal goes first: without it there is no switch.
    fn forget(&self) -> anyhow::Result<()> {
        for path in [self.settings.journal(), self.settings.next_file(), self.settings.held_file()] {
            atomic::remove(&path).with_context(|| format!("removing {}", path.display()))?;
        }
        Ok(())
    }
}

/// Brings the application up, as after a boot: finishes the switch that the journal tells of, then starts what
/// is confirmed and does not run, in the order of `depends_on`, or makes it anew if it is gone. A switch that is
/// held is taken as far as its confirmation, or back, and left open. Returns how the switch ended, if one did.
///
/// # Errors
/// If the engine cannot be asked, or something of what is confirmed cannot be started: all else is started
/// nevertheless.
pub fn start(
    engine: &Engine,
    settings: &Settings,
    archives: &dyn Archives,
    options: &Options,
    observer: &mut dyn Observer,
) -> anyhow::Result<Option<Outcome>> {
    let outcome = match Switch::resume(engine, settings, archives)? {
        Some(mut switch) if settings.is_held()? => {
            switch.run_to_confirmation(observer)?;
            return Ok(None);
        }
        Some(switch) => Some(switch.run(observer)?),
        None => None,
    };
    let Some(text) = settings.confirmed()? else { return Ok(outcome) };
    let switch = Switch::prepare(engine, settings, archives, &text, options)?;
    if !switch.plan().steps.iter().any(|step| matches!(step, Step::Create { .. })) {
        switch.start_all(observer)?;
    } else if switch.run(observer)? == Outcome::RolledBack {
        bail!("the application that is confirmed cannot be made anew");
    }
    Ok(outcome)
}

impl Switch<'_> {
    /// Takes all steps, also after one did not work: going back would stop what runs.
    fn start_all(mut self, observer: &mut dyn Observer) -> anyhow::Result<()> {
        let mut failed = 0_usize;
        while let Next::Do(_) = self.progress.next() {
            if let Err(error) = self.perform(observer) {
                let number = self.progress.steps_done() + 1;
                observer.event(Event::StepFailed { number, reason: format!("{error:#}") });
                failed += 1;
            }
            self.progress.done();
        }
        self.forget()?;
        if failed > 0 {
            bail!("the application that is confirmed does not run whole: {failed} steps failed");
        }
        Ok(())
    }
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
    let plan = plan::plan(&settings.project, &project, &current, options)?;
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

/// Removes what an earlier switch could not remove.
fn sweep(engine: &Engine, settings: &Settings, project: &Project) -> anyhow::Result<()> {
    for container in engine.current(&settings.project)?.containers {
        let wanted = |name: &str| {
            project.services.values().any(|s| s.container_name.as_ref().is_some_and(|it| it.0 == name))
        };
        if container.is_left_over() && !wanted(&container.name) {
            engine.call(&Request::remove_container(engine.api(), &container.id, true))?;
        }
    }
    Ok(())
}

/// Tries again and again, with pauses: the engine may be busy, or be starting.
fn patiently(mut attempt: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut pause = PAUSE;
    for _ in 1..TRIES {
        match attempt() {
            Ok(()) => return Ok(()),
            Err(error) => tracing::warn!("trying again in {} ms: {error:#}", pause.as_millis()),
        }
        std::thread::sleep(pause);
        pause = pause.saturating_mul(2);
    }
    attempt()
}

fn read(text: &str) -> anyhow::Result<Project> {
    let project = compose::load(text, &Environment::new())
        .map_err(|error| anyhow::anyhow!("the Compose file is refused: {}: {error}", error.at))?;
    project.locked().map_err(|errors| {
        let lines: Vec<_> = errors.iter().map(|error| format!("{}: {error}", error.at)).collect();
        anyhow::anyhow!("the Compose file is refused: {}", lines.join("; "))
    })?;
    Ok(project)
}
