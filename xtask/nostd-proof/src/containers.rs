//! container-spec: each short form that is read without a heap.

use container_spec::device::{DeviceCgroupRule, DeviceMapping};
use container_spec::digest::{Digest, Verifier};
use container_spec::duration::Duration;
use container_spec::platform::Platform;
use container_spec::port::PortSpec;
use container_spec::reference::Reference;
use container_spec::size::parse_bytes;
use container_spec::volume::VolumeSpec;

use crate::{Bytes, REFUSED};

/// How long the image is, if it has the digest that `text` names.
#[unsafe(no_mangle)]
pub extern "C" fn container_image(text: &Bytes, image: &Bytes) -> u64 {
    let digest = || Digest::parse(core::str::from_utf8(text).ok()?).ok()?.sha256();
    let Some(digest) = digest() else { return REFUSED };
    let mut verifier = Verifier::new(digest, None);
    let length = verifier.update(image).map(|()| verifier.len());
    length.and_then(|length| verifier.finish().map(|_| length)).unwrap_or(REFUSED)
}

/// Which of the forms the text is, a bit each.
#[unsafe(no_mangle)]
pub extern "C" fn container_forms(text: &Bytes) -> u64 {
    let Ok(text) = core::str::from_utf8(text) else { return REFUSED };
    let is_form = [
        DeviceCgroupRule::parse(text).is_ok(),
        DeviceMapping::parse(text).is_ok(),
        Duration::parse(text).is_ok(),
        Platform::parse(text).is_ok(),
        PortSpec::parse(text).is_ok_and(|ports| ports.mappings().count() > 0),
        Reference::parse(text).is_ok(),
        parse_bytes(text).is_ok(),
        VolumeSpec::parse(text).is_ok(),
    ];
    is_form.iter().fold(0, |forms, is_form| forms << 1 | u64::from(*is_form))
}
