//! The application on the engine of this device: fetched with the update, switched while the new system is on trial,
//! confirmed with it or taken back.
//!
//! The switch has a journal of its own ([`crate::containers`]). The update's journal decides where it may go: up to its
//! confirmation in a trial, beyond it once the update is confirmed, and back when that is given up.

use std::time::Duration;

use container_spec::duration::Duration as Span;
use container_spec::plan::{Options, Outcome};
use ostree_objects::Checksum;

use super::Device;
use super::application::{Application, PROJECT, read};
use crate::config::Containers;
use crate::containers::{
    Archives, Engine, Lockbox, NoArchives, Settings, Switch, Timeouts, archive_sizes, fetch, remove_image,
    start,
};
use crate::report::{Event, Observer};
use crate::update::journal::{Image, Source, Update};

/// An engine that was reached, and where its application's files are.
pub(super) struct Connected {
    engine: Engine,
    settings: Settings,
    options: Options,
    archives: Box<dyn Archives>,
}

impl Device {
    /// The configured engine, for the application `image` from `source`; nothing if none is configured.
    pub(super) fn engine(&self, source: &Source, image: &Image) -> anyhow::Result<Option<Connected>> {
        let Some(config) = &self.config.containers else { return Ok(None) };
        let engine = Engine::connect(&config.socket, Timeouts::default())?;
        let settings = Settings::new(PROJECT, &self.config.paths.application, config.platform.as_deref())?
            .with_credentials(config.credentials.as_deref());
        let archives: Box<dyn Archives> = match source {
            Source::Servers => Box::new(NoArchives),
            // As TorizonCore Builder lays a Lockbox out.
            Source::Lockbox(directory) => Box::new(Lockbox::new(
                &directory.join(format!("images/{}.images", image.sha256)),
                &directory.join(format!("metadata/docker/{}.manifests", image.sha256)),
                config.platform.as_deref().unwrap_or(std::env::consts::ARCH),
            )),
        };
        Ok(Some(Connected { engine, settings, options: options(config, source), archives }))
    }

    /// Switches the application of `update` as far as its confirmation. The inner error says what failed; what ran
    /// before then runs again.
    pub(crate) fn switch_application(
        &self,
        update: &Update,
        observer: &mut dyn Observer,
    ) -> anyhow::Result<Result<(), String>> {
        let Some(image) = &update.application else { return Ok(Ok(())) };
        let Some(connected) = self.engine(&update.source, image)? else { return Ok(Ok(())) };
        let mut switch = match connected.resume()? {
            Some(switch) => switch,
            None if connected.runs(image)? => return Ok(Ok(())),
            None => connected.prepare(&self.application_text(image, &update.source)?)?,
        };
        let mut reason = None;
        let mut observer = |event: Event| {
            if let Event::StepFailed { reason: why, .. } = &event {
                reason = Some(why.clone());
            }
            observer.event(event);
        };
        Ok(match switch.run_to_confirmation(&mut observer)? {
            true => Ok(()),
            false => {
                let why = reason.unwrap_or_else(|| "its switch was turned back before a restart".into());
                Err(format!("the application did not come up: {why}"))
            }
        })
    }

    /// Confirms the switched application of `update`, removes what only the old one used, and starts what a power cut has
    /// stopped meanwhile. It was decided with the system that the application stays: that a container does not come up
    /// again is told, and changes nothing. The inner error says that somebody took the application back.
    pub(crate) fn confirm_application(
        &self,
        update: &Update,
        observer: &mut dyn Observer,
    ) -> anyhow::Result<Result<(), String>> {
        let Some(image) = &update.application else { return Ok(Ok(())) };
        let Some(connected) = self.engine(&update.source, image)? else {
            return self.application().commit(image).map(Ok);
        };
        let switch = match connected.resume()? {
            Some(mut switch) => {
                switch.decide()?;
                Some(switch)
            }
            None if connected.runs(image)? => None,
            // Its record is lost.
            None => Some(connected.prepare(&self.application_text(image, &update.source)?)?),
        };
        if let Some(switch) = switch
            && switch.run(observer)? == Outcome::RolledBack
        {
            connected.discard(&self.application())?;
            return Ok(Err("the system is confirmed, but the application was taken back".into()));
        }
        connected.discard(&self.application())?;
        if let Err(error) = connected.start(observer) {
            observer
                .event(Event::Note { text: format!("{error:#}; `ota-agent containers start` tries again") });
        }
        Ok(Ok(()))
    }

    /// Takes the application back to the one before `update`, as far as it was switched. It needs no network.
    pub(crate) fn restore_application(
        &self,
        update: &Update,
        observer: &mut dyn Observer,
    ) -> anyhow::Result<()> {
        let Some(image) = &update.application else { return Ok(()) };
        let Some(connected) = self.engine(&update.source, image)? else { return Ok(()) };
        if let Some(mut switch) = connected.resume()? {
            switch.roll_back()?;
            switch.run(observer)?;
        }
        Ok(())
    }

    /// Forgets the application of an update that was given up, and the images that were fetched for it.
    pub(super) fn discard_application(&self, update: &Update) -> anyhow::Result<()> {
        if let Some(image) = &update.application
            && let Some(connected) = self.engine(&update.source, image)?
        {
            return connected.discard(&self.application());
        }
        self.application().discard()
    }

    /// The text of the file, verified again as the image that the metadata describes.
    fn application_text(&self, image: &Image, source: &Source) -> anyhow::Result<String> {
        Ok(String::from_utf8(self.application_file(image, source)?)?)
    }
}

impl Connected {
    /// Brings the images of the file `bytes` to the engine, and records which.
    pub(super) fn fetch(
        mut self,
        application: &Application,
        image: &Image,
        bytes: &[u8],
        observer: &mut dyn Observer,
    ) -> anyhow::Result<()> {
        let project = read(bytes)?;
        let text = std::str::from_utf8(bytes)?;
        self.options.image_bytes = archive_sizes(&*self.archives, &project)?;
        let Self { engine, settings, options, archives } = &self;
        fetch(engine, settings, &**archives, text, options, observer, |plan, missing| {
            application.record_fetch(image, plan.clone(), missing)
        })
    }

    fn resume(&self) -> anyhow::Result<Option<Switch<'_>>> {
        Switch::resume(&self.engine, &self.settings, &*self.archives)
    }

    fn prepare(&self, text: &str) -> anyhow::Result<Switch<'_>> {
        Switch::prepare_held(&self.engine, &self.settings, &*self.archives, text, &self.options)
    }

    /// Starts what is confirmed and does not run.
    fn start(&self, observer: &mut dyn Observer) -> anyhow::Result<()> {
        start(&self.engine, &self.settings, &*self.archives, &self.options, observer).map(drop)
    }

    /// Whether this file is the one of the last switch that was confirmed.
    fn runs(&self, image: &Image) -> anyhow::Result<bool> {
        let confirmed = self.settings.confirmed()?;
        Ok(confirmed.is_some_and(|text| Checksum::of(text.as_bytes()).to_string() == image.sha256))
    }

    /// Of the images that were fetched, what a container uses stays.
    fn discard(&self, application: &Application) -> anyhow::Result<()> {
        for image in application.fetched()? {
            remove_image(&self.engine, &self.settings, &image)?;
        }
        application.discard()
    }
}

fn options(config: &Containers, source: &Source) -> Options {
    let span = |duration: Duration| Span::from_nanos(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    Options {
        offline: matches!(source, Source::Lockbox(_)),
        start_timeout: span(Duration::from_secs(config.start_timeout_s.into())),
        settle: span(Duration::from_millis(config.settle_ms.into())),
        ..Options::default()
    }
}
