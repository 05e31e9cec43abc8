//! The fuzz targets' properties, on their seeds and on seeds with damage.

use std::path::Path;

use ostree_objects::delta::{DeltaIndexRef, PartRef, SuperblockRef};
use ostree_objects::summary::SummaryRef;
use ostree_objects::{
    CommitRef, DetachedRef, DirMetaRef, DirTreeRef, FileHeaderRef, Name, SizesRef, TombstoneRef, XattrsRef,
    filez,
};
use proptest::prelude::*;
use proptest::sample::Index;
use testkit::oracle::ostree_objects as oracle;

struct Target {
    name: &'static str,
    property: fn(&[u8]),
    /// Whether it is read. Seeds are objects of the real tool, which must be, or called `bad-…`, which must not.
    accepts: fn(&[u8]) -> bool,
}

const TARGETS: [Target; 17] = [
    Target { name: "checkpoint", property: oracle::checkpoint, accepts: oracle::read_checkpoint },
    Target { name: "commit", property: oracle::commit, accepts: |bytes| CommitRef::parse(bytes).is_ok() },
    Target { name: "variant", property: oracle::variant, accepts: oracle::reads_variant },
    Target { name: "sizes", property: oracle::sizes, accepts: |bytes| SizesRef::parse(bytes).is_ok() },
    Target { name: "dirtree", property: oracle::dirtree, accepts: |bytes| DirTreeRef::parse(bytes).is_ok() },
    Target { name: "dirmeta", property: oracle::dirmeta, accepts: |bytes| DirMetaRef::parse(bytes).is_ok() },
    Target {
        name: "file_header",
        property: oracle::file_header,
        accepts: |bytes| FileHeaderRef::parse(bytes).is_ok(),
    },
    Target {
        name: "filez",
        property: oracle::filez,
        accepts: |mut bytes| filez::read_header(&mut bytes).is_ok(),
    },
    Target { name: "xattrs", property: oracle::xattrs, accepts: |bytes| XattrsRef::parse(bytes).is_ok() },
    Target {
        name: "superblock",
        property: oracle::superblock,
        accepts: |bytes| SuperblockRef::parse(bytes).is_ok(),
    },
    Target { name: "index", property: oracle::index, accepts: |bytes| DeltaIndexRef::parse(bytes).is_ok() },
    Target { name: "summary", property: oracle::summary, accepts: |bytes| SummaryRef::parse(bytes).is_ok() },
    Target {
        name: "detached",
        property: oracle::detached,
        accepts: |bytes| DetachedRef::parse(bytes).is_ok(),
    },
    Target { name: "part", property: oracle::part, accepts: |bytes| PartRef::parse(bytes).is_ok() },
    Target { name: "operations", property: oracle::operations, accepts: oracle::makes_objects },
    Target {
        name: "tombstone",
        property: oracle::tombstone,
        accepts: |bytes| TombstoneRef::parse(bytes).is_ok(),
    },
    Target { name: "text", property: oracle::text, accepts: |bytes| Name::from_bytes(bytes).is_ok() },
];

/// Names and contents.
fn seeds(target: &Target) -> Vec<(String, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/seeds")
        .join(format!("ostree_objects_{}", target.name));
    let mut files: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    files.iter().map(|path| (name(path), std::fs::read(path).unwrap())).collect()
}

#[test]
fn every_property_holds_on_its_seeds() {
    for target in &TARGETS {
        let seeds = seeds(target);
        assert!(seeds.len() >= 2, "{} has seeds", target.name);
        for (name, seed) in seeds {
            (target.property)(&seed);
            assert_eq!((target.accepts)(&seed), !name.starts_with("bad-"), "{} {name}", target.name);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn every_property_holds_on_seeds_with_damage(
        target in 0..TARGETS.len(),
        seed in any::<Index>(),
        damage in prop::collection::vec((any::<Index>(), any::<u8>(), 0..3), 1..4),
    ) {
        let target = &TARGETS[target];
        let seeds = seeds(target);
        let mut bytes = seed.get(&seeds).1.clone();
        for (at, byte, kind) in damage {
            let at = at.index(bytes.len() + 1);
            match kind {
                0 if at < bytes.len() => bytes[at] = byte,
                1 if at < bytes.len() => drop(bytes.remove(at)),
                _ => bytes.insert(at, byte),
            }
        }
        (target.property)(&bytes);
    }
}
