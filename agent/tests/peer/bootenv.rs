//! `ota-agent bootenv` beside libubootenv's `fw_setenv`.

use std::fs;
use std::path::Path;
use std::process::Command;

use bsp_imx95::env::{Layout, Scheme, Variables};
use testkit::tools;

const SIZE: usize = 0x1000;
/// Changes that each program makes.
const CHANGES: usize = 40;

fn ota_agent(config: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ota-agent"));
    command.arg("bootenv").arg("--config").arg(config).args(arguments);
    String::from_utf8(tools::success(&mut command)).unwrap()
}

fn libubootenv(tool: &str, config: &Path, arguments: &[&str]) -> String {
    let mut command = tools::tool(tool);
    command.arg("-c").arg(config).args(arguments);
    String::from_utf8(tools::success(&mut command)).unwrap()
}

#[test]
fn wait_for_each_other_so_that_no_change_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let (config, image) = (directory.path().join("fw_env.config"), directory.path().join("uboot.env"));
    let layout = Layout::Redundant { scheme: Scheme::Counter };
    fs::write(&image, Variables::new().encode(layout, SIZE).unwrap().repeat(2)).unwrap();
    let line = |copy: usize| format!("{} {:#x} {SIZE:#x}\n", image.display(), copy * SIZE);
    fs::write(&config, format!("{}{}", line(0), line(1))).unwrap();

    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..CHANGES {
                libubootenv("fw_setenv", &config, &[&format!("theirs_{number:02}"), "1"]);
            }
        });
        for number in 0..CHANGES {
            ota_agent(&config, &["set", &format!("ours_{number:02}=1")]);
        }
    });

    let ours = ota_agent(&config, &["print"]);
    let mut theirs: Vec<String> =
        libubootenv("fw_printenv", &config, &[]).lines().map(String::from).collect();
    theirs.sort();
    assert_eq!(ours.lines().collect::<Vec<_>>(), theirs);
    assert_eq!(theirs.len(), 2 * CHANGES, "{theirs:#?}");
}

#[test]
fn prints_what_fw_printenv_prints_if_asked_for_it_raw() {
    let directory = tempfile::tempdir().unwrap();
    let (config, image) = (directory.path().join("fw_env.config"), directory.path().join("uboot.env"));
    fs::write(&image, Variables::new().encode(Layout::Single, SIZE).unwrap()).unwrap();
    fs::write(&config, format!("{} 0x0 {SIZE:#x}\n", image.display())).unwrap();
    libubootenv("fw_setenv", &config, &["path", r"C:\x\\y"]);
    ota_agent(&config, &["set", r"other=a\b", "plain=1 2"]);
    ota_agent(&config, &["--raw", "set", r"raw=c\d"]);
    let theirs = libubootenv("fw_printenv", &config, &[]);
    assert_eq!(ota_agent(&config, &["print", "--raw"]), theirs);
    let ours = "other=a\\b\npath=C:x\\y\nplain=1 2\nraw=cd\n";
    assert_eq!(ota_agent(&config, &["print"]), ours, "as U-Boot reads it");
}
