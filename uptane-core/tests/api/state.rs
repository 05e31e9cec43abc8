//! Trusted state through power cuts: after each of them the record before or the new one is there.

use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash};
use uptane_core::state::{FileStore, FlashStore, RECORDS, Record, SLOTS, StateError, Store};
use uptane_core::{Repository, Role};

const ERASE: usize = 32;
const SLOT: usize = 2 * ERASE;

/// A flash whose power fails after so many bytes written or erased.
#[derive(Clone, Debug)]
struct Flash {
    bytes: Vec<u8>,
    power: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PowerCut;

impl NorFlashError for PowerCut {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

impl Flash {
    fn new() -> Self {
        Self { bytes: vec![0xff; RECORDS * SLOTS * SLOT], power: usize::MAX }
    }

    fn change(
        &mut self,
        at: u32,
        mut change: impl FnMut(usize, &mut u8),
        count: usize,
    ) -> Result<(), PowerCut> {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        for (place, byte) in self.bytes[at..at + count].iter_mut().enumerate() {
            if self.power == 0 {
                // Torn: of the byte that was under way, some bits changed.
                let before = *byte;
                change(place, byte);
                *byte = (before & 0xf0) | (*byte & 0x0f);
                return Err(PowerCut);
            }
            self.power -= 1;
            change(place, byte);
        }
        Ok(())
    }
}

impl ErrorType for Flash {
    type Error = PowerCut;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), PowerCut> {
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        bytes.copy_from_slice(&self.bytes[at..at + bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = ERASE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), PowerCut> {
        let count = usize::try_from(to - from).unwrap_or(usize::MAX);
        assert_eq!(count % ERASE, 0);
        self.change(from, |_, byte| *byte = 0xff, count)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), PowerCut> {
        assert_eq!(bytes.len() % Self::WRITE_SIZE, 0);
        // NOR flash only clears bits.
        self.change(offset, |place, byte| *byte &= bytes[place], bytes.len())
    }
}

fn record(version: u64, bytes: &[u8]) -> Record<'_> {
    Record { repository: Repository::Image, role: Role::Targets, version, bytes: Some(bytes) }
}

fn version(flash: &Flash) -> Result<Option<u64>, StateError<PowerCut>> {
    let (mut scratch, mut buffer) = ([0; SLOT], [0; SLOT]);
    let mut store = FlashStore::new(flash.clone(), &mut scratch).unwrap();
    let loaded = store.load(Repository::Image, Role::Targets, &mut buffer)?;
    Ok(loaded.map(|record| {
        assert_eq!(record.bytes, Some(&[u8::try_from(record.version).unwrap(); 30][..]));
        record.version
    }))
}

/// Persists `version` with so much power; the flash as it is then.
fn persist(flash: Flash, version: u64, power: usize) -> (Flash, Result<(), StateError<PowerCut>>) {
    let mut scratch = [0; SLOT];
    let bytes = [u8::try_from(version).unwrap(); 30];
    let mut store = FlashStore::new(Flash { power, ..flash }, &mut scratch).unwrap();
    let result = store.persist(&record(version, &bytes));
    (store.into_flash(), result)
}

#[test]
fn a_cut_at_every_byte_of_every_write_leaves_the_old_record_or_the_new_one() {
    let mut flash = Flash::new();
    for next in 1..=5 {
        let before = version(&flash).unwrap();
        assert_eq!(before, (next > 1).then(|| next - 1));
        let mut cuts = 0;
        for power in 0.. {
            let (cut, result) = persist(flash.clone(), next, power);
            if result.is_ok() {
                break;
            }
            cuts += 1;
            assert_eq!(result, Err(StateError::Medium(PowerCut)));
            let found = version(&cut).unwrap();
            assert!([before, Some(next)].contains(&found), "{found:?} after {power} bytes");
            // Cut off a second time, then done: the next attempt finishes the job.
            for again in [0, 1, 20, SLOT, SLOT + 20] {
                let (cut, _) = persist(cut.clone(), next, again);
                assert!([before, Some(next)].contains(&version(&cut).unwrap()));
                let (done, result) = persist(cut, next, usize::MAX);
                assert_eq!((result, version(&done)), (Ok(()), Ok(Some(next))));
            }
        }
        assert!(cuts > SLOT, "{cuts} cuts: erasing and writing were both cut");
        flash = persist(flash, next, usize::MAX).0;
    }
}

#[test]
fn records_do_not_touch_each_other() {
    let (flash, _) = persist(Flash::new(), 1, usize::MAX);
    let mut scratch = [0; SLOT];
    let mut store = FlashStore::new(flash, &mut scratch).unwrap();
    for repository in [Repository::Director, Repository::Image] {
        for role in [Role::Root, Role::Timestamp, Role::Snapshot, Role::OfflineSnapshot, Role::OfflineUpdates]
        {
            store.persist(&Record { repository, role, version: 9, bytes: None }).unwrap();
        }
    }
    assert_eq!(version(&store.into_flash()), Ok(Some(1)));
}

#[test]
fn a_flash_in_which_nothing_is_whole_is_damaged_and_not_empty() {
    let (flash, _) = persist(Flash::new(), 1, usize::MAX);
    let (mut flash, _) = persist(flash, 2, usize::MAX);
    let changed: Vec<usize> =
        flash.bytes.iter().enumerate().filter(|(_, b)| **b != 0xff).map(|(at, _)| at).collect();
    flash.bytes[changed[5]] ^= 1;
    assert_eq!(version(&flash), Ok(Some(2)), "the other slot is whole");
    flash.bytes[changed[changed.len() - 3]] ^= 1;
    assert_eq!(version(&flash), Err(StateError::Damaged));
}

#[test]
fn a_record_that_fills_its_slot_is_kept_and_a_longer_one_refused() {
    let mut scratch = [0; SLOT];
    let mut store = FlashStore::new(Flash::new(), &mut scratch).unwrap();
    // Format, sequence, repository, role, version, presence, length; and the CRC.
    let most = SLOT - 7 - 4;
    store.persist(&record(1, &[7; SLOT][..most])).unwrap();
    let refused = store.persist(&record(2, &[7; SLOT][..=most]));
    assert_eq!(refused, Err(StateError::TooLong { limit: SLOT }));
    let mut buffer = [0; SLOT];
    let loaded = store.load(Repository::Image, Role::Targets, &mut buffer).unwrap().unwrap();
    assert_eq!((loaded.version, loaded.bytes.map(<[u8]>::len)), (1, Some(most)));
}

#[test]
fn files_hold_what_was_persisted_last_and_say_when_they_are_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = FileStore::new(directory.path());
    let mut buffer = [0; 128];
    assert!(store.load(Repository::Image, Role::Targets, &mut buffer).unwrap().is_none());
    store.persist(&record(1, b"old")).unwrap();
    store.persist(&record(2, b"new")).unwrap();
    let loaded = store.load(Repository::Image, Role::Targets, &mut buffer).unwrap();
    assert_eq!(loaded, Some(record(2, b"new")));
    let error = store.load(Repository::Image, Role::Targets, &mut buffer[..8]).unwrap_err();
    assert!(matches!(error, StateError::TooLong { limit: 8 }), "{error:?}");
    let path = directory.path().join("image-targets.record");
    std::fs::write(&path, &std::fs::read(&path).unwrap()[1..]).unwrap();
    let error = store.load(Repository::Image, Role::Targets, &mut buffer).unwrap_err();
    assert!(matches!(error, StateError::Damaged), "{error:?}");
}
