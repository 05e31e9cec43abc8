//! `--record`: the figures of a comparison as a file of the repository, with the machine and the versions that gave them.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::command;
use crate::workspace::Workspace;

/// Where the files are, below the workspace.
const FIGURES: &str = "benches/figures";

/// Runs the comparison once more as a process of its own, and writes what it prints on standard output to
/// `benches/figures/WHAT.md`.
pub(super) fn run(workspace: &Workspace, what: &str, arguments: &[String]) -> Result<()> {
    let mut comparison = Command::new(std::env::current_exe()?);
    comparison.args(["bench-peers", what, "--"]).args(arguments).current_dir(&workspace.root);
    let mut child = comparison.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().context("standard output of the comparison")?;
    let mut table = String::new();
    for line in BufReader::new(output).lines() {
        let line = line?;
        println!("{line}");
        // What was started, and what debootstrap says, are no figures.
        if !line.starts_with("+ ") && !line.starts_with("I: ") && !line.starts_with("W: ") {
            table.push_str(line.trim_end());
            table.push('\n');
        }
    }
    let status = child.wait()?;
    ensure!(status.success(), "bench-peers {what}: {status}; nothing is recorded");
    let words = [&["cargo", "xtask", "bench-peers", what, "--record"][..]].concat().join(" ");
    let text = format!(
        "# Figures: {what}\n\nWritten by `{words}`, never by hand.\n\n{}\n```text\n{}\n```\n",
        conditions(workspace, what)?,
        table.trim_matches('\n')
    );
    let directory = workspace.path(FIGURES);
    std::fs::create_dir_all(&directory)?;
    let path = directory.join(format!("{what}.md"));
    std::fs::File::create(&path)?.write_all(text.as_bytes())?;
    println!("recorded in {FIGURES}/{what}.md");
    Ok(())
}

/// What the figures depend on, an item a line.
fn conditions(workspace: &Workspace, what: &str) -> Result<String> {
    let mut items = vec![machine(), printed("rustc", &["--version"])?, printed("uname", &["-sr"])?];
    items.push(format!("this workspace at {}", revision(workspace)?));
    match what {
        "ostree" | "etc-merge" => {
            let version = printed("ostree", &["--version"])?;
            let number = version.lines().find_map(|line| line.trim().strip_prefix("Version: "));
            items.push(format!("ostree {}", number.unwrap_or("of an unknown version").trim_matches('\'')));
        }
        "uptane" => items.extend(locked(workspace, "benches/peers/Cargo.lock", &["tough", "tuf"])?),
        "compose" => items.extend(locked(
            workspace,
            "benches/peers/compose/Cargo.lock",
            &["compose_spec", "docker-compose-types", "saphyr-parser"],
        )?),
        _ => {}
    }
    Ok(items.iter().map(|item| format!("* {item}\n")).collect())
}

/// Processors and memory, as Linux names them.
fn machine() -> String {
    let read = |path| std::fs::read_to_string(Path::new(path)).unwrap_or_default();
    let processors = read("/proc/cpuinfo");
    let mut names = processors
        .lines()
        .filter_map(|line| line.strip_prefix("model name").and_then(|rest| rest.split_once(": ")));
    let name = names.next().map_or("an unknown processor", |(_, name)| name).to_owned();
    let memory = read("/proc/meminfo");
    let kib = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse().ok());
    format!("{} × {name}, {} MiB of memory", 1 + names.count(), kib.unwrap_or(0_u64) / 1024)
}

fn revision(workspace: &Workspace) -> Result<String> {
    let git = |arguments: &[&str]| {
        command::quiet(Command::new("git").current_dir(&workspace.root).args(arguments))
            .map(|text| String::from_utf8_lossy(&text).trim().to_owned())
    };
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    let revision = git(&["rev-parse", "--short=12", "HEAD"])?;
    // The figures of other comparisons, recorded just before, are no change of what is measured.
    let is_clean = changed.lines().all(|line| line.contains(FIGURES));
    Ok(if is_clean { revision } else { format!("{revision}, with changes") })
}

/// The versions of `packages` in a lock file.
fn locked(workspace: &Workspace, lock: &str, packages: &[&str]) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(workspace.path(lock)).with_context(|| lock.to_owned())?;
    let lock: toml::Table = toml::from_str(&text).with_context(|| lock.to_owned())?;
    let listed =
        lock.get("package").and_then(toml::Value::as_array).context("a lock file without packages")?;
    let field = |package: &toml::Value, name: &str| {
        package.get(name).and_then(toml::Value::as_str).unwrap_or_default().to_owned()
    };
    let wanted = listed.iter().filter(|package| packages.contains(&field(package, "name").as_str()));
    Ok(wanted.map(|package| format!("{} {}", field(package, "name"), field(package, "version"))).collect())
}

fn printed(program: &str, arguments: &[&str]) -> Result<String> {
    let output = command::quiet(Command::new(program).args(arguments))?;
    Ok(String::from_utf8_lossy(&output).trim().to_owned())
}
