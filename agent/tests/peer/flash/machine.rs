//! Debian's Linux in QEMU, with NOR flash that its own driver for tests keeps in memory.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use testkit::tools::{success, tool};

/// Bytes of an erase block.
pub(crate) const ERASE_SIZE: usize = 0x1000;

/// Modules of the kernel, in the order in which they are loaded.
const MODULES: [&str; 4] = ["mtd", "mtd_blkdevs", "mtdblock", "devices/mtdram"];

/// Seconds after which a machine that hangs is killed. It needs 15 without hardware support.
const TIMEOUT: &str = "240";

/// What runs first: `keep NAME` prints the whole flash between marks.
const INIT: &str = r"#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t devtmpfs dev /dev; mount -t proc proc /proc; mount -t sysfs sys /sys
for module in mtd mtd_blkdevs mtdblock; do insmod /$module.ko; done
insmod /mtdram.ko total_size=4096 erase_size=4
dd if=/flash of=/dev/mtd0 bs=64k 2>/dev/null
keep() { dd if=/dev/mtd0 bs=64k 2>/dev/null | gzip -c >/kept; echo; echo '<'keep $1; base64 /kept; echo 'keep>'; }
echo '<'say; . /script; status=$?; echo; echo 'say>' $status
poweroff -f
";

/// A machine that is not switched on yet.
pub(crate) struct Machine {
    root: tempfile::TempDir,
}

/// What a machine did.
pub(crate) struct Run {
    /// How the last command ended.
    pub(crate) status: i32,
    /// What the commands printed.
    pub(crate) said: String,
    kept: RefCell<BTreeMap<String, Vec<u8>>>,
}

impl Run {
    /// The flash, as it was at `keep NAME`.
    pub(crate) fn kept(&self, name: &str) -> Vec<u8> {
        self.kept
            .borrow_mut()
            .remove(name)
            .unwrap_or_else(|| panic!("nothing is kept as {name}: {}", self.said))
    }
}

/// Kernel and modules of Debian's kernel package, fetched once. Installing it would change how this machine boots.
fn kernel() -> &'static Path {
    static KERNEL: OnceLock<PathBuf> = OnceLock::new();
    KERNEL.get_or_init(|| {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("linux");
        let lock = fs::File::create(place.with_extension("lock")).unwrap();
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
        if !place.join("complete").is_file() {
            fetch(&place);
            fs::write(place.join("complete"), "").unwrap();
        }
        place
    })
}

fn fetch(place: &Path) {
    let depends = success(tool("apt-cache").args(["depends", "linux-image-amd64"]));
    let depends = String::from_utf8(depends).unwrap();
    let package = depends.lines().find_map(|line| line.trim().strip_prefix("Depends: ")).unwrap();
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    success(tool("apt-get").current_dir(&scratch).args(["download", "-q"]).arg(package));
    let archive = fs::read_dir(&scratch).unwrap().next().unwrap().unwrap().path();
    let unpacked = scratch.path().join("unpacked");
    success(tool("dpkg-deb").arg("-x").arg(&archive).arg(&unpacked));
    let version = package.strip_prefix("linux-image-").unwrap();
    fs::create_dir_all(place).unwrap();
    fs::copy(unpacked.join(format!("boot/vmlinuz-{version}")), place.join("vmlinuz")).unwrap();
    let modules = unpacked.join(format!("lib/modules/{version}/kernel/drivers/mtd"));
    for module in MODULES {
        let file = format!("{}.ko", module.rsplit('/').next().unwrap());
        fs::copy(modules.join(format!("{module}.ko")), place.join(file)).unwrap();
    }
}

/// The libraries of a program, and what loads them.
fn libraries(program: &Path) -> Vec<PathBuf> {
    let text = String::from_utf8(success(tool("ldd").arg(program))).unwrap();
    let paths = text.split_whitespace().filter(|word| word.starts_with('/'));
    paths.map(PathBuf::from).collect()
}

impl Machine {
    /// A machine with this flash.
    pub(crate) fn new(flash: &[u8]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        for directory in ["bin", "dev", "proc", "sys", "tmp", "run", "var/lock"] {
            fs::create_dir_all(path(directory)).unwrap();
        }
        let agent = Path::new(env!("CARGO_BIN_EXE_ota-agent"));
        // With what a debugger needs it would not fit into the machine's memory.
        success(tool("strip").arg("-o").arg(path("bin/ota-agent")).arg(agent));
        fs::copy("/bin/busybox", path("bin/busybox")).unwrap();
        for library in libraries(agent) {
            let to = path(library.strip_prefix("/").unwrap().to_str().unwrap());
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(library, to).unwrap();
        }
        for module in MODULES {
            let file = format!("{}.ko", module.rsplit('/').next().unwrap());
            fs::copy(kernel().join(&file), path(&file)).unwrap();
        }
        fs::write(path("init"), INIT).unwrap();
        fs::set_permissions(path("init"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(path("flash"), flash).unwrap();
        Self { root }
    }

    /// A file in its root directory.
    pub(crate) fn file(&self, name: &str, content: &[u8]) {
        fs::write(self.root.path().join(name), content).unwrap();
    }

    /// Switches it on, runs a script of its shell, and switches it off.
    pub(crate) fn run(&self, script: &str) -> Run {
        self.file("script", script.as_bytes());
        let outside = tempfile::tempdir().unwrap();
        let archive = outside.path().join("initramfs");
        let mut pack = tool("sh");
        pack.current_dir(self.root.path())
            .arg("-c")
            .arg("find . | busybox cpio -o -H newc >\"$0\"")
            .arg(&archive);
        success(&mut pack);
        let mut qemu: Command = tool("timeout");
        qemu.args([TIMEOUT, "qemu-system-x86_64", "-M", "q35", "-m", "1024", "-nographic", "-no-reboot"]);
        qemu.args(["-net", "none", "-append", "console=ttyS0 quiet panic=-1", "-kernel"]);
        qemu.arg(kernel().join("vmlinuz")).arg("-initrd").arg(&archive);
        let log = String::from_utf8_lossy(&success(&mut qemu)).replace('\r', "");
        read(&log).unwrap_or_else(|| panic!("the machine did not come to its end:\n{log}"))
    }
}

/// Takes apart what a machine printed.
fn read(log: &str) -> Option<Run> {
    let (_, rest) = log.split_once("<say\n")?;
    let (mut rest, end) = rest.rsplit_once("\nsay> ")?;
    let mut run =
        Run { status: end.lines().next()?.parse().ok()?, said: String::new(), kept: RefCell::default() };
    while let Some((before, behind)) = rest.split_once("\n<keep ") {
        let (name, behind) = behind.split_once('\n')?;
        let (text, behind) = behind.split_once("keep>\n")?;
        run.said.push_str(before);
        run.kept.get_mut().insert(name.into(), unpack(text));
        rest = behind;
    }
    run.said.push_str(rest);
    Some(run)
}

/// What was compressed and printed as base64.
fn unpack(text: &str) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("flash.gz.txt");
    fs::write(&file, text).unwrap();
    success(tool("sh").arg("-c").arg("base64 -d \"$0\" | gzip -dc").arg(&file))
}
