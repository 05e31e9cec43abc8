use super::BootEntry;
use crate::env::{self, Variables};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Most bytes of a boot entry: 64 KiB.
pub const MAX_LEN: usize = 64 * 1024;

/// Most entries of a `uEnv.txt`.
pub const MAX_ENTRIES: usize = 64;

/// Why a boot entry or a `uEnv.txt` cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is longer than [`MAX_LEN`].
    #[error("the boot entry has {len} bytes, the limit is {limit}")]
    TooLong {
        /// Length in bytes.
        len: usize,
        /// The limit.
        limit: usize,
    },
    /// No kernel is named: nothing could be booted.
    #[error("no kernel is named")]
    NoKernel,
    /// More entries than [`MAX_ENTRIES`].
    #[error("more than {limit} boot entries")]
    TooManyEntries {
        /// The limit.
        limit: usize,
    },
    /// A path of `uEnv.txt` does not start with `/boot`, where OSTree puts them all.
    #[error("entry {number}: a path does not start with /boot")]
    Path {
        /// Number of the entry, from 1.
        number: usize,
    },
    /// U-Boot could not import the text.
    #[error("uEnv.txt: {0}")]
    Import(#[from] env::Error),
}

/// Reads a file of `/boot/loader/entries`: a key and its value a line, `#` for comments. Keys that [`BootEntry`]
/// does not have are passed over; the last of several values counts, but `options` add up, as the Boot Loader
/// Specification says.
///
/// # Errors
/// [`Error::TooLong`] and [`Error::NoKernel`].
pub fn parse_bls(text: &str) -> Result<BootEntry, Error> {
    if text.len() > MAX_LEN {
        return Err(Error::TooLong { len: text.len(), limit: MAX_LEN });
    }
    let mut entry = BootEntry::default();
    for line in text.lines().map(str::trim_ascii).filter(|line| !line.starts_with('#')) {
        let Some((key, value)) = line.split_once(|character: char| character.is_ascii_whitespace()) else {
            continue;
        };
        let value = value.trim_ascii_start();
        match key {
            "title" => entry.title = value.into(),
            "version" => entry.version = value.into(),
            "options" if entry.options.is_empty() => entry.options = value.into(),
            "options" => entry.options = format!("{} {value}", entry.options),
            "linux" => entry.linux = value.into(),
            "initrd" => entry.initrd = Some(value.into()),
            "devicetree" => entry.devicetree = Some(value.into()),
            "fdtdir" => entry.fdtdir = Some(value.into()),
            _ => {}
        }
    }
    if entry.linux.is_empty() { Err(Error::NoKernel) } else { Ok(entry) }
}

/// Reads a `uEnv.txt` as U-Boot imports it: the entries, first to boot first, without title and version, which it
/// does not have.
///
/// # Errors
/// [`Error`], all but [`Error::TooLong`]: the limit is that of [`Variables::import_text`].
pub fn parse_uenv(text: &str) -> Result<Vec<BootEntry>, Error> {
    let mut variables = Variables::new();
    variables.import_text(text)?;
    let mut entries = Vec::new();
    loop {
        let number = entries.len() + 1;
        let suffix = if number == 1 { String::new() } else { format!("{number}") };
        let get = |name: &str| variables.get(&format!("{name}{suffix}")).map(String::from);
        let path = |name: &str| match get(name) {
            None => Ok(None),
            Some(path) => {
                path.strip_prefix("/boot").map(|path| Some(path.into())).ok_or(Error::Path { number })
            }
        };
        let Some(linux) = path("kernel_image")? else { break };
        if number > MAX_ENTRIES {
            return Err(Error::TooManyEntries { limit: MAX_ENTRIES });
        }
        entries.push(BootEntry {
            linux,
            initrd: path("ramdisk_image")?,
            devicetree: path("fdt_file")?,
            fdtdir: path("fdtdir")?,
            options: get("bootargs").unwrap_or_default(),
            ..BootEntry::default()
        });
    }
    if entries.is_empty() { Err(Error::NoKernel) } else { Ok(entries) }
}

#[cfg(test)]
mod tests {
    use super::super::{bls, uenv_txt};
    use super::*;

    fn entry() -> BootEntry {
        BootEntry {
            title: "Torizon OS 7 (ostree:0)".into(),
            version: "2".into(),
            options: "root=LABEL=otaroot ostree=/ostree/boot.1/torizon/abc/0".into(),
            linux: "/ostree/torizon-abc/vmlinuz".into(),
            initrd: Some("/ostree/torizon-abc/initramfs.img".into()),
            devicetree: None,
            fdtdir: Some("/ostree/torizon-abc/dtb".into()),
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        assert_eq!(parse_bls(&bls(&entry())), Ok(entry()));
        let old = BootEntry { linux: "/old".into(), devicetree: Some("/d".into()), ..BootEntry::default() };
        let untitled = BootEntry { title: String::new(), version: String::new(), ..entry() };
        let text = uenv_txt(&[entry(), old.clone()], "kernel_image_type=fitImage");
        assert_eq!(parse_uenv(&text), Ok([untitled, old].to_vec()));
    }

    #[test]
    fn reads_entries_of_others() {
        let text =
            "# made by hand\n\ntitle\tA  title \n  linux /k\noptions a\noptions  b\nsort-key x\nlinux\n";
        let entry = parse_bls(text).unwrap();
        assert_eq!(
            (entry.title.as_str(), entry.linux.as_str(), entry.options.as_str()),
            ("A  title", "/k", "a b")
        );
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(parse_bls("title x\n"), Err(Error::NoKernel));
        let long = "#".repeat(MAX_LEN + 1);
        assert_eq!(parse_bls(&long), Err(Error::TooLong { len: MAX_LEN + 1, limit: MAX_LEN }));
        assert_eq!(parse_bls(&long[1..]), Err(Error::NoKernel));
        assert_eq!(parse_uenv("bootargs=x\n"), Err(Error::NoKernel));
        assert_eq!(parse_uenv("kernel_image=/boot/k\nkernel_image2=/k\n"), Err(Error::Path { number: 2 }));
        assert_eq!(parse_uenv("=x\n"), Err(Error::Import(env::Error::EmptyName { at: 0 })));
        let kernel = BootEntry { linux: "/k".into(), ..BootEntry::default() };
        let most = alloc::vec![kernel; MAX_ENTRIES];
        assert_eq!(parse_uenv(&uenv_txt(&most, "")).map(|entries| entries.len()), Ok(MAX_ENTRIES));
        let more = [most.as_slice(), &most[..1]].concat();
        let limit = Err(Error::TooManyEntries { limit: MAX_ENTRIES });
        assert_eq!(parse_uenv(&uenv_txt(&more, "")), limit);
    }
}
