use std::fmt;

use serde::Serialize;

/// What a boot image holds: as JSON for scripts, as text for people.
#[derive(Debug, Default, Serialize)]
pub(super) struct Map {
    pub(super) containers: Vec<Container>,
    /// What is wrong, a sentence each; empty if nothing is.
    pub(super) problems: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Container {
    /// In bytes from the start of the file.
    pub(super) offset: usize,
    /// 1 or 2.
    pub(super) version: u8,
    /// `1`, `1 in 2` or `2`.
    pub(super) form: String,
    /// Which set of containers it belongs to, from 0.
    pub(super) set: usize,
    pub(super) length: usize,
    pub(super) flags: u32,
    pub(super) sw_version: u16,
    pub(super) fuse_version: u8,
    /// `none`, `nxp` or `oem`.
    pub(super) srk_set: &'static str,
    pub(super) used_key: u8,
    pub(super) images: Vec<Image>,
    /// `none`, `valid`, `invalid` or `unchecked`.
    pub(super) signature: &'static str,
    pub(super) algorithm: Option<String>,
    /// What could not be checked about the signature.
    pub(super) unchecked: Option<String>,
    /// What the fuses must hold for the device to accept it.
    pub(super) srk_hashes: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Image {
    /// In bytes from the start of the file.
    pub(super) offset: Option<usize>,
    pub(super) size: u32,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) core: &'static str,
    pub(super) load_address: u64,
    pub(super) entry_point: u64,
    pub(super) encrypted: bool,
    /// The kind of hash.
    pub(super) hash: String,
    pub(super) hash_ok: bool,
}

impl fmt::Display for Map {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut set = None;
        for container in &self.containers {
            if set.replace(container.set) != Some(container.set) {
                writeln!(formatter, "set {}", container.set)?;
            }
            write!(formatter, "{container}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Container {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "  container at {:#x}: version {}, {} bytes, software {}, fuses {}",
            self.offset, self.form, self.length, self.sw_version, self.fuse_version
        )?;
        for (index, image) in self.images.iter().enumerate() {
            writeln!(formatter, "    image {index}    {image}")?;
        }
        write!(formatter, "    signature  {}", self.signature)?;
        if let Some(algorithm) = &self.algorithm {
            write!(formatter, ", {} key {}, {algorithm}", self.srk_set, self.used_key)?;
        }
        if let Some(unchecked) = &self.unchecked {
            write!(formatter, " (not checked: {unchecked})")?;
        }
        writeln!(formatter)?;
        self.srk_hashes.iter().try_for_each(|hash| writeln!(formatter, "    key hash   {hash}"))
    }
}

impl fmt::Display for Image {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{:#08x} {:>8}  {:<14} {:<11} -> {:#010x}  {} {}{}",
            self.offset.unwrap_or(usize::MAX),
            self.size,
            self.kind,
            self.core,
            self.load_address,
            self.hash,
            if self.hash_ok { "ok" } else { "BAD" },
            if self.encrypted { ", encrypted" } else { "" },
        )
    }
}
