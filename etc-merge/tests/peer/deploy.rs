//! libostree's policy equals the real `ostree admin deploy` on random nested trees.

use std::fmt::Write as _;

use etc_merge::{Digest, MergeError, Policy, Refusal, merge_directories, merge_in_memory};

use crate::random_trees::{Three, listing, three};
use crate::sysroot::{Sysroot, read_tree, write_tree};

/// How many trees are deployed; the recorded answers are of the same seeds.
const TREES: u64 = 400;

/// Trees on which we differ: libostree goes through a symlink; 2022.7 fails at a special file.
const DIVERGING: (u32, u32) = (2, 0);

/// The answers of `ostree` 2022.7, for machines on which nobody is root.
const RECORDED: &str = include_str!("../fixtures/ostree-2022.7-random-trees.tsv");

#[test]
fn equals_ostree_admin_deploy_on_random_nested_trees() {
    let sysroot = Sysroot::new();
    let (mut merged, mut refused, mut through_symlink, mut special) = (0, 0, 0, 0);
    let mut answers = String::new();
    for seed in 0..TREES {
        let Three { old, new, local } = three(seed);
        let theirs = sysroot.merge(&old, &new, &local);
        let ours = merge_in_memory(&old, &new, &local, &Policy::libostree());
        let answer = match &theirs {
            Ok(tree) => format!("{}", Digest::of(listing(tree).as_bytes())),
            Err(message) => format!("ERROR:{}", message.escape_debug()),
        };
        writeln!(answers, "{seed}\t{answer}").unwrap();
        match (&ours, &theirs) {
            // Where libostree goes through the symlink, here one that leads nowhere, the merge is refused.
            (Err(MergeError::Refused { refusal: Refusal::ParentIsSymlink, .. }), Ok(_)) => {
                through_symlink += 1
            }
            // 2022.7 refuses a special file inside a copied directory; later ones leave it out.
            (_, Err(message)) if message.contains("Cannot copy non-regular/non-symlink file") => special += 1,
            (Ok(ours), Ok(theirs)) => {
                merged += 1;
                assert_eq!(listing(ours), listing(theirs), "seed {seed}");
            }
            (Err(MergeError::Refused { .. }), Err(_)) => refused += 1,
            _ => panic!("seed {seed}: ours {ours:?}, ostree {theirs:?}"),
        }
        // The same from disk to disk.
        if seed % 8 == 0 {
            let place = |name: &str| sysroot.path(&format!("{name}{seed}"));
            for (tree, name) in [(&old, "o"), (&new, "n"), (&local, "l")] {
                write_tree(tree, &sysroot.path(""), &format!("{name}{seed}"));
            }
            let out =
                merge_directories(&place("o"), &place("n"), &place("l"), &place("out"), &Policy::libostree());
            match ours {
                Ok(ours) => {
                    out.unwrap();
                    assert_eq!(listing(&ours), listing(&read_tree(&place("out"))), "seed {seed}");
                }
                Err(MergeError::Refused { path, refusal }) => {
                    assert_eq!(out, Err(etc_merge::ApplyError::Refused { path, refusal }), "seed {seed}");
                }
                Err(error) => panic!("seed {seed}: {error}"),
            }
        }
    }
    // All others are equal, result for result and refusal for refusal.
    assert_eq!((through_symlink, special), DIVERGING, "{merged} merged, {refused} refused");
    if std::env::var_os("ETC_MERGE_RECORD").is_some() {
        let header = "# What `ostree admin deploy` 2022.7 makes of the random trees of each seed: the SHA-256 of the result's listing, or its error.\n# Made by: ETC_MERGE_RECORD=1 cargo test -p etc-merge --test peer (as root).\n";
        std::fs::write(
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/ostree-2022.7-random-trees.tsv"),
            format!("{header}{answers}"),
        )
        .unwrap();
        return;
    }
    assert!(merged >= 300, "{merged} of {TREES} trees merged");
    if String::from_utf8_lossy(&testkit::tools::run("ostree", ["--version"])).contains("2022.7") {
        let recorded = RECORDED.lines().filter(|line| !line.starts_with('#'));
        assert!(recorded.eq(answers.lines()), "the recorded answers are of other trees: record them again");
    }
}
