//! How much code a boot loader needs of a library, on a Cortex-M7.

use std::path::Path;
use std::process::Command;

const TARGET: &str = "thumbv7em-none-eabihf";

/// Builds the programs of `benches/code-size` with Debian's compiler, which comes with the source of `core`, and
/// prints how much flash each of them needs.
pub(crate) fn print(programs: &[&str]) {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/code-size");
    let mut cargo = Command::new("/usr/bin/cargo");
    // What the cargo that started us says about itself must not reach another cargo.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let is_foreign = ["CARGO", "RUST"].iter().any(|prefix| text.starts_with(prefix));
        if (is_foreign && text != "CARGO_HOME") || text == "LD_LIBRARY_PATH" {
            cargo.env_remove(&name);
        }
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("code-size");
    cargo.current_dir(directory).args(["build", "--quiet", "--release", "--bins", "-Zbuild-std=core"]);
    cargo.args(["--target", TARGET]).env("CARGO_TARGET_DIR", &target);
    cargo.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1");
    cargo.env("CARGO_TARGET_THUMBV7EM_NONE_EABIHF_LINKER", "arm-none-eabi-ld");
    cargo.env("CARGO_TARGET_THUMBV7EM_NONE_EABIHF_RUSTFLAGS", "-Clink-arg=--gc-sections");
    if !cargo.status().is_ok_and(|status| status.success()) {
        println!("no code size: it needs rustc-web, rust-web-src, cargo-web and binutils-arm-none-eabi");
        return;
    }
    for program in programs {
        let path = target.join(TARGET).join("release").join(program);
        let output = Command::new("arm-none-eabi-size").arg(path).output();
        let text =
            output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        let bytes = text.lines().nth(1).and_then(|line| line.split_whitespace().next()).unwrap_or("?");
        println!("{program}: {bytes} bytes of code and constants on {TARGET}");
    }
}
