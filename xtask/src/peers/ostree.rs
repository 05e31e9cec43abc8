//! `ota-agent ostree` beside `ostree`, on the files of a small Debian: both in turn, each several times.

mod bench;
mod server;

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use self::bench::Bench;
use self::server::Server;
use super::scratch;
use crate::command;
use crate::workspace::Workspace;

/// Runs of each command; the median counts.
const RUNS: usize = 3;

/// One command, in the words of both.
struct Row {
    name: &'static str,
    /// How many times faster ours should be, if anything is asked of it.
    bar: Option<f64>,
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
    /// The repository `new` has the commit `one` alone, in this mode.
    Updatable(&'static str),
}

const COMMIT: &[&str] = &["--repo=new", "commit", "--branch=m", "--subject=s", "--timestamp=@1", "one"];
const AGAIN: &[&str] = &["--repo=new", "commit", "--branch=m", "--subject=s", "--timestamp=@2", "one"];

const WITH_SIZES: &[&str] =
    &["--repo=new", "commit", "--branch=m", "--timestamp=@1", "--generate-sizes", "one"];
const LINKS: &[&str] = &["--repo=bare", "commit", "--branch=links", "--timestamp=@1", "linked"];
const KNOWN_LINKS: &[&str] =
    &["--repo=bare", "commit", "--branch=links", "--timestamp=@1", "--link-checkout-speedup", "linked"];

const fn row(
    name: &'static str,
    bar: Option<f64>,
    fresh: Fresh,
    ours: &'static [&'static str],
    theirs: &'static [&'static str],
) -> Row {
    Row { name, bar, fresh, ours, theirs }
}

/// `archive` and `bare` are repositories with the commits `one` and `two`; `linked` is a checkout of `one` from `bare`.
const ROWS: &[Row] = &[
    row(
        "fsck, archive",
        Some(4.0),
        Fresh::Nothing,
        &["--repo=archive", "fsck"],
        &["--repo=archive", "fsck", "-q"],
    ),
    row("fsck, bare", Some(4.0), Fresh::Nothing, &["--repo=bare", "fsck"], &["--repo=bare", "fsck", "-q"]),
    row("first commit to archive", Some(2.5), Fresh::Repository("archive"), COMMIT, COMMIT),
    row("the same tree again to archive", Some(8.0), Fresh::Nothing, AGAIN, AGAIN),
    row("first commit with sizes", None, Fresh::Repository("archive"), WITH_SIZES, WITH_SIZES),
    row("first commit to bare", Some(1.5), Fresh::Repository("bare"), COMMIT, COMMIT),
    row("the same tree again to bare", Some(1.0), Fresh::Nothing, AGAIN, AGAIN),
    row("links to bare, all read", None, Fresh::Nothing, LINKS, LINKS),
    row("links to bare, known as such", None, Fresh::Nothing, KNOWN_LINKS, KNOWN_LINKS),
    row(
        "checkout, bare, copies",
        Some(2.0),
        Fresh::Out,
        &["--repo=bare", "checkout", "-C", "two", "out"],
        &["--repo=bare", "checkout", "-C", "two", "out"],
    ),
    row(
        "checkout, archive",
        Some(2.0),
        Fresh::Out,
        &["--repo=archive", "checkout", "-U", "two", "out"],
        &["--repo=archive", "checkout", "-U", "--disable-cache", "two", "out"],
    ),
    // The first of these runs fills the tool's uncompressed-objects-cache, which the others link from.
    row(
        "checkout, archive, their cache",
        None,
        Fresh::Out,
        &["--repo=archive", "checkout", "-U", "two", "out"],
        &["--repo=archive", "checkout", "-U", "two", "out"],
    ),
    row(
        "checkout, bare, links",
        Some(1.2),
        Fresh::Out,
        &["--repo=bare", "checkout", "two", "out"],
        &["--repo=bare", "checkout", "-H", "two", "out"],
    ),
    row("ls -R, archive", Some(4.0), Fresh::Nothing, &["--repo=archive", "ls", "-R", "two"], LS_ARCHIVE),
    row("ls -R, bare", Some(4.0), Fresh::Nothing, &["--repo=bare", "ls", "-R", "two"], LS_BARE),
    row("diff, archive", Some(4.0), Fresh::Nothing, &["--repo=archive", "diff", "one", "two"], DIFF),
    row(
        "pull-local, archive to bare",
        Some(1.0),
        Fresh::Repository("bare"),
        &["--repo=new", "pull-local", "archive", "two"],
        &["--repo=new", "pull-local", "archive", "two"],
    ),
    row("HTTP pull of all to bare", Some(2.5), Fresh::Repository("bare"), PULL, PULL_THEIRS),
    row("HTTP pull of all to archive", Some(2.5), Fresh::Repository("archive"), PULL, PULL_THEIRS),
    row("HTTP pull of an update to bare", Some(1.5), Fresh::Updatable("bare"), PULL, PULL_THEIRS),
    row("HTTP pull of an update to archive", Some(1.5), Fresh::Updatable("archive"), PULL, PULL_THEIRS),
    row(
        "HTTP pull with a static delta",
        Some(1.5),
        Fresh::Updatable("bare"),
        &["--repo=new", "pull", "URL/with-deltas", "two"],
        &["--repo=new", "pull", "deltas", "two"],
    ),
    row(
        "static-delta apply-offline",
        Some(1.5),
        Fresh::Updatable("bare"),
        &["--repo=new", "static-delta", "apply-offline", "inline.delta"],
        &["--repo=new", "static-delta", "apply-offline", "inline.delta"],
    ),
];
const PULL: &[&str] = &["--repo=new", "pull", "URL/archive", "two"];
const PULL_THEIRS: &[&str] = &["--repo=new", "pull", "plain", "two"];
const LS_ARCHIVE: &[&str] = &["--repo=archive", "ls", "-R", "two"];
const LS_BARE: &[&str] = &["--repo=bare", "ls", "-R", "two"];
const DIFF: &[&str] = &["--repo=archive", "diff", "one", "two"];

/// Runs the rows whose names contain one of `only`, or all if that is empty.
pub(super) fn run(workspace: &Workspace, agent: &Path, only: &[String]) -> Result<()> {
    let recipe = workspace.path("xtask/src/peers/debian-tree.sh");
    let trees = workspace.target.join("debian-tree");
    if !trees.join("two/usr").is_dir() {
        if trees.exists() {
            std::fs::remove_dir_all(&trees)?;
        }
        command::run(Command::new("sh").arg(recipe).arg(&trees))?;
    }
    let scratch = scratch()?;
    let server = Server::start(scratch.path())?;
    let directory = scratch.path().to_path_buf();
    let bench = Bench { directory, agent: agent.to_path_buf(), url: server.url.clone() };
    for name in ["one", "two"] {
        command::quiet(Command::new("cp").arg("-a").arg(trees.join(name)).arg(scratch.path().join(name)))?;
    }
    for mode in ["archive", "bare"] {
        bench.repository(mode, mode)?;
        let repo = format!("--repo={mode}");
        for branch in ["one", "two"] {
            bench.quietly("ostree", &["commit", &repo, "--timestamp=@1", "--branch", branch, branch])?;
        }
        let first = format!("first-{mode}");
        bench.repository(&first, mode)?;
        bench.quietly("ostree", &["pull-local", &format!("--repo={first}"), "archive", "one"])?;
    }
    bench.quietly("ostree", &["checkout", "--repo=bare", "-H", "one", "linked"])?;
    serve_deltas(&bench)?;
    let place = scratch.path().parent().unwrap_or(scratch.path()).display();
    println!("in {place}: seconds are medians of {RUNS} runs in turn; CPU is user and system");
    println!(
        "{:<32} {:>9} {:>9} {:>6} {:>5}   {:>15}   {:>13}",
        "", "ota-agent", "ostree", "ratio", "bar", "CPU s", "peak MiB"
    );
    for row in
        ROWS.iter().filter(|row| only.is_empty() || only.iter().any(|part| row.name.contains(part.as_str())))
    {
        bench.row(row)?;
    }
    Ok(())
}

/// Beside `archive`, which has none, an archive with a delta between the commits, and the same delta in one file. All
/// that has changed is in it: what the tool would leave to be fetched as objects would not be measured.
fn serve_deltas(bench: &Bench) -> Result<()> {
    bench.quietly("cp", &["-al", "archive", "with-deltas"])?;
    let generate =
        ["static-delta", "generate", "--repo=with-deltas", "--from=one", "--to=two", "--min-fallback-size=0"];
    bench.quietly("ostree", &generate)?;
    bench.quietly("ostree", &["summary", "--repo=with-deltas", "-u"])?;
    let inline = [&generate[..], &["--inline", "--filename=inline.delta"]].concat();
    bench.quietly("ostree", &inline)
}
