//! `nxpimage ahab verify` of NXP's spsdk: what it calls sound is sound here, what it calls damaged is damaged here.

use bsp_imx95::container::{ContainerRef, Error};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Its reader looks for three headers of version 2, whether they are there or not.
const LEAST_LEN: usize = 0xc000;

/// Every so many bytes of header, signature block and images one bit is changed.
const DISTANCE: usize = 401;

/// Where the two differ, why, and whether it is sound here.
const DIFFERING: [(&str, usize, bool); 4] = [
    // A reserved word before the signature, which spsdk does not look at.
    ("v1-p384", 0x25c, false),
    ("v1-in-v2-p256", 0x25c, false),
    // The second signature, of a curve that is not checked here: the map says so.
    ("v2-two-signatures", 0x4b3, true),
    ("v2-two-signatures", 0x4b8, true),
];

fn fixtures() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures"))
}

fn check(file: &[u8]) -> Result<(), Error> {
    let container = ContainerRef::parse(file, 0)?;
    container.check_overlaps()?;
    container.check_images()?;
    container.check_signatures().map(drop)
}

/// The container, and copies of it with one bit changed, by the changed byte.
fn variants(name: &str, file: &[u8]) -> BTreeMap<Option<usize>, Vec<u8>> {
    let container = ContainerRef::parse(file, 0).unwrap();
    let images = container.images().map(|image| {
        let start = image.offset_in_file().unwrap();
        start..start + usize::try_from(image.size).unwrap()
    });
    let covered: Vec<usize> = core::iter::once(0..container.length()).chain(images).flatten().collect();
    let mut variants = BTreeMap::from([(None, file.to_vec())]);
    let differing = DIFFERING.iter().filter(|(of, ..)| *of == name).map(|(_, at, _)| *at);
    for at in covered.into_iter().step_by(DISTANCE).chain(differing) {
        let mut damaged = file.to_vec();
        damaged[at] ^= 1 << (at % 8);
        variants.insert(Some(at), damaged);
    }
    variants
}

/// What spsdk says of the files.
fn verify(family: &str, files: &[&Path]) -> Vec<bool> {
    let mut command = testkit::tools::tool("bash");
    command.arg(fixtures().join("spsdk.sh")).arg(fixtures().join("verify.py")).arg(family).args(files);
    let said = String::from_utf8(testkit::tools::success(&mut command)).unwrap();
    let verdicts = said.lines().map(|line| match line.rsplit_once(' ') {
        Some((_, "sound")) => true,
        Some((_, "damaged")) => false,
        _ => panic!("{line}"),
    });
    let verdicts: Vec<bool> = verdicts.collect();
    assert_eq!(verdicts.len(), files.len());
    verdicts
}

#[test]
fn nxpimage_finds_the_same_containers_sound() {
    let directory = tempfile::tempdir().unwrap();
    let mut differing: Vec<(&str, usize, bool)> = Vec::new();
    for (family, names) in [
        ("mimx9352", &["v1-p384"][..]),
        ("mimx9596", &["v1-in-v2-p256", "v2-p256", "v2-p384", "v2-two-signatures", "v2-encrypted"]),
    ] {
        let mut cases = Vec::new();
        for name in names {
            let file = fs::read(fixtures().join(format!("{name}.bin"))).unwrap();
            for (at, mut variant) in variants(name, &file) {
                let path = directory.path().join(format!("{name}-{}", cases.len()));
                let is_sound = check(&variant).is_ok();
                variant.resize(variant.len().max(LEAST_LEN), 0);
                fs::write(&path, &variant).unwrap();
                cases.push((path, is_sound, name, at));
            }
        }
        let paths: Vec<&Path> = cases.iter().map(|(path, ..)| path.as_path()).collect();
        for (verdict, (_, is_sound, name, at)) in verify(family, &paths).into_iter().zip(&cases) {
            if verdict != *is_sound {
                differing.push((**name, at.unwrap_or(0), *is_sound));
            }
        }
        assert!(cases.len() > 3 * names.len(), "{}", cases.len());
    }
    differing.sort_unstable();
    let mut expected = DIFFERING;
    expected.sort_unstable();
    assert_eq!(differing, expected);
}
