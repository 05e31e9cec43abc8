//! The feature-free tier allocates nothing and fits a small stack.
#![allow(missing_docs, clippy::unwrap_used)]

use bsp_imx95::bootcount::{BootCount, ByteOrder, EnvRecord, Environment, SingleWord};
use bsp_imx95::env::{self, Layout, Scheme};
use bsp_imx95::fw_env_config::FwEnvConfig;
use bsp_imx95::slot::{self, Android, BootControl, BootCounting, Rauc, Slot, State, Torizon, Transition};
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

/// What a boot loader does: chooses the copy, reads where the update stands, counts, and decides what boots.
fn decide() -> [(State, Slot); 4] {
    let (first, second) = TRIAL.split_at(TRIAL.len() / 2);
    let (_, env) = env::load(LAYOUT, &[first, second]).unwrap();
    let mut record = EnvRecord::new(env);
    let count = Environment.load(&record).unwrap();
    Environment.store(&mut record, count + 1).unwrap();
    assert_eq!(record.change(), Some(("bootcount", Some("3"))));
    let mut register = [2, 0, 1, 0xb0];
    SingleWord { order: ByteOrder::Little }.store(&mut register, 3).unwrap();

    let mut torizon = Torizon::read(&env);
    let torizon = (torizon.state(), torizon.power_on());
    let mut rauc = Rauc::read(&env, ["A", "B"], Slot::First).unwrap();
    let rauc = (rauc.state(), rauc.power_on());
    let mut android = Android::decode(&BLOCK).unwrap();
    let android = (android.state(), android.power_on());
    let mut entry = BootCounting::parse("ostree-2+1-2.conf", true, Slot::First);
    [torizon, rauc, android, (entry.state(), entry.power_on())]
}

const DECISIONS: [(State, Slot); 4] = [
    (State::Trial { count: 2, limit: 3 }, Slot::First),
    (State::Trial { count: 1, limit: 3 }, Slot::Second),
    (State::Trial { count: 5, limit: 7 }, Slot::Second),
    (State::Trial { count: 2, limit: 3 }, Slot::First),
];

/// Both copies of a trial, of Torizon's variables and of RAUC's, as `fw_setenv` left them.
static TRIAL: [u8; 0xc00] = *include_bytes!("fixtures/env-fw-trial.bin");
/// Slot B is on trial, with two boots left: see `tests/api/slot_records.rs`.
const BLOCK: [u8; 32] = hex_literal::hex!("620000004243414201020000ee002f000000000000000000000000004e134d56");

#[test]
fn choosing_the_copy_and_deciding_the_slot_allocates_nothing() {
    assert_eq!(allocations_during(decide), (DECISIONS, 0));
}

#[test]
fn choosing_the_copy_and_deciding_the_slot_fits_a_stack_of_2_kib() {
    let test = "choosing_the_copy_and_deciding_the_slot_fits_a_stack_of_2_kib";
    let call = || {
        core::hint::black_box(decide());
    };
    let Some(bytes) = testkit::stack::used_by(test, call) else { return };
    println!("{bytes} bytes of stack");
    assert!(bytes <= 2048, "{bytes} bytes of stack");
}

#[test]
fn every_transition_allocates_nothing() {
    let (first, second) = TRIAL.split_at(TRIAL.len() / 2);
    let (_, env) = env::load(LAYOUT, &[first, second]).unwrap();
    let (states, allocations) = allocations_during(|| {
        let mut torizon = Torizon::read(&env);
        let mut rauc = Rauc::read(&env, ["A", "B"], Slot::Second).unwrap();
        let mut android = Android::decode(&BLOCK).unwrap();
        let records: [&mut dyn BootControl; 3] = [&mut torizon, &mut rauc, &mut android];
        records.map(|record| {
            record.apply(Transition::Confirm).unwrap();
            record.apply(Transition::Stage).unwrap();
            record.apply(Transition::GiveUp).unwrap();
            record.state()
        })
    });
    assert_eq!((states, allocations), ([State::RolledBack; 3], 0));
}

#[test]
fn a_trial_fits_a_stack_of_32_kib() {
    // The buffer of `trial` is 8 KiB of it.
    let thread = std::thread::Builder::new().stack_size(32 * 1024);
    let mut copies = Box::new([[0; 0x2000]; 2]);
    let states = thread.spawn(move || trial(&mut copies)).unwrap().join().unwrap();
    assert_eq!(states[3], State::Confirmed);
}
