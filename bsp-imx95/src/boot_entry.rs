//! Boot entries: what OSTree tells the boot loader about a deployment, as `uEnv.txt` and as a Boot Loader
//! Specification file.
//!
//! ```
//! use bsp_imx95::boot_entry::{BootEntry, uenv_txt};
//!
//! let entry = BootEntry {
//!     options: "root=LABEL=otaroot ostree=/ostree/boot.1/torizon/abc/0".into(),
//!     linux: "/ostree/torizon-abc/vmlinuz-6.6".into(),
//!     ..BootEntry::default()
//! };
//! let text = uenv_txt(&[entry], "");
//! assert!(text.starts_with("kernel_image=/boot/ostree/torizon-abc/vmlinuz-6.6\nbootargs=root="));
//! ```

mod kernel_arguments;
mod parse;

use alloc::format;
use alloc::string::String;
use core::fmt::Write as _;

pub use kernel_arguments::{Ambiguous, KernelArguments};
pub use parse::{Error, MAX_ENTRIES, MAX_LEN, parse_bls, parse_uenv};

/// One deployment for the boot loader. Paths are below `/boot` and start with a slash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BootEntry {
    /// Name for people, such as `Torizon OS 7.1 (ostree:0)`.
    pub title: String,
    /// Order: the higher version is the newer deployment and boots first.
    pub version: String,
    /// Kernel command line, with `ostree=`.
    pub options: String,
    /// The kernel.
    pub linux: String,
    /// The initial RAM disk.
    pub initrd: Option<String>,
    /// The device tree, if the deployment has exactly one.
    pub devicetree: Option<String>,
    /// The directory of device trees otherwise.
    pub fdtdir: Option<String>,
}

/// The `uEnv.txt` of the entries, first to boot first, as libostree's U-Boot back end writes it
/// (`ostree-bootloader-uboot.c`).
///
/// `first_deployment_extra` is the text of the first deployment's `/usr/lib/ostree-boot/uEnv.txt`, empty if it
/// has none; it follows the first entry. Values must hold no newline.
#[must_use]
pub fn uenv_txt(entries: &[BootEntry], first_deployment_extra: &str) -> String {
    write_uenv(entries.iter().map(|entry| (entry, "")), first_deployment_extra)
}

/// As [`uenv_txt`], with what Torizon's libostree adds: the keys of [`TORIZON_KEYS`] from each older deployment's
/// own `/usr/lib/ostree-boot/uEnv.txt`, with its number, so that a rollback finds them.
///
/// Each entry comes with the text of that file of its deployment, empty if it has none. Torizon's libostree takes
/// the running system's file for all of them, which is the same as long as the second deployment runs.
#[must_use]
pub fn uenv_txt_torizon(entries: &[(BootEntry, &str)]) -> String {
    let first = entries.first().map_or("", |(_, extra)| extra);
    write_uenv(entries.iter().map(|(entry, extra)| (entry, *extra)), first)
}

/// What an older deployment keeps of its own `uEnv.txt`: the device tree before its command line, the rest after.
pub const TORIZON_KEYS: [&str; 4] =
    ["fdtfile", "kernel_image_type", "torizon_bootargs_l", "torizon_bootargs_r"];

fn write_uenv<'a>(
    entries: impl Iterator<Item = (&'a BootEntry, &'a str)>,
    first_deployment_extra: &str,
) -> String {
    let mut text = String::new();
    for (index, (entry, extra)) in entries.enumerate() {
        let suffix = if index == 0 { String::new() } else { format!("{}", index + 1) };
        let carried = |text: &mut String, names: &[&str]| {
            for name in names.iter().filter(|_| index > 0) {
                // The first line of that name, up to its end: Torizon does not look at escapes.
                let value = extra.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
                if let Some(value) = value {
                    line(text, format_args!("{name}{suffix}={value}"));
                }
            }
        };
        let [fdtfile, others @ ..] = &TORIZON_KEYS;
        line(&mut text, format_args!("kernel_image{suffix}=/boot{}", entry.linux));
        for (name, path) in
            [("ramdisk_image", &entry.initrd), ("fdt_file", &entry.devicetree), ("fdtdir", &entry.fdtdir)]
        {
            if let Some(path) = path {
                line(&mut text, format_args!("{name}{suffix}=/boot{path}"));
            }
        }
        carried(&mut text, &[fdtfile]);
        line(&mut text, format_args!("bootargs{suffix}={}", entry.options));
        if index == 0 && !first_deployment_extra.is_empty() {
            line(&mut text, format_args!("{first_deployment_extra}"));
        }
        carried(&mut text, others);
    }
    text
}

/// The entry as a file of `/boot/loader/entries`, its keys in libostree's order.
#[must_use]
pub fn bls(entry: &BootEntry) -> String {
    let mut text = String::new();
    for (key, value) in [
        ("title", Some(&entry.title)),
        ("version", Some(&entry.version)),
        ("options", Some(&entry.options)),
        ("devicetree", entry.devicetree.as_ref()),
        ("linux", Some(&entry.linux)),
        ("initrd", entry.initrd.as_ref()),
        ("fdtdir", entry.fdtdir.as_ref()),
    ] {
        if let Some(value) = value {
            line(&mut text, format_args!("{key} {value}"));
        }
    }
    text
}

fn line(text: &mut String, arguments: core::fmt::Arguments<'_>) {
    // Writing to a `String` cannot fail.
    let _ = writeln!(text, "{arguments}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn torizons_libostree_keeps_what_a_rollback_needs() {
        // Its patches 0002, 0005 and 0006 of meta-toradex-torizon: in this order, only from the second entry on.
        let entry = |name: &str| BootEntry {
            options: format!("root={name}"),
            linux: format!("/{name}"),
            fdtdir: Some("/dtb".into()),
            ..BootEntry::default()
        };
        let new = "kernel_image_type=fitImage\nfdtfile=new.dtb\n";
        let old = "# note\ntorizon_bootargs_r=r=1 b\nkernel_image_type=Image.gz\nfdtfile=a.dtb\nfdtfile=b.dtb\nfdtfile2=x\n";
        let expected = "\
kernel_image=/boot/new
fdtdir=/boot/dtb
bootargs=root=new
kernel_image_type=fitImage
fdtfile=new.dtb

kernel_image2=/boot/old
fdtdir2=/boot/dtb
fdtfile2=a.dtb
bootargs2=root=old
kernel_image_type2=Image.gz
torizon_bootargs_r2=r=1 b
kernel_image3=/boot/older
fdtdir3=/boot/dtb
bootargs3=root=older
";
        let entries = [(entry("new"), new), (entry("old"), old), (entry("older"), "")];
        assert_eq!(uenv_txt_torizon(&entries), expected);
        let plain = [entry("new"), entry("old")];
        assert_eq!(uenv_txt_torizon(&[(entry("new"), new), (entry("old"), "")]), uenv_txt(&plain, new));
    }
}
