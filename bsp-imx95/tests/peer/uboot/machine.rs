//! QEMU's `virt` machine with Debian's U-Boot.
//!
//! That U-Boot has its environment in flash, without a second copy and without a boot counter. So what is in flash
//! are scripts that do the same with a virtio disk: they load the environment under test from it, count the boot,
//! run `altbootcmd` past the limit, and then do what Torizon's boot script does. CRC, import and export are
//! U-Boot's own commands.

use bsp_imx95::env::{Change, Layout, Variables, write};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;
use testkit::tools;

const UBOOT: &str = "/usr/lib/u-boot/qemu_arm64/u-boot.bin";
const FLASH_BYTES: u64 = 64 * 1024 * 1024;
/// `CONFIG_ENV_SIZE` of Debian's qemu_arm64.
const FLASH_ENV_BYTES: usize = 0x4_0000;

/// Size of a copy under test, and where they lie on the disk.
const SIZE: usize = 0x2000;
const STARTS: [u64; 2] = [0x10_0000, 0x10_2000];
const UENV_START: u64 = 0x20_0000;
const EXPORT_START: u64 = 0x30_0000;
const DISK_BYTES: u64 = 4 * 1024 * 1024;

/// Variables that a save stores.
const SAVED: &str = "bootcount bootlimit upgrade_available rollback altbootcmd env_initialized";

/// The scripts. Numbers are hexadecimal; copies are read to 48000000 and 48002000, block 800 is 0x100000.
const SCRIPTS: &[(&str, &str)] = &[
    (
        "start",
        "run eload; run count; setenv bootcmd run boot_script; if test -n \"${bootlimit}\" && test 0x${bootcount} -gt 0x${bootlimit}; then run altbootcmd; else run bootcmd; fi; poweroff",
    ),
    // bootcount_env.c: the count is stored only while an update is on trial.
    (
        "count",
        "if test -n \"${upgrade_available}\" && test \"${upgrade_available}\" != 0; then setexpr bootcount ${bootcount} + 1; run esave; else setenv bootcount 1; fi",
    ),
    // Torizon's boot.cmd, and the part of its uEnv.txt that chooses the deployment.
    (
        "boot_script",
        "if test -z \"${altbootcmd}\"; then setenv altbootcmd 'env set rollback 1; run bootcmd'; setenv env_initialized 1; run esave; fi; if test \"${rollback}\" = 1 && test \"${upgrade_available}\" = 1; then setenv upgrade_available 0; run esave; fi; virtio read 48010000 1000 8; env import -t 48010000 ${uenv_size}; if test -n \"${kernel_image2}\" && test \"${rollback}\" = 1; then setenv kernel_image ${kernel_image2}; fi; echo RESULT ${kernel_image} ${bootcount}",
    ),
];

const SINGLE: &[(&str, &str)] = &[
    ("eload", "virtio scan; virtio read 48000000 800 10; env import -c 48000000 2000"),
    ("esave", "env export -c -s 2000 48000000 ${saved}; virtio write 48000000 800 10"),
];

/// `env_check_redund` and `env_export` as scripts: both copies are checked, the greater counter wins.
const REDUNDANT: &[(&str, &str)] = &[
    // The command stores a CRC with its high byte first, an environment its low byte.
    (
        "swap",
        "cp.b 48004000 48004013 1; cp.b 48004001 48004012 1; cp.b 48004002 48004011 1; cp.b 48004003 48004010 1",
    ),
    (
        "check_a",
        "setenv ok_a 0; crc32 48000005 1ffb 48004000; run swap; if cmp.b 48000000 48004010 4; then setenv ok_a 1; fi; setexpr.b flags_a *48000004",
    ),
    (
        "check_b",
        "setenv ok_b 0; crc32 48002005 1ffb 48004000; run swap; if cmp.b 48002000 48004010 4; then setenv ok_b 1; fi; setexpr.b flags_b *48002004",
    ),
    (
        "choose",
        "setenv use ${ok_a}${ok_b}; if test ${use} = 11; then setenv use 10; if test 0x${flags_b} -gt 0x${flags_a}; then setenv use 01; fi; if test ${flags_a}/${flags_b} = ff/0; then setenv use 01; fi; if test ${flags_a}/${flags_b} = 0/ff; then setenv use 10; fi; fi",
    ),
    (
        "eload",
        "virtio scan; virtio read 48000000 800 20; run check_a; run check_b; run choose; if test ${use} = 10; then env import -b 48000005 1ffb; fi; if test ${use} = 01; then env import -b 48002005 1ffb; fi",
    ),
    (
        "esave",
        "mw.b 48006000 0 2000; env export -b -s 1ffb 48006005 ${saved}; crc32 48006005 1ffb 48004000; run swap; cp.b 48004010 48006000 4; if test ${use} = 10; then setexpr flags ${flags_a} + 1; setenv block 810; setenv use 01; setenv flags_b ${flags}; else setexpr flags ${flags_b} + 1; setenv block 800; setenv use 10; setenv flags_a ${flags}; fi; mw.b 48006004 ${flags} 1; virtio write 48006000 ${block} 10",
    ),
];

pub(crate) struct Machine {
    directory: TempDir,
    layout: Layout,
    uenv: String,
}

impl Machine {
    /// A machine whose disk has these variables in every copy, and this `uEnv.txt`.
    pub(crate) fn new(layout: Layout, variables: &Variables, uenv: &str) -> Self {
        let machine = Self { directory: tempfile::tempdir().unwrap(), layout, uenv: uenv.into() };
        let code = machine.file("flash0.img", FLASH_BYTES);
        assert!(tools::is_installed(UBOOT), "apt-get install u-boot-qemu");
        code.write_all_at(&fs::read(UBOOT).unwrap(), 0).unwrap();
        let disk = machine.file("disk.img", DISK_BYTES);
        for start in STARTS.iter().take(layout.copies()) {
            disk.write_all_at(&variables.encode(layout, SIZE).unwrap(), *start).unwrap();
        }
        disk.write_all_at(uenv.as_bytes(), UENV_START).unwrap();
        machine
    }

    pub(crate) fn uenv(&self) -> &str {
        &self.uenv
    }

    /// Powers on; returns the kernel that would be booted, and the count of boots.
    pub(crate) fn power_on(&self) -> (String, u32) {
        let console = self.run("run start");
        let result = console.lines().find_map(|line| line.trim().strip_prefix("RESULT "));
        let (kernel, count) =
            result.and_then(|result| result.split_once(' ')).unwrap_or_else(|| panic!("{console}"));
        (kernel.into(), count.parse().unwrap())
    }

    /// Loads the environment and has U-Boot export the named variables as text.
    pub(crate) fn export_text(&self, names: &str) -> Vec<u8> {
        self.run(&format!("run eload; {}; poweroff", export(names)));
        self.exported()
    }

    /// The same after U-Boot has imported `text`.
    pub(crate) fn import_text(&self, text: &str, names: &str) -> Vec<u8> {
        let disk = File::options().write(true).open(self.path("disk.img")).unwrap();
        disk.write_all_at(text.as_bytes(), UENV_START).unwrap();
        let import = format!("virtio read 48010000 1000 8; env import -t 48010000 {:x}", text.len());
        self.run(&format!("run eload; {import}; {}; poweroff", export(names)));
        self.exported()
    }

    /// Changes the environment as the agent does: in one write of one copy.
    pub(crate) fn apply(&self, changes: &[Change<'_>]) {
        let copies = self.copies();
        let slices: Vec<&[u8]> = copies.iter().map(Vec::as_slice).collect();
        let mut out = vec![0; SIZE];
        if let Some(write) = write(self.layout, &slices, changes, &mut out).unwrap() {
            self.open().write_all_at(&out, STARTS[write.copy]).unwrap();
        }
    }

    /// What the stored environment says; `None` if no copy is whole.
    pub(crate) fn variables(&self) -> Option<Variables> {
        let copies = self.copies();
        let slices: Vec<&[u8]> = copies.iter().map(Vec::as_slice).collect();
        Variables::from_bytes(self.layout, &slices).ok()
    }

    /// Overwrites a sector of the copy that is in use, as if its write had been cut.
    pub(crate) fn tear_newest(&self) {
        let copies = self.copies();
        let slices: Vec<&[u8]> = copies.iter().map(Vec::as_slice).collect();
        let (chosen, _) = bsp_imx95::env::load(self.layout, &slices).unwrap();
        self.open().write_all_at(&[0xff; 0x200], STARTS[chosen.index]).unwrap();
    }

    pub(crate) fn disk(&self) -> Vec<u8> {
        fs::read(self.path("disk.img")).unwrap()
    }

    fn copies(&self) -> Vec<Vec<u8>> {
        let disk = self.open();
        let read = |start: &u64| {
            let mut copy = vec![0; SIZE];
            disk.read_exact_at(&mut copy, *start).unwrap();
            copy
        };
        STARTS.iter().take(self.layout.copies()).map(read).collect()
    }

    fn exported(&self) -> Vec<u8> {
        let mut text = vec![0; 0x1000];
        self.open().read_exact_at(&mut text, EXPORT_START).unwrap();
        text.into_iter().take_while(|byte| *byte != 0).collect()
    }

    /// Boots with this `bootcmd` until it powers off; returns the console.
    fn run(&self, bootcmd: &str) -> String {
        let mut scripts = Variables::new();
        let uenv_size = format!("{:x}", self.uenv.len());
        let settings = [
            ("bootdelay", "0"),
            ("bootlimit", "3"),
            ("bootcmd", bootcmd),
            ("saved", SAVED),
            ("uenv_size", uenv_size.as_str()),
        ];
        let stored = if self.layout == Layout::Single { SINGLE } else { REDUNDANT };
        for (name, value) in settings.iter().chain(SCRIPTS).chain(stored) {
            scripts.set(name, Some(value)).unwrap();
        }
        let flash = self.file("flash1.img", FLASH_BYTES);
        flash.write_all_at(&scripts.encode(Layout::Single, FLASH_ENV_BYTES).unwrap(), 0).unwrap();
        let pflash = |unit: u8| {
            let file = self.path(&format!("flash{unit}.img"));
            format!("if=pflash,format=raw,unit={unit},readonly=on,file={}", file.display())
        };
        // A script that hangs is a failure, not a wait: a boot takes about a second.
        let mut command: Command = tools::tool("timeout");
        command.args(["60", "qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a57", "-m", "256M"]);
        command.args(["-nographic", "-no-reboot", "-net", "none"]);
        command.args(["-drive", &pflash(0), "-drive", &pflash(1)]);
        command
            .arg("-drive")
            .arg(format!("if=none,id=d0,format=raw,file={}", self.path("disk.img").display()));
        command.args(["-device", "virtio-blk-device,drive=d0"]);
        command.stdin(std::process::Stdio::null());
        assert!(tools::is_installed("qemu-system-aarch64"), "apt-get install qemu-system-arm");
        String::from_utf8_lossy(&tools::success(&mut command)).into_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn open(&self) -> File {
        File::options().read(true).write(true).open(self.path("disk.img")).unwrap()
    }

    /// A file of zeros, most of which take no space.
    fn file(&self, name: &str, len: u64) -> File {
        let file = File::create(self.path(name)).unwrap();
        file.set_len(len).unwrap();
        file
    }
}

fn export(names: &str) -> String {
    // Zeros first: what an export does not fill must not be left over.
    format!("mw.b 48020000 0 1000; env export -t -s 1000 48020000 {names}; virtio write 48020000 1800 8")
}
