use crate::container::{BootImage, Error};
#[cfg(feature = "ecdsa")]
use crate::container::{ErrorKind, SrkSet};

/// A boot image whose every container is well-formed and whose images do not overlap and have their hashes. Only such a one is
/// written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoundImage<'a> {
    bytes: &'a [u8],
}

impl<'a> SoundImage<'a> {
    /// Checks the boot image `bytes`, whose first container must be at its start.
    ///
    /// # Errors
    /// What is wrong with the first container that is not sound.
    pub fn check(bytes: &'a [u8]) -> Result<Self, Error> {
        for container in BootImage::at(bytes, 0).containers() {
            let container = container?;
            container.check_overlaps()?;
            container.check_images()?;
        }
        Ok(Self { bytes })
    }

    /// As [`Self::check`]; also every signature must hold, and every container that is not NXP's must be
    /// signed by keys whose table has the hash `srk_hash`, which the fuses of the device hold.
    ///
    /// # Errors
    /// As of [`Self::check`]; [`ErrorKind::BadSignature`](crate::container::ErrorKind::BadSignature), and
    /// [`ErrorKind::Untrusted`](crate::container::ErrorKind::Untrusted) if the right party did not provably sign.
    #[cfg(feature = "ecdsa")]
    pub fn check_signed(bytes: &'a [u8], srk_hash: &[u8]) -> Result<Self, Error> {
        let mut trusted = false;
        for container in BootImage::at(bytes, 0).containers() {
            let container = container?;
            container.check_overlaps()?;
            container.check_images()?;
            container.check_signed_by(srk_hash)?;
            trusted |= container.srk_set() == SrkSet::Oem;
        }
        if !trusted {
            // Only containers that say that they are NXP's: nothing here can tell.
            return Err(Error { container: 0, kind: ErrorKind::Untrusted { set: SrkSet::Nxp.number() } });
        }
        Ok(Self { bytes })
    }

    /// The bytes.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}
