//! A file system in memory that loses what was not synced when power fails.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use etc_merge::apply::{Attributes, Operation, Storage, StorageError};
use etc_merge::{Kind, MemoryTree, Meta, Node};

use crate::random_trees::Random;

type Inode = usize;

/// What happens to what was not synced.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Loss {
    Everything,
    Nothing,
    /// Some of it, as this seed says.
    Some(u64),
}

#[derive(Clone, Debug, Default)]
struct File {
    kind: Option<Kind>,
    meta: (u32, (u32, u32)),
    content: Vec<u8>,
    xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    entries: BTreeMap<Vec<u8>, Inode>,
}

/// A change of one or two directories that happens wholly or not at all.
#[derive(Clone, Debug)]
enum Change {
    Link(Inode, Vec<u8>, Inode),
    Unlink(Inode, Vec<u8>),
    Rename((Inode, Vec<u8>), (Inode, Vec<u8>)),
    Exchange((Inode, Vec<u8>), (Inode, Vec<u8>)),
    Attributes(Inode, Box<File>),
}

impl Change {
    fn touches(&self) -> BTreeSet<Inode> {
        match self {
            Self::Link(directory, ..) | Self::Unlink(directory, _) | Self::Attributes(directory, _) => {
                [*directory].into()
            }
            Self::Rename(a, b) | Self::Exchange(a, b) => [a.0, b.0].into(),
        }
    }

    fn apply(&self, files: &mut [File]) {
        match self {
            Self::Link(directory, name, file) => drop(files[*directory].entries.insert(name.clone(), *file)),
            Self::Unlink(directory, name) => drop(files[*directory].entries.remove(name)),
            Self::Rename(from, to) => {
                let file = files[from.0].entries.remove(&from.1).unwrap();
                files[to.0].entries.insert(to.1.clone(), file);
            }
            Self::Exchange(a, b) => {
                let (x, y) = (files[a.0].entries[&a.1], files[b.0].entries[&b.1]);
                files[a.0].entries.insert(a.1.clone(), y);
                files[b.0].entries.insert(b.1.clone(), x);
            }
            Self::Attributes(directory, file) => {
                (files[*directory].meta, files[*directory].xattrs) = (file.meta, file.xattrs.clone());
            }
        }
    }
}

#[derive(Clone, Debug, Default)]
struct State {
    /// As programs see it, and as the disk holds it.
    now: Vec<File>,
    durable: Vec<File>,
    pending: Vec<Change>,
    /// How many steps are left before power fails.
    fuel: Option<u32>,
    steps: u32,
}

/// The file system; inode 0 is its root.
#[derive(Clone, Debug)]
pub(crate) struct PowerCut(RefCell<State>);

const ROOT: Inode = 0;

impl PowerCut {
    pub(crate) fn new() -> Self {
        let root = File { kind: Some(Kind::Directory), meta: (0o755, (0, 0)), ..File::default() };
        let (now, durable) = (vec![root.clone()], vec![root]);
        Self(RefCell::new(State { now, durable, ..State::default() }))
    }

    pub(crate) fn root(&self) -> Inode {
        ROOT
    }

    /// Lets power fail after this many steps.
    pub(crate) fn fail_after(&self, steps: u32) {
        self.0.borrow_mut().fuel = Some(steps);
    }

    /// How many steps were made so far.
    pub(crate) fn steps(&self) -> u32 {
        self.0.borrow().steps
    }

    /// What is found when power is back.
    pub(crate) fn after(&self, loss: Loss) -> Self {
        let mut state = self.0.borrow().clone();
        let mut random = Random(if let Loss::Some(seed) = loss { seed } else { 0 });
        // A change that is lost takes along all later ones of its directories.
        let mut lost: BTreeSet<Inode> = BTreeSet::new();
        for change in std::mem::take(&mut state.pending) {
            let survives = match loss {
                Loss::Everything => false,
                Loss::Nothing => true,
                Loss::Some(_) => random.chance(70),
            };
            if survives && change.touches().is_disjoint(&lost) {
                change.apply(&mut state.durable);
            } else {
                lost.extend(change.touches());
            }
        }
        for (file, now) in state.durable.iter_mut().zip(&state.now) {
            if file.kind == Some(Kind::File) && file.content != now.content {
                match loss {
                    Loss::Everything => {}
                    Loss::Nothing => *file = now.clone(),
                    Loss::Some(_) => {
                        let length = usize::try_from(random.below(now.content.len() as u64 + 1)).unwrap();
                        file.content = now.content[..length].to_vec();
                    }
                }
            }
        }
        state.now = state.durable.clone();
        (state.fuel, state.steps) = (None, 0);
        Self(RefCell::new(state))
    }

    /// The tree at `name` in the root, as programs see it.
    pub(crate) fn tree(&self, name: &str) -> Option<MemoryTree> {
        let state = self.0.borrow();
        let top = *state.now[ROOT].entries.get(name.as_bytes())?;
        let mut tree = MemoryTree::new();
        let mut todo = vec![(Vec::new(), top)];
        while let Some((path, inode)) = todo.pop() {
            let file = &state.now[inode];
            let (mode, (uid, gid)) = file.meta;
            let meta = Meta { mode, uid, gid, ..Meta::new(file.kind.unwrap()) };
            tree.insert(&path, Node { meta, content: file.content.clone(), xattrs: file.xattrs.clone() })
                .unwrap();
            for (name, &inode) in &file.entries {
                let below = if path.is_empty() { name.clone() } else { [&path[..], b"/", name].concat() };
                todo.push((below, inode));
            }
        }
        Some(tree)
    }

    /// The names in the root.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.borrow().now[ROOT]
            .entries
            .keys()
            .map(|name| String::from_utf8(name.clone()).unwrap())
            .collect()
    }

    fn step(&self, operation: Operation) -> Result<std::cell::RefMut<'_, State>, StorageError> {
        let mut state = self.0.borrow_mut();
        match &mut state.fuel {
            Some(0) => return Err(StorageError { operation, code: 5 }),
            Some(fuel) => *fuel -= 1,
            None => {}
        }
        state.steps += 1;
        Ok(state)
    }
}

impl State {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.now);
        self.pending.push(change);
    }

    fn add(&mut self, file: File) -> Inode {
        self.now.push(file.clone());
        // On the disk it has no content yet.
        self.durable.push(File {
            content: if file.kind == Some(Kind::Symlink) { file.content } else { vec![] },
            ..file
        });
        self.now.len() - 1
    }

    /// Makes a directory durable, with what its changes depend on.
    fn sync(&mut self, directory: Inode) {
        let mut wanted: BTreeSet<Inode> = [directory].into();
        loop {
            let size = wanted.len();
            for change in &self.pending {
                if !change.touches().is_disjoint(&wanted) {
                    wanted.extend(change.touches());
                }
            }
            if wanted.len() == size {
                break;
            }
        }
        for change in std::mem::take(&mut self.pending) {
            if change.touches().is_disjoint(&wanted) {
                self.pending.push(change);
            } else {
                change.apply(&mut self.durable);
            }
        }
    }
}

fn missing<T>(operation: Operation) -> Result<T, StorageError> {
    Err(StorageError { operation, code: 2 })
}

fn set(file: &mut File, attributes: &Attributes<'_>) {
    file.meta = (attributes.mode, attributes.owner.unwrap_or((0, 0)));
    file.xattrs = attributes.xattrs.clone();
}

impl Storage for PowerCut {
    type Directory = Inode;
    type File = Inode;

    fn open(&self, parent: &Inode, name: &[u8]) -> Result<Option<Inode>, StorageError> {
        Ok(self.0.borrow().now[*parent].entries.get(name).copied())
    }

    fn make_directory(&self, parent: &Inode, name: &[u8]) -> Result<Inode, StorageError> {
        let mut state = self.step(Operation::MakeDirectory)?;
        assert!(!state.now[*parent].entries.contains_key(name), "{} exists", name.escape_ascii());
        let made = state.add(File { kind: Some(Kind::Directory), meta: (0o700, (0, 0)), ..File::default() });
        state.change(Change::Link(*parent, name.into(), made));
        Ok(made)
    }

    fn create(&self, parent: &Inode, name: &[u8]) -> Result<Inode, StorageError> {
        let mut state = self.step(Operation::Create)?;
        assert!(!state.now[*parent].entries.contains_key(name), "{} exists", name.escape_ascii());
        let made = state.add(File { kind: Some(Kind::File), meta: (0o600, (0, 0)), ..File::default() });
        state.change(Change::Link(*parent, name.into(), made));
        Ok(made)
    }

    fn write(&self, file: &mut Inode, bytes: &[u8]) -> Result<(), StorageError> {
        self.step(Operation::Write)?.now[*file].content.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(&self, file: Inode, attributes: &Attributes<'_>) -> Result<(), StorageError> {
        set(&mut self.step(Operation::SetMode)?.now[file], attributes);
        let mut state = self.step(Operation::Sync)?;
        state.durable[file] = state.now[file].clone();
        Ok(())
    }

    fn symlink(
        &self,
        parent: &Inode,
        name: &[u8],
        target: &[u8],
        attributes: &Attributes<'_>,
    ) -> Result<(), StorageError> {
        let mut state = self.step(Operation::Symlink)?;
        let mut link = File { kind: Some(Kind::Symlink), content: target.into(), ..File::default() };
        set(&mut link, attributes);
        let made = state.add(link);
        state.change(Change::Link(*parent, name.into(), made));
        Ok(())
    }

    fn set_attributes(&self, directory: &Inode, attributes: &Attributes<'_>) -> Result<(), StorageError> {
        let mut file = File::default();
        set(&mut file, attributes);
        self.step(Operation::SetMode)?.change(Change::Attributes(*directory, Box::new(file)));
        Ok(())
    }

    fn sync_in_tree(&self, directory: &Inode) -> Result<(), StorageError> {
        self.sync(directory)
    }

    fn sync(&self, directory: &Inode) -> Result<(), StorageError> {
        self.step(Operation::Sync)?.sync(*directory);
        Ok(())
    }

    fn exchange(&self, a: (&Inode, &[u8]), b: (&Inode, &[u8])) -> Result<(), StorageError> {
        let mut state = self.step(Operation::Rename)?;
        if !state.now[*a.0].entries.contains_key(a.1) || !state.now[*b.0].entries.contains_key(b.1) {
            return missing(Operation::Rename);
        }
        state.change(Change::Exchange((*a.0, a.1.into()), (*b.0, b.1.into())));
        Ok(())
    }

    fn rename(&self, from: (&Inode, &[u8]), to: (&Inode, &[u8])) -> Result<(), StorageError> {
        let mut state = self.step(Operation::Rename)?;
        if !state.now[*from.0].entries.contains_key(from.1) {
            return missing(Operation::Rename);
        }
        // As the kernel: only an empty directory is replaced.
        let there = state.now[*to.0].entries.get(to.1);
        if there.is_some_and(|there| !state.now[*there].entries.is_empty()) {
            return Err(StorageError { operation: Operation::Rename, code: 39 });
        }
        state.change(Change::Rename((*from.0, from.1.into()), (*to.0, to.1.into())));
        Ok(())
    }

    fn remove(&self, parent: &Inode, name: &[u8]) -> Result<(), StorageError> {
        // Entry by entry, as a real removal: power may fail in between.
        let Some(top) = self.open(parent, name)? else { return Ok(()) };
        let mut stack = vec![(*parent, name.to_vec(), top)];
        while let Some((above, name, inode)) = stack.last().cloned() {
            let first =
                self.0.borrow().now[inode].entries.iter().next().map(|(name, &inode)| (name.clone(), inode));
            match first {
                Some((below, child)) => stack.push((inode, below, child)),
                None => {
                    self.step(Operation::Remove)?.change(Change::Unlink(above, name));
                    stack.pop();
                }
            }
        }
        Ok(())
    }

    fn load(&self, parent: &Inode, name: &[u8], limit: usize) -> Result<Option<Vec<u8>>, StorageError> {
        let state = self.0.borrow();
        let Some(&inode) = state.now[*parent].entries.get(name) else { return Ok(None) };
        assert!(state.now[inode].content.len() <= limit);
        Ok(Some(state.now[inode].content.clone()))
    }

    fn is_empty(&self, directory: &Inode) -> Result<bool, StorageError> {
        Ok(self.0.borrow().now[*directory].entries.is_empty())
    }

    fn identity(&self, directory: &Inode) -> Result<u64, StorageError> {
        Ok(*directory as u64)
    }
}
