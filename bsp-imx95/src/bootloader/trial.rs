use super::Place;
use crate::env::{Change, Env};
use crate::slot::{BOOTCOUNT, UPGRADE_AVAILABLE};

/// The variable that names the boot partition to go back to, in JEDEC's numbers: 1 is boot0. It is Torizon's
/// (`bl_actions.sh` of meta-toradex-torizon).
pub const PREVIOUS: &str = "bl_prev_csdpart";

/// The variable that says that a boot image is on trial; Torizon's, too.
pub const STATUS: &str = "bl_updt_status";

const ATTEMPT: &str = "attempt";

/// The one environment write that ends a trial, well or badly.
pub const FINISH: &[Change<'static>] =
    &[(PREVIOUS, None), (STATUS, None), (BOOTCOUNT, Some("0")), (UPGRADE_AVAILABLE, Some("0"))];

/// The one environment write that announces a trial. `rollback` is left alone: it says which deployment of
/// the system boots, and this is not about the system.
pub(super) const fn announcement(previous: Place) -> &'static [Change<'static>] {
    match previous {
        Place::A => &[
            (PREVIOUS, Some("1")),
            (STATUS, Some(ATTEMPT)),
            (BOOTCOUNT, Some("0")),
            (UPGRADE_AVAILABLE, Some("1")),
        ],
        Place::B => &[
            (PREVIOUS, Some("2")),
            (STATUS, Some(ATTEMPT)),
            (BOOTCOUNT, Some("0")),
            (UPGRADE_AVAILABLE, Some("1")),
        ],
    }
}

/// The place to go back to, if a boot image is on trial.
#[must_use]
pub fn pending(env: &Env<'_>) -> Option<Place> {
    let status = env.get(STATUS.as_bytes())?;
    let previous = env.get(PREVIOUS.as_bytes())?;
    announced(status.is(ATTEMPT.as_bytes()), [previous.is(b"1"), previous.is(b"2")])
}

/// As [`pending`], from owned variables.
#[cfg(feature = "alloc")]
#[must_use]
pub fn pending_of(variables: &crate::env::Variables) -> Option<Place> {
    let previous = variables.get(PREVIOUS)?;
    announced(variables.get(STATUS) == Some(ATTEMPT), [previous == "1", previous == "2"])
}

/// What the two variables say: that a trial was announced, and that the previous place was the first, the second.
const fn announced(is_attempt: bool, previous: [bool; 2]) -> Option<Place> {
    match (is_attempt, previous) {
        (true, [true, _]) => Some(Place::A),
        (true, [_, true]) => Some(Place::B),
        _ => None,
    }
}

/// What is to be done after a boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No boot image is on trial.
    Nothing,
    /// The new one runs: store [`FINISH`].
    Complete,
    /// The new one does not run, or is not what was wanted: [`Update::give_up`](super::Update::give_up) with
    /// this place, then store [`FINISH`]; if another place than this one was booted, reboot.
    GiveUp(Place),
}

/// Judges a boot by what was announced ([`pending`]), the place that was booted
/// ([`Rom::booted`](super::Rom::booted)), and whether the boot loader that runs is the wanted one: its version
/// is in `/proc/device-tree/chosen/u-boot,version`.
#[must_use]
pub fn judge(pending: Option<Place>, booted: Place, is_wanted: bool) -> Verdict {
    match pending {
        None => Verdict::Nothing,
        Some(previous) if booted != previous && is_wanted => Verdict::Complete,
        // Also when the switch never happened: whether it did is not known from here.
        Some(previous) => Verdict::GiveUp(previous),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_new_place_with_the_wanted_version_completes_a_trial() {
        for previous in [Place::A, Place::B] {
            let new = previous.other();
            assert_eq!(judge(Some(previous), new, true), Verdict::Complete);
            for (booted, is_wanted) in [(new, false), (previous, true), (previous, false)] {
                assert_eq!(judge(Some(previous), booted, is_wanted), Verdict::GiveUp(previous));
            }
            assert_eq!(judge(None, new, true), Verdict::Nothing);
        }
    }

    #[test]
    fn what_is_announced_is_read_back_until_it_is_finished() {
        for previous in [Place::A, Place::B] {
            let mut copy = [0; 256];
            crate::env::create(crate::env::Layout::Single, announcement(previous), &mut copy).unwrap();
            assert_eq!(pending(&Env::parse(&copy[4..]).unwrap()), Some(previous));
            #[cfg(feature = "alloc")]
            {
                let variables = crate::env::Variables::from_env(&Env::parse(&copy[4..]).unwrap());
                assert_eq!(pending_of(&variables), Some(previous));
            }
            let mut next = [0; 256];
            crate::env::write(crate::env::Layout::Single, &[&copy], FINISH, &mut next).unwrap().unwrap();
            assert_eq!(pending(&Env::parse(&next[4..]).unwrap()), None);
        }
        assert_eq!(pending(&Env::parse(b"bl_updt_status=attempt\0bl_prev_csdpart=3\0\0").unwrap()), None);
    }
}
