//! uptane-core: partial and full verification, and the image.

use uptane_core::canonical::Slot;
use uptane_core::dialect::{Tuf, Uptane};
use uptane_core::metadata::root::Root;
use uptane_core::secondary::{self, Trust};
use uptane_core::target::ImageVerifier;
use uptane_core::trusted::Current;
use uptane_core::{Ecu, Error, Repository, Role, UtcTime, Verified};

use crate::{Bytes, REFUSED};

type Index = heapless::Vec<Slot, 64>;

/// The version of the Targets that assign `image` to this ECU.
#[unsafe(no_mangle)]
pub extern "C" fn uptane_partial(root: &Bytes, targets: &Bytes, image: &Bytes, now: u64) -> u64 {
    let verify = || -> Result<Option<u64>, Error> {
        let trust = Trust { root, targets_version: Some(1) };
        let ecu = Ecu { serial: "motor-1", hardware_id: "imx95-m7" };
        let now = UtcTime::from_unix(now);
        let assignment = secondary::verify::<Uptane, _>(trust, &[], targets, ecu, now, &mut Index::new())?;
        let Some(target) = assignment.target else { return Ok(None) };
        let mut verifier = ImageVerifier::new(target.length, target.hashes);
        verifier.update(image)?;
        verifier.finish()?;
        Ok(Some(assignment.targets_version))
    };
    verify().ok().flatten().unwrap_or(REFUSED)
}

/// The version of the Targets at the end of a repository's whole chain.
#[unsafe(no_mangle)]
pub extern "C" fn uptane_full(documents: &[Bytes; 5], now: u64) -> u64 {
    const LIMIT: usize = 64 * 1024;
    let [first, second, timestamp, snapshot, targets] = documents;
    let verify = || -> Result<u64, Error> {
        let mut index = Index::new();
        let root = Verified::<Root<'_>>::trusted::<Tuf, _>(Repository::Image, first, &mut index)?;
        let root = root.next::<Tuf, _>(second, LIMIT, &mut index)?;
        let targets = Current::<Tuf>::new(Repository::Image, root, UtcTime::from_unix(now))?
            .timestamp(timestamp, LIMIT, None, &mut index)?
            .snapshot(snapshot, LIMIT, None, &mut index)?
            .targets(Role::Targets, "targets.json", targets, LIMIT, None, &mut index)?;
        Ok(targets.version())
    };
    verify().unwrap_or(REFUSED)
}
