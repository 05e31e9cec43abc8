use super::write::{mend, next_version};
use super::{Change, Env, Error, Layout, Rules, Storage, Write, choose_with};

/// Several changes of an environment as one step: after a power cut at any moment either all of them hold or
/// none does, if the layout has two copies.
///
/// 1. Both copies are read, and the one in use is chosen. Nothing is written if every change holds already and
///    no copy is broken.
/// 2. The *other* copy is overwritten with the new state, synced, and read back.
/// 3. On NOR flash the old copy is then marked obsolete, not before the new one was read back.
///
/// If nothing changes but one copy is broken, that one is written anew, so that the next write does not start
/// from a single copy; which copy is in use does not change. With a [`Layout::Single`] the one copy is
/// overwritten in place: a torn write loses it, and U-Boot falls back to its compiled-in environment.
///
/// ```
/// use bsp_imx95::env::{self, Block, Layout, Outcome, Scheme, Transaction};
/// use bsp_imx95::slot;
/// # struct Ram([u8; 0x200]);
/// # impl embedded_storage::ReadStorage for Ram {
/// #     type Error = core::convert::Infallible;
/// #     fn read(&mut self, at: u32, out: &mut [u8]) -> Result<(), Self::Error> {
/// #         out.copy_from_slice(&self.0[at as usize..][..out.len()]);
/// #         Ok(())
/// #     }
/// #     fn capacity(&self) -> usize { self.0.len() }
/// # }
/// # impl embedded_storage::Storage for Ram {
/// #     fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), Self::Error> {
/// #         self.0[at as usize..][..bytes.len()].copy_from_slice(bytes);
/// #         Ok(())
/// #     }
/// # }
/// let layout = Layout::Redundant { scheme: Scheme::Counter };
/// let mut medium = Ram([0xff; 0x200]);
/// env::create(layout, &[("bootlimit", Some("3"))], &mut medium.0[..0x100])?;
///
/// let mut copies = Block::new(medium, &[0, 0x100], 0x100)?;
/// let mut buffer = [0; 2 * 0x100];
/// let stage = Transaction::new(layout, slot::stage());
/// assert_eq!(stage.run(&mut copies, &mut buffer)?, Outcome::Written { copy: 1 });
/// assert_eq!(stage.run(&mut copies, &mut buffer)?, Outcome::Unchanged);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Transaction<'a> {
    layout: Layout,
    changes: &'a [Change<'a>],
    rules: Rules,
}

/// What a [`Transaction`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every change held already, and no copy was broken: nothing was written.
    Unchanged,
    /// Every change held already; a broken copy was written anew.
    Repaired {
        /// The copy that was broken.
        copy: usize,
    },
    /// The changes were written.
    Written {
        /// The copy that is in use now.
        copy: usize,
    },
}

/// Why a [`Transaction`] failed. The old state holds then, unless the layout has a single copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransactionError<E> {
    /// The environment cannot be read or the changes not be made.
    #[error(transparent)]
    Env(#[from] Error),
    /// The storage failed.
    #[error("the storage of the environment: {0:?}")]
    Storage(E),
    /// Other bytes are read back than were written.
    #[error("environment copy {copy} holds other bytes than were written, from byte {at} on")]
    ReadBack {
        /// The copy that was written.
        copy: usize,
        /// First byte that differs.
        at: usize,
    },
}

impl<'a> Transaction<'a> {
    /// Changes to make: `None` or an empty value deletes, the last of several changes of one name counts.
    #[must_use]
    pub const fn new(layout: Layout, changes: &'a [Change<'a>]) -> Self {
        Self { layout, changes, rules: Rules::UBoot }
    }

    /// The same, reading and storing by other rules.
    #[must_use]
    pub const fn with_rules(self, rules: Rules) -> Self {
        Self { rules, ..self }
    }

    /// Makes the changes. `buffer` has twice the size of a copy, whatever the layout.
    ///
    /// # Errors
    /// [`TransactionError`]. A copy that cannot be read counts as broken if there is another one.
    pub fn run<S: Storage>(
        &self,
        storage: &mut S,
        buffer: &mut [u8],
    ) -> Result<Outcome, TransactionError<S::Error>> {
        let size = storage.size();
        let given = buffer.len();
        let (first, second) = buffer
            .split_at_mut_checked(size)
            .filter(|(_, second)| second.len() == size)
            .ok_or(Error::Buffer { expected: size.saturating_mul(2), given })?;
        let is_redundant = self.layout.copies() == 2;
        let unread = storage.read(0, 0, first).err();
        if let Some(error) = unread {
            if !is_redundant {
                return Err(TransactionError::Storage(error));
            }
            // Zeros never have the right checksum.
            first.fill(0);
            storage.read(1, 0, second).map_err(|_| TransactionError::Storage(error))?;
        } else if is_redundant && storage.read(1, 0, second).is_err() {
            second.fill(0);
        }
        let other = is_redundant.then_some(&*second);
        let chosen = choose_with(self.layout, first, other, self.rules)?;
        let (current, image) = if chosen.index == 0 { (&*first, second) } else { (&*second, first) };
        let env = Env::parse_with(current.get(self.layout.header_len()..).unwrap_or(&[]), self.rules)?;
        let (write, outcome) = match next_version(self.layout, chosen, &env, self.changes, image)? {
            Some(write) => (write, Outcome::Written { copy: write.copy }),
            None => match mend(self.layout, chosen, current, image) {
                Some(write) => (write, Outcome::Repaired { copy: write.copy }),
                None => return Ok(Outcome::Unchanged),
            },
        };
        carry_out(storage, write, image)?;
        Ok(outcome)
    }
}

fn carry_out<S: Storage>(
    storage: &mut S,
    write: Write,
    image: &[u8],
) -> Result<(), TransactionError<S::Error>> {
    storage.write(write.copy, image).map_err(TransactionError::Storage)?;
    storage.sync().map_err(TransactionError::Storage)?;
    read_back(storage, write.copy, image)?;
    if let Some(old) = write.then_obsolete {
        storage.obsolete(old).map_err(TransactionError::Storage)?;
        storage.sync().map_err(TransactionError::Storage)?;
    }
    Ok(())
}

fn read_back<S: Storage>(
    storage: &mut S,
    copy: usize,
    image: &[u8],
) -> Result<(), TransactionError<S::Error>> {
    /// Few enough for a small stack, a multiple of any flash's words.
    const CHUNK: usize = 128;
    let mut stored = [0; CHUNK];
    for (index, expected) in image.chunks(CHUNK).enumerate() {
        let start = index * CHUNK;
        let stored = stored.get_mut(..expected.len()).unwrap_or_default();
        storage.read(copy, start, stored).map_err(TransactionError::Storage)?;
        if let Some(at) = stored.iter().zip(expected).position(|(stored, expected)| stored != expected) {
            return Err(TransactionError::ReadBack { copy, at: start + at });
        }
    }
    Ok(())
}
