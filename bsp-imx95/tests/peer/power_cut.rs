//! `fw_printenv` after power cuts: the old state or the new one.

use crate::fw_env::{SIZE, Store};
use bsp_imx95::env::{Layout, Scheme, write};
use bsp_imx95::slot;
use std::collections::BTreeMap;
use std::fs;
use testkit::power::{Step, each_cut};

const COUNTER: Layout = Layout::Redundant { scheme: Scheme::Counter };
/// Each so many of the states that a cut may leave are shown to the tool.
const STRIDE: usize = 7;

#[test]
fn fw_printenv_finds_the_old_state_or_the_new_one() {
    let store = Store::new(COUNTER);
    let before = fs::read(store.image()).unwrap();
    let copies: Vec<&[u8]> = before.chunks(SIZE).collect();
    let mut bytes = vec![0; SIZE];
    let copy = write(COUNTER, &copies, slot::stage(), &mut bytes).unwrap().unwrap().copy;
    let old = store.run("fw_printenv", &[]);
    let mut contents = Vec::new();
    let mut index = 0;
    each_cut(&before, &[Step::Write { at: copy * SIZE, bytes }, Step::Sync], SIZE / 4, |content| {
        if index % STRIDE == 0 {
            contents.push(content.to_vec());
        }
        index += 1;
    });
    let mut found = BTreeMap::new();
    for content in &contents {
        fs::write(store.image(), content).unwrap();
        *found.entry(store.run("fw_printenv", &[])).or_insert(0) += 1;
    }
    let new = format!("{old}bootcount=0\nrollback=0\nupgrade_available=1\n");
    let mut lines: Vec<&str> = new.lines().collect();
    lines.sort_unstable();
    let new: String = lines.iter().map(|line| format!("{line}\n")).collect();
    assert!(found.keys().eq([&new, &old]), "{found:#?}");
}
