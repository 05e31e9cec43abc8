//! Work that is found while it is done, on a few threads.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::num::NonZeroUsize;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Most threads. Each may hold a directory open for every level it is in, and a process has some thousand files.
const MAX_THREADS: usize = 3;

/// What is left to do; the newest first, so that little is left at any time.
#[derive(Debug)]
pub(super) struct Queue<J> {
    state: Mutex<State<J>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<J> {
    jobs: Vec<J>,
    /// Jobs that are being done, which may find more.
    busy: usize,
    failed: bool,
}

impl<J> Queue<J> {
    /// Adds what was found, the last to be done first.
    pub(super) fn push(&self, jobs: impl IntoIterator<Item = J>) {
        self.lock().jobs.extend(jobs);
        self.changed.notify_all();
    }

    fn next(&self) -> Option<J> {
        let mut state = self.lock();
        loop {
            if state.failed || (state.jobs.is_empty() && state.busy == 0) {
                return None;
            }
            if let Some(job) = state.jobs.pop() {
                state.busy += 1;
                return Some(job);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn done(&self, failed: bool) {
        let mut state = self.lock();
        state.busy -= 1;
        state.failed |= failed;
        let ended = state.failed || (state.jobs.is_empty() && state.busy == 0);
        drop(state);
        if ended {
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job that is being done. One that panics has failed: the others would wait for what it finds for ever.
struct Busy<'a, J> {
    queue: &'a Queue<J>,
    failed: bool,
}

impl<J> Drop for Busy<'_, J> {
    fn drop(&mut self) {
        self.queue.done(self.failed);
    }
}

/// How many threads [`run`] takes if it can.
pub(super) fn threads() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get).min(MAX_THREADS)
}

/// Does the jobs and all that they push; the first error ends it.
pub(super) fn run<J: Send, E: Send>(
    jobs: Vec<J>,
    work: impl Fn(J, &Queue<J>) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let queue = Queue { state: Mutex::new(State { jobs, busy: 0, failed: false }), changed: Condvar::new() };
    let first_error = Mutex::new(None);
    let loop_through = || {
        while let Some(job) = queue.next() {
            let mut one = Busy { queue: &queue, failed: true };
            match work(job, &queue) {
                Ok(()) => one.failed = false,
                Err(error) => {
                    first_error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads() {
            // Without more threads this one does it all.
            let _ = thread::Builder::new().spawn_scoped(scope, loop_through);
        }
        loop_through();
    });
    first_error.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

/// Lets go of what is inside of one another, from the inside. Left to itself, each would be dropped inside of the drop of
/// the one before: a tree as deep as allowed would take all of a small stack.
pub(super) fn release<T>(innermost: Option<Arc<T>>, mut take_outer: impl FnMut(&mut T) -> Option<Arc<T>>) {
    let mut next = innermost;
    while let Some(one) = next {
        next = Arc::into_inner(one).and_then(|mut one| take_outer(&mut one));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn what_jobs_find_is_done_too_and_an_error_ends_it() {
        let done = AtomicUsize::new(0);
        let result = run(Vec::from([10_usize]), |job, queue| {
            done.fetch_add(1, Ordering::Relaxed);
            queue.push(0..job);
            Ok::<(), ()>(())
        });
        // A job of n finds all smaller ones: 2^n jobs.
        assert_eq!((result, done.into_inner()), (Ok(()), 1024));
        let result = run(Vec::from([1, 2, 3]), |job, _| if job == 2 { Err(job) } else { Ok(()) });
        assert_eq!(result, Err(2));
    }

    #[test]
    fn a_job_that_panics_ends_it_too() {
        let caught = std::panic::catch_unwind(|| {
            run(Vec::from([1, 2, 3]), |job, _| if job == 2 { panic!("job {job}") } else { Ok::<(), ()>(()) })
        });
        assert!(caught.is_err());
    }
}
