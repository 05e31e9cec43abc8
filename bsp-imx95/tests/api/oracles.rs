//! The fuzz targets' properties, on their seeds and on random bytes.

use proptest::prelude::*;
use std::path::Path;
use testkit::oracle::bsp_imx95 as oracle;

type Oracle = fn(&[u8]);

const ORACLES: [(&str, Oracle); 8] = [
    ("env", oracle::env),
    ("env_copies", oracle::env_copies),
    ("fw_env_config", oracle::fw_env_config),
    ("uenv", oracle::uenv),
    ("yaml", oracle::yaml),
    ("boot_container", oracle::boot_container),
    ("boot_entry", oracle::boot_entry),
    ("records", oracle::records),
];

#[test]
fn every_property_holds_on_its_seeds() {
    for (name, oracle) in ORACLES {
        let seeds =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds").join(format!("bsp_imx95_{name}"));
        let files: Vec<_> = std::fs::read_dir(seeds).unwrap().collect();
        assert!(files.len() >= 2, "{name} has seeds");
        for file in files {
            oracle(&std::fs::read(file.unwrap().path()).unwrap());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn every_property_holds_on_environments(text in "[ab#\\\\ =\0]{0,60}", selector in 0..8_u8) {
        oracle::env(text.as_bytes());
        oracle::env_copies(&[&[selector], text.repeat(2).as_bytes(), &[0; 200]].concat());
    }

    #[test]
    fn every_property_holds_on_text(
        config in "(d|e|#)?( (-|0x|0)?[0-9a]{0,3}){0,4}\n(d (-|0x)?[0-9a]{1,3} [1-9]{1,2}\n){0,2}",
        uenv in "((kernel_image2?|rollback|bootargs)=[01/\\\\a]{0,3}\n){0,6}",
    ) {
        oracle::fw_env_config(config.as_bytes());
        oracle::uenv(uenv.as_bytes());
        oracle::boot_entry(uenv.as_bytes());
    }

    #[test]
    fn every_property_holds_on_damaged_boot_images(
        name in "v2-p256|v1-in-v2-p256|mkimage-two|boot-image",
        damage in proptest::collection::vec((0..0x500_usize, any::<u8>()), 1..4),
    ) {
        let mut file = crate::container::fixture(&format!("{name}.bin"));
        for (at, value) in damage {
            file[at] = value;
        }
        oracle::boot_container(&file);
    }

    #[test]
    fn every_property_holds_on_records(
        selector: u8,
        events in proptest::collection::vec(1..=4_u8, 0..12),
        block in proptest::array::uniform32(any::<u8>()),
        order in "(A|B|R){1,3}",
        left in 0..5_u8,
        name in "[a+]{1,3}[0-9]{0,2}(-[0-9]{0,2})?[.]conf",
    ) {
        let mut block = block;
        block[..10].copy_from_slice(b"a\0\0\0BCAB\x01\x02");
        let order: Vec<String> = order.chars().map(String::from).collect();
        let env = format!("BOOT_ORDER={}\0BOOT_A_LEFT={left}\0bootcount={left}\0upgrade_available=1\0", order.join(" "));
        for record in [&block[..], env.as_bytes(), name.as_bytes()] {
            oracle::records(&[&[selector], events.as_slice(), &[0], record].concat());
        }
    }
}
