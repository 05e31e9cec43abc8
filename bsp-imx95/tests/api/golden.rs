//! Bytes that the real tools made: `tests/fixtures/env.txt` names their versions.

use bsp_imx95::env::{Error, Layout, Rules, Scheme, Variables, choose, load, load_with, write};

const COUNTER: Layout = Layout::Redundant { scheme: Scheme::Counter };
const SIZE: usize = 0x600;

const SINGLE: &[u8; SIZE] = include_bytes!("../fixtures/env-single.bin");
const REDUNDANT: &[u8; SIZE] = include_bytes!("../fixtures/env-redundant.bin");
/// The same variables sorted, padded with zeros.
const SORTED: &[u8; SIZE] = include_bytes!("../fixtures/env-sorted.bin");
const SORTED_REDUNDANT: &[u8; SIZE] = include_bytes!("../fixtures/env-sorted-redundant.bin");
const FW_SINGLE: &[u8; SIZE] = include_bytes!("../fixtures/env-fw-single.bin");
const FW_REDUNDANT: &[u8; 2 * SIZE] = include_bytes!("../fixtures/env-fw-redundant.bin");
const FW_FULL: &[u8; SIZE] = include_bytes!("../fixtures/env-fw-full.bin");

/// What `mkenvimage` was given, sorted.
const MADE: [(&str, &str); 4] =
    [("bootcount", "0"), ("bootlimit", "3"), ("slot", "a"), ("upgrade_available", "0")];

#[test]
fn reads_images_of_mkenvimage_with_any_padding() {
    for image in [SINGLE, SORTED] {
        assert!(Variables::from_bytes(Layout::Single, &[image]).unwrap().iter().eq(MADE));
    }
    assert_eq!((SINGLE[SIZE - 1], SORTED[SIZE - 1]), (0xff, 0));
    let variables = Variables::from_bytes(COUNTER, &[REDUNDANT, &[0; SIZE]]).unwrap();
    assert!(variables.iter().eq(MADE));
}

#[test]
fn makes_the_bytes_of_mkenvimage() {
    let variables = Variables::from_bytes(Layout::Single, &[SINGLE]).unwrap();
    assert_eq!(variables.encode(Layout::Single, SIZE).unwrap(), SORTED);
    assert_eq!(variables.encode(COUNTER, SIZE).unwrap(), SORTED_REDUNDANT);
}

#[test]
fn any_flipped_bit_of_the_data_breaks_the_copy() {
    for bit in 0..8 * 128 {
        let mut image = *SINGLE;
        image[bit / 8] ^= 1 << (bit % 8);
        let error = Variables::from_bytes(Layout::Single, &[&image]).unwrap_err();
        assert!(matches!(error, Error::NoValidCopy { .. }), "bit {bit}: {error}");
    }
}

#[test]
fn reads_what_fw_setenv_changed() {
    let variables = Variables::from_bytes(Layout::Single, &[FW_SINGLE]).unwrap();
    let expected =
        [("bootlimit", "3"), ("note", "two words, a=b"), ("slot", "b"), ("upgrade_available", "0")];
    assert!(variables.iter().eq(expected));

    let copies: Vec<&[u8]> = FW_REDUNDANT.chunks(SIZE).collect();
    // Flags 1 in both copies at first; each call wrote the other copy with the next number.
    assert_eq!((copies[0][4], copies[1][4]), (3, 2));
    let (chosen, env) = load(COUNTER, &copies).unwrap();
    assert_eq!((chosen.index, chosen.whole), (0, [true, true]));
    assert!(env.get(b"path").unwrap().is(b"ab"), "as U-Boot reads it");
    let (_, env) = load_with(COUNTER, &copies, Rules::Libubootenv).unwrap();
    assert!(env.get(b"path").unwrap().is(br"a\b"), "as it was given");
    assert!(load(COUNTER, &[&[0; SIZE], copies[1]]).unwrap().1.get(b"path").is_none(), "the version before");
}

#[test]
fn makes_the_bytes_that_fw_setenv_makes_up_to_the_padding() {
    let mut out = [0; SIZE];
    let changes = [("slot", Some("b")), ("bootcount", None), ("note", Some("two words, a=b"))];
    write(Layout::Single, &[SINGLE], &changes, &mut out).unwrap();
    let end = FW_SINGLE.windows(2).rposition(|pair| pair == [0, 0]).unwrap() + 2;
    assert_eq!(out[4..end], FW_SINGLE[4..end]);
}

#[test]
fn a_single_final_nul_is_read_but_never_written() {
    let value = vec![b'x'; SIZE - 4 - 3];
    assert_eq!((FW_FULL[SIZE - 2], FW_FULL[SIZE - 1]), (b'x', 0));
    let variables = Variables::from_bytes(Layout::Single, &[FW_FULL]).unwrap();
    assert_eq!(variables.get_bytes("a"), Some(value.as_slice()));
    let error = Error::Full { need: SIZE - 4 + 1, room: SIZE - 4 };
    assert_eq!(variables.encode(Layout::Single, SIZE), Err(error));
    assert_eq!(choose(Layout::Single, FW_FULL, None).map(|chosen| chosen.index), Ok(0));
}
