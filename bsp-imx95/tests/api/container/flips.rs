//! One changed bit is found, anywhere that anything covers.

use super::{SIGNED, check, fixture};
use bsp_imx95::container::{Authenticity, ContainerRef};
use std::ops::Range;

/// Which bits of a byte are flipped.
#[derive(Clone, Copy)]
enum Bits {
    All,
    /// One, another in each byte: where each try costs the check of a signature.
    One,
}

/// The bytes of the container and its images whose change nothing notices.
fn unnoticed(file: &[u8], bits: Bits) -> Vec<usize> {
    let sound = check(file, 0).unwrap();
    let header = ContainerRef::parse(file, 0).unwrap().length();
    let gaps = gaps(file, 0);
    let mut damaged = file.to_vec();
    let mut unnoticed = Vec::new();
    for byte in (0..file.len()).filter(|byte| !gaps.contains(byte)) {
        let is_tried = |bit: &usize| byte >= header || matches!(bits, Bits::All) || *bit == byte % 8;
        for bit in (0..8).filter(is_tried) {
            damaged[byte] ^= 1 << bit;
            if check(&damaged, 0) == Ok(sound) && unnoticed.last() != Some(&byte) {
                unnoticed.push(byte);
            }
            damaged[byte] ^= 1 << bit;
        }
    }
    unnoticed
}

/// What lies between the end of the header and the images, and between images.
fn gaps(file: &[u8], at: usize) -> Vec<usize> {
    let container = ContainerRef::parse(file, at).unwrap();
    let images = container.images().map(|image| {
        let start = image.offset_in_file().unwrap();
        start..start + usize::try_from(image.size).unwrap()
    });
    let used: Vec<Range<usize>> = images.chain(core::iter::once(at..at + container.length())).collect();
    (at..file.len()).filter(|byte| !used.iter().any(|range| range.contains(byte))).collect()
}

#[test]
fn every_bit_of_a_signed_container_and_its_images_counts() {
    for (name, bits) in SIGNED.map(|name| (name, if name.ends_with("p256") { Bits::All } else { Bits::One }))
    {
        let file = fixture(&format!("{name}.bin"));
        let container = ContainerRef::parse(&file, 0).unwrap();
        let end = container.length();
        let listed = match name {
            // No signature covers the wrapped key, and how it is wrapped: the device makes it.
            "v2-encrypted" => end - container.signature_block().blob().unwrap().bytes.len() + 4..end,
            // r and s of the second signature: its curve is not checked here.
            "v2-two-signatures" => end - 132..end,
            _ => end..end,
        };
        assert_eq!(unnoticed(&file, bits), listed.collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn what_lies_between_header_and_images_does_not_count() {
    for name in SIGNED {
        let mut file = fixture(&format!("{name}.bin"));
        let sound = check(&file, 0);
        for byte in gaps(&file, 0) {
            file[byte] = !file[byte];
        }
        assert_eq!(check(&file, 0), sound, "{name}");
    }
}

/// The fields of an unsigned container that nothing covers: its header's flags (but for the set of keys) and
/// versions, and of each entry addresses, flags (but for the kind of hash), metadata and IV.
#[test]
fn every_bit_of_an_unsigned_container_counts_but_for_listed_fields() {
    let file = fixture("mkimage-one.bin");
    assert_eq!(check(&file, 0), Ok(Authenticity::Unsigned));
    let entry = 16;
    let listed = [4..8, 8..11, entry + 8..entry + 32, entry + 96..entry + 128];
    let listed: Vec<usize> = listed.into_iter().flatten().collect();
    let gaps = gaps(&file, 0);
    let mut damaged = file.clone();
    for byte in (0..file.len()).filter(|byte| !gaps.contains(byte)) {
        for bit in 0..8 {
            damaged[byte] ^= 1 << bit;
            let found = check(&damaged, 0) != Ok(Authenticity::Unsigned);
            damaged[byte] ^= 1 << bit;
            let noticed_flag = match byte {
                // The set of keys in bits 3..0 of the container's flags, the kind of hash in bits 10..8 of the image's.
                4 => bit < 4,
                41 => bit < 3,
                _ => false,
            };
            assert_eq!(found, noticed_flag || !listed.contains(&byte), "byte {byte:#x} bit {bit}");
        }
    }
}
