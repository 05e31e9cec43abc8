//! The switch of an application, step by step, with a journal.

use std::fs::File;
use std::time::Duration;

use anyhow::{Context, bail};
use container_spec::compose::{self, Environment, Project};
use container_spec::engine::Request;
use container_spec::plan::{Next, Options, Outcome, Plan, Progress, Step};

use super::archives::Archives;
use super::fetch::planned;
use super::images::Images;
use super::steps::Worker;
use super::{Engine, Settings};
use crate::atomic;
use crate::files;
use crate::report::{Event, Observer};

/// How often a reverse, or the removal of what is old, is tried.
const TRIES: u32 = 5;

/// How long to wait after the first try; twice as long after each other one.
const PAUSE: Duration = Duration::from_millis(200);

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
        let plan = planned(engine, settings, &project, &current, options)?;
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

    /// Goes on with the confirmation, because it was decided that what is wanted stays; see [`Progress::decide`].
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn decide(&mut self) -> anyhow::Result<bool> {
        let decided = self.progress.decide();
        self.record()?;
        Ok(decided)
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

    /// As [`run_to_confirmation`](Self::run_to_confirmation), but what does not work is left where it is: whether to go
    /// back is not decided here.
    fn bring_up(&mut self, observer: &mut dyn Observer) -> anyhow::Result<()> {
        while let Next::Do(step) = self.progress.next()
            && *step != Step::Confirm
        {
            if let Err(error) = self.perform(observer) {
                let number = self.progress.steps_done() + 1;
                observer.event(Event::StepFailed { number, reason: format!("{error:#}") });
                return Err(error.context("the switch waits for the decision of an update"));
            }
            self.progress.done();
            self.record()?;
        }
        self.run_to_confirmation(observer)?;
        Ok(())
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
/// held is taken as far as its confirmation, or further back if it was turned back, and left open: it may be decided
/// already that it stays, which only the one who holds it knows. Returns how the switch ended, if one did.
///
/// # Errors
/// If the engine cannot be asked, or something of what is confirmed cannot be started: all else is started
/// nevertheless. And if a switch that is held does not come up.
pub fn start(
    engine: &Engine,
    settings: &Settings,
    archives: &dyn Archives,
    options: &Options,
    observer: &mut dyn Observer,
) -> anyhow::Result<Option<Outcome>> {
    let outcome = match Switch::resume(engine, settings, archives)? {
        Some(mut switch) if settings.is_held()? && !switch.progress.is_confirmed() => {
            switch.bring_up(observer)?;
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

pub(super) fn read(text: &str) -> anyhow::Result<Project> {
    let project = compose::load(text, &Environment::new())
        .map_err(|error| anyhow::anyhow!("the Compose file is refused: {}: {error}", error.at))?;
    project.locked().map_err(|errors| {
        let lines: Vec<_> = errors.iter().map(|error| format!("{}: {error}", error.at)).collect();
        anyhow::anyhow!("the Compose file is refused: {}", lines.join("; "))
    })?;
    Ok(project)
}
