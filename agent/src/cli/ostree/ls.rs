//! `ls`, in the lines of the real tool, and `cat`.

use std::collections::BTreeMap;
use std::io::{BufWriter, StdoutLock, Write};

use anyhow::Context;
use ostree_objects::repo::{EntryObjects, FileFacts, Repo, TreeEntry};
use ostree_objects::{Checksum, DirMetaRef, ObjectType, VariantRef, XattrsRef};
use serde_json::{Value, json};

use super::resolve;

/// List the tree of a commit
#[derive(Debug, clap::Args)]
#[allow(clippy::struct_excessive_bools)] // Each is an option of its own.
pub(super) struct Args {
    /// Directories themselves, without their entries.
    #[arg(long, short)]
    dironly: bool,
    /// Everything below, not the entries alone.
    #[arg(long, short = 'R')]
    recursive: bool,
    /// Print checksums too: of a directory's entries and metadata, or of a file.
    #[arg(long, short = 'C')]
    checksum: bool,
    /// Print extended attributes too.
    #[arg(long, short = 'X')]
    xattrs: bool,
    /// Print paths only, each with a NUL behind it.
    #[arg(long)]
    nul_filenames_only: bool,
    /// The commit or ref.
    rev: String,
    /// What is listed; all of it if not given.
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
}

/// Print files of a commit
#[derive(Debug, clap::Args)]
pub(super) struct CatArgs {
    /// The commit or ref.
    rev: String,
    /// The files.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<String>,
}

impl Args {
    pub(super) const fn prints_bytes(&self) -> bool {
        self.nul_filenames_only
    }
}

pub(super) fn run(repo: &Repo, args: &Args, json: bool) -> anyhow::Result<()> {
    let commit = resolve(repo, &args.rev)?;
    let out = BufWriter::with_capacity(64 * 1024, std::io::stdout().lock());
    let mut list = List { repo, args, json, metas: BTreeMap::new(), out };
    let whole = [String::from("/")];
    let paths = if args.paths.is_empty() { &whole[..] } else { &args.paths };
    for path in paths {
        let listed = repo.entry(&commit, path).map_err(anyhow::Error::from);
        if let Err(error) = listed.and_then(|entry| list.path(entry)) {
            // What was listed before it is printed, as the real tool does.
            list.out.flush()?;
            return Err(error);
        }
    }
    Ok(list.out.flush()?)
}

pub(super) fn cat(repo: &Repo, args: &CatArgs) -> anyhow::Result<()> {
    let commit = resolve(repo, &args.rev)?;
    let mut out = std::io::stdout().lock();
    for path in &args.paths {
        let mut file = repo.open_path(&commit, path)?;
        std::io::copy(&mut file.content, &mut out).with_context(|| path.clone())?;
    }
    Ok(out.flush()?)
}

struct List<'a> {
    repo: &'a Repo,
    args: &'a Args,
    json: bool,
    /// Directories' own metadata, which most of them share.
    metas: BTreeMap<Checksum, Meta>,
    out: BufWriter<StdoutLock<'a>>,
}

/// A directory's own metadata.
#[derive(Clone)]
struct Meta {
    mode: u32,
    uid: u32,
    gid: u32,
    xattrs: Vec<u8>,
}

/// What a line says.
struct Line<'a> {
    kind: char,
    mode: u32,
    uid: u32,
    gid: u32,
    size: u64,
    checksums: &'a [Checksum],
    /// An `a(ayay)`.
    xattrs: Vec<u8>,
    path: &'a str,
    target: Option<&'a str>,
}

impl List<'_> {
    fn path(&mut self, entry: TreeEntry) -> anyhow::Result<()> {
        if self.args.recursive {
            return self.repo.walk(entry, |entry| self.entry(entry));
        }
        self.entry(&entry)?;
        if !self.args.dironly {
            for entry in self.repo.entries(&entry)? {
                self.entry(&entry)?;
            }
        }
        Ok(())
    }

    /// One line, as `ostree ls` prints it.
    fn entry(&mut self, entry: &TreeEntry) -> anyhow::Result<()> {
        let path = &*entry.path;
        if self.args.nul_filenames_only {
            write!(self.out, "{path}\0")?;
            return Ok(());
        }
        match entry.objects {
            EntryObjects::Directory { tree, meta } => {
                let Meta { mode, uid, gid, xattrs } = self.meta(&meta)?;
                let checksums = &[tree, meta];
                self.line(&Line { kind: 'd', mode, uid, gid, size: 0, checksums, xattrs, path, target: None })
            }
            EntryObjects::File { checksum } => {
                let xattrs = if self.args.xattrs {
                    self.repo.open_file(&checksum)?.header.as_ref().xattrs().as_bytes().to_vec()
                } else {
                    Vec::new()
                };
                let FileFacts { uid, gid, mode, size, target } = self.repo.file_facts(&checksum)?;
                let kind = if target.is_some() { 'l' } else { '-' };
                let (mode, checksums, target) = (mode & 0o7777, &[checksum][..], target.as_deref());
                self.line(&Line { kind, mode, uid, gid, size, checksums, xattrs, path, target })
            }
        }
    }

    fn line(&mut self, line: &Line<'_>) -> anyhow::Result<()> {
        if self.json {
            return self.object(line);
        }
        let Line { kind, mode, uid, gid, size, path, .. } = line;
        write!(self.out, "{kind}{mode:05o} {uid} {gid} {size:6} ")?;
        if self.args.checksum {
            for checksum in line.checksums {
                write!(self.out, "{checksum} ")?;
            }
        }
        if self.args.xattrs {
            write!(self.out, "{{ {} }} ", VariantRef::new("a(ayay)", &line.xattrs)?.text())?;
        }
        self.out.write_all(path.as_bytes())?;
        if let Some(target) = line.target {
            write!(self.out, " -> {target}")?;
        }
        Ok(writeln!(self.out)?)
    }

    fn object(&mut self, line: &Line<'_>) -> anyhow::Result<()> {
        let Line { kind, mode, uid, gid, size, path, .. } = line;
        let kind = match kind {
            'd' => "directory",
            'l' => "symlink",
            _ => "file",
        };
        let mode = format!("{mode:04o}");
        let mut object = json!({ "path": path, "type": kind, "mode": mode, "uid": uid, "gid": gid });
        let mut add = |key: &str, value: Value| {
            if let Some(members) = object.as_object_mut() {
                members.insert(key.to_owned(), value);
            }
        };
        match (line.target, line.kind) {
            (Some(target), _) => add("target", target.into()),
            (None, 'd') => {}
            _ => add("size", (*size).into()),
        }
        if self.args.checksum {
            let keys = if line.kind == 'd' { &["tree", "meta"][..] } else { &["checksum"] };
            for (key, checksum) in keys.iter().zip(line.checksums) {
                add(key, checksum.to_string().into());
            }
        }
        if self.args.xattrs {
            add("xattrs", xattrs(&line.xattrs)?);
        }
        Ok(writeln!(self.out, "{object}")?)
    }

    fn meta(&mut self, meta: &Checksum) -> anyhow::Result<Meta> {
        if let Some(known) = self.metas.get(meta) {
            return Ok(known.clone());
        }
        let bytes = self.repo.load_metadata(ObjectType::DirMeta, meta)?;
        let parsed = DirMetaRef::parse(&bytes)?;
        let (mode, uid, gid) = (parsed.mode() & 0o7777, parsed.uid(), parsed.gid());
        let known = Meta { mode, uid, gid, xattrs: parsed.xattrs().as_bytes().to_vec() };
        self.metas.insert(*meta, known.clone());
        Ok(known)
    }
}

/// Names, and values as numbers of bytes: nobody says that they are text.
fn xattrs(bytes: &[u8]) -> anyhow::Result<Value> {
    let xattrs = XattrsRef::parse(bytes)?;
    let name = |name: &[u8]| String::from_utf8_lossy(name).trim_end_matches('\0').to_owned();
    Ok(xattrs
        .iter()
        .map(|(key, value)| (name(key), Value::from(value)))
        .collect::<serde_json::Map<_, _>>()
        .into())
}
