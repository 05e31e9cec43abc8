//! Bounds on what a Compose file may cost.

/// Largest file, in bytes: as much as aktualizr reads.
pub const MAX_DOCUMENT_BYTES: usize = 4 << 20;

/// Deepest nesting of lists and mappings.
pub const MAX_DEPTH: usize = 64;

/// Most scalars and collections in one file: twice those of a file of 4 MiB that people write.
pub const MAX_NODES: usize = 1 << 20;

/// Most bytes that the aliases of one file may expand to; a scalar counts its text, and every value 8 bytes.
pub const MAX_ALIAS_BYTES: usize = 1 << 20;

/// Most bytes that the variables of one file may expand to.
pub const MAX_INTERPOLATED_BYTES: usize = 4 << 20;

/// Longest chain of services of which each extends the next: most steps from the first to the last.
pub const MAX_EXTENDS: usize = 64;

/// Most bytes that the services of one project may copy by `extends`; counted as for aliases.
pub const MAX_EXTENDED_BYTES: usize = 4 << 20;

/// Most bytes of the files of variables of one project; one that several services name counts for each.
pub const MAX_VARIABLE_BYTES: usize = 16 << 20;

/// Most files of one project: overrides, includes, extended files and files of variables together. A Compose
/// file counts as often as it is read.
pub const MAX_FILES: usize = 64;

/// Most ports of one project, each of a range counted: all that an address has.
pub const MAX_PORTS: usize = 1 << 16;

/// Most containers of one project, each of a scaled service counted: more than the services that a file of
/// [`MAX_DOCUMENT_BYTES`] usually has, some 2,000 of 2 KB.
pub const MAX_CONTAINERS: u32 = 4096;

/// Most problems that are reported for one project.
pub const MAX_PROBLEMS: usize = 100;
