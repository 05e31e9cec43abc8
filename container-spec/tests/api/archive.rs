//! Archives of images in both forms, and everything that must not get past them.

use container_spec::archive::{
    ArchiveError, ArchiveErrorKind, Guard, HELD_BYTES, MAX_JSON_MEMBER_BYTES, MAX_MEMBERS, MAX_PATH_BYTES,
    MAX_TAIL_BYTES, Pinned, Reader, Verified,
};
use container_spec::compose::Word;
use container_spec::digest::Sha256;
use container_spec::engine::ImageIdentity;
use container_spec::platform::Platform;
use container_spec::reference::Normalized;
use proptest::prelude::*;
use serde_json::json;

const LAYERS: [&[u8]; 2] = [b"the lower layer", b"the upper layer"];

fn hex(digest: Sha256) -> String {
    digest.to_string().trim_start_matches("sha256:").to_owned()
}

/// One image: its config and its manifest.
struct Image {
    config: Vec<u8>,
    manifest: Vec<u8>,
}

impl Image {
    fn new() -> Self {
        let diff_ids = LAYERS.map(|layer| Sha256::of(layer).to_string());
        let rootfs = json!({ "type": "layers", "diff_ids": diff_ids });
        let config = json!({ "architecture": "arm64", "os": "linux", "rootfs": rootfs }).to_string();
        let layers = LAYERS.map(|layer| {
            json!({
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                "digest": Sha256::of(layer).to_string(), "size": layer.len(),
            })
        });
        let manifest = json!({
            "schemaVersion": 2,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": Sha256::of(config.as_bytes()).to_string(), "size": config.len(),
            },
            "layers": layers,
        });
        Self { config: config.into_bytes(), manifest: manifest.to_string().into_bytes() }
    }

    fn digest(&self) -> Sha256 {
        Sha256::of(&self.manifest)
    }

    /// Members as Docker up to 24 writes them.
    fn old(&self) -> Members {
        let config = format!("{}.json", hex(Sha256::of(&self.config)));
        let list =
            json!([{ "Config": config, "RepoTags": ["app:1"], "Layers": ["a/layer.tar", "b/layer.tar"] }]);
        vec![
            (config, self.config.clone()),
            ("a/VERSION".into(), b"1.0".into()),
            ("a/layer.tar".into(), LAYERS[0].into()),
            ("b/layer.tar".into(), LAYERS[1].into()),
            ("manifest.json".into(), list.to_string().into_bytes()),
        ]
    }

    /// Members as Docker from 25 on writes them.
    fn new_form(&self) -> Members {
        let blob = |bytes: &[u8]| (format!("blobs/sha256/{}", hex(Sha256::of(bytes))), bytes.to_vec());
        let index = json!({ "schemaVersion": 2, "manifests": [{
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": self.digest().to_string(), "size": self.manifest.len(),
        }] });
        let list = json!([{
            "Config": blob(&self.config).0, "RepoTags": null, "Layers": LAYERS.map(|layer| blob(layer).0),
        }]);
        vec![
            blob(&self.config),
            blob(LAYERS[0]),
            blob(LAYERS[1]),
            blob(&self.manifest),
            ("index.json".into(), index.to_string().into_bytes()),
            ("manifest.json".into(), list.to_string().into_bytes()),
            ("oci-layout".into(), br#"{"imageLayoutVersion":"1.0.0"}"#.into()),
        ]
    }
}

fn header(kind: tar::EntryType, size: usize) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(u64::try_from(size).unwrap());
    header.set_mode(0o644);
    header
}

fn archive(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in members {
        builder.append_data(&mut header(tar::EntryType::Regular, content.len()), name, &**content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn verify(bytes: &[u8], digest: Sha256, manifests: &[&[u8]]) -> Result<Verified, ArchiveError> {
    let mut reader = Reader::new();
    reader.feed(bytes)?;
    finish(reader, digest, manifests)
}

fn finish(reader: Reader, digest: Sha256, manifests: &[&[u8]]) -> Result<Verified, ArchiveError> {
    let name = format!("app@{digest}");
    let Ok(image) = Normalized::parse(&name) else { panic!("{name}") };
    reader.finish(&[Pinned { image, manifests, platform: Platform::new("linux", "arm64") }])
}

type Members = Vec<(String, Vec<u8>)>;

fn kind(result: Result<Verified, ArchiveError>) -> ArchiveErrorKind {
    result.unwrap_err().kind
}

#[test]
fn both_forms_lead_from_the_pinned_digest_to_every_byte() {
    let image = Image::new();
    let identity = ImageIdentity {
        pinned: image.digest(),
        manifest: Some(image.digest()),
        config: Some(Sha256::of(&image.config)),
    };
    let old = verify(&archive(&image.old()), image.digest(), &[&image.manifest]).unwrap();
    let new = verify(&archive(&image.new_form()), image.digest(), &[]).unwrap();
    for verified in [&old, &new] {
        let [loadable] = verified.images() else { panic!("{verified:?}") };
        assert_eq!(loadable.identity, identity);
        assert_eq!(loadable.diff_ids, LAYERS.map(Sha256::of));
    }
    assert_eq!(old.images()[0].chain_id, new.images()[0].chain_id);
    assert_eq!((&*old.images()[0].tags, &*new.images()[0].tags), (&["app:1".to_owned()][..], &[][..]));
}

/// `docker-26-*.tar` and the image's id in each store, by `fixtures/save-docker-26.sh`.
#[test]
fn what_docker_26_saved_from_either_store_is_verified_and_its_image_recognised() {
    let ids = include_str!("../fixtures/docker-26.txt");
    for (store, bytes) in [
        ("classic", &include_bytes!("../fixtures/docker-26-classic.tar")[..]),
        ("containerd", include_bytes!("../fixtures/docker-26-containerd.tar")),
    ] {
        let json = |name: &str| -> serde_json::Value {
            let (start, len) = member(bytes, name);
            serde_json::from_slice(&bytes[start..start + len]).unwrap()
        };
        let pinned = json("index.json")["manifests"][0]["digest"].as_str().unwrap().parse().unwrap();
        let name = format!("app@{pinned}");
        let verified = |bytes: &[u8]| {
            let mut reader = Reader::new();
            reader.feed(bytes)?;
            let image = Normalized::parse(&name).unwrap();
            reader.finish(&[Pinned { image, manifests: &[], platform: Platform::new("linux", "amd64") }])
        };
        let identity = verified(bytes).unwrap().images()[0].identity;
        // The classic store names an image by its config, containerd's by its manifest.
        let id = ids.lines().find_map(|line| line.strip_prefix(store)?.rsplit(' ').next()).unwrap();
        let named = if store == "classic" { identity.config } else { identity.manifest };
        assert_eq!((identity.pinned, named), (pinned, Some(id.parse().unwrap())), "{store}");

        let layer = json("manifest.json")[0]["Layers"][0].as_str().unwrap().to_owned();
        let (start, len) = member(bytes, &layer);
        let mut other = bytes.to_vec();
        other[start] ^= 1;
        let actual = Sha256::of(&other[start..start + len]);
        assert_eq!(kind(verified(&other)), ArchiveErrorKind::Content { actual }, "{store}");
    }
}

/// Where the content of a member starts, and its length.
fn member(bytes: &[u8], name: &str) -> (usize, usize) {
    let mut archive = tar::Archive::new(bytes);
    let mut entries = archive.entries().unwrap().map(Result::unwrap);
    let entry = entries.find(|entry| entry.path().unwrap().to_str() == Some(name)).unwrap();
    (usize::try_from(entry.raw_file_position()).unwrap(), usize::try_from(entry.size()).unwrap())
}

#[test]
fn an_index_leads_to_the_manifest_of_the_platform() {
    let image = Image::new();
    let index = json!({ "schemaVersion": 2, "manifests": [{
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": image.digest().to_string(), "size": image.manifest.len(),
        "platform": { "os": "linux", "architecture": "arm64", "variant": "v8" },
    }] })
    .to_string();
    let pinned = Sha256::of(index.as_bytes());
    let verified = verify(&archive(&image.old()), pinned, &[index.as_bytes(), &image.manifest]).unwrap();
    assert_eq!(verified.images()[0].identity.manifest, Some(image.digest()));
    assert_eq!(
        kind(verify(&archive(&image.old()), pinned, &[index.as_bytes()])),
        ArchiveErrorKind::Unproven { pinned }
    );
}

#[test]
fn whatever_is_not_what_the_pinned_digest_leads_to_is_refused() {
    let image = Image::new();
    let digest = image.digest();
    let old = |change: &dyn Fn(&mut Members)| {
        let mut members = image.old();
        change(&mut members);
        kind(verify(&archive(&members), digest, &[&image.manifest]))
    };
    let new = |change: &dyn Fn(&mut Members)| {
        let mut members = image.new_form();
        change(&mut members);
        kind(verify(&archive(&members), digest, &[]))
    };
    let list = |text: serde_json::Value| text.to_string().into_bytes();
    assert_eq!(
        old(&|members| members[2].1[0] ^= 1),
        ArchiveErrorKind::Layer { expected: Sha256::of(LAYERS[0]) }
    );
    assert_eq!(old(&|members| members[0].1.push(b' ')), ArchiveErrorKind::NotFound { pinned: digest });
    assert_eq!(old(&|members| drop(members.remove(3))), ArchiveErrorKind::Missing);
    assert_eq!(old(&|members| drop(members.remove(4))), ArchiveErrorKind::Missing);
    assert_eq!(old(&|members| members[4].1 = b"{}".into()), ArchiveErrorKind::NotImages);
    let config = format!("{}.json", hex(Sha256::of(&image.config)));
    let saved = |tags: &[&str], layers: &[&str]| {
        list(json!([{ "Config": config, "RepoTags": tags, "Layers": layers }]))
    };
    assert_eq!(
        old(&|members| members[4].1 = saved(&["app:1", "other:latest"], &["a/layer.tar", "b/layer.tar"])),
        ArchiveErrorKind::ForeignTag
    );
    assert_eq!(
        old(&|members| members[4].1 = saved(&[], &["a/layer.tar"])),
        ArchiveErrorKind::LayerCount { expected: 2, actual: 1 }
    );
    // A second image that nobody asked for.
    let other = br#"{"architecture":"arm64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
    assert_eq!(
        old(&|members| {
            let first =
                json!({ "Config": config, "RepoTags": null, "Layers": ["a/layer.tar", "b/layer.tar"] });
            members[4].1 = list(json!([first, { "Config": "other.json", "RepoTags": null, "Layers": [] }]));
            members.push(("other.json".into(), other.to_vec()));
        }),
        ArchiveErrorKind::Unwanted { config: Sha256::of(other) }
    );
    let mut spoilt = LAYERS[0].to_vec();
    spoilt[0] ^= 1;
    assert_eq!(
        new(&|members| members[1].1[0] ^= 1),
        ArchiveErrorKind::Content { actual: Sha256::of(&spoilt) }
    );
    assert_eq!(new(&|members| drop(members.remove(3))), ArchiveErrorKind::Unproven { pinned: digest });
    // Without the manifest beside it, an old archive proves nothing.
    assert_eq!(
        kind(verify(&archive(&image.old()), digest, &[])),
        ArchiveErrorKind::Unproven { pinned: digest }
    );
}

#[test]
fn paths_and_links_that_leave_the_archive_are_refused() {
    let image = Image::new();
    let with = |name: &[u8], kind: tar::EntryType, link: &str| {
        let mut builder = tar::Builder::new(Vec::new());
        let mut entry = header(kind, 0);
        entry.as_old_mut().name[..name.len()].copy_from_slice(name);
        if !link.is_empty() {
            entry.set_link_name_literal(link).unwrap();
        }
        entry.set_cksum();
        builder.append(&entry, &b""[..]).unwrap();
        for (name, content) in image.old() {
            let mut entry = header(tar::EntryType::Regular, content.len());
            builder.append_data(&mut entry, name, &*content).unwrap();
        }
        verify(&builder.into_inner().unwrap(), image.digest(), &[&image.manifest])
    };
    use tar::EntryType as E;
    for name in [&b"/etc/passwd"[..], b"../x", b"a/../../x", b"a//b", b"..", b"\xff", b"a\\b"] {
        let error = with(name, E::Regular, "").unwrap_err();
        let shown = String::from_utf8_lossy(name);
        let expected =
            ArchiveError { at_bytes: 0, name: Word::new(&shown), kind: ArchiveErrorKind::UnsafePath };
        assert_eq!(error, expected);
    }
    for link in ["/etc/passwd", "../../x", "nowhere", "x"] {
        assert_eq!(kind(with(b"x", E::Symlink, link)), ArchiveErrorKind::BadLink, "{link}");
    }
    assert_eq!(kind(with(b"a/layer.tar", E::Regular, "")), ArchiveErrorKind::Duplicate);
    for (entry, byte) in [(E::Char, b'3'), (E::Block, b'4'), (E::Fifo, b'6'), (E::GNUSparse, b'S')] {
        assert_eq!(kind(with(b"x", entry, "")), ArchiveErrorKind::MemberType(byte));
    }
    // Docker itself links equal layers to each other, and lists directories.
    assert_eq!(with(b"x/layer.tar", E::Symlink, "../a/layer.tar").map(|it| it.images().len()), Ok(1));
    assert_eq!(with(b"x/", E::Directory, "").map(|it| it.images().len()), Ok(1));
}

#[test]
fn an_archive_that_is_cut_off_anywhere_is_refused() {
    let image = Image::new();
    let bytes = archive(&image.new_form());
    // The last block of zeros is where it ends; what follows it is filling.
    let whole = bytes.len() - bytes.iter().rev().take_while(|&&b| b == 0).count();
    let end = whole.next_multiple_of(512) + 1024;
    for len in (0..end).step_by(97).chain([end - 1]) {
        assert_eq!(
            kind(verify(&bytes[..len], image.digest(), &[])),
            ArchiveErrorKind::CutOff,
            "{len} of {end}"
        );
    }
    let verified = verify(&bytes[..end], image.digest(), &[]).unwrap();
    assert_eq!(verified.digest(), Sha256::of(&bytes[..end]));
    assert_eq!(verified.images()[0].identity.manifest, Some(image.digest()));
    let mut longer = bytes;
    longer.push(1);
    assert_eq!(kind(verify(&longer, image.digest(), &[])), ArchiveErrorKind::Trailing);
    let mut spoilt = longer;
    spoilt[0] ^= 1;
    assert_eq!(kind(verify(&spoilt, image.digest(), &[])), ArchiveErrorKind::Checksum);
}

#[test]
fn limits_hold_at_and_beyond_their_value() {
    let image = Image::new();
    let with = |extra: Members| {
        let members = [image.old(), extra].concat();
        verify(&archive(&members), image.digest(), &[&image.manifest]).map(|it| it.images().len())
    };
    let json = |len: u64| {
        let len = usize::try_from(len).unwrap();
        vec![("x.json".to_owned(), format!("[{}]", " ".repeat(len - 2)).into_bytes())]
    };
    assert_eq!(with(json(MAX_JSON_MEMBER_BYTES)), Ok(1));
    assert_eq!(
        with(json(MAX_JSON_MEMBER_BYTES + 1)).unwrap_err().kind,
        ArchiveErrorKind::LargeJson { bytes: MAX_JSON_MEMBER_BYTES + 1 }
    );
    let many = |count: usize| (0..count).map(|n| (format!("m{n}"), Vec::new())).collect::<Vec<_>>();
    let own = image.old().len();
    assert_eq!(with(many(MAX_MEMBERS - own)), Ok(1));
    assert_eq!(with(many(MAX_MEMBERS - own + 1)).unwrap_err().kind, ArchiveErrorKind::TooManyMembers);
    let path = |len: usize| vec![(format!("{}x", "d/".repeat(len / 2))[..len].to_owned(), Vec::new())];
    assert_eq!(with(path(MAX_PATH_BYTES - 1)), Ok(1));
    assert_eq!(with(path(MAX_PATH_BYTES + 1)).unwrap_err().kind, ArchiveErrorKind::LongPath);
    let total = |count: usize| {
        (0..count).map(|n| (format!("{n}.json"), json(MAX_JSON_MEMBER_BYTES).remove(0).1)).collect::<Vec<_>>()
    };
    assert_eq!(with(total(7)), Ok(1));
    assert_eq!(with(total(8)).unwrap_err().kind, ArchiveErrorKind::TooMuchJson);
}

#[test]
fn what_is_loaded_is_what_was_verified_or_stays_a_truncated_archive() {
    let image = Image::new();
    let mut members = image.old();
    // Longer than what is held back.
    members.insert(1, ("big".into(), vec![7; 2 * HELD_BYTES]));
    let bytes = archive(&members);
    let verified = verify(&bytes, image.digest(), &[&image.manifest]).unwrap();
    let pass = |bytes: &[u8]| {
        let mut guard = Guard::new(&verified);
        let mut out = Vec::new();
        for piece in bytes.chunks(4096) {
            out.extend_from_slice(guard.feed(piece).map_err(|error| (error.kind, out.clone()))?);
        }
        match guard.finish() {
            Ok(rest) => Ok([out, rest].concat()),
            Err(error) => Err((error.kind, out)),
        }
    };
    assert_eq!(pass(&bytes).as_deref(), Ok(&*bytes));
    let mut changed = bytes.clone();
    changed[600] ^= 1;
    for other in [&changed[..], &bytes[..bytes.len() - 1], &[&bytes[..], b"x"].concat()] {
        let (kind, out) = pass(other).unwrap_err();
        assert_eq!(kind, ArchiveErrorKind::Changed);
        assert!(out.len() <= bytes.len() - HELD_BYTES);
    }
}

proptest! {
    #[test]
    fn an_archive_is_read_alike_in_pieces_of_any_size(size in 1_usize..2000) {
        let image = Image::new();
        let bytes = archive(&image.new_form());
        let mut reader = Reader::new();
        for piece in bytes.chunks(size) {
            reader.feed(piece).unwrap();
        }
        prop_assert_eq!(reader.len(), u64::try_from(bytes.len()).unwrap());
        prop_assert_eq!(finish(reader, image.digest(), &[]), verify(&bytes, image.digest(), &[]));
    }
}

#[test]
fn what_the_guard_holds_behind_the_last_file_is_bounded() {
    let image = Image::new();
    let limit = usize::try_from(MAX_TAIL_BYTES).unwrap();
    let members = image.new_form();
    let bytes = archive(&members);
    // The file ends where its own bytes do, not where its block does.
    let (_, last) = members.last().unwrap();
    let content_end = bytes.windows(last.len()).rposition(|window| window == last).unwrap() + last.len();
    let filled = |end: usize| {
        let mut filled = bytes.clone();
        filled.resize(end, 0);
        filled
    };
    let longest = filled(content_end + limit);
    let verified = verify(&longest, image.digest(), &[]).unwrap();
    let mut guard = Guard::new(&verified);
    let free = guard.feed(&longest).unwrap().len();
    assert_eq!(guard.finish().unwrap().len(), longest.len() - free);
    assert!(longest.len() - free <= limit + 1, "{free} of {}", longest.len());
    let kind_of = |end| kind(verify(&filled(end), image.digest(), &[]));
    let long_tail = ArchiveErrorKind::LongTail { limit: MAX_TAIL_BYTES };
    assert_eq!(kind_of(content_end + limit + 1), long_tail);
    assert_eq!(kind_of(content_end + 3 * limit), long_tail);
    // Headers without content count as well: comments for all that follow, which are no members.
    let mut comments = bytes[..content_end.next_multiple_of(512)].to_vec();
    while comments.len() <= content_end + limit {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::XGlobalHeader);
        header.set_size(0);
        header.set_cksum();
        comments.extend_from_slice(header.as_bytes());
    }
    comments.resize(comments.len() + 1024, 0);
    assert_eq!(kind(verify(&comments, image.digest(), &[])), long_tail);
}
