//! The properties that fuzz targets check, one file a crate: each takes raw bytes and panics when a
//! property does not hold. Tests feed them the seeds, so a property is also checked without a fuzzer.

pub mod bsp_imx95;
pub mod container_spec;
pub mod etc_merge;
pub mod ostree_objects;
pub mod uptane_core;
