//! A model of one power-on of a Torizon device: what U-Boot and the boot script decide, and what they store.
//!
//! It follows U-Boot's boot counter in the environment (`drivers/bootcount/bootcount_env.c`,
//! `common/autoboot.c`) and Torizon's `boot.cmd`, with the selection of the second deployment that its
//! `uEnv.txt` does. The update's logic is tested, and demonstrated, against it without a board.
//!
//! ```
//! use bsp_imx95::boot_script::{ALTBOOTCMD, Entry, power_on};
//! use bsp_imx95::env::Variables;
//! use bsp_imx95::slot;
//!
//! let uenv = "kernel_image=/boot/new\nkernel_image2=/boot/old\n";
//! let mut store = Variables::new();
//! store.apply(&[("env_initialized", Some("1")), ("bootlimit", Some("3")), ("altbootcmd", Some(ALTBOOTCMD))])?;
//! store.apply(slot::stage())?;
//! for count in 1..=3 {
//!     let boot = power_on(&store, uenv)?;
//!     assert_eq!((boot.entry, boot.bootcount), (Entry::First, count));
//!     boot.store_into(&mut store)?;
//! }
//! let boot = power_on(&store, uenv)?;
//! assert_eq!((boot.entry, boot.kernel_image.as_str()), (Entry::Second, "/boot/old"));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

mod power_on;

use crate::env::{self, Change, Variables};
use alloc::string::String;
use alloc::vec::Vec;

pub use crate::slot::Slot as Entry;
pub use power_on::power_on;

/// What the boot script stores as `altbootcmd`: boot again, from the second deployment.
pub const ALTBOOTCMD: &str = "env set rollback 1; run bootcmd";

/// What a power-on leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boot {
    /// Which deployment boots.
    pub entry: Entry,
    /// The kernel, as named in `uEnv.txt`.
    pub kernel_image: String,
    /// The initial RAM disk.
    pub ramdisk_image: Option<String>,
    /// The directory of device trees.
    pub fdtdir: Option<String>,
    /// The one device tree.
    pub fdt_file: Option<String>,
    /// Name of the device tree in `fdtdir`.
    pub fdtfile: Option<String>,
    /// `Image`, `Image.gz` or `fitImage`.
    pub kernel_image_type: Option<String>,
    /// Kernel command line.
    pub bootargs: Option<String>,
    /// `bootcount` in memory: stored only if `upgrade_available` was not 0, or if the script saved for another
    /// reason.
    pub bootcount: u32,
    /// Whether `bootcount` was over `bootlimit`.
    pub used_altbootcmd: bool,
    /// The saves of the environment, in order, each as what it changes in the store. Power may fail between.
    pub saves: Vec<Save>,
}

/// What one save of the environment changes in the store: name and new value, `None` if deleted.
pub type Save = Vec<(String, Option<String>)>;

impl Boot {
    /// Every change of the saves, in order: the store after the boot.
    #[must_use]
    pub fn changes(&self) -> Vec<Change<'_>> {
        self.saves.iter().flatten().map(|(name, value)| (name.as_str(), value.as_deref())).collect()
    }

    /// Applies the saves to the store.
    ///
    /// # Errors
    /// As of [`Variables::apply`]: never for the store this boot was made from.
    pub fn store_into(&self, store: &mut Variables) -> Result<(), env::Error> {
        store.apply(&self.changes())
    }
}

/// Why the device does not boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The boot limit is passed and there is no `altbootcmd`: U-Boot waits at its prompt for ever.
    #[error(
        "boot {count} is over the limit of {limit} and altbootcmd is not set: U-Boot stops at its prompt"
    )]
    NoAltbootcmd {
        /// Boots counted.
        count: u32,
        /// The limit.
        limit: u32,
    },
    /// `altbootcmd` is not the one the boot script stores; this model does not run other scripts.
    #[error("altbootcmd is not the boot script's own")]
    OtherAltbootcmd,
    /// `uEnv.txt` cannot be imported.
    #[error("uEnv.txt: {0}")]
    Uenv(env::Error),
    /// `uEnv.txt` names no kernel.
    #[error("uEnv.txt names no kernel_image")]
    NoKernel,
}
