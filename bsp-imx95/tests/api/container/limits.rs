//! Each limit, at its value and one beyond.

use super::fixture;
use bsp_imx95::container::{
    BootImage, ContainerRef, Error, ErrorKind, MAX_CONTAINERS, MAX_IMAGES, MAX_SETS, SET_ALIGNMENT,
};

/// An unsigned container of `images` dummies: entries of zeros.
fn of_dummies(images: usize) -> Vec<u8> {
    let block = 16 + images * 128;
    let mut bytes = vec![0; block + 16];
    bytes[1..3].copy_from_slice(&u16::try_from(block + 16).unwrap().to_le_bytes());
    bytes[3] = 0x87;
    bytes[11] = u8::try_from(images).unwrap();
    bytes[12..14].copy_from_slice(&u16::try_from(block).unwrap().to_le_bytes());
    bytes[block + 1] = 16;
    bytes[block + 3] = 0x90;
    bytes
}

#[test]
fn a_container_has_at_least_one_image_and_at_most_the_limit() {
    for images in [1, MAX_IMAGES] {
        let file = of_dummies(images);
        let container = ContainerRef::parse(&file, 0).unwrap();
        assert_eq!((container.images().len(), container.check_images()), (images, Ok(())));
    }
    for images in [0, MAX_IMAGES + 1] {
        let kind = ErrorKind::ImageCount { images, limit: MAX_IMAGES };
        assert_eq!(ContainerRef::parse(&of_dummies(images), 0), Err(Error { container: 0, kind }));
    }
}

#[test]
fn a_set_has_at_most_three_containers() {
    let mut file = Vec::new();
    for _ in 0..=MAX_CONTAINERS {
        file.extend(of_dummies(1));
        file.resize(file.len().next_multiple_of(0x400), 0);
    }
    let mut containers = BootImage::find(&file).unwrap().containers();
    let sets: Vec<_> = core::iter::from_fn(|| containers.next().map(|_| containers.set())).collect();
    // The fourth is the first of a set of its own, as for U-Boot.
    assert_eq!(sets, [0, 0, 0, 1]);
}

#[test]
fn a_file_has_at_most_the_limit_of_sets() {
    let one = fixture("mkimage-one.bin");
    assert_eq!(one.len() % SET_ALIGNMENT, 0);
    let read = |sets: usize| {
        let file = one.repeat(sets);
        let read = BootImage::find(&file).unwrap().containers();
        read.map(|container| container.map(|container| container.offset())).collect::<Vec<_>>()
    };
    let offsets: Vec<_> = (0..MAX_SETS).map(|set| Ok(set * one.len())).collect();
    assert_eq!(read(MAX_SETS), offsets);
    let kind = ErrorKind::TooManySets { limit: MAX_SETS };
    let error = Err(Error { container: MAX_SETS * one.len(), kind });
    assert_eq!(read(MAX_SETS + 1), [offsets, vec![error]].concat());
}
