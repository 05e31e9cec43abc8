//! What U-Boot's own drivers store and read: `drivers/bootcount` of 2023.01, compiled for a host and given
//! registers in memory. `bootcount_dm_i2c.c` and `bootcount_zynqmp.c` are newer; theirs is read in the source.

use bsp_imx95::bootcount::{
    BootCount, ByteOrder, EnvRecord, Environment, Error, File, Generic, I2c, Nvmem, Pfuze100, Ram,
    SingleWord, Syscon, Tagged, ZynqMp,
};
use bsp_imx95::env::Env;
use hex_literal::hex;

const LITTLE: ByteOrder = ByteOrder::Little;
const BIG: ByteOrder = ByteOrder::Big;

/// Each driver's record after it has stored 3, over bytes of 0x77 where it leaves some as they are.
const THREE: [(&dyn BootCount, &[u8]); 16] = [
    (&Generic { order: LITTLE }, &hex!("0300000041c001b0")),
    (&Generic { order: BIG }, &hex!("00000003b001c041")),
    (&SingleWord { order: LITTLE }, &hex!("030001b0")),
    (&SingleWord { order: BIG }, &hex!("b0010003")),
    (&Nvmem { order: LITTLE }, &hex!("030102b0")),
    (&Nvmem { order: BIG }, &hex!("b0020103")),
    (&Syscon::Word, &hex!("030001b0")),
    (&Syscon::LowHalf, &hex!("03b07777")),
    (&Syscon::HighHalf, &hex!("777703b0")),
    (&Tagged, &hex!("03bc")),
    (&I2c::Legacy, &hex!("bc03")),
    (&I2c::DriverModel, &hex!("5503")),
    (&Pfuze100, &hex!("adde0300")),
    (&File, &hex!("bd010301")),
    (&ZynqMp, &hex!("03000000")),
    (&Ram, &RAM_THREE),
];

/// A counter in RAM: the pattern was printed up to its ninth word, the rest follows from the driver's loop.
const RAM_THREE: [u8; Ram::LEN] = {
    const HEAD: [u8; 12] = hex!("0300000041c001b000000000");
    const PATTERN: [u8; 20] = hex!("00000000ffffffff00ff00ff0f0f0f0ff0f0f0f0");
    let mut record = [0; Ram::LEN];
    let mut at = 0;
    while at < record.len() {
        record[at] = if at < HEAD.len() { HEAD[at] } else { PATTERN[(at - HEAD.len()) % PATTERN.len()] };
        at += 1;
    }
    record
};

#[test]
fn reads_and_stores_what_the_driver_does() {
    for (index, (counter, three)) in THREE.iter().enumerate() {
        assert_eq!(counter.load(three), Ok(3), "{index}");
        let mut record = three.to_vec();
        assert_eq!(counter.store(&mut record, 2), Ok(true));
        assert_eq!(counter.load(&record), Ok(2), "{index}");
        assert_eq!(counter.store(&mut record, 3), Ok(true));
        assert_eq!(record, *three, "{index}");
    }
}

#[test]
fn the_greatest_count_fits_and_one_more_is_refused() {
    for (index, (counter, three)) in THREE.iter().enumerate() {
        let (mut record, max) = (three.to_vec(), counter.max());
        assert_eq!(counter.store(&mut record, max), Ok(true), "{index}");
        assert_eq!(counter.load(&record), Ok(max), "{index}");
        if let Some(count) = max.checked_add(1) {
            let before = record.clone();
            assert_eq!(counter.store(&mut record, count), Err(Error::TooGreat { count, max }), "{index}");
            assert_eq!(record, before, "{index}");
        }
    }
}

#[test]
fn a_record_of_another_length_is_refused() {
    for (counter, three) in THREE {
        let longer = [three, &[0]].concat();
        for record in [&three[1..], &longer[..]] {
            let error = Error::Length { expected: three.len(), given: record.len() };
            assert_eq!(counter.load(record), Err(error));
            assert_eq!(counter.store(&mut record.to_vec(), 0), Err(error));
        }
    }
}

#[test]
fn a_wrong_mark_reads_as_0_in_u_boot_and_is_named_here() {
    let cases: [(&dyn BootCount, &[u8], Error); 8] = [
        (
            &Generic { order: LITTLE },
            &hex!("0300000041c001b1"),
            Error::Magic { found: 0xb101_c041, expected: 0xb001_c041 },
        ),
        (
            &SingleWord { order: BIG },
            &hex!("b1010003"),
            Error::Magic { found: 0xb101_0000, expected: 0xb001_0000 },
        ),
        (
            &Nvmem { order: LITTLE },
            &hex!("050102b1"),
            Error::Magic { found: 0xb100_0000, expected: 0xb000_0000 },
        ),
        (&Syscon::LowHalf, &hex!("03007700"), Error::Magic { found: 0, expected: 0xb000 }),
        (&Tagged, &hex!("0300"), Error::Magic { found: 0, expected: 0xbc }),
        (&I2c::Legacy, &hex!("0007"), Error::Magic { found: 0, expected: 0xbc }),
        (&Pfuze100, &hex!("00de0300"), Error::Magic { found: 0xde00, expected: 0xdead }),
        (&File, &hex!("bd020901"), Error::Version { found: 2, expected: 1 }),
    ];
    for (counter, record, error) in cases {
        assert_eq!(counter.load(record), Err(error));
        assert_eq!(counter.load_as_u_boot(record), 0);
    }
}

#[test]
fn a_count_in_ram_holds_only_with_its_pattern_but_without_its_magic() {
    let mut record = RAM_THREE;
    let last = 4 * (3 + 999);
    record[last] ^= 1;
    assert_eq!(Ram.load(&record), Err(Error::Pattern { index: 999 }));
    record[last] ^= 1;
    record[4] ^= 1;
    assert_eq!(Ram.load(&record), Ok(3));
    assert_eq!(Ram.load(&[0; Ram::LEN]), Ok(0));
}

#[test]
fn some_count_only_during_an_update() {
    // AM33xx keeps the count at 0 then; what it reads it does not compare with the trial, nor the version.
    let mut record = hex!("050002b0");
    assert_eq!(Nvmem { order: LITTLE }.load(&record), Ok(5));
    assert_eq!(Nvmem { order: LITTLE }.store(&mut record, 9), Ok(true));
    assert_eq!(record, hex!("000002b0"));
    assert_eq!(Nvmem { order: LITTLE }.load(&hex!("050103b0")), Ok(5));
    // A mark that is wrong is put right.
    let mut record = hex!("050102b1");
    Nvmem { order: LITTLE }.store(&mut record, 1).unwrap();
    assert_eq!(record, hex!("010102b0"));

    // The file is not written, and reads as 0.
    let mut record = hex!("bd010900");
    assert_eq!((File.load(&record), File.store(&mut record, 5)), (Ok(0), Ok(false)));
    assert_eq!(record, hex!("bd010900"));
    // Without a file, and with a wrong one, U-Boot counts.
    let mut record = [0; 4];
    assert_eq!(File.store(&mut record, 1), Ok(true));
    assert_eq!(record, hex!("bd010101"));
    assert_eq!((File::with_trial(true), File::with_trial(false)), (hex!("bd010001"), hex!("bd010000")));
}

#[test]
fn the_environment_counts_only_while_an_update_is_available() {
    for (data, count) in [
        ("bootcount=2\0upgrade_available=1\0", Some(2)),
        ("bootcount=2\0upgrade_available=1x\0", Some(2)),
        ("upgrade_available=2\0", Some(0)),
        ("bootcount=2\0upgrade_available=0\0", None),
        ("bootcount=2\0", None),
    ] {
        let mut record = EnvRecord::new(Env::parse(data.as_bytes()).unwrap());
        assert_eq!(Environment.load(&record), Ok(count.unwrap_or(0)), "{data:?}");
        assert_eq!(record.change(), None);
        assert_eq!(Environment.store(&mut record, u32::MAX), Ok(count.is_some()));
        assert_eq!(record.change(), count.map(|_| ("bootcount", Some("4294967295"))));
    }
}
