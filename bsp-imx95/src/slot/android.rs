use super::{BootControl, Refused, Slot, State, Transition};
use crate::crc32;

/// Android's bootloader control block: 32 bytes at offset 2048 of the `misc` partition.
///
/// `include/android_bootloader_message.h` and `boot/android_ab.c` of U-Boot. It lies in one sector, so that a
/// write of it is old or new on media that do not tear sectors. U-Boot takes a block with a wrong CRC for two
/// untried slots: the state is lost, but the device boots.
///
/// ```
/// use bsp_imx95::slot::{Android, BootControl, Slot, State, Transition};
///
/// let mut block = Android::new();
/// block.power_on();
/// block.apply(Transition::Confirm)?;
/// block.apply(Transition::Stage)?;
/// assert_eq!((block.state(), block.power_on()), (State::Staged, Slot::Second));
/// assert_eq!(Android::decode(&block.encode()), Ok(block));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Android {
    bytes: [u8; Self::LEN],
}

/// What the block says of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotInfo {
    /// 15 is the highest; 0: nothing was ever installed there.
    pub priority: u8,
    /// Boots left, 7 at most.
    pub tries: u8,
    /// Whether it was confirmed: its boots are not counted then.
    pub successful: bool,
    /// Whether dm-verity found it corrupted: it is not booted then.
    pub verity_corrupted: bool,
}

/// Why a block cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AndroidError {
    /// It has another length.
    #[error("a bootloader control block has {expected} bytes, {given} are given")]
    Length {
        /// Its length in bytes.
        expected: usize,
        /// Bytes given.
        given: usize,
    },
    /// U-Boot would start with two untried slots.
    #[error("the bootloader control block says CRC {stored:#010x}, its bytes have {computed:#010x}")]
    Crc {
        /// What is stored.
        stored: u32,
        /// What its bytes have.
        computed: u32,
    },
    /// U-Boot would boot nothing.
    #[error(
        "magic number {found:#x}, version {version}: not a bootloader control block of version {known} or less"
    )]
    Unknown {
        /// What is there in place of the magic number.
        found: u32,
        /// The version.
        version: u8,
        /// The version known here.
        known: u8,
    },
}

impl Android {
    /// Length in bytes.
    pub const LEN: usize = 32;
    /// Where it lies in the `misc` partition, in bytes.
    pub const OFFSET: u64 = 2048;
    /// Boots in a trial: the most that three bits hold.
    pub const TRIES: u8 = 7;
    const MAGIC: u32 = 0x4241_4342;
    const VERSION: u8 = 1;
    const SLOTS: usize = 2;
    const CRC: usize = 28;
    const HIGHEST: u8 = 15;

    /// What U-Boot starts with: two slots, neither tried, A first.
    #[must_use]
    pub fn new() -> Self {
        let [m0, m1, m2, m3] = Self::MAGIC.to_le_bytes();
        let mut bytes = [0; Self::LEN];
        let head = [b'a', 0, 0, 0, m0, m1, m2, m3, Self::VERSION, 2];
        bytes.iter_mut().zip(head).for_each(|(byte, value)| *byte = value);
        let mut block = Self { bytes };
        let untried = SlotInfo {
            priority: Self::HIGHEST,
            tries: Self::TRIES,
            successful: false,
            verity_corrupted: false,
        };
        block.set_info(Slot::First, untried);
        block.set_info(Slot::Second, untried);
        block
    }

    /// Reads a block.
    ///
    /// # Errors
    /// [`AndroidError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, AndroidError> {
        let length = AndroidError::Length { expected: Self::LEN, given: bytes.len() };
        let mut block = Self { bytes: bytes.try_into().map_err(|_| length)? };
        let (stored, computed) = (block.word(Self::CRC), block.crc());
        if stored != computed {
            return Err(AndroidError::Crc { stored, computed });
        }
        let (found, version) = (block.word(4), block.bytes[8]);
        if found != Self::MAGIC || version > Self::VERSION {
            return Err(AndroidError::Unknown { found, version, known: Self::VERSION });
        }
        // Made anew by `encode`.
        block.bytes.iter_mut().skip(Self::CRC).for_each(|byte| *byte = 0);
        Ok(block)
    }

    /// The block's bytes. What is reserved, and other slots than A and B, is as it was read.
    #[must_use]
    pub fn encode(&self) -> [u8; Self::LEN] {
        let mut bytes = self.bytes;
        bytes.iter_mut().skip(Self::CRC).zip(self.crc().to_le_bytes()).for_each(|(byte, crc)| *byte = crc);
        bytes
    }

    /// What it says of a slot.
    #[must_use]
    pub const fn info(&self, slot: Slot) -> SlotInfo {
        let [low, high] = match slot {
            Slot::First => [self.bytes[12], self.bytes[13]],
            Slot::Second => [self.bytes[14], self.bytes[15]],
        };
        SlotInfo {
            priority: low & 0x0f,
            tries: (low >> 4) & 0x07,
            successful: low & 0x80 != 0,
            verity_corrupted: high & 1 != 0,
        }
    }

    /// Says something else of a slot. Numbers that do not fit lose their upper bits.
    pub const fn set_info(&mut self, slot: Slot, info: SlotInfo) {
        let at = match slot {
            Slot::First => 12,
            Slot::Second => 14,
        };
        let successful = if info.successful { 0x80 } else { 0 };
        self.bytes[at] = (info.priority & 0x0f) | ((info.tries & 0x07) << 4) | successful;
        self.bytes[at + 1] = (self.bytes[at + 1] & !1) | if info.verity_corrupted { 1 } else { 0 };
    }

    /// The slot that was booted last.
    #[must_use]
    pub const fn running(&self) -> Slot {
        if self.bytes[0] == b'b' { Slot::Second } else { Slot::First }
    }

    /// `ab_select_slot`: a slot without tries is not booted even if it was confirmed.
    fn selected(&self) -> Option<Slot> {
        let [first, second] = [Slot::First, Slot::Second].map(|slot| self.info(slot));
        let is_bootable = |info: SlotInfo| !info.verity_corrupted && info.tries > 0;
        let rank = |info: SlotInfo| (info.priority, info.successful, info.tries);
        let slots = usize::from(self.bytes[9] & 0x07).min(Self::SLOTS);
        match (is_bootable(first) && slots > 0, is_bootable(second) && slots > 1) {
            (true, true) => Some(if rank(second) > rank(first) { Slot::Second } else { Slot::First }),
            (true, false) => Some(Slot::First),
            (false, true) => Some(Slot::Second),
            (false, false) => None,
        }
    }

    fn word(&self, at: usize) -> u32 {
        let bytes = self.bytes.get(at..).and_then(<[u8]>::first_chunk).copied();
        u32::from_le_bytes(bytes.unwrap_or_default())
    }

    fn crc(&self) -> u32 {
        let (covered, _) = self.bytes.split_at(Self::CRC);
        crc32(covered)
    }
}

impl Default for Android {
    fn default() -> Self {
        Self::new()
    }
}

impl SlotInfo {
    const fn is_spent(self) -> bool {
        self.priority > 0 && self.tries == 0 && !self.successful
    }

    fn trial(self) -> State {
        let limit = u32::from(Android::TRIES);
        match limit - u32::from(self.tries) {
            0 => State::Staged,
            count => State::Trial { count, limit },
        }
    }
}

impl BootControl for Android {
    fn state(&self) -> State {
        let slot = self.running();
        let (running, other) = (self.info(slot), self.info(slot.other()));
        if other.is_spent() || running.is_spent() && running.priority < other.priority {
            State::RolledBack
        } else if other.priority > running.priority {
            other.trial()
        } else if running.successful {
            if other.priority == 0 { State::Idle } else { State::Confirmed }
        } else {
            running.trial()
        }
    }

    fn apply(&mut self, transition: Transition) -> Result<bool, Refused> {
        let before = self.bytes;
        let state = self.state();
        state.after(transition)?;
        let slot = self.running();
        let (running, other) = (self.info(slot), self.info(slot.other()));
        match transition {
            Transition::Stage if running.is_spent() => return Err(Refused::RebootFirst),
            Transition::Stage => {
                let staged = SlotInfo {
                    priority: Self::HIGHEST,
                    tries: Self::TRIES,
                    successful: false,
                    verity_corrupted: false,
                };
                self.set_info(slot.other(), staged);
                self.set_info(slot, SlotInfo { priority: Self::HIGHEST - 1, ..running });
            }
            // Without a try left U-Boot would not boot what was just confirmed.
            Transition::Confirm if state != State::RolledBack => {
                self.set_info(slot, SlotInfo { successful: true, tries: running.tries.max(1), ..running });
            }
            Transition::Confirm => {}
            Transition::GiveUp => {
                let given_up = if other.priority > running.priority { slot.other() } else { slot };
                let spent = SlotInfo { priority: 1, tries: 0, successful: false, ..self.info(given_up) };
                if state != State::RolledBack {
                    self.set_info(given_up, spent);
                }
            }
        }
        Ok(self.bytes != before)
    }

    /// Slot A if none can be booted, where U-Boot gives up.
    fn power_on(&mut self) -> Slot {
        let Some(slot) = self.selected() else { return Slot::First };
        let info = self.info(slot);
        if !info.successful {
            self.set_info(slot, SlotInfo { tries: info.tries.saturating_sub(1), ..info });
        }
        self.bytes[0] = if slot == Slot::First { b'a' } else { b'b' };
        slot
    }
}
