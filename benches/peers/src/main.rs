//! `uptane-core` beside other TUF clients: a whole process each, in turn, loading the same repository.
//!
//! `ota-bench-peers [TARGETS…]` makes a repository for each number, runs every client several times, and prints
//! medians; `ota-bench-peers write TARGETS DIR` keeps such a repository, `ota-bench-peers parts FILE` times what the
//! floor consists of. What each loads: Root, Timestamp, Snapshot, Targets; Ed25519; files from disk.

mod clients;
mod repository;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

/// Every client, and the floor below all of them.
const CLIENTS: [&str; 5] = ["floor", "uptane-core", "uptane-core-stream", "tuf", "tough"];
const RUNS: usize = 7;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [client, directory] = arguments.as_slice()
        && CLIENTS.contains(&client.as_str())
    {
        clients::run(client, Path::new(directory));
        return ExitCode::SUCCESS;
    }
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["parts", file] => {
            clients::parts(Path::new(file));
            return ExitCode::SUCCESS;
        }
        ["write", count, directory] => {
            std::fs::create_dir_all(directory).expect("a directory");
            repository::write(Path::new(directory), count.parse().expect("a number of targets"));
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    let counts = arguments.iter().map(|count| count.parse().expect("a number of targets"));
    let mut counts: Vec<usize> = counts.collect();
    if counts.is_empty() {
        counts = vec![10_000, 100_000];
    }
    for count in counts {
        let directory = std::env::temp_dir().join(format!("ota-bench-peers-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a temporary directory");
        let bytes = repository::write(&directory, count);
        println!("{count} targets, {bytes} bytes");
        compare(&directory);
        std::fs::remove_dir_all(&directory).expect("the temporary directory");
    }
    ExitCode::SUCCESS
}

fn compare(directory: &Path) {
    let mut times = CLIENTS.map(|_| Vec::new());
    // In turn, so that what else the machine does meets all alike.
    for _ in 0..RUNS {
        for (client, times) in CLIENTS.iter().zip(&mut times) {
            times.push(time(client, directory));
        }
    }
    let medians = times.map(|mut times| {
        times.sort();
        (times[RUNS / 2], times[0])
    });
    let (ours, _) = medians[1];
    for (client, (median, least)) in CLIENTS.iter().zip(medians) {
        let ratio = median.as_secs_f64() / ours.as_secs_f64();
        println!(
            "  {client:<20} {:>9.1} ms (least {:>8.1})  {ratio:>6.2} x uptane-core",
            millis(median),
            millis(least)
        );
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn time(client: &str, directory: &Path) -> Duration {
    let program = std::env::current_exe().expect("this program");
    let start = Instant::now();
    let status = Command::new(program).arg(client).arg(directory).status().expect("this program again");
    assert!(status.success(), "{client}: {status}");
    start.elapsed()
}
