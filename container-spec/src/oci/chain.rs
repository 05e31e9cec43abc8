//! The ids under which engines keep unpacked layers: of a layer and all below it.

use alloc::format;
use alloc::vec::Vec;

use crate::digest::Sha256;

/// The id of a layer on top of `below`: image-spec, `config.md`, "Layer ChainID".
#[must_use]
pub fn chain_id(below: Option<Sha256>, diff_id: Sha256) -> Sha256 {
    below.map_or(diff_id, |below| Sha256::of(format!("{below} {diff_id}").as_bytes()))
}

/// The ids of all layers, lowest first.
#[must_use]
pub fn chain_ids(diff_ids: &[Sha256]) -> Vec<Sha256> {
    let mut below = None;
    diff_ids
        .iter()
        .map(|&diff_id| {
            let id = chain_id(below, diff_id);
            below = Some(id);
            id
        })
        .collect()
}
