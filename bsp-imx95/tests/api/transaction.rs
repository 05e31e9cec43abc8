//! Where copies may lie, and what a transaction does on storage that fails.

use bsp_imx95::env::{
    Block, Error, Layout, MAX_WORD, Nor, Outcome, PlacementError, Scheme, Storage, Transaction,
    TransactionError, Variables, create,
};
use embedded_storage::nor_flash::{
    ErrorType, MultiwriteNorFlash, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read,
    check_write,
};
use embedded_storage::{ReadStorage, Storage as BlockStorage};

const COUNTER: Layout = Layout::Redundant { scheme: Scheme::Counter };
const SIZE: usize = 0x100;

/// A block medium in memory.
#[derive(Debug)]
struct Ram(Vec<u8>);

impl ReadStorage for Ram {
    type Error = NorFlashErrorKind;

    fn read(&mut self, at: u32, out: &mut [u8]) -> Result<(), Self::Error> {
        let bytes = usize::try_from(at).ok().and_then(|at| self.0.get(at..)?.get(..out.len()));
        out.copy_from_slice(bytes.ok_or(NorFlashErrorKind::OutOfBounds)?);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.len()
    }
}

impl BlockStorage for Ram {
    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        let place = usize::try_from(at).ok().and_then(|at| self.0.get_mut(at..)?.get_mut(..bytes.len()));
        place.ok_or(NorFlashErrorKind::OutOfBounds)?.copy_from_slice(bytes);
        Ok(())
    }
}

#[test]
fn copies_may_touch_but_not_overlap_and_must_lie_on_the_medium() {
    let place = |starts: &[u32]| Block::new(Ram(vec![0; 0x400]), starts, SIZE).map(|_| ());
    assert_eq!(place(&[0, 0x100]), Ok(()));
    assert_eq!(place(&[0x300, 0x200]), Ok(()));
    for (first, second) in [(0, 0), (0, 0xff), (0x2ff, 0x200)] {
        assert_eq!(place(&[first, second]), Err(PlacementError::Overlap { first, second, room: SIZE }));
    }
    let outside = |copy, start| Err(PlacementError::Outside { copy, start, room: SIZE, capacity: 0x400 });
    assert_eq!(place(&[0, 0x301]), outside(1, 0x301));
    assert_eq!(place(&[u32::MAX, 0]), outside(0, u32::MAX));
}

/// Flash of which only the sizes matter.
#[derive(Debug)]
struct Flash<const ERASE: usize, const WORD: usize>;

impl<const ERASE: usize, const WORD: usize> ErrorType for Flash<ERASE, WORD> {
    type Error = NorFlashErrorKind;
}

impl<const ERASE: usize, const WORD: usize> ReadNorFlash for Flash<ERASE, WORD> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        check_read(self, offset, bytes.len())
    }

    fn capacity(&self) -> usize {
        0x4000
    }
}

impl<const ERASE: usize, const WORD: usize> NorFlash for Flash<ERASE, WORD> {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = ERASE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        check_erase(self, from, to)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        check_write(self, offset, bytes.len())
    }
}

impl<const ERASE: usize, const WORD: usize> MultiwriteNorFlash for Flash<ERASE, WORD> {}

#[test]
fn copies_on_flash_need_erase_blocks_of_their_own() {
    let place = |starts: &[u32], size| Nor::new(Flash::<0x1000, 4>, starts, size).map(|_| ());
    assert_eq!(place(&[0, 0x1000], SIZE), Ok(()));
    assert_eq!(place(&[0, 0x2000], 0x2000), Ok(()));
    let overlap = PlacementError::Overlap { first: 0, second: 0x1000, room: 0x2000 };
    assert_eq!(place(&[0, 0x1000], 0x1004), Err(overlap));
    let unaligned = |copy, value, unit| Err(PlacementError::Unaligned { copy, value, unit });
    assert_eq!(place(&[0, 0x100], SIZE), unaligned(1, 0x100, 0x1000));
    assert_eq!(place(&[0], 0x102), unaligned(0, 0x102, 4));
    let outside = PlacementError::Outside { copy: 0, start: 0x4000, room: 0x1000, capacity: 0x4000 };
    assert_eq!(place(&[0x4000], SIZE), Err(outside));
    assert_eq!(Nor::new(Flash::<0x1000, MAX_WORD>, &[0], 0x1000).map(|_| ()), Ok(()));
    let word = PlacementError::Word { word: MAX_WORD + 1, limit: MAX_WORD };
    assert_eq!(Nor::new(Flash::<0x1000, { MAX_WORD + 1 }>, &[0], 0x1000).map(|_| ()), Err(word));
}

/// Two copies of which some cannot be read, and which may forget what is written.
struct Failing {
    copies: [Vec<u8>; 2],
    unreadable: [bool; 2],
    unwritable: bool,
    forgets: Option<usize>,
}

impl Failing {
    fn new() -> Self {
        let mut copy = vec![0; SIZE];
        create(COUNTER, &[("a", Some("1"))], &mut copy).unwrap();
        Self { copies: [copy.clone(), copy], unreadable: [false; 2], unwritable: false, forgets: None }
    }

    fn run(&mut self, value: &str) -> Result<Outcome, TransactionError<&'static str>> {
        let changes = [("a", Some(value))];
        Transaction::new(COUNTER, &changes).run(self, &mut [0; 2 * SIZE])
    }

    fn value(&self) -> String {
        let [first, second] = &self.copies;
        Variables::from_bytes(COUNTER, &[first, second]).unwrap().get("a").unwrap().into()
    }
}

impl Storage for Failing {
    type Error = &'static str;

    fn size(&self) -> usize {
        SIZE
    }

    fn read(&mut self, copy: usize, at: usize, out: &mut [u8]) -> Result<(), Self::Error> {
        // What was half read must not count.
        out.copy_from_slice(&self.copies[copy][at..][..out.len()]);
        if self.unreadable[copy] { Err(["copy 0", "copy 1"][copy]) } else { Ok(()) }
    }

    fn write(&mut self, copy: usize, image: &[u8]) -> Result<(), Self::Error> {
        if self.unwritable {
            return Err("write");
        }
        self.unreadable[copy] = false;
        self.copies[copy].copy_from_slice(image);
        if let Some(at) = self.forgets {
            self.copies[copy][at] ^= 0x10;
        }
        Ok(())
    }

    fn obsolete(&mut self, _: usize) -> Result<(), Self::Error> {
        Err("not flash")
    }

    fn sync(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

#[test]
fn a_copy_that_cannot_be_read_counts_as_broken_unless_both_cannot() {
    for copy in [0, 1] {
        let mut storage = Failing::new();
        storage.unreadable[copy] = true;
        assert_eq!(storage.run("1"), Ok(Outcome::Repaired { copy }));
        storage.unreadable[copy] = true;
        assert_eq!(storage.run("2"), Ok(Outcome::Written { copy }));
        assert_eq!(storage.value(), "2");
    }
    let mut storage = Failing::new();
    storage.unreadable = [true; 2];
    assert_eq!(storage.run("2"), Err(TransactionError::Storage("copy 0")));
}

#[test]
fn what_is_not_read_back_is_an_error_and_the_old_state_holds() {
    for at in [0, 5, SIZE - 1] {
        let mut storage = Failing::new();
        storage.forgets = Some(at);
        assert_eq!(storage.run("2"), Err(TransactionError::ReadBack { copy: 1, at }));
        assert_eq!(storage.value(), "1");
    }
    let mut storage = Failing::new();
    storage.unwritable = true;
    assert_eq!((storage.run("2"), storage.value().as_str()), (Err(TransactionError::Storage("write")), "1"));
    assert_eq!(storage.run("1"), Ok(Outcome::Unchanged), "which needs no write");
}

#[test]
fn the_buffer_has_twice_the_size_of_a_copy() {
    for given in [2 * SIZE - 1, 2 * SIZE + 1] {
        let mut storage = Failing::new();
        let result = Transaction::new(COUNTER, &[]).run(&mut storage, &mut vec![0; given]);
        let error = Error::Buffer { expected: 2 * SIZE, given };
        assert_eq!(result, Err(TransactionError::Env(error)));
    }
}

#[test]
fn a_transaction_on_block_media_writes_the_other_copy_and_nothing_else() {
    let mut medium = vec![0x5a; 0x400];
    medium[0x100..0x200].copy_from_slice(&Failing::new().copies[0]);
    let mut copies = Block::new(Ram(medium.clone()), &[0x100, 0x300], SIZE).unwrap();
    let changes = [("a", Some("2"))];
    let outcome = Transaction::new(COUNTER, &changes).run(&mut copies, &mut [0; 2 * SIZE]);
    assert_eq!(outcome, Ok(Outcome::Written { copy: 1 }));
    let after = copies.release().0;
    assert_eq!(after[..0x300], medium[..0x300]);
    let variables = Variables::from_bytes(COUNTER, &[&after[0x100..0x200], &after[0x300..]]).unwrap();
    assert_eq!(variables.get("a"), Some("2"));
}
