//! Media that record what is done to them.

use bsp_imx95::env::Storage;
use embedded_storage::nor_flash::{
    ErrorType, MultiwriteNorFlash, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read,
    check_write,
};
use std::convert::Infallible;
use testkit::power::Step;

/// Size of a copy.
pub(crate) const SIZE: usize = 0x200;
/// Where the copies start, on a medium of 0x800 bytes.
pub(crate) const STARTS: [usize; 2] = [0x200, 0x500];
pub(crate) const POSITIONS: [u32; 2] = [0x200, 0x500];

/// Copies on a block medium, which delays its writes.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    pub(crate) content: Vec<u8>,
    pub(crate) steps: Vec<Step>,
}

impl Disk {
    pub(crate) fn new(content: Vec<u8>) -> Self {
        Self { content, steps: Vec::new() }
    }

    fn do_step(&mut self, step: Step) {
        step.apply(&mut self.content);
        self.steps.push(step);
    }
}

impl Storage for Disk {
    type Error = Infallible;

    fn size(&self) -> usize {
        SIZE
    }

    fn read(&mut self, copy: usize, at: usize, out: &mut [u8]) -> Result<(), Infallible> {
        out.copy_from_slice(&self.content[STARTS[copy] + at..][..out.len()]);
        Ok(())
    }

    fn write(&mut self, copy: usize, image: &[u8]) -> Result<(), Infallible> {
        assert_eq!(image.len(), SIZE);
        self.do_step(Step::Write { at: STARTS[copy], bytes: image.to_vec() });
        Ok(())
    }

    fn obsolete(&mut self, copy: usize) -> Result<(), Infallible> {
        panic!("copy {copy} is no NOR flash");
    }

    fn sync(&mut self) -> Result<(), Infallible> {
        self.do_step(Step::Sync);
        Ok(())
    }
}

/// NOR flash with erase blocks of 256 bytes and words of 4.
#[derive(Clone, Debug)]
pub(crate) struct Flash {
    pub(crate) content: Vec<u8>,
    pub(crate) steps: Vec<Step>,
}

impl Flash {
    pub(crate) fn new(content: Vec<u8>) -> Self {
        Self { content, steps: Vec::new() }
    }

    fn do_step(&mut self, step: Step) {
        step.apply(&mut self.content);
        self.steps.push(step);
    }
}

fn index(offset: u32) -> usize {
    usize::try_from(offset).unwrap()
}

impl ErrorType for Flash {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 4;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        check_read(self, offset, bytes.len())?;
        bytes.copy_from_slice(&self.content[index(offset)..][..bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.content.len()
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 0x100;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        check_erase(self, from, to)?;
        self.do_step(Step::Erase { at: index(from), len: index(to - from) });
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        check_write(self, offset, bytes.len())?;
        self.do_step(Step::Program { at: index(offset), bytes: bytes.to_vec() });
        Ok(())
    }
}

impl MultiwriteNorFlash for Flash {}
