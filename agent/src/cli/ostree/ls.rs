//! `ls`, in the lines of the real tool.

use std::collections::BTreeMap;
use std::io::{BufWriter, StdoutLock, Write};

use ostree_objects::repo::{EntryObjects, FileFacts, Repo, TreeEntry};
use ostree_objects::{Checksum, DirMetaRef, ObjectType};

/// Lists the root's entries, or everything.
pub(super) fn run(repo: &Repo, commit: &Checksum, recursive: bool, checksums: bool) -> anyhow::Result<()> {
    let out = BufWriter::with_capacity(64 * 1024, std::io::stdout().lock());
    let mut list = List { repo, checksums, metas: BTreeMap::new(), out };
    let root = repo.root(commit)?;
    if recursive {
        repo.walk(root, |entry| list.entry(entry))?;
    } else {
        list.entry(&root)?;
        for entry in repo.entries(&root)? {
            list.entry(&entry)?;
        }
    }
    Ok(list.out.flush()?)
}

struct List<'a> {
    repo: &'a Repo,
    checksums: bool,
    /// Mode, owner and group of directories, which most of them share.
    metas: BTreeMap<Checksum, (u32, u32, u32)>,
    out: BufWriter<StdoutLock<'a>>,
}

impl List<'_> {
    /// One line, as `ostree ls` prints it.
    fn entry(&mut self, entry: &TreeEntry) -> anyhow::Result<()> {
        let path = &entry.path;
        match entry.objects {
            EntryObjects::Directory { tree, meta } => {
                let (mode, uid, gid) = self.meta(&meta)?;
                let sums = if self.checksums { format!("{tree} {meta} ") } else { String::new() };
                writeln!(self.out, "d{mode:05o} {uid} {gid} {:6} {sums}{path}", 0)?;
            }
            EntryObjects::File { checksum } => {
                let FileFacts { uid, gid, mode, size, target } = self.repo.file_facts(&checksum)?;
                let sums = if self.checksums { format!("{checksum} ") } else { String::new() };
                let mode = mode & 0o7777;
                match target {
                    Some(target) => {
                        writeln!(self.out, "l{mode:05o} {uid} {gid} {:6} {sums}{path} -> {target}", 0)?;
                    }
                    None => writeln!(self.out, "-{mode:05o} {uid} {gid} {size:6} {sums}{path}")?,
                }
            }
        }
        Ok(())
    }

    fn meta(&mut self, meta: &Checksum) -> anyhow::Result<(u32, u32, u32)> {
        if let Some(known) = self.metas.get(meta) {
            return Ok(*known);
        }
        let bytes = self.repo.load_metadata(ObjectType::DirMeta, meta)?;
        let parsed = DirMetaRef::parse(&bytes)?;
        let known = (parsed.mode() & 0o7777, parsed.uid(), parsed.gid());
        self.metas.insert(*meta, known);
        Ok(known)
    }
}
