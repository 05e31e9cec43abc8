//! `ota-agent boot-image`: what a boot image holds and whether it is whole, and its update.

mod inspect;
mod map;
mod update;

use std::path::{Path, PathBuf};

use clap::Subcommand;

use crate::cli::Exit;

/// Looks into boot images of the i.MX9, and updates them.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print a map of the boot containers in a file or partition; exits 1 if a hash, a signature or the
    /// structure is bad. The first container is looked for at 0, 0x400 and 0x8000.
    Inspect {
        /// The boot image: a file, a disk image, or a partition such as /dev/mmcblk0boot0.
        file: PathBuf,
    },
    Update(update::UpdateArgs),
    Settle(update::SettleArgs),
}

/// Most bytes that are looked at, from the start of the file: a card's partitions begin before, and boot
/// partitions have at most 32 MiB.
pub(crate) const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Runs the command.
///
/// # Errors
/// If the file cannot be read, or the device not be updated.
pub(crate) fn run(args: &Args, json: bool) -> anyhow::Result<Exit> {
    match &args.command {
        Command::Inspect { file } => inspect::run(file, json),
        Command::Update(args) => update::update(args, json),
        Command::Settle(args) => update::settle(args, json),
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    crate::files::read(path, MAX_BYTES)
}
