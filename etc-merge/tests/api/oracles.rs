//! The properties that fuzzing checks, over the seeds and over random bytes.

use testkit::oracle::etc_merge::{accounts, glob, lines, plan_trees, settings};

use crate::random_trees::Random;

type Oracle = fn(&[u8]);

const ORACLES: [(&str, Oracle); 5] = [
    ("etc_merge_plan", plan_trees),
    ("etc_merge_accounts", accounts),
    ("etc_merge_settings", settings),
    ("etc_merge_lines", lines),
    ("etc_merge_glob", glob),
];

#[test]
fn hold_for_every_seed() {
    for (name, oracle) in ORACLES {
        let directory = format!("{}/../fuzz/seeds/{name}", env!("CARGO_MANIFEST_DIR"));
        let mut seeds = 0;
        for entry in std::fs::read_dir(&directory).unwrap() {
            oracle(&std::fs::read(entry.unwrap().path()).unwrap());
            seeds += 1;
        }
        assert!(seeds >= 2, "{name} has {seeds} seeds");
    }
}

#[test]
fn hold_for_random_trees() {
    for seed in 0..3000 {
        let mut random = Random(seed);
        let data: Vec<u8> = (0..random.below(300)).map(|_| random.next().to_le_bytes()[0]).collect();
        plan_trees(&data);
    }
}

/// Text of a small alphabet, in which versions have much in common.
fn text(random: &mut Random, words: &[&str]) -> Vec<u8> {
    (0..random.below(8)).flat_map(|_| random.pick(words).bytes().collect::<Vec<_>>()).collect()
}

#[test]
fn hold_for_random_content() {
    let accounts_words = [
        "root:x:0:0:::\n",
        "a:x:1:1:::\n",
        "a:x:2:1:::\n",
        "b:x:1:1:::\n",
        "g:x:1:a,b\n",
        "g:x:1:a\n",
        "g:!::\n",
        "# c\n",
        "s:*:1::::::\n",
        "s:*:2::::::\n",
        "s:p:2::::::\n",
    ];
    let settings_words =
        ["[A]\n", "[B]\n", "k=1\n", "k = 2\n", "k=\n", "l=1\n", "# c\n", "\n", "m=1\\\n", "m=1"];
    let lines_words = ["a\n", "b\n", "c\n", "\n", "d"];
    for seed in 0..3000 {
        let mut random = Random(seed);
        for (oracle, words) in [
            (accounts as Oracle, &accounts_words[..]),
            (settings, &settings_words[..]),
            (lines, &lines_words[..]),
        ] {
            let parts: Vec<Vec<u8>> = (0..3).map(|_| text(&mut random, words)).collect();
            oracle(&parts.join(&0xff));
        }
    }
}
