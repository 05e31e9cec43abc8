use core::fmt::Debug;
use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

/// One change that a sysroot makes. Paths are relative to the sysroot, without a slash at their start.
///
/// Nothing is durable before the next [`Sync`](Self::Sync): until then a loss of power may lose any of them, or
/// the content of what was written.
#[derive(Debug)]
#[non_exhaustive]
pub enum Effect<'a> {
    /// A directory and those above it that are missing.
    MakeDirectories {
        /// The directory.
        path: &'a str,
    },
    /// Everybody may write to a directory, each their own files.
    MakeSticky {
        /// The directory.
        path: &'a str,
    },
    /// A symbolic link, where nothing is.
    Link {
        /// The link.
        path: &'a str,
        /// Where it leads.
        target: &'a str,
    },
    /// A file with this content, in place of the one that is there.
    Write {
        /// The file.
        path: &'a str,
        /// Its content.
        bytes: &'a [u8],
    },
    /// A file with the content of another, from its start.
    Copy {
        /// The other.
        from: &'a File,
        /// The file.
        path: &'a str,
    },
    /// Another name, in place of what has it.
    Rename {
        /// The name before.
        from: &'a str,
        /// The name after.
        to: &'a str,
    },
    /// Whatever is there goes, with all that is in it; nothing may be there.
    Remove {
        /// What goes.
        path: &'a str,
    },
    /// What is at this path is changed by other means until the next effect: a tree is checked out, /etc merged,
    /// a ref set. Nothing is to be done.
    HandOver {
        /// What is changed.
        path: &'a str,
    },
    /// Everything on the file system of this directory becomes durable.
    Sync {
        /// The directory.
        path: &'a str,
    },
}

impl Effect<'_> {
    /// The path that is changed; of a renaming, the one before.
    #[must_use]
    pub const fn path(&self) -> &str {
        match self {
            Self::MakeDirectories { path }
            | Self::MakeSticky { path }
            | Self::Link { path, .. }
            | Self::Write { path, .. }
            | Self::Copy { path, .. }
            | Self::Rename { from: path, .. }
            | Self::Remove { path }
            | Self::HandOver { path }
            | Self::Sync { path } => path,
        }
    }
}

/// Makes the changes of a sysroot. [`RealFs`] does; a test may write down what is done, and stop it anywhere.
pub trait Fs: Debug + Send + Sync {
    /// Makes a change in the sysroot at `root`.
    ///
    /// # Errors
    /// What the file system says. What was asked for is then given up.
    fn apply(&self, root: &Path, effect: &Effect<'_>) -> io::Result<()>;
}

/// The file system of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealFs;

impl Fs for RealFs {
    fn apply(&self, root: &Path, effect: &Effect<'_>) -> io::Result<()> {
        match effect {
            Effect::MakeDirectories { path } => fs::create_dir_all(root.join(path)),
            Effect::MakeSticky { path } => {
                fs::set_permissions(root.join(path), fs::Permissions::from_mode(0o1777))
            }
            Effect::Link { path, target } => symlink(target, root.join(path)),
            Effect::Write { path, bytes } => File::create(root.join(path))?.write_all(bytes),
            Effect::Copy { from, path } => {
                let mut from: &File = from;
                from.rewind()?;
                io::copy(&mut from, &mut File::create(root.join(path))?).map(drop)
            }
            Effect::Rename { from, to } => fs::rename(root.join(from), root.join(to)),
            Effect::Remove { path } => remove(&root.join(path)),
            Effect::HandOver { .. } => Ok(()),
            Effect::Sync { path } => Ok(rustix::fs::syncfs(File::open(root.join(path))?)?),
        }
    }
}

fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Err(error) => Err(error),
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
