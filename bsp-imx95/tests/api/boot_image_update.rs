//! An update of the boot image through power cuts: whatever a cut leaves, the ROM finds a whole image, no other
//! than the old one before the trial is announced, and the client ends what it finds begun.

mod blocks;
mod device;

use bsp_imx95::bootloader::{Error, Place, Rom, SoundImage, Update};
use bsp_imx95::container::{ContainerRef, ErrorKind};
use device::{Device, Image, Medium::Block, Medium::NorFlash, SIZE};
use std::collections::BTreeSet;

const RULES: [Rom; 3] = [Rom::Enabled, Rom::First(Place::A), Rom::First(Place::B)];

/// What the place that was not booted from may hold at the beginning.
fn other_places() -> [Vec<u8>; 4] {
    let mut retired = Image::Older.place();
    retired[3] &= 0x7f;
    let mut damaged = Image::Older.place();
    damaged[0x20] ^= 1;
    [vec![0xff; SIZE], retired, damaged, Image::Older.place()]
}

/// Devices that run the old image, in every way that is possible: also as the second choice of the ROM.
fn devices(medium: device::Medium) -> Vec<Device> {
    let rules = RULES.into_iter().filter(|rom| medium == Block || *rom != Rom::Enabled);
    let mut devices = Vec::new();
    for (rom, place) in rules.flat_map(|rom| [(rom, Place::A), (rom, Place::B)]) {
        for other in other_places() {
            for enabled in [place, place.other()] {
                let device = Device::running(medium, rom, place, &other, enabled);
                if device.boots() == (place, Image::Old) {
                    devices.push(device);
                }
            }
        }
    }
    devices
}

fn device() -> Device {
    Device::running(Block, Rom::Enabled, Place::A, &[0xff; SIZE], Place::A)
}

fn update_survives_every_cut(medium: device::Medium, expected_devices: usize) {
    let mut outcomes = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let devices = devices(medium);
    assert_eq!(devices.len(), expected_devices);
    for start in devices {
        let mut device = start.clone();
        device.update(Image::New);
        assert_eq!(device.boots(), (start.boots().0.other(), Image::New));
        start.each_cut(&device.events, |cut| {
            let (_, image) = cut.boots();
            assert_ne!(image, Image::Older);
            let is_announced = cut.pending().is_some();
            assert!(image == Image::Old || is_announced, "booted before it was announced");
            outcomes.insert((image, is_announced));
            if seen.insert(cut.kind()) {
                ends_what_it_finds(cut);
            }
        });
    }
    let expected = [(Image::Old, false), (Image::Old, true), (Image::New, true)];
    assert_eq!(outcomes, BTreeSet::from(expected));
}

/// The client goes on after a cut, and is cut again at every moment of that.
fn ends_what_it_finds(begun: &Device) {
    let begun = begun.fresh();
    let mut device = begun.clone();
    device.settle(Image::New);
    assert_eq!((device.boots().1, device.pending()), (Image::New, None));
    begun.each_cut(&device.events, |cut| assert_ne!(cut.boots().1, Image::Older));
}

#[test]
fn on_blocks_the_rom_finds_a_whole_image_whenever_the_power_fails() {
    // By the register 2 × 4, and 2 × 3 more as the second choice; by either fixed order 4 and 3, twice each, as
    // the register does not count.
    update_survives_every_cut(Block, 14 + 2 * 14);
}

#[test]
fn on_nor_flash_the_rom_finds_a_whole_image_whenever_the_power_fails() {
    update_survives_every_cut(NorFlash, 2 * 14);
}

#[test]
fn an_update_is_given_up_through_power_cuts() {
    for start in [Block, NorFlash].into_iter().flat_map(devices) {
        let mut trial = start.clone();
        trial.update(Image::New);
        let trial = trial.fresh();
        let mut device = trial.clone();
        // The new boot loader runs, and is not the wanted one.
        device.judge(Image::Older);
        assert_eq!((device.boots(), device.pending()), (start.boots(), None));
        trial.each_cut(&device.events, |cut| {
            let image = cut.boots().1;
            assert_ne!(image, Image::Older);
            assert!(cut.pending().is_some() || image == Image::Old, "ended only when the old one boots");
        });
    }
}

#[test]
fn what_is_being_written_never_has_the_tag_of_a_container() {
    let image = SoundImage::check(Image::New.bytes()).unwrap();
    for medium in [Block, NorFlash] {
        let start = Device::running(medium, Rom::First(Place::A), Place::A, &Image::Older.place(), Place::A);
        let mut device = start.clone();
        assert!(device.stage(&image, 0x1000, 1024).is_ok());
        let tags = start.tags(Place::B, &device.events);
        // An erasure sets every bit.
        assert_eq!(tags, [0x87, 0x07, 0xff], "{medium:?}");
    }
}

#[test]
fn an_image_that_is_gone_is_not_gone_back_to() {
    let mut device = Device::running(Block, Rom::First(Place::A), Place::A, &[0xff; SIZE], Place::A);
    device.update(Image::New);
    device.lose(Place::A);
    assert_eq!(device.give_up(Place::A), Err(Error::NoImage { place: Place::A, tag: 0 }));
    assert_eq!(device.boots(), (Place::B, Image::New), "what boots still does");
}

#[test]
fn nothing_is_written_before_the_image_is_known_to_fit() {
    let bytes = Image::New.bytes();
    let image = SoundImage::check(bytes).unwrap();
    let room = u64::try_from(bytes.len().next_multiple_of(512)).unwrap();
    let too_large = Error::TooLarge { len: bytes.len(), unit: 512, room: room - 1 };
    let too_small = Error::Buffer { given: 511, unit: 512 };
    for (room, buffer, expected) in [(room - 1, 512, too_large), (room, 511, too_small)] {
        let mut device = device();
        assert_eq!(device.stage(&image, room, buffer).unwrap_err(), expected);
        assert_eq!(device.events, []);
    }
    let mut device = device();
    assert!(device.stage(&image, room, 512).is_ok());
    assert_ne!(device.events, [], "exactly the room is enough");
}

#[test]
fn an_image_that_is_not_sound_is_not_written() {
    let mut bytes = Image::New.bytes().to_vec();
    // Its hash, and the image.
    for at in [0x30, 0x800] {
        bytes[at] ^= 1;
        assert!(SoundImage::check(&bytes).is_err(), "{at:#x}");
        bytes[at] ^= 1;
    }
    assert!(SoundImage::check(&bytes).is_ok());
}

#[test]
fn with_the_hash_of_the_keys_nothing_but_what_they_signed_is_sound() {
    let mut bytes = Image::New.bytes().to_vec();
    let hash = |bytes: &[u8]| {
        let container = ContainerRef::parse(bytes, 0).unwrap();
        container.signature_block().srk_tables().next().unwrap().hash()
    };
    let (mine, other) = (hash(&bytes), hash(Image::Older.bytes()));
    assert!(SoundImage::check_signed(&bytes, mine.as_bytes()).is_ok());
    assert_eq!(
        SoundImage::check_signed(&bytes, other.as_bytes()).map_err(|error| error.kind),
        Err(ErrorKind::Untrusted { set: 2 }), // the maker of the device
    );
    // Where the image is loaded to: no hash covers it.
    bytes[0x18] ^= 1;
    assert!(SoundImage::check(&bytes).is_ok());
    let error = SoundImage::check_signed(&bytes, mine.as_bytes()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::BadSignature { .. }), "{error}");
}

#[test]
fn a_medium_that_keeps_other_bytes_is_found_out() {
    let image = SoundImage::check(Image::New.bytes()).unwrap();
    for worn in [0, 0x200, 0x81f] {
        let mut device = device();
        device.worn = Some((Place::B, worn));
        let error = device.stage(&image, 0x1000, 512).unwrap_err();
        let offset = u32::try_from(worn / 512 * 512).unwrap();
        assert_eq!(error, Error::Differs { place: Place::B, offset });
        assert_eq!(device.boots(), (Place::A, Image::Old));
    }
}

#[test]
fn a_register_that_is_stuck_or_missing_is_found_out() {
    let mut device = device();
    device.is_stuck = true;
    assert!(matches!(device.try_update(Image::New), Err(Error::NotSwitched { .. })));
    assert_eq!(device.boots(), (Place::A, Image::Old));
    let mut device = self::device();
    device.register = None;
    let update = Update { rom: Rom::Enabled, room: 0x1000, booted: Place::A };
    let image = SoundImage::check(Image::New.bytes()).unwrap();
    assert_eq!(update.stage(&mut device, &image, &mut [0; 512]).unwrap_err(), Error::NoPartitionConfig);
    assert_eq!(device.events, []);
}
