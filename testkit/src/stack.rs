//! How much stack a call needs, without a look into the stack: in processes of their own, less and less is left
//! until it overflows.

use std::hint::black_box;
use std::process::{Command, Stdio};
use std::thread;

/// Tells the process that it is one of [`used_by`]'s: how many frames to use up, and whether to make the call.
const VARIABLE: &str = "TESTKIT_STACK";

/// Size in bytes of the stack on which the call is made: the least that every system gives.
const STACK_BYTES: usize = 64 * 1024;

/// Most frames that are used up: the stack is full before.
const MAX_FRAMES: usize = STACK_BYTES / 64;

/// The most bytes of stack that `call` uses, rounded up to some two hundred. `test` is the name of the test that
/// calls this, as `cargo test` takes it: it is run again by itself, and returns `None` there.
///
/// # Panics
/// If the test binary cannot be run again.
pub fn used_by(test: &str, call: fn()) -> Option<usize> {
    if let Ok(wanted) = std::env::var(VARIABLE) {
        run(&wanted, call);
        return None;
    }
    let (with, without) = (most_frames(test, "call"), most_frames(test, "nothing"));
    Some((without - with + 1) * frame_bytes())
}

/// In the process that [`most_frames`] starts: overflows, or not.
fn run(wanted: &str, call: fn()) {
    let (frames, is_made) = wanted.split_once(' ').expect("two words");
    let frames = frames.parse().expect("a number");
    let call = if is_made == "call" { call } else { || {} };
    let thread = thread::Builder::new().stack_size(STACK_BYTES);
    thread.spawn(move || use_up(frames, call)).expect("a thread").join().expect("the call returns");
}

/// The most frames that can be used up before.
fn most_frames(test: &str, what: &str) -> usize {
    let holds = |frames: usize| {
        let mut command = Command::new(std::env::current_exe().expect("a test binary"));
        command.args(["--exact", test, "--test-threads=1"]).env(VARIABLE, format!("{frames} {what}"));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.status().expect("the test binary runs").success()
    };
    let (mut least, mut most) = (0, MAX_FRAMES);
    assert!(holds(0) && !holds(most), "{test} must run by itself, and its stack end");
    while most - least > 1 {
        let middle = usize::midpoint(least, most);
        if holds(middle) { least = middle } else { most = middle }
    }
    least
}

/// Calls itself, and then `call`.
#[inline(never)]
fn use_up(frames: usize, call: fn()) {
    let block = black_box([0_u8; 64]);
    if frames == 0 {
        call()
    } else {
        use_up(frames - 1, call)
    }
    black_box(block);
}

/// Bytes of a frame of `use_up`, as far as its local variable is from that of the next.
fn frame_bytes() -> usize {
    #[inline(never)]
    fn two(frames: usize, outer: usize) -> usize {
        let block = black_box([0_u8; 64]);
        let here = core::ptr::from_ref(&block).addr();
        let bytes = if frames == 0 { outer - here } else { two(frames - 1, here) };
        black_box(block);
        bytes
    }
    two(1, 0)
}
