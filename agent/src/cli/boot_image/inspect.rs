//! The map of a boot image.

use std::io::{self, Write as _};
use std::path::Path;

use bsp_imx95::container::{Authenticity, BootImage, ContainerRef, Error, HashAlgorithm, ImageEntry, SrkSet};

use super::map::{Container, Image, Map};
use crate::cli::Exit;

/// Prints the map.
///
/// # Errors
/// If the file cannot be read.
pub(super) fn run(file: &Path, json: bool) -> anyhow::Result<Exit> {
    let map = inspect(&super::read(file)?);
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(&map)?)?;
    } else {
        write!(out, "{map}")?;
        for problem in &map.problems {
            eprintln!("{}: error: {problem}", file.display());
        }
    }
    Ok(if map.problems.is_empty() { Exit::Done } else { Exit::Failed })
}

/// Everything that can be said about the bytes. What is wrong is a problem in the map, not an error.
fn inspect(bytes: &[u8]) -> Map {
    let mut map = Map::default();
    let mut containers = match BootImage::find(bytes) {
        Ok(image) => image.containers(),
        Err(error) => {
            map.problems.push(format!("no boot container at 0, 0x400 or 0x8000: {error}"));
            return map;
        }
    };
    while let Some(container) = containers.next() {
        match container {
            Ok(container) => {
                let entry = look_into(&container, containers.set(), &mut map.problems);
                map.containers.push(entry);
            }
            Err(error) => map.problems.push(error.to_string()),
        }
    }
    map
}

fn look_into(container: &ContainerRef<'_>, set: usize, problems: &mut Vec<String>) -> Container {
    let mut note = |result: Result<(), Error>| match result {
        Ok(()) => true,
        Err(error) => {
            problems.push(error.to_string());
            false
        }
    };
    note(container.check_overlaps());
    let images =
        container.images().map(|image| describe(&image, note(container.check_image(&image)))).collect();
    let algorithm = container
        .signature_block()
        .srk_tables()
        .next()
        .and_then(|table| table.used_key())
        .map(|key| key.algorithm.to_string());
    let (signature, unchecked) = match container.check_signatures() {
        Ok(Authenticity::Unsigned) => ("none", None),
        Ok(Authenticity::Signed) => ("valid", None),
        Ok(Authenticity::Partly(second)) => ("valid", Some(format!("the second one, {second}"))),
        Ok(Authenticity::Unchecked(first)) => ("unchecked", Some(first.to_string())),
        Ok(Authenticity::Certified) => ("unchecked", Some("its key is in a certificate".into())),
        // Authenticity may grow; what is not known here is not vouched for.
        Ok(_) => ("unchecked", None),
        Err(error) => {
            note(Err(error));
            ("invalid", None)
        }
    };
    Container {
        offset: container.offset(),
        version: container.version().number(),
        form: container.version().to_string(),
        set,
        length: container.length(),
        flags: container.flags(),
        sw_version: container.sw_version(),
        fuse_version: container.fuse_version(),
        srk_set: match container.srk_set() {
            SrkSet::None => "none",
            SrkSet::Nxp => "nxp",
            SrkSet::Oem => "oem",
        },
        used_key: container.used_key(),
        images,
        signature,
        algorithm,
        unchecked,
        srk_hashes: container.signature_block().srk_tables().map(|table| table.hash().to_string()).collect(),
    }
}

fn describe(image: &ImageEntry, hash_ok: bool) -> Image {
    Image {
        offset: image.offset_in_file(),
        size: image.size,
        kind: image.type_name(),
        core: image.core_name(),
        load_address: image.load_address,
        entry_point: image.entry_point,
        encrypted: image.is_encrypted(),
        hash: HashAlgorithm::from_id(image.hash_id())
            .map_or_else(|| format!("hash {}", image.hash_id()), |algorithm| algorithm.to_string()),
        hash_ok,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An unsigned container of version 1 with one dummy, whose hash is left out.
    fn container() -> Vec<u8> {
        let mut bytes = vec![0; 160];
        (bytes[1], bytes[3], bytes[11], bytes[12]) = (160, 0x87, 1, 144);
        (bytes[145], bytes[147]) = (16, 0x90);
        bytes[16 + 24] = 0x2e;
        bytes
    }

    #[test]
    fn the_json_has_the_fields_that_scripts_rely_on() {
        let map = serde_json::to_value(inspect(&container())).unwrap();
        let image = &map["containers"][0]["images"][0];
        assert_eq!(map["problems"], serde_json::json!([]));
        assert_eq!(map["containers"][0]["offset"], 0);
        assert_eq!(map["containers"][0]["version"], 1);
        assert_eq!(map["containers"][0]["signature"], "none");
        assert_eq!((&image["offset"], &image["size"]), (&0.into(), &0.into()));
        assert_eq!((&image["type"], &image["core"]), (&"v2x_dummy".into(), &"cortex-a55".into()));
        assert_eq!(image["hash_ok"], true);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let mut bytes = container();
        // The stored hash of a dummy must be that of nothing, or none.
        bytes[16 + 32] = 1;
        let map = inspect(&bytes);
        assert!(!map.containers[0].images[0].hash_ok);
        let problem =
            "boot container at 0x0: image 0 (0 bytes at 0x0) does not have the hash in the container";
        assert_eq!(map.problems, [problem]);
        let problem = "no boot container at 0, 0x400 or 0x8000: \
                       boot container at 0x0: there is none (version 0, tag 0x00)";
        assert_eq!(inspect(&[0; 64]).problems, [problem]);
    }
}
