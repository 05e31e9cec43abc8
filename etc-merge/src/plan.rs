//! The planner: three cursors in lock step, one step a path, in memory that depends on depth alone.

mod compare;
mod libostree;
mod probe;
mod safe;
mod verdict;

use crate::error::{PlanError, Side, SourceError, at};
use crate::limits::{MAX_DEPTH, MAX_PATH_BYTES};
use crate::policy::{Policy, Table};
use crate::step::{Action, Class, Step};
use crate::totals::Totals;
use crate::tree::{Cursor, Tree, is_name};
use verdict::{Left, Mode, Parts, Sides, Verdict, Walk};

/// Plans the merge of three trees, step by step as the caller asks for them. Nothing is written.
///
/// ```
/// use etc_merge::{Kind, ListEntry, ListTree, Meta, Policy, Row, Workspace, plan};
///
/// let root = ListEntry { depth: 0, name: b"", meta: Meta::new(Kind::Directory), content: b"", xattrs: &[] };
/// let file = |content| ListEntry { depth: 1, name: b"hostname", meta: Meta::new(Kind::File), content, xattrs: &[] };
/// let (defaults, local) = ([root, file(b"torizon")], [root, file(b"gateway-7")]);
/// let (defaults, local) = (ListTree::new(&defaults)?, ListTree::new(&local)?);
/// let (mut workspace, policy) = (Workspace::new(), Policy::safe());
/// let mut plan = plan(&mut workspace, &defaults, &defaults, &local, &policy)?;
/// let step = plan.next_step()?.expect("one path differs");
/// assert_eq!((step.path, step.row), (&b"hostname"[..], Row::LocalEdit));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the root of a tree cannot be read.
pub fn plan<'p, 't, O: Tree, N: Tree, L: Tree>(
    workspace: &'p mut Workspace<O::Cursor<'t>, N::Cursor<'t>, L::Cursor<'t>>,
    old: &'t O,
    new: &'t N,
    local: &'t L,
    policy: &'p Policy<'p>,
) -> Result<PlanOf<'p, 't, O, N, L>, PlanError> {
    workspace.stack.clear();
    workspace.path.clear();
    let root = Frame {
        old: Some(Seat::new(at(Side::Old, old.root())?)),
        new: Some(Seat::new(at(Side::New, new.root())?)),
        local: Some(Seat::new(at(Side::Local, local.root())?)),
        path_bytes: 0,
        mode: Mode::ThreeWay,
        says_itself: false,
        touched: false,
        inhabited: false,
    };
    // The stack is empty and holds at least two.
    let _ = workspace.stack.push(root);
    let Workspace { stack, path } = workspace;
    Ok(Plan { policy, stack, path, sides: [false; 3], below: None, totals: Totals::default() })
}

/// The plan of three trees.
type PlanOf<'p, 't, O, N, L> =
    Plan<'p, <O as Tree>::Cursor<'t>, <N as Tree>::Cursor<'t>, <L as Tree>::Cursor<'t>>;

/// The memory of a plan, which the caller provides: [`MAX_DEPTH`] frames of three cursors, and one path. With cursors
/// of 24 bytes that is about 12 KiB, whatever the trees hold.
#[derive(Debug)]
pub struct Workspace<O, N, L> {
    stack: heapless::Vec<Frame<O, N, L>, { MAX_DEPTH + 2 }>,
    path: heapless::Vec<u8, MAX_PATH_BYTES>,
}

impl<O, N, L> Workspace<O, N, L> {
    /// Memory for one plan at a time.
    #[must_use]
    pub const fn new() -> Self {
        // Made by the compiler, or a build without optimisation would put it together on the stack twice.
        const { Self { stack: heapless::Vec::new(), path: heapless::Vec::new() } }
    }
}

impl<O, N, L> Default for Workspace<O, N, L> {
    fn default() -> Self {
        Self::new()
    }
}

/// A merge as a sequence of steps, each directory after its entries. See [`plan`].
#[derive(Debug)]
pub struct Plan<'p, O, N, L> {
    policy: &'p Policy<'p>,
    stack: &'p mut heapless::Vec<Frame<O, N, L>, { MAX_DEPTH + 2 }>,
    path: &'p mut heapless::Vec<u8, MAX_PATH_BYTES>,
    /// Which cursors of the top frame stand on the path of the last step.
    sides: [bool; 3],
    /// What is walked next: a step's cursors must stay where they are until the next one is asked for.
    below: Option<Walk>,
    totals: Totals,
}

/// One directory that is being walked.
#[derive(Debug)]
struct Frame<O, N, L> {
    old: Option<Seat<O>>,
    new: Option<Seat<N>>,
    local: Option<Seat<L>>,
    /// How many bytes of the path are this directory's own.
    path_bytes: usize,
    mode: Mode,
    /// Whether the directory has a step of its own, after its entries.
    says_itself: bool,
    /// Whether the device changed or added a direct entry (libostree then copies the directory's metadata).
    touched: bool,
    /// Whether the result holds an entry below.
    inhabited: bool,
}

/// A cursor, with what the lock step knows of it.
#[derive(Debug)]
struct Seat<C> {
    cursor: C,
    live: bool,
    /// Whether the current entry was dealt with (also before the first one).
    used: bool,
}

impl<C: Cursor> Seat<C> {
    const fn new(cursor: C) -> Self {
        Self { cursor, live: false, used: true }
    }

    /// Moves on if the current entry was dealt with; `last` is the name that was dealt with last.
    fn settle(&mut self, last: &[u8], at_root: bool) -> Result<Option<&[u8]>, SourceError> {
        if self.used {
            self.live = self.cursor.advance()?;
            self.used = false;
            if self.live && !at_root {
                if !is_name(self.cursor.name()) {
                    return Err(SourceError::BadName);
                }
                if self.cursor.name() <= last {
                    return Err(SourceError::NotSorted);
                }
            }
        }
        Ok(self.live.then(|| self.cursor.name()))
    }

    /// Takes part in the path with this name, if the current entry has it.
    fn join(&mut self, name: &[u8]) -> bool {
        self.used = self.live && self.cursor.name() == name;
        self.used
    }
}

impl<O: Cursor, N: Cursor, L: Cursor> Plan<'_, O, N, L> {
    /// The next path with something to tell: all but [`Class::Same`]. `None` at the end.
    ///
    /// # Errors
    /// If a tree cannot be read or exceeds a limit; the plan has then ended.
    pub fn next_step(&mut self) -> Result<Option<Step<'_>>, PlanError> {
        loop {
            let Some(parts) = self.step()? else { return Ok(None) };
            if parts.class != Class::Same {
                return self.tell(parts).map(Some);
            }
        }
    }

    /// The next path of the result, also where nobody changed anything. `None` at the end.
    ///
    /// # Errors
    /// If a tree cannot be read or exceeds a limit; the plan has then ended.
    pub fn next_entry(&mut self) -> Result<Option<Step<'_>>, PlanError> {
        let Some(parts) = self.step()? else { return Ok(None) };
        self.tell(parts).map(Some)
    }

    /// The path of the last step, or of the error that ended the plan.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        self.path
    }

    /// The sums over all steps so far.
    #[must_use]
    pub const fn totals(&self) -> Totals {
        self.totals
    }

    /// The cursors that stand on the path of the last step, of those trees that have it.
    #[must_use]
    pub fn cursors(&self) -> (Option<&O>, Option<&N>, Option<&L>) {
        let Some(frame) = self.stack.last() else { return (None, None, None) };
        let [old, new, local] = self.sides;
        (
            frame.old.as_ref().filter(|_| old).map(|seat| &seat.cursor),
            frame.new.as_ref().filter(|_| new).map(|seat| &seat.cursor),
            frame.local.as_ref().filter(|_| local).map(|seat| &seat.cursor),
        )
    }

    fn step(&mut self) -> Result<Option<Parts>, PlanError> {
        let result = self.walk();
        match &result {
            Ok(Some(parts)) => self.totals.add(&parts.at(self.path, None)),
            Ok(None) => {}
            Err(_) => self.stack.clear(),
        }
        result
    }

    /// The step, with the digests of its conflict if it is one.
    fn tell(&mut self, parts: Parts) -> Result<Step<'_>, PlanError> {
        let conflict = parts.contest.map(|contest| self.sides().conflict(contest)).transpose();
        if conflict.is_err() {
            self.stack.clear();
        }
        Ok(parts.at(self.path, conflict?))
    }

    /// What the tables get to see of the cursors.
    fn sides(&self) -> Sides<'_, O, N, L> {
        let (old, new, local) = self.cursors();
        Sides { old, new, local }.without_special_defaults().without_stamps(self.path)
    }

    fn walk(&mut self) -> Result<Option<Parts>, PlanError> {
        loop {
            if let Some(walk) = self.below.take() {
                self.enter(walk)?;
            }
            if self.stack.is_empty() {
                return Ok(None);
            }
            if !self.pick()? {
                if let Some(parts) = self.leave()? {
                    return Ok(Some(parts));
                }
                continue;
            }
            let verdict = self.judge()?;
            if let Some(frame) = self.stack.last_mut() {
                frame.touched |= verdict.touches;
                frame.inhabited |=
                    verdict.parts.is_some_and(|parts| matches!(parts.action, Action::Place(_)));
            }
            self.below = verdict.walk;
            if let Some(parts) = verdict.parts {
                return Ok(Some(parts));
            }
        }
    }

    /// Moves the top frame to its next name, which becomes the end of the path; false if there is none.
    fn pick(&mut self) -> Result<bool, PlanError> {
        let at_root = self.stack.len() == 1;
        let Some(frame) = self.stack.last_mut() else { return Ok(false) };
        let last = self.path.get(frame.path_bytes..).unwrap_or(b"");
        let last = last.strip_prefix(b"/").unwrap_or(last);
        let mut first: Option<&[u8]> = None;
        let names = [
            frame.old.as_mut().map_or(Ok(None), |seat| at(Side::Old, seat.settle(last, at_root)))?,
            frame.new.as_mut().map_or(Ok(None), |seat| at(Side::New, seat.settle(last, at_root)))?,
            frame.local.as_mut().map_or(Ok(None), |seat| at(Side::Local, seat.settle(last, at_root)))?,
        ];
        for name in names.into_iter().flatten() {
            first = Some(first.map_or(name, |first| first.min(name)));
        }
        let Some(name) = first else { return Ok(false) };
        self.path.truncate(frame.path_bytes);
        if !self.path.is_empty() {
            self.path.push(b'/').map_err(|_| TOO_LONG)?;
        }
        let start = self.path.len();
        self.path.extend_from_slice(name).map_err(|_| TOO_LONG)?;
        let name = self.path.get(start..).unwrap_or(b"");
        self.sides = [
            frame.old.as_mut().is_some_and(|seat| seat.join(name)),
            frame.new.as_mut().is_some_and(|seat| seat.join(name)),
            frame.local.as_mut().is_some_and(|seat| seat.join(name)),
        ];
        Ok(true)
    }

    fn judge(&self) -> Result<Verdict, PlanError> {
        let Some(frame) = self.stack.last() else { return Ok(Verdict::NOTHING) };
        let sides = self.sides();
        if matches!((sides.old, sides.new, sides.local), (None, None, None)) {
            return Ok(if *self.path == *verdict::STAMP { verdict::stamp() } else { Verdict::NOTHING });
        }
        match self.policy.table {
            Table::Libostree => libostree::judge(&sides, frame.mode, self.path.is_empty()),
            Table::Safe => safe::judge(&sides, frame.mode, self.path, self.policy),
        }
    }

    fn enter(&mut self, walk: Walk) -> Result<(), PlanError> {
        let (old, new, local) = self.cursors();
        let [walks_old, walks_new, walks_local] = walk.sides;
        let frame = Frame {
            old: old
                .filter(|_| walks_old)
                .map(|cursor| at(Side::Old, cursor.descend()))
                .transpose()?
                .map(Seat::new),
            new: new
                .filter(|_| walks_new)
                .map(|cursor| at(Side::New, cursor.descend()))
                .transpose()?
                .map(Seat::new),
            local: local
                .filter(|_| walks_local)
                .map(|cursor| at(Side::Local, cursor.descend()))
                .transpose()?
                .map(Seat::new),
            path_bytes: self.path.len(),
            mode: walk.mode,
            says_itself: walk.says_itself,
            touched: false,
            inhabited: false,
        };
        self.stack.push(frame).map_err(|_| PlanError::TooDeep { limit: MAX_DEPTH })
    }

    /// Leaves the top frame; its directory's own step, if it has one.
    fn leave(&mut self) -> Result<Option<Parts>, PlanError> {
        let Some(frame) = self.stack.pop() else { return Ok(None) };
        self.path.truncate(frame.path_bytes);
        let Some(parent) = self.stack.last() else { return Ok(None) };
        // The parent's cursors still stand on this directory.
        self.sides = [
            parent.old.as_ref().is_some_and(|seat| seat.used),
            parent.new.as_ref().is_some_and(|seat| seat.used),
            parent.local.as_ref().is_some_and(|seat| seat.used),
        ];
        if !frame.says_itself {
            return Ok(None);
        }
        let left = Left {
            walked: [frame.old.is_some(), frame.new.is_some(), frame.local.is_some()],
            mode: frame.mode,
            touched: frame.touched,
            inhabited: frame.inhabited,
            is_root: self.path.is_empty(),
        };
        let sides = self.sides();
        let parts = match self.policy.table {
            Table::Libostree => libostree::directory(&sides, left)?,
            Table::Safe => safe::directory(&sides, left, self.policy.treatment(self.path))?,
        };
        if let (Some(Parts { action: Action::Place(_), .. }), Some(parent)) = (&parts, self.stack.last_mut())
        {
            parent.inhabited = true;
        }
        Ok(parts)
    }
}

const TOO_LONG: PlanError = PlanError::PathTooLong { limit: MAX_PATH_BYTES };
