//! Measuring one row: both programs in turn, each with what it starts from made anew.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};

use super::{Fresh, RUNS, Row};
use crate::command;

pub(super) struct Bench {
    pub(super) directory: PathBuf,
    pub(super) agent: PathBuf,
    /// Where `directory` is served.
    pub(super) url: String,
}

/// Of one run: seconds by a steady clock, seconds of CPU, peak memory in KiB.
#[derive(Clone, Copy)]
struct Figures {
    wall: f64,
    cpu: f64,
    memory: f64,
}

impl Bench {
    pub(super) fn row(&self, row: &Row) -> Result<()> {
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
        let bar = row.bar.map_or_else(|| "-".to_owned(), |bar| format!("{bar:.1}"));
        println!(
            "{:<32} {:>9.3} {:>9.3} {:>6.2} {bar:>5}   {:>6.2} / {:>6.2}   {:>5.0} / {:>5.0}",
            row.name,
            ours.wall,
            theirs.wall,
            theirs.wall / ours.wall.max(f64::MIN_POSITIVE),
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
                self.repository(&kept, mode)?;
            }
            Fresh::Updatable(mode) => {
                self.remove(&kept)?;
                // The objects of a repository are never written to: links serve as well as copies.
                self.quietly("cp", &["-al", &format!("first-{mode}"), &kept])?;
            }
        }
        let words = words
            .iter()
            .map(|word| word.replace("--repo=new", &format!("--repo={kept}")).replace("URL", &self.url));
        command.args(words);
        let start = Instant::now();
        command::quiet(command)?;
        let wall = start.elapsed().as_secs_f64();
        let text = std::fs::read_to_string(self.directory.join("figures"))?;
        let numbers: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [user, system, memory] = numbers[..] else { anyhow::bail!("time printed {text:?}") };
        Ok(Figures { wall, cpu: user + system, memory })
    }

    /// `program` under `time`, which writes its figures into a file.
    fn command(&self, program: &Path, first: &[&str]) -> Command {
        let mut command = Command::new("/usr/bin/time");
        command.args(["-f", "%U %S %M", "-o", "figures"]).arg(program).args(first);
        command.current_dir(&self.directory).env("TZ", "UTC").env("LC_ALL", "C.UTF-8");
        command
    }

    /// An empty repository that knows the served ones as the remotes `plain` and `deltas`.
    pub(super) fn repository(&self, name: &str, mode: &str) -> Result<()> {
        let repo = format!("--repo={name}");
        self.quietly("ostree", &["init", &repo, &format!("--mode={mode}")])?;
        for (remote, served) in [("plain", "archive"), ("deltas", "with-deltas")] {
            let url = format!("{}/{served}", self.url);
            self.quietly("ostree", &["remote", "add", &repo, "--no-gpg-verify", remote, &url])?;
        }
        Ok(())
    }

    pub(super) fn quietly(&self, program: &str, words: &[&str]) -> Result<()> {
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
