//! Bytes that the real tools made.
//!
//! `mkenvimage` of u-boot-tools 2023.01+dfsg-2+deb12u3 made them from `env.txt`:
//! `printf 'bootlimit=3\nbootcount=0\nupgrade_available=0\nslot=a\n' >env.txt`

use bsp_imx95::env::{Error, Layout, Scheme, Variables};
use hex_literal::hex;

const COUNTER: Layout = Layout::Redundant { scheme: Scheme::Counter };
/// `mkenvimage -p 0x00 -s 64 -o single.bin env.txt`
const SINGLE: [u8; 64] = hex!(
    "ea14d5a9626f6f746c696d69743d3300626f6f74636f756e743d300075706772"
    "6164655f617661696c61626c653d3000736c6f743d6100000000000000000000"
);
/// `mkenvimage -r -p 0x00 -s 64 -o redundant.bin env.txt`
const REDUNDANT: [u8; 64] = hex!(
    "cac9d06601626f6f746c696d69743d3300626f6f74636f756e743d3000757067"
    "726164655f617661696c61626c653d3000736c6f743d61000000000000000000"
);

const EXPECTED: [(&str, &str); 4] =
    [("bootcount", "0"), ("bootlimit", "3"), ("slot", "a"), ("upgrade_available", "0")];

#[test]
fn reads_images_of_mkenvimage() {
    assert!(Variables::from_bytes(Layout::Single, &[&SINGLE]).unwrap().iter().eq(EXPECTED));
    let variables = Variables::from_bytes(COUNTER, &[&REDUNDANT, &[0; 64]]).unwrap();
    assert!(variables.iter().eq(EXPECTED));
}

#[test]
fn any_flipped_bit_of_the_data_breaks_the_copy() {
    for bit in 0..SINGLE.len() * 8 {
        let mut image = SINGLE;
        image[bit / 8] ^= 1 << (bit % 8);
        let error = Variables::from_bytes(Layout::Single, &[&image]).unwrap_err();
        assert!(matches!(error, Error::NoValidCopy { .. }), "bit {bit}: {error}");
    }
}
