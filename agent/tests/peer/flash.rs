//! NOR flash behind a real Linux: the environment and the boot images of `/dev/mtd0` in a machine of QEMU.

mod machine;

use bsp_imx95::env::{Layout, Scheme, Variables};
use machine::{ERASE_SIZE, Machine};
use std::fs;
use std::path::Path;

const LAYOUT: Layout = Layout::Redundant { scheme: Scheme::SerialNor };
/// Less than an erase block.
const SIZE: usize = 0x800;
const COPIES: [usize; 2] = [0x30_0000, 0x30_2000];
const FIRST_SET: usize = 0x1000;
/// As the fuse at 2 says.
const SECOND_SET: usize = 0x10_0000;

fn fixture(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../bsp-imx95/tests/fixtures").join(name)).unwrap()
}

/// Flash with two copies of an environment, the first in use, something behind each, and a boot image.
fn flash() -> Vec<u8> {
    let mut variables = Variables::new();
    variables.apply(&[("bootlimit", Some("3")), ("slot", Some("a"))]).unwrap();
    let copy = variables.encode(LAYOUT, SIZE).unwrap();
    let mut flash = vec![0xff; 0x40_0000];
    for (start, flags) in COPIES.into_iter().zip([1, 0]) {
        flash[start..][..SIZE].copy_from_slice(&copy);
        flash[start + 4] = flags;
        flash[start + SIZE..start + ERASE_SIZE].fill(0x77);
    }
    let image = fixture("v2-p384.bin");
    flash[FIRST_SET..][..image.len()].copy_from_slice(&image);
    flash
}

fn configuration(machine: &Machine) {
    machine.file("fw_env.config", b"/dev/mtd0 0x300000 0x800\n/dev/mtd0 0x302000 0x800\n");
}

/// What libubootenv finds in the copies, in a file: of two marks it takes the greater, as of two counters.
fn fw_printenv(flash: &[u8]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("flash");
    fs::write(&path, flash).unwrap();
    let config = directory.path().join("fw_env.config");
    fs::write(&config, format!("{0} 0x300000 0x800\n{0} 0x302000 0x800\n", path.display())).unwrap();
    let mut command = testkit::tools::tool("fw_printenv");
    String::from_utf8(testkit::tools::success(command.arg("-c").arg(&config))).unwrap()
}

#[test]
fn the_environment_changes_the_other_erase_block_and_marks_the_old_copy() {
    let before = flash();
    let machine = Machine::new(&before);
    configuration(&machine);
    let run = machine.run(
        "ota-agent bootenv --config /fw_env.config set slot=b note=new && keep first &&
         ota-agent bootenv --config /fw_env.config set slot=b && keep same &&
         ota-agent bootenv --config /fw_env.config set slot=c && keep second &&
         ota-agent bootenv --config /fw_env.config print",
    );
    assert_eq!((run.status, run.said.as_str()), (0, "bootlimit=3\nnote=new\nslot=c\n"));
    let [first, same, second] = ["first", "same", "second"].map(|name| run.kept(name));
    assert_eq!(fw_printenv(&before), "bootlimit=3\nslot=a\n");
    assert_eq!(fw_printenv(&first), "bootlimit=3\nnote=new\nslot=b\n");
    assert_eq!(fw_printenv(&second), "bootlimit=3\nnote=new\nslot=c\n");
    assert_eq!(first, same, "nothing changes, nothing is written");
    let flags = |flash: &[u8]| COPIES.map(|start| flash[start + 4]);
    assert_eq!([flags(&before), flags(&first), flags(&second)], [[1, 0], [0, 1], [1, 0]]);
    // Of the copy that was in use only the mark changed, and what lies behind the copies stayed.
    let mut expected = before;
    expected[COPIES[0] + 4] = 0;
    expected[COPIES[1]..][..SIZE].copy_from_slice(&first[COPIES[1]..][..SIZE]);
    assert!(first == expected, "other bytes changed");
}

#[test]
fn copies_in_one_erase_block_or_in_the_middle_of_one_are_refused() {
    let machine = Machine::new(&flash());
    machine.file("shared", b"/dev/mtd0 0x300000 0x800\n/dev/mtd0 0x300800 0x800\n");
    machine.file("middle", b"/dev/mtd0 0x300800 0x800\n");
    machine.file("outside", b"/dev/mtd0 0x3ff000 0x1800\n");
    machine.file("block", b"/dev/mtdblock0 0x300000 0x800\n");
    let run = machine.run(
        "for config in shared middle outside block; do
             ota-agent bootenv --config /$config print 2>&1; echo $?; done; keep flash",
    );
    assert!(run.kept("flash") == flash());
    let said: Vec<&str> = run.said.lines().collect();
    let [shared, "1", middle, "1", outside, "1", block, "1"] = said.as_slice() else { panic!("{said:#?}") };
    assert!(shared.contains("a copy at 0x300800 does not begin an erase block of 0x1000 bytes"), "{shared}");
    assert!(middle.contains("a copy at 0x300800 does not begin an erase block of 0x1000 bytes"), "{middle}");
    assert!(outside.contains("do not lie on its 4194304 bytes"), "{outside}");
    assert!(block.contains("name /dev/mtdN instead"), "{block}");
}

#[test]
fn a_boot_image_is_tried_and_given_up() {
    let before = flash();
    let machine = Machine::new(&before);
    configuration(&machine);
    let new = fixture("v2-p256.bin");
    machine.file("new.bin", &new);
    machine.file("version", b"2026.10-old");
    let run = machine.run(
        "DEVICE='--device /dev/mtd0 --board imx95_19x19_evk --second-set-fuse 2 --config /fw_env.config'
         ota-agent boot-image update $DEVICE --booted a /new.bin; echo $?; keep trial
         ota-agent boot-image settle $DEVICE --booted b --wanted 2026.10-new --version-file /version; echo $?
         keep ended
         ota-agent boot-image settle $DEVICE --booted a --wanted 2026.10-old --version-file /version; echo $?",
    );
    let said: Vec<&str> = run.said.lines().collect();
    let expected = [
        "2088 bytes in place b; the next boot tries them",
        "4",
        "the next boot takes place a again",
        "4",
        "no boot image is on trial",
        "3",
    ];
    assert_eq!(said, expected);
    let [trial, ended] = ["trial", "ended"].map(|name| run.kept(name));
    assert!(trial[SECOND_SET..].starts_with(&new));
    assert_eq!([FIRST_SET, SECOND_SET].map(|set| trial[set + 3]), [0x07, 0x87], "what the ROM takes");
    assert!(fw_printenv(&trial).contains("bl_updt_status=attempt\n"));
    assert_eq!([FIRST_SET, SECOND_SET].map(|set| ended[set + 3]), [0x87, 0x87]);
    assert_eq!(fw_printenv(&ended), "bootcount=0\nbootlimit=3\nslot=a\nupgrade_available=0\n");
    assert!(ended[..SECOND_SET] == before[..SECOND_SET], "the first set is as it was");
}
