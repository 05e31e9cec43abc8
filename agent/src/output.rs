//! Standard output. A reader may close it, and a disk may be full: neither may stop an update half-way, as the panics of
//! `println!` would, so that a failure is only noted, and told by the exit status.

use core::fmt::Arguments;
use core::sync::atomic::{AtomicBool, Ordering};
use std::io::{ErrorKind, Write};

static FAILED: AtomicBool = AtomicBool::new(false);

/// Prints a line, as `println!` would.
macro_rules! say {
    () => { $crate::output::write(format_args!(""), "\n") };
    ($($argument:tt)*) => { $crate::output::write(format_args!($($argument)*), "\n") };
}

pub(crate) use say;

/// Writes to standard output, unless that failed before.
pub(crate) fn write(text: Arguments<'_>, end: &str) {
    if FAILED.load(Ordering::Relaxed) {
        return;
    }
    let mut output = std::io::stdout().lock();
    if let Err(error) = output.write_fmt(text).and_then(|()| output.write_all(end.as_bytes())) {
        note(&error);
    }
}

/// Writes what is left; whether all of the output was written.
pub(crate) fn finish() -> bool {
    if let Err(error) = std::io::stdout().lock().flush() {
        note(&error);
    }
    !FAILED.load(Ordering::Relaxed)
}

fn note(error: &std::io::Error) {
    // A reader that has seen enough, such as `head`, knows that by itself.
    if !FAILED.swap(true, Ordering::Relaxed) && error.kind() != ErrorKind::BrokenPipe {
        eprintln!("writing to standard output: {error}");
    }
}
