//! What spsdk and mkimage say about their own containers is what is read in them.

use super::{SIGNED, check, fixture};
use bsp_imx95::container::{
    Algorithm, Authenticity, BootImage, ContainerRef, HashAlgorithm, SrkSet, Version,
};

/// What `spsdk.txt` says of the container at `index` of the file `name`, in its words.
fn recorded(name: &str, index: usize) -> Vec<String> {
    let text = String::from_utf8(fixture("spsdk.txt")).unwrap();
    let prefix = format!("{name} {index} ");
    let lines: Vec<_> =
        text.lines().filter_map(|line| line.strip_prefix(&prefix)).map(String::from).collect();
    assert!(!lines.is_empty(), "spsdk.txt knows {name}");
    lines
}

/// The same words for what is read here.
fn read(container: &ContainerRef<'_>) -> Vec<String> {
    let images = container.images().map(|image| {
        let hash = HashAlgorithm::from_id(image.hash_id()).unwrap().to_string().replace('-', "");
        format!(
            "image {:#x} {:#x} {:#x} {:#x} {} {} {hash}",
            image.offset,
            image.size,
            image.load_address,
            image.entry_point,
            image.type_name(),
            image.core_name(),
        )
    });
    let tables = container.signature_block().srk_tables();
    images.chain(tables.map(|table| format!("srk-hash {}", table.hash()))).collect()
}

#[test]
fn images_and_key_hashes_are_those_that_spsdk_reads() {
    for name in SIGNED {
        let file = fixture(&format!("{name}.bin"));
        assert_eq!(read(&ContainerRef::parse(&file, 0).unwrap()), recorded(name, 0), "{name}");
    }
    let file = fixture("boot-image.bin");
    let containers: Vec<_> = BootImage::find(&file).unwrap().containers().map(Result::unwrap).collect();
    for (index, container) in containers.iter().take(2).enumerate() {
        assert_eq!(read(container), recorded("boot-image", index));
    }
}

#[test]
fn signatures_of_spsdk_hold() {
    for name in SIGNED {
        let expected = match name {
            "v2-two-signatures" => Authenticity::Partly(Algorithm::EcdsaP521),
            _ => Authenticity::Signed,
        };
        assert_eq!(check(&fixture(&format!("{name}.bin")), 0), Ok(expected), "{name}");
    }
}

#[test]
fn headers_say_what_they_were_made_with() {
    let expected = [
        ("v1-p384", Version::V1, 2, 0),
        ("v1-in-v2-p256", Version::V1InV2, 0, 0),
        ("v2-p256", Version::V2, 3, 0),
        ("v2-p384", Version::V2, 1, 0b0101),
    ];
    for (name, version, used, revoked) in expected {
        let file = fixture(&format!("{name}.bin"));
        let container = ContainerRef::parse(&file, 0).unwrap();
        assert_eq!((container.version(), container.srk_set()), (version, SrkSet::Oem), "{name}");
        assert_eq!((container.used_key(), container.revoked_keys()), (used, revoked), "{name}");
        assert_eq!((container.sw_version(), container.fuse_version()), (0x0102, 3), "{name}");
        assert!(
            container.signature_block().certificate().is_none()
                && container.signature_block().blob().is_none()
        );
    }
}

#[test]
fn an_encrypted_image_has_the_hash_of_its_encrypted_bytes() {
    let file = fixture("v2-encrypted.bin");
    let container = ContainerRef::parse(&file, 0).unwrap();
    let image = container.images().next().unwrap();
    assert!(image.is_encrypted());
    assert_eq!(container.check_image(&image), Ok(()));
    // spsdk: the SHA-256 of the plain image.
    let plain = "secret ".repeat(10).into_bytes();
    assert_eq!(HashAlgorithm::Sha256.digest(&plain[..64]).as_bytes(), image.iv);
    assert_eq!(container.signature_block().blob().map(|blob| (blob.key_id, blob.bytes.len())), Some((7, 72)));
}

#[test]
fn containers_of_mkimage_are_unsigned_and_have_their_hashes() {
    let (one, two) = (fixture("mkimage-one.bin"), fixture("mkimage-two.bin"));
    for (file, at) in [(&one, 0), (&two, 0), (&two, 0x400)] {
        assert_eq!(check(file, at), Ok(Authenticity::Unsigned));
        let container = ContainerRef::parse(file, at).unwrap();
        // mkimage.txt: container flags, and the offset of the signature block.
        assert_eq!((container.version(), container.flags()), (Version::V1, 0x10));
        assert!(container.images().all(|image| image.hash_id() == 1 && image.size == 0x400));
    }
    let image = ContainerRef::parse(&two, 0x400).unwrap().images().next().unwrap();
    // mkimage.txt: "AP file_offset = 0x2400"; the entry counts from its own container.
    assert_eq!((image.offset, image.offset_in_file()), (0x2000, Some(0x2400)));
    assert_eq!((image.type_name(), image.load_address), ("executable", 0x8002_0000));
}
