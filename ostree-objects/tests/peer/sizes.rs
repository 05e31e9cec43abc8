//! Sizes that commits list, beside those of the real tool.

use std::fs;
use std::path::Path;

use ostree_objects::repo::{CommitOptions, Repo};
use ostree_objects::{CommitRef, ObjectType, RepoMode};

use crate::repository::{mode_of, options, ostree, own, tempfile};
use crate::tree;

/// Content that compressors treat differently: what repeats near and far, what does not, and sizes around those of
/// buffers, windows and blocks.
pub fn contents(directory: &Path, seed: u64) {
    fs::create_dir_all(directory).unwrap();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(below).unwrap()).unwrap()
    };
    let words =
        ["the ", "root ", "of ", "a tree\n", "0123456789", "\0\0\0\0\0\0", "xyz", "größe", "ELF", "é"];
    // A file of more than a megabyte is read twice instead of kept in memory.
    fs::write(directory.join("large"), b"0123456789abcdef".repeat(70_000)).unwrap();
    // Each letter as often as the two before it together, which makes codes long.
    let (mut counts, mut letters) = (vec![1_usize, 1], Vec::new());
    while counts.len() < 19 {
        counts.push(counts[counts.len() - 1] + counts[counts.len() - 2]);
    }
    for (letter, count) in counts.into_iter().enumerate() {
        letters.extend(std::iter::repeat_n(u8::try_from(letter * 11).unwrap(), count));
    }
    for at in (1..letters.len()).rev() {
        letters.swap(at, next(at + 1));
    }
    fs::write(directory.join("skewed"), letters).unwrap();
    let sizes = [2, 3, 258, 259, 8191, 8192, 8193, 32_768, 65_274, 65_537, 100_000];
    for (number, size) in sizes.into_iter().enumerate() {
        let write = |kind: &str, content: &[u8]| {
            fs::write(directory.join(format!("{kind}{number}")), &content[..size]).unwrap();
        };
        let random: Vec<u8> = (0..size).map(|_| u8::try_from(next(256)).unwrap()).collect();
        write("random", &random);
        write("zeros", &vec![0; size]);
        let mut text = Vec::new();
        while text.len() < size {
            text.extend_from_slice(words[next(words.len())].as_bytes());
            if next(200) == 0 {
                text.extend((0..next(400)).map(|_| u8::try_from(next(256)).unwrap()));
            }
        }
        write("text", &text);
        let few: Vec<u8> = (0..size).map(|_| [b'a', b'b', b'c', 0, 0xff][next(5).min(next(5))]).collect();
        write("few", &few);
        // The same again from as far back as a match may be, and one byte farther.
        let mut far: Vec<u8> = (0..32_506 + next(2)).map(|_| u8::try_from(next(256)).unwrap()).collect();
        while far.len() < size {
            far.extend_from_within(..);
            far.push(u8::try_from(next(256)).unwrap());
        }
        write("far", &far);
    }
}

#[test]
fn a_commit_that_lists_sizes_is_the_tools_commit() {
    let directory = tempfile();
    let (ours, theirs) = (directory.join("ours"), directory.join("theirs"));
    fs::create_dir(&theirs).unwrap();
    ostree(&theirs, &["init", "--mode=archive"]);
    let repo = Repo::init(&ours, RepoMode::Archive).unwrap();
    let mut parent = None;
    for seed in 0..3 {
        let source = directory.join(format!("tree{seed}"));
        tree::make(&source, seed);
        if seed != 1 {
            contents(&source.join("contents"), seed);
        }
        own(&source);
        let text = source.to_str().unwrap();
        let bind = ["--bind-ref=z", "--add-metadata-string=version=1.0"];
        let fixed = ["--timestamp=@1767225600", "--subject=A subject", "--body=A body", "--branch=os/main"];
        let theirs_says =
            ostree(&theirs, &[&["commit", "--generate-sizes"], &fixed[..], &bind, &[text]].concat());
        let mut options = CommitOptions { parent, generate_sizes: true, ..options() };
        options.bind_refs = vec!["z".into()];
        let commit = repo.commit(&source, &options).unwrap();
        same_files(&ours, &theirs);
        assert_eq!(theirs_says, commit.to_hex().as_str(), "seed {seed}");
        let bytes = repo.load_metadata(ObjectType::Commit, &commit).unwrap();
        let sizes = CommitRef::parse(&bytes).unwrap().sizes().unwrap().unwrap();
        let root = repo.root(&commit).unwrap();
        let mut entries = 0;
        repo.walk(root, |_| {
            entries += 1;
            Ok::<(), ostree_objects::repo::RepoError>(())
        })
        .unwrap();
        assert!(sizes.len() > 10 && sizes.len() <= 2 * entries, "{} of {entries}", sizes.len());
        parent = Some(commit);
    }
    ostree(&ours, &["fsck"]);
    // A second time all objects are there.
    let source = directory.join("tree2");
    let theirs_says = ostree(
        &theirs,
        &["commit", "--generate-sizes", "--timestamp=@7", "-b", "again", source.to_str().unwrap()],
    );
    let options = CommitOptions {
        branch: Some("again".into()),
        timestamp: 7,
        generate_sizes: true,
        ..CommitOptions::default()
    };
    assert_eq!(theirs_says, repo.commit(&source, &options).unwrap().to_hex().as_str());
    fs::remove_dir_all(&directory).unwrap();
}

/// The compressed objects of both repositories are the same bytes.
fn same_files(ours: &Path, theirs: &Path) {
    let of = |repo: &Path| {
        let mut all = tree::list(&repo.join("objects"));
        all.retain(|name, _| name.ends_with(".filez"));
        all
    };
    let (ours, theirs) = (of(ours), of(theirs));
    assert!(!ours.is_empty() && ours.keys().eq(theirs.keys()));
    for ((name, ours), theirs) in ours.iter().zip(theirs.values()) {
        assert_eq!(ours.content.len(), theirs.content.len(), "{name}");
        assert!(ours.content == theirs.content, "{name}");
    }
}

#[test]
fn only_an_archive_lists_sizes() {
    for seed in 1..4 {
        let directory = tempfile();
        let source = directory.join("tree");
        tree::make(&source, seed);
        let (mode, name) = mode_of(seed);
        let (ours, theirs) = (directory.join("ours"), directory.join("theirs"));
        fs::create_dir(&theirs).unwrap();
        ostree(&theirs, &["init", &format!("--mode={name}")]);
        let text = source.to_str().unwrap();
        let expected = ostree(&theirs, &["commit", "--generate-sizes", "--timestamp=@7", "-b", "b", text]);
        let repo = Repo::init(&ours, mode).unwrap();
        let options = CommitOptions {
            branch: Some("b".into()),
            timestamp: 7,
            generate_sizes: true,
            ..CommitOptions::default()
        };
        let commit = repo.commit(&source, &options).unwrap();
        assert_eq!(expected, commit.to_hex().as_str(), "{name}");
        let bytes = repo.load_metadata(ObjectType::Commit, &commit).unwrap();
        assert!(CommitRef::parse(&bytes).unwrap().sizes().unwrap().is_none());
        fs::remove_dir_all(&directory).unwrap();
    }
}
