use super::{BootControl, Refused, Slot, State, Transition};
use core::fmt;

/// systemd's boot counting: the counters in the file name of the newest boot entry.
///
/// `foo+3.conf` may be booted three times; systemd-boot renames it to `foo+2-1.conf` before the first boot, and
/// an entry with none left comes last. `systemd-bless-boot good` removes the counters, `bad` leaves none. Each
/// step is the rename of one file, on FAT mostly, where a rename is two writes.
///
/// After the last boot of a trial its name is that of an update given up, so that giving up changes nothing.
///
/// ```
/// use bsp_imx95::slot::{BootControl, BootCounting, Slot, State, Transition};
///
/// let mut entry = BootCounting::parse("ostree-2+3-0.conf", true, Slot::Second);
/// assert_eq!(entry.state(), State::Staged);
/// assert_eq!(entry.power_on(), Slot::First);
/// assert_eq!((entry.to_string().as_str(), entry.state()), ("ostree-2+2-1.conf", State::Trial { count: 1, limit: 3 }));
/// entry.apply(Transition::Confirm)?;
/// assert_eq!((entry.to_string().as_str(), entry.state()), ("ostree-2.conf", State::Confirmed));
/// # Ok::<(), bsp_imx95::slot::Refused>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BootCounting<'a> {
    stem: &'a str,
    suffix: &'a str,
    counter: Option<Counter>,
    has_older: bool,
    running: Slot,
}

/// The counters of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Counter {
    /// Boots left.
    pub left: u32,
    /// Boots so far.
    pub done: u32,
}

impl Counter {
    /// As systemd-boot: larger numbers are no counter.
    const MAX: u32 = i32::MAX.unsigned_abs();
}

impl<'a> BootCounting<'a> {
    /// Boots in a trial, as Torizon's OSTree gives its newest entry.
    pub const TRIES: u32 = 3;

    /// The newest entry by its file name. `has_older` says whether there is another one, without counters, to go
    /// back to, and `running` which of both runs.
    #[must_use]
    pub fn parse(name: &'a str, has_older: bool, running: Slot) -> Self {
        let (before, suffix) = name.rfind('.').map_or((name, ""), |at| name.split_at(at));
        let found = before.rsplit_once('+').and_then(|(stem, text)| {
            let (left, done) = text.split_once('-').unwrap_or((text, "0"));
            Some((stem, Counter { left: number(left)?, done: number(done)? }))
        });
        let (stem, counter) = found.map_or((before, None), |(stem, counter)| (stem, Some(counter)));
        Self { stem, suffix, counter, has_older, running }
    }

    /// The counters, if the entry's boots are counted.
    #[must_use]
    pub const fn counter(&self) -> Option<Counter> {
        self.counter
    }
}

/// Digits only, and not too many.
fn number(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| is_number && *number <= Counter::MAX)
}

impl fmt::Display for BootCounting<'_> {
    /// The file name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.stem)?;
        if let Some(Counter { left, done }) = self.counter {
            write!(f, "+{left}-{done}")?;
        }
        f.write_str(self.suffix)
    }
}

impl BootControl for BootCounting<'_> {
    fn state(&self) -> State {
        match self.counter {
            None if self.has_older => State::Confirmed,
            None => State::Idle,
            Some(Counter { done: 0, left: 1.. }) => State::Staged,
            // The last boot of the trial is not over.
            Some(Counter { left: 0, done: done @ Self::TRIES.. }) if self.running == Slot::First => {
                State::Trial { count: done, limit: done }
            }
            Some(Counter { left: 0, .. }) => State::RolledBack,
            Some(Counter { left, done }) => State::Trial { count: done, limit: left.saturating_add(done) },
        }
    }

    fn apply(&mut self, transition: Transition) -> Result<bool, Refused> {
        let before = *self;
        let state = self.state();
        state.after(transition)?;
        match (transition, self.counter) {
            (Transition::Stage, Some(Counter { left: 0, .. })) if self.running == Slot::First => {
                return Err(Refused::RebootFirst);
            }
            // The new entry becomes the newest: the one that ran, uncounted, is older.
            (Transition::Stage, _) => {
                self.counter = Some(Counter { left: Self::TRIES, done: 0 });
                (self.has_older, self.running) = (true, Slot::Second);
            }
            (Transition::Confirm, _) if state != State::RolledBack => self.counter = None,
            (Transition::GiveUp, Some(counter)) => self.counter = Some(Counter { left: 0, ..counter }),
            _ => {}
        }
        Ok(*self != before)
    }

    fn power_on(&mut self) -> Slot {
        self.running = match &mut self.counter {
            // An entry with no try left comes last: it is booted only if there is no other.
            Some(Counter { left: 0, .. }) if self.has_older => Slot::Second,
            Some(Counter { left, done }) => {
                *left = left.saturating_sub(1);
                *done = done.saturating_add(1).min(Counter::MAX);
                Slot::First
            }
            None => Slot::First,
        };
        self.running
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_what_systemd_boot_takes_for_one() {
        // `config_entry_parse_tries` of systemd 252.
        for (name, counter) in [
            ("foo.conf", None),
            ("foo+3.conf", Some((3, 0))),
            ("foo+4-0.conf", Some((4, 0))),
            ("a+1+0-3.efi", Some((0, 3))),
            ("foo+.conf", None),
            ("foo+3-.conf", None),
            ("foo+3x.conf", None),
            ("foo+3-1+.conf", None),
            ("foo++3.conf", Some((3, 0))),
            ("foo+-1.conf", None),
            ("foo+2147483647.conf", Some((2_147_483_647, 0))),
            ("foo+2147483648.conf", None),
            ("foo+99999999999.conf", None),
        ] {
            let entry = BootCounting::parse(name, true, Slot::First);
            assert_eq!(entry.counter().map(|counter| (counter.left, counter.done)), counter, "{name}");
        }
    }

    #[test]
    fn staging_beside_a_fresh_entry_changes_what_is_older() {
        // Found by arbitrary records: the counters stay, but there is a system to go back to now.
        let mut entry = BootCounting::parse("foo+3.conf", false, Slot::First);
        assert_eq!(entry.apply(Transition::Stage), Ok(true));
        assert_eq!(entry, BootCounting::parse("foo+3-0.conf", true, Slot::Second));
        assert_eq!(entry.apply(Transition::Stage), Ok(false));
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn a_name_goes_through_the_series_that_systemd_boot_documents() {
        use alloc::string::ToString;
        for series in [
            ["foobar+3.efi", "foobar+2-1.efi", "foobar+1-2.efi", "foobar+0-3.efi"],
            ["foobar+3-0.efi", "foobar+2-1.efi", "foobar+1-2.efi", "foobar+0-3.efi"],
        ] {
            let mut entry = BootCounting::parse(series[0], true, Slot::Second);
            for name in &series[1..] {
                assert_eq!(entry.power_on(), Slot::First);
                assert_eq!(entry.to_string(), *name);
            }
            assert_eq!(entry.state(), State::Trial { count: 3, limit: 3 });
            assert_eq!(entry.power_on(), Slot::Second);
            assert_eq!((entry.to_string().as_str(), entry.state()), (series[3], State::RolledBack));
        }
    }
}
