//! `ota-agent ostree` beside `ostree`, on the files of a small Debian: both in turn, each several times.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::scratch;
use crate::command;
use crate::workspace::Workspace;

/// Runs of each command; the median counts.
const RUNS: usize = 3;

/// One command, in the words of both.
struct Row {
    name: &'static str,
    /// How many times faster ours should be.
    bar: f64,
    /// What is removed and made before each run, without being timed.
    fresh: Fresh,
    ours: &'static [&'static str],
    theirs: &'static [&'static str],
}

#[derive(Clone, Copy)]
enum Fresh {
    Nothing,
    /// The directory `out` is removed.
    Out,
    /// The repository `new` is made anew, in this mode.
    Repository(&'static str),
}

const COMMIT: &[&str] = &["--repo=new", "commit", "--branch=m", "--subject=s", "--timestamp=@1", "one"];
const AGAIN: &[&str] = &["--repo=new", "commit", "--branch=m", "--subject=s", "--timestamp=@2", "one"];

const fn row(
    name: &'static str,
    bar: f64,
    fresh: Fresh,
    ours: &'static [&'static str],
    theirs: &'static [&'static str],
) -> Row {
    Row { name, bar, fresh, ours, theirs }
}

/// `archive` and `bare` are repositories with the commits `one` and `two`.
const ROWS: &[Row] = &[
    row("fsck, archive", 4.0, Fresh::Nothing, &["--repo=archive", "fsck"], &["--repo=archive", "fsck", "-q"]),
    row("fsck, bare", 4.0, Fresh::Nothing, &["--repo=bare", "fsck"], &["--repo=bare", "fsck", "-q"]),
    row("first commit to archive", 2.5, Fresh::Repository("archive"), COMMIT, COMMIT),
    row("the same tree again to archive", 8.0, Fresh::Nothing, AGAIN, AGAIN),
    row("first commit to bare", 1.5, Fresh::Repository("bare"), COMMIT, COMMIT),
    row("the same tree again to bare", 1.0, Fresh::Nothing, AGAIN, AGAIN),
    row(
        "checkout, bare, copies",
        2.0,
        Fresh::Out,
        &["--repo=bare", "checkout", "-C", "two", "out"],
        &["--repo=bare", "checkout", "-C", "two", "out"],
    ),
    row(
        "checkout, archive",
        2.0,
        Fresh::Out,
        &["--repo=archive", "checkout", "-U", "two", "out"],
        &["--repo=archive", "checkout", "-U", "two", "out"],
    ),
    row(
        "checkout, bare, links",
        1.2,
        Fresh::Out,
        &["--repo=bare", "checkout", "two", "out"],
        &["--repo=bare", "checkout", "-H", "two", "out"],
    ),
    row("ls -R, archive", 4.0, Fresh::Nothing, &["--repo=archive", "ls", "-R", "two"], LS_ARCHIVE),
    row("ls -R, bare", 4.0, Fresh::Nothing, &["--repo=bare", "ls", "-R", "two"], LS_BARE),
    row("diff, archive", 4.0, Fresh::Nothing, &["--repo=archive", "diff", "one", "two"], DIFF),
    row(
        "pull-local, archive to bare",
        1.0,
        Fresh::Repository("bare"),
        &["--repo=new", "pull-local", "archive", "two"],
        &["--repo=new", "pull-local", "archive", "two"],
    ),
];
const LS_ARCHIVE: &[&str] = &["--repo=archive", "ls", "-R", "two"];
const LS_BARE: &[&str] = &["--repo=bare", "ls", "-R", "two"];
const DIFF: &[&str] = &["--repo=archive", "diff", "one", "two"];

pub(super) fn run(workspace: &Workspace, agent: &Path) -> Result<()> {
    let recipe = workspace.path("xtask/src/peers/debian-tree.sh");
    let trees = workspace.target.join("debian-tree");
    if !trees.join("two/usr").is_dir() {
        if trees.exists() {
            std::fs::remove_dir_all(&trees)?;
        }
        command::run(Command::new("sh").arg(recipe).arg(&trees))?;
    }
    let scratch = scratch()?;
    let bench = Bench { directory: scratch.path().to_path_buf(), agent: agent.to_path_buf() };
    for name in ["one", "two"] {
        command::quiet(Command::new("cp").arg("-a").arg(trees.join(name)).arg(scratch.path().join(name)))?;
    }
    for mode in ["archive", "bare"] {
        bench.quietly("ostree", &["init", &format!("--repo={mode}"), &format!("--mode={mode}")])?;
        for branch in ["one", "two"] {
            let repo = format!("--repo={mode}");
            bench.quietly("ostree", &["commit", &repo, "--timestamp=@1", "--branch", branch, branch])?;
        }
    }
    println!(
        "in {}: seconds are medians of {RUNS} runs in turn; CPU is user and system",
        scratch.path().display()
    );
    println!(
        "{:<32} {:>9} {:>9} {:>6} {:>5}   {:>15}   {:>13}",
        "", "ota-agent", "ostree", "ratio", "bar", "CPU s", "peak MiB"
    );
    for row in ROWS {
        bench.row(row)?;
    }
    Ok(())
}

struct Bench {
    directory: PathBuf,
    agent: PathBuf,
}

/// Of one run: seconds, seconds of CPU, peak memory in KiB.
#[derive(Clone, Copy)]
struct Figures {
    wall: f64,
    cpu: f64,
    memory: f64,
}

impl Bench {
    fn row(&self, row: &Row) -> Result<()> {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            // Each leaves its own repository for the row that commits the same tree again.
            ours.push(self.side(
                row,
                "ours",
                &mut self.command(self.agent.as_path(), &["ostree"]),
                row.ours,
            )?);
            theirs.push(self.side(row, "theirs", &mut self.command(Path::new("ostree"), &[]), row.theirs)?);
        }
        let (ours, theirs) = (median(&ours), median(&theirs));
        println!(
            "{:<32} {:>9.3} {:>9.3} {:>6.2} {:>5.1}   {:>6.2} / {:>6.2}   {:>5.0} / {:>5.0}",
            row.name,
            ours.wall,
            theirs.wall,
            theirs.wall / ours.wall.max(f64::MIN_POSITIVE),
            row.bar,
            ours.cpu,
            theirs.cpu,
            ours.memory / 1024.0,
            theirs.memory / 1024.0
        );
        Ok(())
    }

    fn side(&self, row: &Row, side: &str, command: &mut Command, words: &[&str]) -> Result<Figures> {
        let kept = format!("new-{side}");
        match row.fresh {
            Fresh::Nothing => {}
            Fresh::Out => self.remove("out")?,
            Fresh::Repository(mode) => {
                self.remove(&kept)?;
                self.quietly("ostree", &["init", &format!("--repo={kept}"), &format!("--mode={mode}")])?;
            }
        }
        let words = words.iter().map(|word| word.replace("--repo=new", &format!("--repo={kept}")));
        command::quiet(command.args(words))?;
        let text = std::fs::read_to_string(self.directory.join("figures"))?;
        let numbers: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [wall, user, system, memory] = numbers[..] else { anyhow::bail!("time printed {text:?}") };
        Ok(Figures { wall, cpu: user + system, memory })
    }

    /// `program` under `time`, which writes its figures into a file.
    fn command(&self, program: &Path, first: &[&str]) -> Command {
        let mut command = Command::new("/usr/bin/time");
        command.args(["-f", "%e %U %S %M", "-o", "figures"]).arg(program).args(first);
        command.current_dir(&self.directory).env("TZ", "UTC").env("LC_ALL", "C.UTF-8");
        command
    }

    fn quietly(&self, program: &str, words: &[&str]) -> Result<()> {
        command::quiet(Command::new(program).args(words).current_dir(&self.directory)).map(drop)
    }

    fn remove(&self, name: &str) -> Result<()> {
        let path = self.directory.join(name);
        if path.exists() {
            std::fs::remove_dir_all(&path).with_context(|| path.display().to_string())?;
        }
        Ok(())
    }
}

/// The median of each figure by itself.
fn median(all: &[Figures]) -> Figures {
    let of = |figure: fn(&Figures) -> f64| {
        let mut values: Vec<f64> = all.iter().map(figure).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or_default()
    };
    Figures { wall: of(|one| one.wall), cpu: of(|one| one.cpu), memory: of(|one| one.memory) }
}
