//! A power cut at any moment of a transaction leaves the old state or the new one, for U-Boot and for
//! libubootenv, and the next transaction finishes the work.

pub(crate) mod media;

use bsp_imx95::env::{
    Change, Error, Layout, Nor, Outcome, Rules, Scheme, Storage, Transaction, Variables, load_with,
};
use bsp_imx95::slot;
use media::{Disk, Flash, SIZE, STARTS};
use std::collections::BTreeSet;
use testkit::power::{Step, each_cut};

const COUNTER: Layout = Layout::Redundant { scheme: Scheme::Counter };
/// Four sectors a copy.
const SECTOR: usize = SIZE / 4;

/// Everything that the update changes, and more.
const TRANSACTIONS: [&[Change<'_>]; 5] = [
    slot::stage(),
    slot::confirm(),
    slot::give_up(),
    &[("bootcount", Some("3"))],
    &[
        ("altbootcmd", None),
        ("a", Some("a\\b and words up to the third sector of the copy, as long as it takes")),
    ],
];

fn variables(count: &str) -> Variables {
    let mut variables = Variables::new();
    variables
        .apply(&[
            ("altbootcmd", Some("env set rollback 1; run bootcmd")),
            ("bootlimit", Some("3")),
            ("bootcount", Some(count)),
            ("fdtfile", Some("imx95-verdin-wifi-dev.dtb")),
            ("filler", Some(&"0123456789abcdef".repeat(18))),
        ])
        .unwrap();
    variables
}

/// A medium whose copies say that they were booted 1 and 2 times, between other bytes.
fn medium(layout: Layout, flags: [u8; 2]) -> Vec<u8> {
    let mut content = vec![0x5a; 0x800];
    for (copy, count) in ["1", "2"].into_iter().enumerate().take(layout.copies()) {
        let mut image = variables(count).encode(layout, SIZE).unwrap();
        if layout != Layout::Single {
            image[4] = flags[copy];
        }
        content[STARTS[copy]..][..SIZE].copy_from_slice(&image);
    }
    content
}

fn copies(layout: Layout, content: &[u8]) -> Vec<&[u8]> {
    STARTS.iter().take(layout.copies()).map(|start| &content[*start..][..SIZE]).collect()
}

fn state(layout: Layout, content: &[u8], rules: Rules) -> Result<Variables, Error> {
    load_with(layout, &copies(layout, content), rules).map(|(_, env)| Variables::from_env(&env))
}

fn run<S: Storage<Error: core::fmt::Debug>>(
    layout: Layout,
    changes: &[Change<'_>],
    storage: &mut S,
) -> Outcome {
    Transaction::new(layout, changes).run(storage, &mut [0; 2 * SIZE]).unwrap()
}

/// What each kind of reader may find after a cut: which of the states before and after, or none.
fn found(layout: Layout, before: &[u8], after: &[u8], steps: &[Step]) -> [BTreeSet<&'static str>; 2] {
    let states = [Rules::UBoot, Rules::Libubootenv]
        .map(|rules| (rules, state(layout, before, rules).unwrap(), state(layout, after, rules).unwrap()));
    let mut found = [BTreeSet::new(), BTreeSet::new()];
    each_cut(before, steps, SECTOR, |content| {
        for ((rules, old, new), found) in states.iter().zip(&mut found) {
            found.insert(match state(layout, content, *rules) {
                Ok(state) if state == *old => "old",
                Ok(state) if state == *new => "new",
                Ok(state) => panic!("neither the old state nor the new one: {state:?}"),
                Err(Error::NoValidCopy { .. }) => "none",
                Err(error) => panic!("{error}"),
            });
        }
        let outside = |at: usize| STARTS.iter().all(|start| !(*start..start + SIZE).contains(&at));
        assert!(content.iter().enumerate().all(|(at, byte)| *byte == before[at] || !outside(at)));
    });
    found
}

#[test]
fn a_redundant_environment_is_old_or_new_for_both_readers() {
    for flags in [[1, 2], [2, 1], [255, 0]] {
        for changes in TRANSACTIONS {
            let before = medium(COUNTER, flags);
            let mut disk = Disk::new(before.clone());
            let written = matches!(run(COUNTER, changes, &mut disk), Outcome::Written { .. });
            assert!(written);
            let sets = found(COUNTER, &before, &disk.content, &disk.steps);
            assert_eq!(sets, [BTreeSet::from(["new", "old"]), BTreeSet::from(["new", "old"])], "{changes:?}");
        }
    }
}

#[test]
fn nor_flash_is_old_or_new_for_both_readers() {
    for scheme in [Scheme::ParallelNor, Scheme::SerialNor] {
        let layout = Layout::Redundant { scheme };
        for flags in [[1, 0], [0, 1]] {
            for changes in TRANSACTIONS {
                let before = medium(layout, flags);
                let mut nor = Nor::new(Flash::new(before.clone()), &media::POSITIONS, SIZE).unwrap();
                assert_eq!(run(layout, changes, &mut nor), Outcome::Written { copy: usize::from(flags[0]) });
                let Flash { content, steps } = nor.release();
                assert_eq!(steps.len(), 3, "erase, program, obsolete");
                let sets = found(layout, &before, &content, &steps);
                assert_eq!(sets, [BTreeSet::from(["new", "old"]), BTreeSet::from(["new", "old"])]);
            }
        }
    }
}

#[test]
fn a_single_copy_may_be_lost_but_never_wrong() {
    for changes in TRANSACTIONS {
        let before = medium(Layout::Single, [0; 2]);
        let mut disk = Disk::new(before.clone());
        run(Layout::Single, changes, &mut disk);
        let sets = found(Layout::Single, &before, &disk.content, &disk.steps);
        assert_eq!(sets, [BTreeSet::from(["new", "none", "old"]), BTreeSet::from(["new", "none", "old"])]);
    }
}

#[test]
fn whatever_a_cut_leaves_the_next_transaction_finishes_the_work() {
    let before = medium(COUNTER, [1, 2]);
    let mut disk = Disk::new(before.clone());
    run(COUNTER, slot::stage(), &mut disk);
    let wanted = state(COUNTER, &disk.content, Rules::UBoot);
    let steps = disk.steps;
    let mut outcomes = BTreeSet::new();
    each_cut(&before, &steps, SECTOR, |content| {
        let mut disk = Disk::new(content.to_vec());
        let outcome = run(COUNTER, slot::stage(), &mut disk);
        assert_eq!(state(COUNTER, &disk.content, Rules::UBoot), wanted);
        outcomes.insert(format!("{outcome:?}"));
        let (chosen, _) = load_with(COUNTER, &copies(COUNTER, &disk.content), Rules::UBoot).unwrap();
        assert_eq!(chosen.whole, [true, true], "no broken copy is left");
    });
    let expected = ["Unchanged", "Written { copy: 0 }"].map(String::from);
    assert_eq!(outcomes, BTreeSet::from(expected));
}

#[test]
fn a_broken_copy_is_repaired_whenever_the_power_fails() {
    for broken in [0, 1] {
        let mut before = medium(COUNTER, [1, 2]);
        before[STARTS[broken] + 0x20] ^= 1;
        let mut disk = Disk::new(before.clone());
        assert_eq!(run(COUNTER, &[("bootlimit", Some("3"))], &mut disk), Outcome::Repaired { copy: broken });
        let sets = found(COUNTER, &before, &disk.content, &disk.steps);
        assert_eq!(sets, [BTreeSet::from(["old"]), BTreeSet::from(["old"])], "the state never changes");
        assert_eq!(run(COUNTER, &[("bootlimit", Some("3"))], &mut disk), Outcome::Unchanged);
    }
}
