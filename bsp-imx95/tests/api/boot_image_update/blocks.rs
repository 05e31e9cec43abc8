//! The adapter of `embedded-storage`'s block devices.

use super::device::{Image, SIZE};
use bsp_imx95::bootloader::{Blocks, Medium as _, Place, Register, Rom, SoundImage, Update};
use embedded_storage::{ReadStorage, Storage};
use std::convert::Infallible;

/// A boot partition in memory.
struct Ram(Vec<u8>);

impl Ram {
    fn range(&self, offset: u32, len: usize) -> std::ops::Range<usize> {
        let start = usize::try_from(offset).unwrap();
        assert!(start + len <= self.0.len());
        start..start + len
    }
}

impl ReadStorage for Ram {
    type Error = Infallible;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.copy_from_slice(&self.0[self.range(offset, bytes.len())]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.len()
    }
}

impl Storage for Ram {
    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Infallible> {
        let range = self.range(offset, bytes.len());
        self.0[range].copy_from_slice(bytes);
        Ok(())
    }
}

struct Byte(u8);

impl Register<Infallible> for Byte {
    fn get(&mut self) -> Result<Option<u8>, Infallible> {
        Ok(Some(self.0))
    }

    fn set(&mut self, byte: u8) -> Result<(), Infallible> {
        self.0 = byte;
        Ok(())
    }
}

#[test]
fn two_drivers_and_a_register_are_a_medium() {
    let mut blocks = Blocks { a: Ram(Image::Old.place()), b: Ram(vec![0xff; SIZE]), register: Byte(0x48) };
    let update = Update { rom: Rom::Enabled, room: 0x1000, booted: Place::A };
    let image = SoundImage::check(Image::New.bytes()).unwrap();
    let mut buffer = [0; 512];
    let staged = update.stage(&mut blocks, &image, &mut buffer).unwrap();
    assert_eq!((blocks.register.0, blocks.b.0[3]), (0x48, 0xff));
    let announced = staged.announce(|_| Ok::<(), Infallible>(())).unwrap();
    announced.switch(&mut blocks, &mut buffer).unwrap();
    assert_eq!((blocks.register.0, &blocks.a.0), (0x50, &Image::Old.place()));
    assert!(blocks.b.0.starts_with(Image::New.bytes()));
    update.give_up(&mut blocks, Place::A, &mut buffer).unwrap();
    assert_eq!(blocks.register.0, 0x48);
}

#[test]
fn a_card_has_no_register() {
    let (a, b) = (Ram(Image::Old.place()), Ram(vec![0xff; SIZE]));
    let mut blocks = Blocks { a, b, register: () };
    assert_eq!(blocks.partition_config(), Ok(None));
    let update = Update { rom: Rom::First(Place::A), room: 0x1000, booted: Place::A };
    let image = SoundImage::check(Image::New.bytes()).unwrap();
    let mut buffer = [0; 512];
    let staged = update.stage(&mut blocks, &image, &mut buffer).unwrap();
    staged.announce(|_| Ok::<(), Infallible>(())).unwrap().switch(&mut blocks, &mut buffer).unwrap();
    assert_eq!((blocks.a.0[3], blocks.b.0[3]), (0x07, Image::New.bytes()[3]));
}
