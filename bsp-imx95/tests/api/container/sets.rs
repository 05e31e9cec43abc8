//! Sets of containers in one file.

use super::fixture;
use bsp_imx95::container::{BootImage, Error, ErrorKind, Version};

/// Offset and version of each container, and the set it belongs to.
fn map(file: &[u8]) -> Result<Vec<(usize, usize, Version)>, Error> {
    let mut containers = BootImage::find(file)?.containers();
    let mut map = Vec::new();
    while let Some(container) = containers.next() {
        let container = container?;
        map.push((containers.set(), container.offset(), container.version()));
    }
    Ok(map)
}

/// The places where spsdk's bootable image has its two sets, for a kind of memory.
fn recorded_sets(memory: &str) -> Vec<usize> {
    let text = String::from_utf8(fixture("spsdk.txt")).unwrap();
    let prefix = format!("boot-image {memory} sets ");
    let line = text.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap();
    line.split(' ').map(|word| usize::from_str_radix(&word[2..], 16).unwrap()).collect()
}

#[test]
fn the_next_set_is_where_the_bootable_image_of_spsdk_has_it() {
    let file = fixture("boot-image.bin");
    let sets = recorded_sets("emmc_boot");
    let expected =
        vec![(0, sets[0], Version::V2), (0, sets[0] + 0x4000, Version::V1InV2), (1, sets[1], Version::V2)];
    assert_eq!(map(&file), Ok(expected));
}

#[test]
fn a_card_has_the_first_set_at_32_kib() {
    let sets = recorded_sets("sd");
    // What spsdk writes for a card is the same image behind a gap.
    let mut file = vec![0; sets[0]];
    // A partition table does not hide it.
    file[510..512].copy_from_slice(&[0x55, 0xaa]);
    file.extend(fixture("boot-image.bin"));
    let found: Vec<_> = map(&file).unwrap().into_iter().map(|(_, offset, _)| offset).collect();
    assert_eq!(found, [sets[0], sets[0] + 0x4000, sets[1]]);
}

#[test]
fn headers_of_version_1_are_a_kib_apart() {
    let file = fixture("mkimage-two.bin");
    assert_eq!(map(&file), Ok(vec![(0, 0, Version::V1), (0, 0x400, Version::V1)]));
    let shifted = [vec![0; 0x400], fixture("mkimage-one.bin")].concat();
    assert_eq!(map(&shifted), Ok(vec![(0, 0x400, Version::V1)]));
}

#[test]
fn nothing_is_no_boot_image() {
    for file in [vec![], vec![0; 0x9000], vec![0xff; 0x9000], b"uimage".repeat(100)] {
        let (version, tag) = (file.first().copied().unwrap_or(0), file.get(3).copied().unwrap_or(0));
        let kind = ErrorKind::NoContainer { version, tag };
        assert_eq!(map(&file), Err(Error { container: 0, kind }));
    }
}

#[test]
fn a_header_behind_the_first_image_is_none() {
    // An image that is itself a boot container, right where the second header of the set would be.
    let mut file = fixture("mkimage-one.bin");
    let inner = file.clone();
    file[0x10..0x14].copy_from_slice(&0x400_u32.to_le_bytes());
    file[0x400..0x400 + inner.len() - 0x400].copy_from_slice(&inner[..inner.len() - 0x400]);
    assert_eq!(map(&file).unwrap()[0], (0, 0, Version::V1));
    assert_eq!(map(&file).unwrap().iter().filter(|(set, ..)| *set == 0).count(), 1);
}
