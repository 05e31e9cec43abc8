//! What each library adds with a heap.

use bsp_imx95::env::{Layout, Variables};
use container_spec::compose::{self, Environment};
use etc_merge::Driver;
use etc_merge::driver::merge;
use ostree_objects::{DirTreeBuf, Limits};
use uptane_core::key::PublicKey;
use uptane_core::manifest;

use crate::{Bytes, REFUSED};

/// Which documents the second of the texts is, a bit each; the third bit: whether it merges with the others.
#[unsafe(no_mangle)]
pub extern "C" fn owned_forms(bytes: &[Bytes; 3], key: &[u8; 32]) -> u64 {
    let [old, new, local] = bytes;
    let Ok(text) = core::str::from_utf8(new) else { return REFUSED };
    let is_form = [
        Variables::from_bytes(Layout::Single, &[new]).is_ok_and(|variables| !variables.is_empty()),
        compose::load(text, &Environment::new()).is_ok(),
        DirTreeBuf::parse(new.to_vec(), &Limits::DEFAULT).is_ok(),
        merge(Driver::Lines, old, new, local).is_ok(),
        manifest::verify(new, &PublicKey::Ed25519(*key)).is_ok_and(|signed| signed.is_some()),
    ];
    is_form.iter().fold(0, |forms, is_form| forms << 1 | u64::from(*is_form))
}
