//! The line merge equals `git merge-file`.

use std::fs;

use etc_merge::Driver;
use etc_merge::driver::{DriverConflict, merge};
use testkit::tools;

use crate::random_trees::Random;

/// How many triples are compared.
const TRIPLES: u64 = 2000;

/// A text of a few lines, many of them equal, as configuration has.
fn text(random: &mut Random, length: u64, words: u64) -> Vec<String> {
    (0..length).map(|_| format!("line {}\n", random.below(words))).collect()
}

fn edit(random: &mut Random, lines: &[String], words: u64) -> Vec<String> {
    let mut lines = lines.to_vec();
    for _ in 0..random.below(4) {
        let at = usize::try_from(random.below(lines.len() as u64 + 1)).unwrap();
        let end = (at + usize::try_from(random.below(3)).unwrap()).min(lines.len());
        let inserted =
            (0..random.below(3)).map(|_| format!("line {}\n", random.below(words))).collect::<Vec<_>>();
        lines.splice(at..end, inserted);
    }
    if random.chance(5)
        && let Some(last) = lines.last_mut()
    {
        last.pop();
    }
    lines
}

#[test]
fn line_merge_equals_git_merge_file() {
    let directory = tempfile::tempdir().unwrap();
    let (mut clean, mut conflicts) = (0, 0);
    for seed in 0..TRIPLES {
        let mut random = Random(seed);
        let length = [3, 8, 20, 60][usize::try_from(random.below(4)).unwrap()];
        let words = [3, 6, 20, 1000][usize::try_from(random.below(4)).unwrap()];
        let old = text(&mut random, length, words);
        let local = edit(&mut random, &old, words).concat();
        // Often both sides make one change alike.
        let base = if random.chance(30) { edit(&mut random, &old, words) } else { old.clone() };
        let new = edit(&mut random, &base, words).concat();
        let old = old.concat();
        let place = |name: &str| directory.path().join(name);
        for (name, text) in [("old", &old), ("new", &new), ("local", &local)] {
            fs::write(place(name), text).unwrap();
        }
        let mut git = tools::tool("git");
        let output =
            git.args(["merge-file", "-p", "-q"]).args([place("local"), place("old"), place("new")]).output();
        let output = output.unwrap();
        let ours = merge(Driver::Lines, old.as_bytes(), new.as_bytes(), local.as_bytes());
        if output.status.success() {
            clean += 1;
            let ours = ours.map(|text| String::from_utf8(text).unwrap());
            let theirs = String::from_utf8(output.stdout).unwrap();
            assert_eq!(ours, Ok(theirs), "seed {seed}\nold:\n{old}\nnew:\n{new}\nlocal:\n{local}");
        } else {
            conflicts += 1;
            assert!(
                matches!(ours, Err(DriverConflict::Lines { .. })),
                "seed {seed}: git finds a conflict, we {ours:?}\nold:\n{old}\nnew:\n{new}\nlocal:\n{local}"
            );
        }
    }
    assert!(clean >= 1000 && conflicts >= 300, "{clean} clean, {conflicts} conflicts");
}
