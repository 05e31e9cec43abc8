//! `fw_setenv` and we change the same environment in turns, each on what the other left.

use crate::fw_env::{SIZE, Store};
use bsp_imx95::env::{Layout, Rules, Scheme, Variables, load_with, write};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use std::collections::BTreeMap;
use std::fs;

const CHANGES: usize = 1000;

/// What is stored, escapes and all.
type Stored = BTreeMap<String, String>;
type Changes = BTreeMap<String, Option<String>>;

fn changes() -> impl Strategy<Value = Changes> {
    let value = proptest::option::weighted(0.7, "[ -~äß\\\\]{1,24}");
    proptest::collection::btree_map("[a-d][a-e_.0]{0,1}", value, 1..4)
}

/// As U-Boot stores a value.
fn escaped(value: &str) -> String {
    value.replace('\\', r"\\")
}

/// As U-Boot reads a stored value.
fn unescaped(stored: &str) -> String {
    let mut value = String::new();
    let mut characters = stored.chars();
    while let Some(character) = characters.next() {
        value.push(if character == '\\' { characters.next().unwrap_or('\\') } else { character });
    }
    value
}

fn view(layout: Layout, image: &[u8], rules: Rules) -> BTreeMap<String, String> {
    let copies: Vec<&[u8]> = image.chunks(SIZE).collect();
    let (_, env) = load_with(layout, &copies, rules).unwrap();
    let variables = Variables::from_env(&env);
    assert_eq!(variables.iter().count(), variables.iter_bytes().count());
    variables.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

fn printed(store: &Store) -> Stored {
    let text = store.run("fw_printenv", &[]);
    text.lines().map(|line| line.split_once('=').unwrap()).map(|(n, v)| (n.into(), v.into())).collect()
}

fn they_write(store: &Store, changes: &Changes) {
    let lines = changes.iter().map(|(name, value)| format!("{name}={}\n", value.as_deref().unwrap_or("")));
    let script = store.directory.path().join("script");
    fs::write(&script, lines.collect::<String>()).unwrap();
    store.run("fw_setenv", &["-s", script.to_str().unwrap()]);
}

fn we_write(layout: Layout, store: &Store, changes: &Changes) {
    let changes: Vec<_> = changes.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
    let mut image = fs::read(store.image()).unwrap();
    let copies: Vec<&[u8]> = image.chunks(SIZE).collect();
    let mut out = vec![0; SIZE];
    if let Some(write) = write(layout, &copies, &changes, &mut out).unwrap() {
        image[write.copy * SIZE..][..SIZE].copy_from_slice(&out);
        fs::write(store.image(), image).unwrap();
    }
}

fn alternate(layout: Layout) {
    let store = Store::new(layout);
    let mut stored = printed(&store);
    let mut runner = TestRunner::deterministic();
    let mut differing = 0;
    for round in 0..CHANGES {
        let changes = changes().new_tree(&mut runner).unwrap().current();
        let is_ours = round % 2 == 1;
        for (name, value) in &changes {
            match value {
                Some(value) if is_ours => stored.insert(name.clone(), escaped(value)),
                Some(value) => stored.insert(name.clone(), value.clone()),
                None => stored.remove(name),
            };
        }
        if is_ours {
            we_write(layout, &store, &changes);
            assert_eq!(printed(&store), stored, "round {round}: what they read of what we wrote");
        } else {
            they_write(&store, &changes);
        }
        let image = fs::read(store.image()).unwrap();
        assert_eq!(view(layout, &image, Rules::Libubootenv), stored, "round {round}: their rules");
        let ours: Stored = stored.iter().map(|(name, value)| (name.clone(), unescaped(value))).collect();
        assert_eq!(view(layout, &image, Rules::UBoot), ours, "round {round}: U-Boot's rules");
        differing += stored.iter().filter(|(name, value)| ours[*name] != **value).count();
    }
    // The only difference there is: `ours` was made from `stored` by removing escapes.
    assert!(differing > CHANGES, "escapes were tried: {differing}");
}

#[test]
fn a_thousand_changes_of_a_single_copy_are_read_by_both() {
    alternate(Layout::Single);
}

#[test]
fn a_thousand_changes_of_redundant_copies_are_read_by_both() {
    alternate(Layout::Redundant { scheme: Scheme::Counter });
}
