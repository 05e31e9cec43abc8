//! The Debian packages that building and testing need, listed once: `testkit` names the package of a
//! missing tool, and `cargo xtask test` includes this file to install them.

/// A tool, Debian's package of it, and what it is needed for. A tool with a leading `/` is that very file.
pub const PACKAGES: &[(&str, &str, &str)] = &[
    ("cc", "gcc", "Rust links with it"),
    ("c++", "g++", "libFuzzer is C++"),
    ("git", "git", "three-way text merges are compared with git merge-file"),
    ("ostree", "ostree", "repositories, checkouts and merges of /etc are compared with it"),
    ("debootstrap", "debootstrap", "makes the tree that repositories are timed with"),
    ("/usr/sbin/nginx", "nginx-light", "serves repositories over TLS, and where pulls are timed"),
    ("/usr/bin/time", "time", "measures CPU and memory of what is timed"),
    ("fw_printenv", "libubootenv-tool", "reads the U-Boot environments we write"),
    ("fw_setenv", "libubootenv-tool", "writes the U-Boot environments we read"),
    ("rauc", "rauc", "changes boot slots in U-Boot environments as we do"),
    ("dbus-run-session", "dbus-daemon", "rauc talks to its service over it"),
    ("mkenvimage", "u-boot-tools", "makes U-Boot environment images"),
    ("mkimage", "u-boot-tools", "makes U-Boot scripts and boot containers"),
    ("docker-compose", "docker-compose", "reads and merges Compose files, which are compared with it"),
    ("/usr/bin/python3", "python3", "runs securesystemslib and python-tuf, compresses as .xz"),
    ("/usr/bin/pip3", "python3-pip", "fetches python-tuf, which Debian does not have"),
    ("openssl", "openssl", "makes keys and certificates, reads our keys, checks what they signed"),
    ("faketime", "faketime", "runs tuf-client and ostree at another time"),
    (
        "/usr/lib/python3/dist-packages/securesystemslib/formats.py",
        "python3-securesystemslib",
        "OLPC canonical JSON is compared with it",
    ),
    ("/usr/include/jsoncpp/json/json.h", "libjsoncpp-dev", "aktualizr's canonical JSON is compared with it"),
    ("dockerd", "docker.io", "applications are switched on a real engine"),
    ("docker", "docker.io", "says what the engine has"),
    ("docker-compose", "docker-compose", "starts applications that are then taken over"),
    ("docker-registry", "docker-registry", "images are pulled from it by digest"),
    ("/bin/busybox", "busybox-static", "is in the images that tests make"),
    ("iptables", "iptables", "dockerd sets networks up with it"),
    ("ip", "iproute2", "sets up the loopback interface of a network namespace"),
    ("unshare", "util-linux", "gives dockerd namespaces of its own, and ostree a system that is booted"),
    ("nsenter", "util-linux", "puts the registry, and the agent that asks it, into the same network"),
    ("setpriv", "util-linux", "ends both with the test that started them"),
    ("mount", "mount", "mounts a small file system, for what must stay free"),
    ("umount", "mount", "takes it away again"),
    ("mkfs.btrfs", "btrfs-progs", "makes a file system whose files can share what is on the disk"),
    ("qemu-system-arm", "qemu-system-arm", "runs the firmware"),
    ("qemu-system-aarch64", "qemu-system-arm", "runs U-Boot"),
    ("qemu-system-x86_64", "qemu-system-x86", "runs Linux with NOR flash"),
    ("busybox", "busybox-static", "is the shell of that Linux"),
    ("/usr/lib/u-boot/qemu_arm64/u-boot.bin", "u-boot-qemu", "boots from the environments we write"),
    ("arm-none-eabi-ld", "binutils-arm-none-eabi", "links the firmware"),
    ("/usr/bin/rustc", "rustc-web", "builds core for the firmware's target"),
    ("/usr/bin/cargo", "cargo-web", "builds core for the firmware's target"),
    ("/usr/lib/rustlib/src/rust/library/core/src/lib.rs", "rust-web-src", "the source of core"),
];

/// Whether `name` is found on the search path, `/usr/sbin` included; a path is looked for as it is.
#[must_use]
pub fn is_installed(name: &str) -> bool {
    // `join` of an absolute path is that path.
    std::env::split_paths(&search_path()).any(|directory| directory.join(name).is_file())
}

/// Debian keeps some tools in `/usr/sbin`, which a plain user's path lacks.
#[must_use]
pub fn search_path() -> std::ffi::OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin:/sbin");
    path
}
