//! What a disk may hold after a loss of power, and what boots from it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{FileExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use ostree_objects::sysroot::{Effect, Fs, RealFs};

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Directory,
    File(Vec<u8>),
    Link(String),
}

/// A sysroot without its repository: every path and what is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree(BTreeMap<String, Node>);

/// A change, with all that it brings.
#[derive(Clone, Debug)]
enum Change {
    Make(String),
    Put(String, Node),
    Rename(String, String),
    Remove(String),
    /// Other means made this of what is at a path.
    Fill(String, Tree),
}

#[derive(Clone, Debug)]
enum Logged {
    Change(Change),
    /// What is below this directory is durable.
    Sync(String),
}

/// Makes changes on the real file system, and writes them down.
#[derive(Debug, Default)]
pub struct Recorder {
    log: Mutex<Vec<Logged>>,
    handed_over: Mutex<Option<String>>,
    /// The file system in memory, whose changes are not written down: no loss of power leaves anything of it.
    memory: Option<PathBuf>,
}

/// Most unsynced changes whose every subset is tried.
const MAX_SUBSETS: usize = 8;

const REPO: &str = "ostree/repo";

impl Fs for Recorder {
    fn apply(&self, root: &Path, effect: &Effect<'_>) -> io::Result<()> {
        if self.memory.as_deref() == Some(root) {
            return RealFs.apply(root, effect);
        }
        self.finish(root);
        let logged = match effect {
            Effect::MakeDirectories { path } => Logged::Change(Change::Make((*path).into())),
            Effect::Link { path, target } => {
                Logged::Change(Change::Put((*path).into(), Node::Link((*target).into())))
            }
            Effect::Write { path, bytes } => {
                Logged::Change(Change::Put((*path).into(), Node::File(bytes.to_vec())))
            }
            Effect::Copy { from, path } => {
                let mut bytes = vec![0; usize::try_from(from.metadata()?.len()).unwrap()];
                from.read_exact_at(&mut bytes, 0)?;
                Logged::Change(Change::Put((*path).into(), Node::File(bytes)))
            }
            Effect::Rename { from, to } => Logged::Change(Change::Rename((*from).into(), (*to).into())),
            Effect::Remove { path } => Logged::Change(Change::Remove((*path).into())),
            Effect::Sync { path } => Logged::Sync((*path).into()),
            Effect::HandOver { path } => {
                *self.handed_over.lock().unwrap() = Some((*path).into());
                return RealFs.apply(root, effect);
            }
            other => panic!("{other:?}"),
        };
        self.log.lock().unwrap().push(logged);
        RealFs.apply(root, effect)
    }
}

impl Recorder {
    /// Writes nothing down of what happens in `memory`.
    pub fn beside(memory: &Path) -> Self {
        Self { memory: Some(memory.into()), ..Self::default() }
    }

    /// Takes over what other means have made.
    pub fn finish(&self, root: impl AsRef<Path>) {
        if let Some(path) = self.handed_over.lock().unwrap().take()
            && !path.starts_with(REPO)
        {
            let tree = Tree::read(root.as_ref().join(&path));
            self.log.lock().unwrap().push(Logged::Change(Change::Fill(path, tree)));
        }
    }

    /// What the changes make of a sysroot if nothing is lost.
    pub fn replay(&self, before: &Tree) -> Tree {
        let mut tree = before.clone();
        for logged in self.log.lock().unwrap().iter() {
            if let Logged::Change(change) = logged {
                tree.make(change);
            }
        }
        tree
    }

    /// Visits what the disk may hold after a loss of power before, between and after all changes. /boot may be a
    /// file system of its own.
    pub fn each_cut(&self, before: &Tree, mut visit: impl FnMut(&Tree)) {
        let mut durable = before.clone();
        let mut pending: Vec<Change> = Vec::new();
        visit(&durable);
        for logged in self.log.lock().unwrap().iter() {
            match logged {
                Logged::Change(change) => {
                    pending.push(change.clone());
                    losses(&durable, &pending, &mut visit);
                }
                Logged::Sync(path) => {
                    let is_flushed =
                        |change: &Change| (change.path().starts_with("boot")) == path.starts_with("boot");
                    for change in pending.iter().filter(|change| is_flushed(change)) {
                        durable.make(change);
                    }
                    pending.retain(|change| !is_flushed(change));
                    losses(&durable, &pending, &mut visit);
                }
            }
        }
    }
}

/// Any of the unsynced changes may be lost, and the content of any file among those that are not.
fn losses(durable: &Tree, pending: &[Change], visit: &mut impl FnMut(&Tree)) {
    let all = pending.len();
    let mut kept: Vec<Vec<bool>> = Vec::new();
    if all <= MAX_SUBSETS {
        kept.extend((0..1_usize << all).map(|subset| (0..all).map(|at| subset >> at & 1 == 1).collect()));
    } else {
        kept.push(vec![true; all]);
        for lost in 0..all {
            kept.push((0..all).map(|at| at < lost).collect());
            kept.push((0..all).map(|at| at != lost).collect());
            kept.push((0..all).map(|at| at == lost).collect());
            kept.push((0..all).map(|at| at >= lost).collect());
        }
    }
    for kept in kept {
        let changes = || pending.iter().zip(&kept).filter(|(_, is_kept)| **is_kept).map(|(change, _)| change);
        let mut tree = durable.clone();
        changes().for_each(|change| tree.make(change));
        visit(&tree);
        let mut tree = durable.clone();
        changes().for_each(|change| tree.make(&change.torn()));
        visit(&tree);
    }
}

impl Change {
    fn path(&self) -> &str {
        match self {
            Self::Make(path) | Self::Put(path, _) | Self::Remove(path) | Self::Fill(path, _) => path,
            Self::Rename(from, _) => from,
        }
    }

    /// The same change, when the content of files did not get to the disk, and a tree only by half.
    fn torn(&self) -> Self {
        match self {
            Self::Put(path, Node::File(bytes)) => {
                Self::Put(path.clone(), Node::File(bytes[..bytes.len() / 2].to_vec()))
            }
            Self::Fill(path, Tree(nodes)) => {
                let half =
                    nodes.iter().take(nodes.len() / 2).map(|(path, node)| (path.clone(), node.clone()));
                Self::Fill(path.clone(), Tree(half.collect()))
            }
            other => other.clone(),
        }
    }
}

fn is_below(path: &str, directory: &str) -> bool {
    path == directory || path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

impl Tree {
    pub fn read(root: impl AsRef<Path>) -> Self {
        let mut tree = Self::default();
        let mut left = vec![String::new()];
        while let Some(directory) = left.pop() {
            for entry in fs::read_dir(root.as_ref().join(&directory)).unwrap() {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                let path = if directory.is_empty() { name } else { format!("{directory}/{name}") };
                if path == REPO {
                    continue;
                }
                let kind = entry.file_type().unwrap();
                let node = if kind.is_dir() {
                    left.push(path.clone());
                    Node::Directory
                } else if kind.is_symlink() {
                    Node::Link(fs::read_link(entry.path()).unwrap().to_str().unwrap().into())
                } else {
                    Node::File(fs::read(entry.path()).unwrap())
                };
                tree.0.insert(path, node);
            }
        }
        tree
    }

    /// Makes a sysroot hold this, and its repository.
    pub fn write(&self, root: &Path) {
        for path in ["boot", "ostree/deploy", "ostree/boot.0", "ostree/boot.1"] {
            RealFs.apply(root, &Effect::Remove { path }).unwrap();
        }
        for (path, node) in &self.0 {
            match node {
                Node::Directory => fs::create_dir_all(root.join(path)).unwrap(),
                Node::File(bytes) => fs::write(root.join(path), bytes).unwrap(),
                Node::Link(target) => symlink(target, root.join(path)).unwrap(),
            }
        }
    }

    pub fn add_file(&mut self, path: &str, bytes: &[u8]) {
        self.make(&Change::Make(path.rsplit_once('/').unwrap().0.into()));
        self.0.insert(path.into(), Node::File(bytes.into()));
    }

    /// What does not fit what was lost is lost with it.
    fn make(&mut self, change: &Change) {
        let parent_is_there = |tree: &Self, path: &str| match path.rsplit_once('/') {
            Some((parent, _)) => tree.0.get(parent) == Some(&Node::Directory),
            None => true,
        };
        match change {
            Change::Make(path) => {
                let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
                for end in ends {
                    self.0.entry(path[..end].into()).or_insert(Node::Directory);
                }
            }
            Change::Put(path, node) => {
                if parent_is_there(self, path) {
                    self.0.insert(path.clone(), node.clone());
                }
            }
            Change::Rename(from, to) => {
                if self.0.contains_key(from) && parent_is_there(self, to) {
                    let moved = self.take(from);
                    self.take(to);
                    self.0.extend(moved.into_iter().map(|(path, node)| (format!("{to}{path}"), node)));
                }
            }
            Change::Remove(path) => {
                self.take(path);
            }
            Change::Fill(path, tree) => {
                if parent_is_there(self, path) {
                    self.take(path);
                    self.0.insert(path.clone(), Node::Directory);
                    self.0
                        .extend(tree.0.iter().map(|(below, node)| (format!("{path}/{below}"), node.clone())));
                }
            }
        }
    }

    /// Removes a path and all below it, and gives them back without the path before them.
    fn take(&mut self, path: &str) -> Vec<(String, Node)> {
        let taken: Vec<String> = self
            .0
            .range(path.to_owned()..)
            .map(|(key, _)| key)
            .take_while(|key| key.starts_with(path))
            .cloned()
            .collect();
        let taken = taken.into_iter().filter(|key| is_below(key, path));
        taken.map(|key| (key[path.len()..].to_owned(), self.0.remove(&key).unwrap())).collect()
    }

    /// The directories of deployments.
    pub fn deployments(&self) -> Vec<&str> {
        let directories = self.0.iter().filter(|(_, node)| **node == Node::Directory).map(|(path, _)| path);
        directories
            .filter_map(|path| path.strip_prefix("ostree/deploy/demo/deploy/"))
            .filter(|name| !name.contains('/'))
            .collect()
    }

    fn file(&self, path: &str) -> &[u8] {
        match self.0.get(path) {
            Some(Node::File(bytes)) => bytes,
            other => panic!("bricked: {path} is {other:?}"),
        }
    }

    fn link(&self, path: &str) -> &str {
        match self.0.get(path) {
            Some(Node::Link(target)) => target,
            other => panic!("bricked: {path} is {other:?}"),
        }
    }

    pub fn below(&self, directory: &str) -> Self {
        let nodes = self.0.iter().filter_map(|(path, node)| {
            Some((path.strip_prefix(directory)?.strip_prefix('/')?.to_owned(), node.clone()))
        });
        Self(nodes.collect())
    }

    /// The releases that a boot loader finds, the default first: each with its kernel and its whole tree.
    ///
    /// Panics if one of them does not boot, or nothing does.
    pub fn boots(&self, systems: &BTreeMap<String, Self>) -> Vec<String> {
        let loader = format!("boot/{}/entries", self.link("boot/loader"));
        let entries = self.below(&loader);
        let mut order: BTreeMap<u32, String> = BTreeMap::new();
        for name in entries.0.keys() {
            let text = String::from_utf8(entries.file(name).to_vec()).unwrap();
            let value = |key: &str| {
                let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
                line.unwrap_or_else(|| panic!("bricked: {name} has no {key}: {text}")).to_owned()
            };
            let link = value("options");
            let link = link.split(' ').find_map(|word| word.strip_prefix("ostree=/")).unwrap();
            // ostree/boot.V/NAME/CHECKSUM/0
            let (first, rest) = link.split_at("ostree/boot.0".len());
            let target = self.link(&format!("ostree/{}{rest}", self.link(first)));
            let name = target.rsplit('/').next().unwrap();
            let (commit, _) = name.split_once('.').unwrap();
            let system = &systems[commit];
            assert!(
                self.below(&format!("ostree/deploy/demo/deploy/{name}")) == *system,
                "bricked: the system {name} is not whole"
            );
            for (key, file) in [("linux", "vmlinuz"), ("initrd", "initramfs.img")] {
                let modules = system.0.keys().find(|path| path.ends_with(file)).unwrap();
                assert_eq!(self.file(&format!("boot{}", value(key))), system.file(modules), "bricked: {key}");
            }
            let title = value("title");
            let release = title.strip_prefix("Release ").unwrap().split(' ').next().unwrap();
            order.insert(value("version").parse().unwrap(), release.to_owned());
        }
        assert!(!order.is_empty(), "bricked: there are no entries");
        order.into_values().rev().collect()
    }
}
