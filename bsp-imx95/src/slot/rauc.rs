use super::{BootControl, Refused, Slot, State, Transition};
use crate::env::{Change, Env};
use core::fmt::Write as _;

/// Most slots in `BOOT_ORDER`, those that are not part of the pair included.
pub const MAX_ORDER: usize = 4;
/// Longest name of a slot in bytes.
const MAX_NAME: usize = 16;

/// RAUC's variables for U-Boot: `BOOT_ORDER`, and `BOOT_x_LEFT` for each slot.
///
/// Of RAUC's `src/bootchooser.c` and `contrib/uboot.sh`. RAUC itself stores each change in two writes; here it is
/// one. The script counts **every** boot down, also of a confirmed system, until the client confirms it again:
/// as many power cuts in a row exhaust a good slot. The client must confirm at each start.
///
/// ```
/// use bsp_imx95::env::Env;
/// use bsp_imx95::slot::{BootControl, Rauc, Slot, State, Transition};
///
/// let env = Env::parse(b"BOOT_A_LEFT=3\0BOOT_B_LEFT=0\0BOOT_ORDER=A B\0")?;
/// let mut slots = Rauc::read(&env, ["A", "B"], Slot::First)?;
/// slots.apply(Transition::Stage)?;
/// assert_eq!(slots.state(), State::Staged);
/// let stored = slots.changes();
/// assert_eq!(stored.list()[0], ("BOOT_ORDER", Some("B A")));
/// assert_eq!(stored.list()[2], ("BOOT_B_LEFT", Some("3")));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rauc<'a> {
    names: [&'a str; 2],
    order: heapless::Vec<&'a str, MAX_ORDER>,
    left: [u32; 2],
    running: Slot,
    is_set: bool,
}

/// Why the variables cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RaucError {
    /// `BOOT_ORDER` names neither slot: the boot script resets for ever.
    #[error("BOOT_ORDER names neither slot: the boot script would reset for ever")]
    NoSlot,
    /// `BOOT_ORDER` has too many names, or is not text.
    #[error("BOOT_ORDER has more than {limit} names, or is no text")]
    Order {
        /// The limit.
        limit: usize,
    },
    /// A slot's name is empty or too long.
    #[error("a slot's name has {len} bytes: 1 to {limit} are possible")]
    Name {
        /// Length in bytes.
        len: usize,
        /// The limit.
        limit: usize,
    },
}

impl<'a> Rauc<'a> {
    /// Boots in a trial, as RAUC's default.
    pub const ATTEMPTS: u32 = 3;

    /// Reads the variables of the two slots called `names`, of which `running` runs: the kernel command line says
    /// so, as `rauc.slot=`.
    ///
    /// # Errors
    /// [`RaucError`].
    pub fn read(env: &Env<'a>, names: [&'a str; 2], running: Slot) -> Result<Self, RaucError> {
        for name in names {
            if !(1..=MAX_NAME).contains(&name.len()) {
                return Err(RaucError::Name { len: name.len(), limit: MAX_NAME });
            }
        }
        let stored = env.get(b"BOOT_ORDER");
        let text = stored.map_or(Ok(""), |value| core::str::from_utf8(value.stored()));
        let order_error = RaucError::Order { limit: MAX_ORDER };
        let mut order = heapless::Vec::new();
        for name in text.map_err(|_| order_error)?.split_ascii_whitespace() {
            order.push(name).map_err(|_| order_error)?;
        }
        if stored.is_none() {
            // As the script does.
            order.extend(names);
        } else if !names.iter().any(|name| order.contains(name)) {
            return Err(RaucError::NoSlot);
        }
        let left = names.map(|name| {
            let value = env.get(variable(name).as_bytes());
            value.map_or(Self::ATTEMPTS, |value| crate::number::leading_hexadecimal(value.bytes()))
        });
        Ok(Self { names, order, left, running, is_set: stored.is_some() })
    }

    /// What to store, in one write. What does not change is not written.
    #[must_use]
    pub fn changes(&self) -> RaucChanges {
        let mut changes = RaucChanges {
            order: heapless::String::new(),
            names: self.names.map(variable),
            left: [heapless::String::new(), heapless::String::new()],
        };
        for name in &self.order {
            // Names were read from an order that fits, or are short.
            let space = if changes.order.is_empty() { "" } else { " " };
            let _ = write!(changes.order, "{space}{name}");
        }
        for (text, left) in changes.left.iter_mut().zip(self.left) {
            let _ = write!(text, "{left:x}");
        }
        changes
    }

    const fn name(&self, slot: Slot) -> &'a str {
        let [first, second] = self.names;
        match slot {
            Slot::First => first,
            Slot::Second => second,
        }
    }

    const fn left(&self, slot: Slot) -> u32 {
        let [first, second] = self.left;
        match slot {
            Slot::First => first,
            Slot::Second => second,
        }
    }

    const fn set_left(&mut self, slot: Slot, count: u32) {
        let [first, second] = &mut self.left;
        *match slot {
            Slot::First => first,
            Slot::Second => second,
        } = count;
    }

    fn position(&self, slot: Slot) -> Option<usize> {
        self.order.iter().position(|name| *name == self.name(slot))
    }

    /// The slot that the order prefers, whether it can be booted or not.
    fn preferred(&self) -> Slot {
        match (self.position(Slot::First), self.position(Slot::Second)) {
            (Some(first), Some(second)) if second < first => Slot::Second,
            (None, Some(_)) => Slot::Second,
            _ => Slot::First,
        }
    }

    const fn trial(left: u32, full: State) -> State {
        match Self::ATTEMPTS.saturating_sub(left) {
            0 => full,
            count => State::Trial { count, limit: Self::ATTEMPTS },
        }
    }
}

impl BootControl for Rauc<'_> {
    fn state(&self) -> State {
        let other = self.running.other();
        if !self.is_set {
            State::Idle
        } else if self.position(self.running).is_none() || self.position(other).is_none() {
            State::RolledBack
        } else if self.preferred() == self.running {
            Self::trial(self.left(self.running), State::Confirmed)
        } else if self.left(other) == 0 {
            State::RolledBack
        } else {
            Self::trial(self.left(other), State::Staged)
        }
    }

    fn apply(&mut self, transition: Transition) -> Result<bool, Refused> {
        let before = self.clone();
        let state = self.state();
        state.after(transition)?;
        match transition {
            Transition::Stage if self.position(self.running).is_none() => return Err(Refused::RebootFirst),
            Transition::Stage => {
                let staged = self.running.other();
                let others: heapless::Vec<_, MAX_ORDER> =
                    self.order.iter().copied().filter(|name| *name != self.name(staged)).collect();
                self.order.clear();
                // One more than there were only if it was given up, and then there is room for it.
                let _ = self.order.push(self.name(staged));
                self.order.extend(others.into_iter().take(MAX_ORDER - 1));
                self.set_left(staged, Self::ATTEMPTS);
            }
            Transition::Confirm => self.set_left(self.running, Self::ATTEMPTS),
            Transition::GiveUp if state != State::RolledBack => {
                let given_up = self.preferred();
                let name = self.name(given_up);
                self.order.retain(|other| *other != name);
                self.set_left(given_up, 0);
            }
            Transition::GiveUp => {}
        }
        self.is_set = true;
        Ok(*self != before)
    }

    fn power_on(&mut self) -> Slot {
        let preferred = self.preferred();
        let is_ordered = |slot| self.position(slot).is_some();
        let find = |left: [u32; 2]| {
            let [first, second] = left;
            [preferred, preferred.other()]
                .into_iter()
                .find(|slot| is_ordered(*slot) && (if *slot == Slot::First { first } else { second }) > 0)
        };
        let found = find(self.left);
        if found.is_none() {
            // The script gives every slot its tries again, and resets.
            self.left = [Self::ATTEMPTS; 2];
        }
        let slot = found.unwrap_or(preferred);
        self.set_left(slot, self.left(slot).saturating_sub(1));
        self.running = slot;
        slot
    }
}

/// The variables to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaucChanges {
    order: heapless::String<{ MAX_ORDER * (MAX_NAME + 1) }>,
    names: [heapless::String<{ MAX_NAME + 10 }>; 2],
    left: [heapless::String<8>; 2],
}

impl RaucChanges {
    /// `BOOT_ORDER`, then what is left of each slot.
    #[must_use]
    pub fn list(&self) -> [Change<'_>; 3] {
        let [first, second] = &self.names;
        let [a, b] = &self.left;
        [("BOOT_ORDER", Some(&self.order)), (first, Some(a)), (second, Some(b))]
    }
}

fn variable(name: &str) -> heapless::String<{ MAX_NAME + 10 }> {
    let mut variable = heapless::String::new();
    // The name's length was checked.
    let _ = write!(variable, "BOOT_{name}_LEFT");
    variable
}
