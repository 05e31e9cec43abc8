//! The U-Boot environment: which copy is in use, what it holds, and the bytes of its next version.
//!
//! Formats and rules are those of U-Boot 2025.01: `include/env_internal.h`, `env/common.c`,
//! `lib/hashtable.c`. Copies come in as bytes, and [`write()`] says which copy to overwrite with what; a
//! [`Transaction`] does the same on a [`Storage`], in the order that survives a power cut, and reads back.
//!
//! ```
//! use bsp_imx95::env::{self, Layout, Scheme};
//!
//! let layout = Layout::Redundant { scheme: Scheme::Counter };
//! let (mut copy0, mut copy1) = ([0; 64], [0; 64]);
//! env::create(layout, &[("bootlimit", Some("3"))], &mut copy0)?;
//! let write = env::write(layout, &[&copy0, &copy1], &[("slot", Some("b"))], &mut copy1.clone())?;
//! assert_eq!(write.map(|write| write.copy), Some(1));
//! # copy1 = [0; 64];
//! let (chosen, environment) = env::load(layout, &[&copy0, &copy1])?;
//! assert_eq!(chosen.index, 0);
//! assert!(environment.get(b"bootlimit").is_some_and(|value| value.is(b"3")));
//! # Ok::<(), env::Error>(())
//! ```

mod entries;
mod error;
mod layout;
mod rules;
mod storage;
mod transaction;
#[cfg(feature = "alloc")]
mod variables;
mod view;
mod write;

pub use error::Error;
pub use layout::{Chosen, Layout, Scheme, choose, choose_with};
pub use rules::Rules;
pub use storage::{Block, MAX_WORD, Nor, PlacementError, Storage};
pub use transaction::{Outcome, Transaction, TransactionError};
#[cfg(feature = "alloc")]
pub use variables::Variables;
pub use view::{Env, Iter, Value, load, load_with};
pub use write::{Change, Write, create, repair, write, write_with};

/// Most bytes in one copy, header included: 1 MiB. The largest `CONFIG_ENV_SIZE` among U-Boot's boards is
/// 256 KiB.
pub const MAX_SIZE: usize = 1024 * 1024;

/// Most entries in an environment, comments and deletions included: eight times `CONFIG_ENV_MAX_ENTRIES`,
/// U-Boot's limit on its table.
pub const MAX_ENTRIES: usize = 4096;
