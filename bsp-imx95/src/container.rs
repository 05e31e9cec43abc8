//! The i.MX9 boot container (AHAB), versions 1 and 2, and the sets of them that a boot image is made of.
//!
//! The format is the one of NXP's `spsdk` 3.12 (`image/ahab`) and of U-Boot's `include/imx_container.h` and
//! `arch/arm/mach-imx/image-container.c`. Nothing is copied: views borrow the file, every number in it is
//! checked before it is used, and an error says where and what.
//!
//! ```
//! use bsp_imx95::container::{BootImage, Error, ErrorKind};
//!
//! # let file = include_bytes!("../tests/fixtures/boot-image.bin");
//! for container in BootImage::find(file)?.containers() {
//!     let container = container?;
//!     for image in container.images() {
//!         container.check_image(&image)?;
//!     }
//! }
//! let damaged = { let mut bytes = file.to_vec(); bytes[0x4c00] ^= 1; bytes };
//! let container = BootImage::find(&damaged)?.containers().next().unwrap()?;
//! let error = ErrorKind::BadHash { image: 0, at: 0x4c00, size: 40 };
//! assert_eq!(container.check_images(), Err(Error { container: 0, kind: error }));
//! # Ok::<(), Error>(())
//! ```
//!
//! What a check covers, and what it cannot:
//!
//! * Images: their bytes, by the hash in the container.
//! * A signed container: all of it up to the signature, which is everything but the blob with the wrapped
//!   decryption key. Whether the *right* party signed it says only the hash of its table of super root keys
//!   (SRK), which the fuses hold: compare [`SrkTableRef::hash`] with them.
//! * An unsigned container: its structure and the images; versions, load addresses, entry points and flags
//!   are what they are.
//! * Nothing covers the gaps between headers and images. Boards keep DDR training data in one.

mod bytes;
mod digest;
mod error;
mod header;
mod image;
mod set;
#[cfg(feature = "ecdsa")]
mod signature;
mod signature_block;
mod srk;

pub use digest::{Digest, HashAlgorithm};
pub use error::{Block, Error, ErrorKind};
pub use header::{ContainerRef, SrkSet, Version};
pub use image::ImageEntry;
pub use set::{BootImage, Containers};
#[cfg(feature = "ecdsa")]
pub use signature::Authenticity;
pub use signature_block::{BlobRef, SignatureBlockRef, SignatureRef};
pub use srk::{Algorithm, KeyRef, SrkRecordRef, SrkTableRef};

/// Most images in one container. The tools write 8 (`MAX_NUM_IMGS` in U-Boot's `include/imx8image.h`,
/// `oem_images_max_cnt` in spsdk), and the ROM hands 10 over (`HANDOVER_MAX_IMG` in imx-sm's `dev_sm_rom.h`).
pub const MAX_IMAGES: usize = 16;

/// Containers in a set: `containers_max_cnt` of spsdk for the i.MX95, and what U-Boot's `get_imageset_end`
/// looks at: the enclave's firmware, V2X's firmware, and the board's own.
pub const MAX_CONTAINERS: usize = 3;

/// Most sets followed in one boot image. Boards have two: the one that the ROM loads, and the one that
/// U-Boot's SPL loads.
pub const MAX_SETS: usize = 4;

/// Where [`BootImage::find`] looks for the first container, in bytes: eMMC boot partitions and plain files,
/// the card layout of older i.MX8, and cards and the user area of an eMMC.
pub const FIRST_CONTAINER: [usize; 3] = [0, 0x400, 0x8000];

/// A set begins at the next multiple of this, in bytes, behind the end of the one before: `ROUND(end, SZ_1K)`
/// in U-Boot's `image-container.c`.
pub const SET_ALIGNMENT: usize = 1024;
