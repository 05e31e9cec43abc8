//! libubootenv's rules, on data that neither tool would write: the same variables as `fw_printenv` shows.

use crate::fw_env::{SIZE, Store};
use bsp_imx95::env::{Layout, Rules, load_with, write_with};
use crc::{CRC_32_ISO_HDLC, Crc};
use proptest::prelude::*;
use std::fs;

fn image(data: &[u8]) -> Vec<u8> {
    let mut image = vec![0; SIZE];
    image[4..][..data.len()].copy_from_slice(data);
    let crc = Crc::<u32>::new(&CRC_32_ISO_HDLC).checksum(&image[4..]);
    image[..4].copy_from_slice(&crc.to_le_bytes());
    image
}

/// What `fw_printenv` would print of the image.
fn shown(image: &[u8]) -> Vec<u8> {
    let (_, env) = load_with(Layout::Single, &[image], Rules::Libubootenv).unwrap();
    env.iter().flat_map(|(name, value)| [name, b"=", value.stored(), b"\n"].concat()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    // Not an empty name: up to 0.3.2 the tool shows one, later versions ignore it as we do.
    #[test]
    fn any_data_is_read_as_fw_printenv_reads_it(entries in proptest::collection::vec("([ab#. \t\\\\]{1,3}(=[=x\\\\# ]{0,3})?)?", 0..6)) {
        let store = Store::new(Layout::Single);
        let data = entries.join("\0");
        let image = image(data.as_bytes());
        fs::write(store.image(), &image).unwrap();
        let theirs = store.run("fw_printenv", &[]);
        prop_assert_eq!(String::from_utf8(shown(&image)).unwrap(), theirs);
    }

    #[test]
    fn a_change_leaves_what_fw_setenv_would_leave(
        entries in proptest::collection::vec("[ab# ]{1,2}=[x\\\\]{0,2}", 0..6),
        name in "[ab# ]{1,2}",
        value in "[x\\\\]{1,3}",
    ) {
        let store = Store::new(Layout::Single);
        let before = image(entries.join("\0").as_bytes());
        let mut ours = before.clone();
        write_with(Layout::Single, &[&before], &[(&name, Some(&value))], Rules::Libubootenv, &mut ours).unwrap();
        fs::write(store.image(), &before).unwrap();
        store.run("fw_setenv", &[&name, &value]);
        let theirs = store.run("fw_printenv", &[]);
        prop_assert_eq!(String::from_utf8(shown(&ours)).unwrap(), theirs);
    }
}

#[test]
fn flags_of_variables_are_hidden_and_kept() {
    let store = Store::new(Layout::Single);
    let before = image(b".flags=a:sr\0a=1\0");
    fs::write(store.image(), &before).unwrap();
    assert_eq!(store.run("fw_printenv", &[]).as_bytes(), shown(&before));
    let mut after = before.clone();
    write_with(Layout::Single, &[&before], &[("b", Some("2"))], Rules::Libubootenv, &mut after).unwrap();
    assert_eq!(&after[4..24], b".flags=a:sr\0a=1\0b=2\0");
    fs::write(store.image(), &after).unwrap();
    assert_eq!(store.run("fw_printenv", &[]).as_bytes(), b"a=1\nb=2\n");
}
