use bsp_imx95::bootloader::{Passover, SoundImage};
use bsp_imx95::container::{
    BootImage, ContainerRef, ErrorKind, HashAlgorithm, ImageEntry, MAX_CONTAINERS, MAX_IMAGES, MAX_SETS,
    SET_ALIGNMENT,
};
use bsp_imx95::emmc::PartitionConfig;

/// Boot images: whatever the bytes are, what is read lies in the file, containers follow each other, an image
/// that has its hash has it until one bit changes, and what is called sound passes every check.
pub fn boot_container(data: &[u8]) {
    if let Ok(passover) = Passover::from_bytes(data) {
        assert_eq!(Passover::from_bytes(&passover.to_bytes()), Ok(passover));
    }
    if let Some(Ok(config)) = data.first().map(|byte| PartitionConfig::from_byte(*byte)) {
        assert_eq!(data.first(), Some(&config.to_byte()));
    }
    let Ok(image) = BootImage::find(data) else { return };
    let mut containers = image.containers();
    let (mut read, mut behind) = (0, None);
    while let Some(container) = containers.next() {
        read += 1;
        assert!(read <= MAX_SETS * MAX_CONTAINERS + 1);
        let Ok(container) = container.map_err(|error| error.to_string()) else { break };
        assert!(behind < Some(container.offset()), "containers follow each other");
        assert!(containers.set() < MAX_SETS);
        assert!(Some(containers.set_end()) == container.end() || containers.set_end() == usize::MAX);
        assert_eq!(container.offset() % SET_ALIGNMENT, 0);
        behind = Some(container.offset());
        one(data, &container);
    }
    assert_eq!(containers.next(), None, "after an error there is nothing");
    if SoundImage::check(data).is_ok() {
        assert!(BootImage::at(data, 0).containers().all(|container| container.is_ok()));
    }
}

fn one(data: &[u8], container: &ContainerRef<'_>) {
    assert!((1..=MAX_IMAGES).contains(&container.images().len()));
    assert!(container.offset() + container.length() <= data.len());
    assert_eq!(ContainerRef::parse(data, container.offset()), Ok(*container));
    let block = container.signature_block();
    assert_eq!(block.srk_tables().count(), block.signatures().count());
    for table in block.srk_tables() {
        assert_eq!(table.records().count(), 4);
        assert!(table.used_key().is_some() && !table.hash().as_bytes().is_empty());
    }
    let _ = container.check_signatures().map_err(|error| error.to_string());
    for image in container.images() {
        let _ = container.check_image(&image).map_err(|error| error.to_string());
        hashed(data, container, &image);
    }
}

/// With the hash that its bytes have, an image passes, and with one bit changed it does not.
fn hashed(data: &[u8], container: &ContainerRef<'_>, image: &ImageEntry) {
    let Ok(bytes) = container.image_bytes(image) else { return };
    let (Some(algorithm), Some(at)) = (HashAlgorithm::from_id(image.hash_id()), image.offset_in_file())
    else {
        return;
    };
    if bytes.is_empty() {
        return;
    }
    assert_eq!(data.get(at..at + bytes.len()), Some(bytes));
    let entry = container.offset() + 16 + image.index * 128 + 32;
    let mut sealed = data.to_vec();
    sealed[entry..entry + 64].copy_from_slice(algorithm.digest(bytes).padded());
    let verdict = |file: &[u8]| {
        let container = ContainerRef::parse(file, container.offset()).expect("a hash is not looked at here");
        let image = container.images().nth(image.index).expect("as many images as before");
        container.check_image(&image).map_err(|error| error.kind)
    };
    assert_eq!(verdict(&sealed), Ok(()));
    sealed[at + bytes.len() / 2] ^= 1;
    assert_eq!(verdict(&sealed), Err(ErrorKind::BadHash { image: image.index, at, size: image.size }));
}
