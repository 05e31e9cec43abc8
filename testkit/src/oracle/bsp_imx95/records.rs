use bsp_imx95::bootcount::{
    BootCount, ByteOrder, File, Generic, I2c, Nvmem, Pfuze100, Ram, SingleWord, Syscon, Tagged, ZynqMp,
};
use bsp_imx95::env::Env;
use bsp_imx95::slot::{Android, BootControl, BootCounting, Rauc, Slot, Torizon, Transition};

/// Records of boot loaders: whatever they hold, a transition is made or refused as the machine says, and what is
/// refused changes nothing; and boot counters: what is stored reads back.
///
/// The first byte says which slot runs, the following ones, up to a zero, what happens.
pub fn records(data: &[u8]) {
    let Some((selector, data)) = data.split_first() else { return };
    let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let (events, record) = (&data[..end], data.get(end + 1..).unwrap_or(&[]));
    let running = if selector & 1 == 0 { Slot::First } else { Slot::Second };
    let block =
        record.first_chunk::<{ Android::LEN }>().and_then(|block| Android::decode(&sealed(*block)).ok());
    if let Some(block) = block {
        let after = follow(block, events);
        assert_eq!(Android::decode(&after.encode()), Ok(after));
    }
    if let Ok(env) = Env::parse(record) {
        follow(Torizon::read(&env), events);
        if let Ok(slots) = Rauc::read(&env, ["A", "B"], running) {
            let after = follow(slots, events);
            assert!(
                after.changes().list().iter().all(|(_, value)| value.is_some_and(|value| !value.is_empty()))
            );
        }
    }
    if let Ok(name) = core::str::from_utf8(record) {
        let entry = BootCounting::parse(name, selector & 2 == 0, running);
        let after = follow(entry, events).to_string();
        let again = BootCounting::parse(&after, true, running);
        assert_eq!(again.to_string(), after);
    }
    counters(record, u32::from(*selector));
}

fn follow<R: BootControl + Clone + PartialEq + core::fmt::Debug>(mut record: R, events: &[u8]) -> R {
    for event in events {
        let (before, state) = (record.clone(), record.state());
        let transition = match event % 4 {
            0 => Transition::Stage,
            1 => Transition::Confirm,
            2 => Transition::GiveUp,
            _ => {
                record.power_on();
                continue;
            }
        };
        match (record.apply(transition), state.after(transition)) {
            (Ok(changed), Ok(_)) => assert_eq!(changed, record != before),
            // A record may refuse more: a trial without a limit, a system given up that still runs.
            (Err(_), _) => assert_eq!(record, before),
            (Ok(_), Err(refused)) => panic!("{transition:?} of {state:?}: {refused}"),
        }
    }
    record
}

fn counters(record: &[u8], count: u32) {
    let order = if count & 1 == 0 { ByteOrder::Little } else { ByteOrder::Big };
    let counters: [&dyn BootCount; 14] = [
        &Generic { order },
        &SingleWord { order },
        &Nvmem { order },
        &Syscon::Word,
        &Syscon::LowHalf,
        &Syscon::HighHalf,
        &Tagged,
        &I2c::Legacy,
        &I2c::DriverModel,
        &Pfuze100,
        &File,
        &ZynqMp,
        &Ram,
        &Generic { order: ByteOrder::Little },
    ];
    for (index, counter) in counters.into_iter().enumerate() {
        for len in [2, 4, 8, record.len()] {
            let Some(bytes) = record.get(..len) else { continue };
            let mut stored = bytes.to_vec();
            let loaded = counter.load(bytes);
            assert_eq!(counter.load_as_u_boot(bytes), loaded.unwrap_or(0));
            match counter.store(&mut stored, count) {
                Ok(true) if index == 2 && counter.load(&stored) == Ok(0) => {} // No update is on trial.
                Ok(true) if index == 11 => {
                    assert_eq!(stored.first().map(|byte| u32::from(*byte)), Some(count))
                }
                Ok(true) => assert_eq!(counter.load(&stored), Ok(count)),
                Ok(false) => assert_eq!(stored, bytes),
                Err(_) => assert_eq!(stored, bytes),
            }
        }
    }
}

/// The fuzzer will not guess a checksum.
fn sealed(mut block: [u8; Android::LEN]) -> [u8; Android::LEN] {
    let (covered, crc) = block.split_at_mut(Android::LEN - 4);
    crc.copy_from_slice(&super::crc32(covered).to_le_bytes());
    block
}
