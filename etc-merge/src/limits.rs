//! The bounds of every walk. Each is refused with an error that names it, never cut short silently.

/// The deepest directory below /etc that is walked, in levels. /etc itself is level 0; the deepest that
/// distributions ship is about 8. It bounds the planner's memory and the open directory descriptors.
pub const MAX_DEPTH: usize = 64;

/// The longest path below /etc, in bytes: `PATH_MAX` of Linux without the terminating NUL.
pub const MAX_PATH_BYTES: usize = 4095;

/// The longest file name, in bytes: `NAME_MAX` of Linux.
pub const MAX_NAME_BYTES: usize = 255;
