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

use alloc::format;
use alloc::string::String;
use core::fmt::Write as _;

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
    let mut text = String::new();
    for (index, entry) in entries.iter().enumerate() {
        let suffix = if index == 0 { String::new() } else { format!("{}", index + 1) };
        line(&mut text, format_args!("kernel_image{suffix}=/boot{}", entry.linux));
        for (name, path) in
            [("ramdisk_image", &entry.initrd), ("fdt_file", &entry.devicetree), ("fdtdir", &entry.fdtdir)]
        {
            if let Some(path) = path {
                line(&mut text, format_args!("{name}{suffix}=/boot{path}"));
            }
        }
        line(&mut text, format_args!("bootargs{suffix}={}", entry.options));
        if index == 0 && !first_deployment_extra.is_empty() {
            line(&mut text, format_args!("{first_deployment_extra}"));
        }
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
