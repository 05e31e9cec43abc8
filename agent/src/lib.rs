//! The agent: everything that does I/O.
