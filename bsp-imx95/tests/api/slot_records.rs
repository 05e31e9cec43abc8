//! Every record follows the one machine, whatever the client and the power do.

use bsp_imx95::boot_entry::{BootEntry, uenv_txt};
use bsp_imx95::boot_script::{ALTBOOTCMD, power_on};
use bsp_imx95::env::{Env, Variables};
use bsp_imx95::slot::{
    Android, AndroidError, BOOTCOUNT, BOOTLIMIT, BootControl, BootCounting, ROLLBACK, Rauc, RaucError,
    Refused, Slot, SlotInfo, State, Torizon, Transition, UPGRADE_AVAILABLE,
};
use hex_literal::hex;
use std::collections::{BTreeSet, VecDeque};
use std::fmt::Debug;

/// What differs between the boot loaders.
#[derive(Clone, Copy)]
struct Board {
    limit: u32,
    /// Whether the newest system is always the first one, or the slot that does not run.
    is_ordered: bool,
    /// Whether boots of a confirmed system count, so that the client confirms at each start.
    confirms_at_start: bool,
    /// Whether giving up in the last boot of a trial leaves a trace.
    gives_up_late: bool,
}

const OSTREE: Board = Board { limit: 3, is_ordered: true, confirms_at_start: false, gives_up_late: true };

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Device<R> {
    record: R,
    machine: State,
    running: Slot,
    new: Slot,
}

/// Explores every sequence of transitions and power-ons from there; returns the number of states.
fn follows_the_machine<R: BootControl + Clone + Ord + Debug>(
    board: Board,
    record: R,
    running: Slot,
) -> usize {
    let machine = record.state();
    let start = Device { record, machine, running, new: running };
    let mut found = BTreeSet::from([start.clone()]);
    let mut queue = VecDeque::from([start]);
    while let Some(device) = queue.pop_front() {
        let transitions = [Transition::Stage, Transition::Confirm, Transition::GiveUp];
        let after = transitions.into_iter().filter_map(|transition| transited(board, &device, transition));
        for next in after.chain([powered_on(board, &device)]) {
            assert_eq!(next.record.state(), next.machine, "{device:#?} {next:#?}");
            if found.insert(next.clone()) {
                queue.push_back(next);
            }
        }
    }
    found.len()
}

fn transited<R: BootControl + Clone + Ord + Debug>(
    board: Board,
    device: &Device<R>,
    transition: Transition,
) -> Option<Device<R>> {
    let is_last = matches!(device.machine, State::Trial { count, limit } if count == limit);
    if transition == Transition::GiveUp && is_last && !board.gives_up_late {
        return None;
    }
    let mut next = device.clone();
    let still_runs = device.machine == State::RolledBack && device.running == device.new;
    let expected = match device.machine.after(transition) {
        Ok(_) if transition == Transition::Stage && still_runs => Err(Refused::RebootFirst),
        expected => expected,
    };
    match (next.record.apply(transition), expected) {
        (Ok(changed), Ok(machine)) => {
            assert_eq!(changed, next.record != device.record);
            next.machine = machine;
            if transition == Transition::Stage {
                next.new = if board.is_ordered { Slot::First } else { next.running.other() };
                if board.is_ordered {
                    next.running = Slot::Second;
                }
            }
            Some(next)
        }
        (Err(error), Err(expected)) => {
            assert_eq!(error, expected);
            assert_eq!(next.record, device.record);
            None
        }
        different => panic!("{different:?} of {device:#?}"),
    }
}

fn powered_on<R: BootControl + Clone + Ord + Debug>(board: Board, device: &Device<R>) -> Device<R> {
    let mut next = device.clone();
    next.machine = device.machine.after_power_on(board.limit);
    next.running = next.record.power_on();
    let expected = if next.machine == State::RolledBack { device.new.other() } else { device.new };
    assert_eq!(next.running, expected, "{device:#?}");
    if board.confirms_at_start && matches!(next.machine, State::Confirmed | State::RolledBack) {
        next.record.apply(Transition::Confirm).unwrap();
    }
    next
}

fn torizon(changes: &[(&str, Option<&str>)]) -> Torizon {
    let mut variables = Variables::new();
    variables.apply(changes).unwrap();
    Torizon::of(&variables)
}

#[test]
fn torizons_variables_follow_the_machine() {
    let states = follows_the_machine(OSTREE, torizon(&[(BOOTLIMIT, Some("3"))]), Slot::First);
    assert!(states >= 12, "{states}");
}

#[test]
fn raucs_variables_follow_the_machine_if_the_client_confirms_at_each_start() {
    let board = Board { is_ordered: false, confirms_at_start: true, ..OSTREE };
    let env = Env::parse(b"BOOT_ORDER=A B\0BOOT_A_LEFT=3\0BOOT_B_LEFT=3\0").unwrap();
    let slots = Rauc::read(&env, ["A", "B"], Slot::First).unwrap();
    assert_eq!(slots.state(), State::Confirmed);
    assert!(follows_the_machine(board, slots, Slot::First) >= 16);
}

#[test]
fn androids_block_follows_the_machine() {
    let board = Board { limit: 7, is_ordered: false, ..OSTREE };
    let mut block = Android::new();
    assert_eq!((block.state(), block.power_on()), (State::Staged, Slot::First));
    block.apply(Transition::Confirm).unwrap();
    assert!(follows_the_machine(board, block, Slot::First) >= 24);
}

#[test]
fn systemds_boot_counting_follows_the_machine() {
    let board = Board { gives_up_late: false, ..OSTREE };
    let entry = BootCounting::parse("ostree-2.conf", true, Slot::First);
    assert!(follows_the_machine(board, entry, Slot::First) >= 8);
    assert_eq!(BootCounting::parse("ostree-1.conf", false, Slot::First).state(), State::Idle);
}

#[test]
fn torizons_record_decides_as_the_boot_script_does() {
    let entry = |name: &str| BootEntry { linux: name.into(), ..BootEntry::default() };
    let numbers = [None, Some("0"), Some("1"), Some("3"), Some("4")];
    let flags = [None, Some("0"), Some("1")];
    let mut cases = 0;
    for (count, limit) in numbers.iter().flat_map(|count| numbers.iter().map(move |limit| (*count, *limit))) {
        for (available, rollback) in flags.iter().flat_map(|a| flags.iter().map(move |b| (*a, *b))) {
            for has_second in [false, true] {
                let mut store = Variables::new();
                let changes = [
                    ("env_initialized", Some("1")),
                    ("altbootcmd", Some(ALTBOOTCMD)),
                    (BOOTCOUNT, count),
                    (BOOTLIMIT, limit),
                    (UPGRADE_AVAILABLE, available),
                    (ROLLBACK, rollback),
                ];
                store.apply(&changes).unwrap();
                let mut record = Torizon { has_second, ..Torizon::of(&store) };
                let entries = [entry("/new"), entry("/old")];
                let boot = power_on(&store, &uenv_txt(&entries[..1 + usize::from(has_second)], "")).unwrap();
                boot.store_into(&mut store).unwrap();
                assert_eq!(record.power_on(), boot.entry, "{changes:?}");
                assert_eq!(record, Torizon { has_second, ..Torizon::of(&store) }, "{changes:?}");
                cases += 1;
            }
        }
    }
    assert_eq!(cases, 5 * 5 * 3 * 3 * 2);
}

/// `ab_select_slot` of U-Boot 2023.01, compiled for a host, on a disk in memory: the block it found, and what it
/// made of it.
#[test]
fn androids_block_is_that_of_u_boot() {
    let fresh = hex!("6100000042434142010200006f007f0000000000000000000000000091a30d81");
    let mut block = Android::new();
    assert_eq!(block.power_on(), Slot::First);
    assert_eq!(block.encode(), fresh);
    // Neither is confirmed: U-Boot takes turns.
    let turns = [
        (Slot::Second, hex!("6200000042434142010200006f006f00000000000000000000000000da9861e5")),
        (Slot::First, hex!("6100000042434142010200005f006f000000000000000000000000001edaa716")),
        (Slot::Second, hex!("6200000042434142010200005f005f000000000000000000000000008d99afbf")),
    ];
    for (slot, bytes) in turns {
        assert_eq!(Android::decode(&block.encode()), Ok(block));
        assert_eq!((block.power_on(), block.encode()), (slot, bytes));
    }
    // A was confirmed, B is on trial with two boots left.
    let staged = hex!("620000004243414201020000ee002f000000000000000000000000004e134d56");
    let mut block = Android::decode(&staged).unwrap();
    assert_eq!(block.state(), State::Trial { count: 5, limit: 7 });
    let boots = [
        (Slot::Second, hex!("620000004243414201020000ee001f00000000000000000000000000fa579bfd")),
        (Slot::Second, hex!("620000004243414201020000ee000f00000000000000000000000000966b299b")),
        (Slot::First, hex!("610000004243414201020000ee000f00000000000000000000000000b16cf799")),
        (Slot::First, hex!("610000004243414201020000ee000f00000000000000000000000000b16cf799")),
    ];
    for (slot, bytes) in boots {
        assert_eq!((block.power_on(), block.encode()), (slot, bytes));
    }
    assert_eq!(block.state(), State::RolledBack);
    // dm-verity says that A is corrupted.
    let corrupted = hex!("610000004243414201020000ee011f00000000000000000000000000358bbe46");
    let mut block = Android::decode(&corrupted).unwrap();
    assert!(block.info(Slot::First).verity_corrupted);
    let after = hex!("620000004243414201020000ee010f000000000000000000000000007eb0d222");
    assert_eq!((block.power_on(), block.encode()), (Slot::Second, after));
}

#[test]
fn a_confirmed_slot_keeps_a_try_as_u_boot_boots_none_without() {
    let mut block = Android::new();
    for _ in 0..14 {
        block.power_on();
    }
    let spent = SlotInfo { priority: 15, tries: 0, successful: false, verity_corrupted: false };
    assert_eq!([block.info(Slot::First), block.info(Slot::Second)], [spent, spent]);
    block.set_info(Slot::First, SlotInfo { priority: 14, tries: 1, successful: true, ..spent });
    block.set_info(Slot::Second, SlotInfo { tries: 1, ..spent });
    assert_eq!((block.power_on(), block.info(Slot::Second).tries), (Slot::Second, 0));
    block.apply(Transition::Confirm).unwrap();
    assert_eq!(block.info(Slot::Second), SlotInfo { tries: 1, successful: true, ..spent });
    assert_eq!(block.power_on(), Slot::Second);
}

#[test]
fn says_what_is_wrong_with_a_block() {
    let good = Android::new().encode();
    assert_eq!(Android::decode(&good[..31]), Err(AndroidError::Length { expected: 32, given: 31 }));
    let mut flipped = good;
    flipped[12] ^= 1;
    assert!(matches!(Android::decode(&flipped), Err(AndroidError::Crc { .. })));
    let sealed = |change: fn(&mut [u8; 32])| {
        let mut bytes = good;
        change(&mut bytes);
        let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&bytes[..28]);
        bytes[28..].copy_from_slice(&crc.to_le_bytes());
        Android::decode(&bytes)
    };
    let unknown = |found, version| Err(AndroidError::Unknown { found, version, known: 1 });
    assert_eq!(sealed(|bytes| bytes[4] = 0), unknown(0x4241_4300, 1));
    assert_eq!(sealed(|bytes| bytes[8] = 2), unknown(0x4241_4342, 2));
    assert_eq!(sealed(|bytes| bytes[8] = 1), Ok(Android::new()));
}

#[test]
fn power_cuts_exhaust_a_good_slot_of_rauc_unless_it_is_confirmed() {
    let env = Env::parse(b"BOOT_ORDER=B A\0BOOT_A_LEFT=3\0BOOT_B_LEFT=3\0").unwrap();
    let mut slots = Rauc::read(&env, ["A", "B"], Slot::Second).unwrap();
    assert_eq!(slots.state(), State::Confirmed);
    // rauc#683
    assert_eq!([(); 4].map(|()| slots.power_on()), [Slot::Second, Slot::Second, Slot::Second, Slot::First]);
    // And with both exhausted the script starts again.
    assert_eq!([(); 3].map(|()| slots.power_on()), [Slot::First, Slot::First, Slot::Second]);
}

#[test]
fn raucs_changes_are_one_list() {
    let env = Env::parse(b"BOOT_ORDER=A B R\0BOOT_A_LEFT=2\0BOOT_B_LEFT=0\0").unwrap();
    let mut slots = Rauc::read(&env, ["A", "B"], Slot::First).unwrap();
    slots.apply(Transition::Confirm).unwrap();
    slots.apply(Transition::Stage).unwrap();
    let stored = slots.changes();
    let expected = [("BOOT_ORDER", Some("B A R")), ("BOOT_A_LEFT", Some("3")), ("BOOT_B_LEFT", Some("3"))];
    assert_eq!(stored.list(), expected);
    slots.power_on();
    slots.apply(Transition::GiveUp).unwrap();
    let stored = slots.changes();
    let expected = [("BOOT_ORDER", Some("A R")), ("BOOT_A_LEFT", Some("3")), ("BOOT_B_LEFT", Some("0"))];
    assert_eq!(stored.list(), expected);
}

#[test]
fn says_what_is_wrong_with_raucs_variables() {
    let read =
        |data: &'static [u8], name| Rauc::read(&Env::parse(data).unwrap(), ["A", name], Slot::First).err();
    assert_eq!(read(b"BOOT_ORDER=C D\0", "B"), Some(RaucError::NoSlot));
    assert_eq!(read(b"BOOT_ORDER=A B C D\0", "B"), None);
    assert_eq!(read(b"BOOT_ORDER=A B C D E\0", "B"), Some(RaucError::Order { limit: 4 }));
    assert_eq!(read(b"BOOT_ORDER=\xff A\0", "B"), Some(RaucError::Order { limit: 4 }));
    assert_eq!(read(b"", ""), Some(RaucError::Name { len: 0, limit: 16 }));
    assert_eq!(read(b"", "0123456789abcdef"), None);
    assert_eq!(read(b"", "0123456789abcdefg"), Some(RaucError::Name { len: 17, limit: 16 }));
    let unset = Rauc::read(&Env::parse(b"").unwrap(), ["A", "B"], Slot::First).unwrap();
    assert_eq!(unset.state(), State::Idle);
}
