//! The feature-free tier allocates nothing and fits a small stack.
#![allow(missing_docs, clippy::unwrap_used)]

use bsp_imx95::env::{self, Layout, Scheme};
use bsp_imx95::fw_env_config::FwEnvConfig;
use bsp_imx95::slot::{self, State};
use testkit::count_alloc::{CountingAllocator, allocations_during};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const LAYOUT: Layout = Layout::Redundant { scheme: Scheme::Counter };

/// Copies of the size Toradex uses, and every transition on them.
fn trial(copies: &mut [[u8; 0x2000]; 2]) -> [State; 4] {
    let [first, second] = copies;
    env::create(LAYOUT, &[(slot::BOOTLIMIT, Some("3"))], first).unwrap();
    let mut states = [State::Idle; 4];
    let trial = [(slot::BOOTCOUNT, Some("2"))];
    for (state, changes) in states.iter_mut().zip([slot::stage(), &trial, slot::give_up(), slot::confirm()]) {
        // The buffer becomes the new copy; the firmware of a real device writes it to storage.
        let mut next = [0; 0x2000];
        let write = env::write(LAYOUT, &[first, second], changes, &mut next).unwrap().unwrap();
        *(if write.copy == 0 { &mut *first } else { &mut *second }) = next;
        let (_, env) = env::load(LAYOUT, &[first, second]).unwrap();
        *state = State::read(&env);
    }
    states
}

#[test]
fn a_whole_trial_allocates_nothing() {
    let mut copies = [[0; 0x2000]; 2];
    let (states, allocations) = allocations_during(|| trial(&mut copies));
    let expected = [State::Staged, State::Trial { count: 2, limit: 3 }, State::RolledBack, State::Confirmed];
    assert_eq!((states, allocations), (expected, 0));
}

#[test]
fn reading_a_configuration_allocates_nothing() {
    let text = "/dev/emmc-boot0 -0x2200 0x2000\n/dev/emmc-boot0 -0x4200 0x2000\n";
    let (layout, allocations) =
        allocations_during(|| FwEnvConfig::parse(text).map(|config| config.layout(Scheme::Counter)));
    assert_eq!((layout, allocations), (Ok(LAYOUT), 0));
}

#[test]
fn a_trial_fits_a_stack_of_32_kib() {
    // The buffer of `trial` is 8 KiB of it.
    let thread = std::thread::Builder::new().stack_size(32 * 1024);
    let mut copies = Box::new([[0; 0x2000]; 2]);
    let states = thread.spawn(move || trial(&mut copies)).unwrap().join().unwrap();
    assert_eq!(states[3], State::Confirmed);
}
