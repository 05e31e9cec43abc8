//! What the real tool made of random nested trees, recorded for machines on which nobody is root.

use etc_merge::{Digest, MergeError, Policy, Refusal, merge_in_memory};

use crate::random_trees::{listing, three};

/// Made by the test of `tests/peer` that asks the real tool.
const RECORDED: &str = include_str!("../fixtures/ostree-2022.7-random-trees.tsv");

#[test]
fn equals_what_ostree_made_of_random_nested_trees() {
    let (mut equal, mut refused, mut through_symlink) = (0, 0, 0);
    for line in RECORDED.lines().filter(|line| !line.starts_with('#')) {
        let (seed, answer) = line.split_once('\t').unwrap();
        let three = three(seed.parse().unwrap());
        match merge_in_memory(&three.old, &three.new, &three.local, &Policy::libostree()) {
            Ok(tree) => {
                assert_eq!(answer, Digest::of(listing(&tree).as_bytes()).to_string(), "seed {seed}");
                equal += 1;
            }
            Err(MergeError::Refused { refusal: Refusal::ParentIsSymlink, .. })
                if !answer.starts_with("ERROR:") =>
            {
                through_symlink += 1;
            }
            Err(MergeError::Refused { .. }) => {
                assert!(answer.starts_with("ERROR:"), "seed {seed}: {answer}");
                refused += 1;
            }
            Err(error) => panic!("seed {seed}: {error}"),
        }
    }
    assert_eq!(equal + refused + through_symlink, 400);
    assert!(equal >= 300, "{equal} equal, {refused} refused");
    assert_eq!(through_symlink, 2);
}
