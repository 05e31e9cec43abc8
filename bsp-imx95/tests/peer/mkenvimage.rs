//! `mkenvimage` of U-Boot's tools: the same bytes for the same variables in the same order.

use bsp_imx95::env::{Layout, Scheme, Variables};
use proptest::prelude::*;
use std::fs;

const COUNTER: Layout = Layout::Redundant { scheme: Scheme::Counter };

fn mkenvimage(text: &str, layout: Layout, size: usize, padding: &str) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let (input, output) = (directory.path().join("in"), directory.path().join("out"));
    fs::write(&input, text).unwrap();
    let mut command = testkit::tools::tool("mkenvimage");
    if layout != Layout::Single {
        command.arg("-r");
    }
    command.args(["-s", &size.to_string(), "-p", padding, "-o"]).arg(&output).arg(&input);
    testkit::tools::success(&mut command);
    fs::read(&output).unwrap()
}

#[test]
fn the_bytes_are_the_same() {
    let text = "bootcount=0\nbootlimit=3\nslot=a\nupgrade_available=0\n";
    let mut variables = Variables::new();
    variables.import_text(text).unwrap();
    for layout in [Layout::Single, COUNTER] {
        for size in [0x100, 0x2000] {
            assert_eq!(variables.encode(layout, size).unwrap(), mkenvimage(text, layout, size, "0x00"));
        }
    }
}

#[test]
fn any_order_and_padding_is_read() {
    let text = "upgrade_available=0\nslot=a\nbootlimit=3\n";
    for layout in [Layout::Single, COUNTER] {
        let image = mkenvimage(text, layout, 0x200, "0xff");
        let copies = vec![image.as_slice(); layout.copies()];
        let variables = Variables::from_bytes(layout, &copies).unwrap();
        assert!(variables.iter().eq([("bootlimit", "3"), ("slot", "a"), ("upgrade_available", "0")]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_variables_give_the_same_bytes(
        pairs in proptest::collection::btree_map("[a-z_][a-z0-9_.-]{0,8}", "[ -\\[\\]-~]{1,20}", 1..12),
        redundant: bool,
    ) {
        let layout = if redundant { COUNTER } else { Layout::Single };
        let text: String = pairs.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        let mut variables = Variables::new();
        for (name, value) in &pairs {
            variables.set(name, Some(value)).unwrap();
        }
        prop_assert_eq!(variables.encode(layout, 0x400).unwrap(), mkenvimage(&text, layout, 0x400, "0x00"));
    }
}
