//! The releases of the demonstration's operating system: what each changes in the tree before it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Context;
use ostree_objects::Checksum;

/// One release, described by what it changes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Release<'r> {
    pub(super) version: &'r str,
    /// Lines added to the default `sshd_config`, which the device's user edited too.
    pub(super) sshd: Option<&'r str>,
    /// The new default of `sysctl.d/10-net.conf`, which nobody edited.
    pub(super) sysctl: Option<&'r str>,
    /// Whether the first program that the kernel starts is there. Without it no boot succeeds.
    pub(super) init: bool,
    /// Files of documentation added, so that a pull takes some requests.
    pub(super) documents: usize,
}

/// The first update: new defaults, one of which collides with a local edit.
pub(super) const V2: Release<'static> = Release {
    version: "2.0.0",
    sshd: Some("# from release 2.0.0\nPermitRootLogin no\n"),
    sysctl: Some("net.ipv4.ip_forward = 1\nnet.ipv4.tcp_syncookies = 1\n"),
    init: true,
    documents: 8,
};
/// The bad one.
pub(super) const V3: Release<'static> =
    Release { version: "3.0.0", sshd: None, sysctl: None, init: false, documents: 4 };
/// The one that travels on a stick.
pub(super) const V4: Release<'static> =
    Release { version: "4.0.0", sshd: None, sysctl: None, init: true, documents: 4 };
/// The one that attackers offer; it is good, but never comes to be installed.
pub(super) const V4_1: Release<'static> =
    Release { version: "4.1.0", sshd: None, sysctl: None, init: true, documents: 4 };
/// The one whose installation is interrupted.
pub(super) const V5: Release<'static> =
    Release { version: "5.0.0", sshd: None, sysctl: None, init: true, documents: 40 };

/// The first program that the kernel starts, in a tree.
pub(super) const INIT: &str = "usr/sbin/init";

impl Release<'_> {
    /// Turns `tree`, which holds the release before, into this one.
    pub(super) fn apply(&self, tree: &Path) -> anyhow::Result<()> {
        let version = self.version;
        write(
            tree,
            "usr/lib/os-release",
            format!("ID=demo\nNAME=\"Demo OS\"\nVERSION_ID={version}\nPRETTY_NAME=\"Demo OS {version}\"\n"),
            0o644,
        )?;
        // The kernel differs with each release, so its boot checksum does as well.
        let kernel = kernel(tree)?;
        let mut bytes = fs::read(&kernel)?;
        bytes.extend_from_slice(format!("\nkernel of release {version}\n").as_bytes());
        replace(&kernel, &bytes, 0o644)?;
        for number in 0..self.documents {
            let text = format!("Document {number} of release {version}.\n").repeat(40);
            write(tree, &format!("usr/share/doc/{version}/{number:03}.txt"), text, 0o644)?;
        }
        if let Some(sshd) = self.sshd {
            write(tree, "usr/etc/ssh/sshd_config", sshd.into(), 0o644)?;
        }
        if let Some(sysctl) = self.sysctl {
            write(tree, "usr/etc/sysctl.d/10-net.conf", sysctl.into(), 0o644)?;
        }
        if self.init {
            write(tree, INIT, format!("#!/bin/sh\n# init of {version}\n"), 0o755)
        } else {
            fs::remove_file(tree.join(INIT)).context("removing init from the bad release")
        }
    }

    /// The Compose file that belongs to this release: two services, both pinned.
    pub(super) fn compose(&self) -> String {
        let digest = |name: &str| Checksum::of(format!("{name} {}", self.version).as_bytes());
        let (panel, broker) = (digest("panel"), digest("broker"));
        format!(
            "services:\n\
             \x20 broker:\n\
             \x20   image: docker.io/demo/broker@sha256:{broker}\n\
             \x20   restart: always\n\
             \x20 panel:\n\
             \x20   depends_on:\n\
             \x20   - broker\n\
             \x20   environment:\n\
             \x20     RELEASE: {version}\n\
             \x20   image: docker.io/demo/panel@sha256:{panel}\n\
             \x20   ports:\n\
             \x20   - 8080:80\n\
             \x20   restart: always\n",
            version = self.version
        )
    }
}

fn kernel(tree: &Path) -> anyhow::Result<std::path::PathBuf> {
    let modules = tree.join("usr/lib/modules");
    let entry = fs::read_dir(&modules)?.next().context("the tree has no kernel")??;
    Ok(entry.path().join("vmlinuz"))
}

fn write(tree: &Path, path: &str, text: String, mode: u32) -> anyhow::Result<()> {
    let path = tree.join(path);
    fs::create_dir_all(path.parent().context("a path without a directory")?)?;
    replace(&path, text.as_bytes(), mode)
}

/// Replaces a file rather than writing into it: a checkout may share it with the repository.
fn replace(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    Ok(())
}
