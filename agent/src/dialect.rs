//! The dialects, their signatures checked by what is fastest on the processors that the agent runs on: the same
//! verdicts, a fifth sooner where the metadata is large.

use uptane_core::dialect::{self, With};
use uptane_core::key::Accelerated;

/// Uptane as Torizon writes it.
pub(crate) type Uptane = With<dialect::Uptane, Accelerated>;

/// Plain TUF.
pub(crate) type Tuf = With<dialect::Tuf, Accelerated>;
