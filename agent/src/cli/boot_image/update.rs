//! The update of the boot image, and what ends it after a boot.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use bsp_imx95::bootloader::{Passover, Place, Rom, Verdict};
use bsp_imx95::layout::{BOARDS, Board};
use clap::ValueEnum;
use serde_json::json;

use crate::boot_image::BootImages;
use crate::bootenv::{BootEnv, DEFAULT_CONFIG};
use crate::cli::Exit;
use crate::files;

/// Where U-Boot leaves its version.
const U_BOOT_VERSION: &str = "/proc/device-tree/chosen/u-boot,version";

/// Write a boot image to the place that was not booted, announce its trial, and let the ROM take it at the next
/// boot: exits 4. Nothing is written before every container of the image is whole.
#[derive(Debug, clap::Args)]
pub(super) struct UpdateArgs {
    #[command(flatten)]
    device: DeviceArgs,
    /// The hash of the device's keys, as its fuses hold it: every container must be signed by them.
    #[arg(long, value_name = "HEX", value_parser = srk_hash)]
    srk_hash: Option<Hash>,
    /// The new boot image.
    file: PathBuf,
}

/// After a boot: complete the trial of a boot image, or go back to the one before. Exits 3 if none is on
/// trial, 4 if going back takes a reboot.
#[derive(Debug, clap::Args)]
pub(super) struct SettleArgs {
    #[command(flatten)]
    device: DeviceArgs,
    /// What the version of the U-Boot that runs must begin with, such as "2024.04-ti".
    #[arg(long, value_name = "TEXT")]
    wanted: String,
    /// Where the version of the U-Boot that runs is read.
    #[arg(long, value_name = "FILE", default_value = U_BOOT_VERSION)]
    version_file: PathBuf,
}

#[derive(Debug, clap::Args)]
struct DeviceArgs {
    /// Where the boot images are: an eMMC (/dev/mmcblk0, with its boot partitions), a card or its image, or NOR
    /// flash (/dev/mtd0).
    #[arg(long, value_name = "PATH")]
    device: PathBuf,
    /// Which board it is, by its name in U-Boot.
    #[arg(long, value_parser = board)]
    board: Board,
    /// Which boot partition the ROM takes first: by default the board's; on a card and in flash always a.
    #[arg(long, value_enum)]
    rom: Option<RomArg>,
    /// The fuse that says where the second set is, on a card and in flash.
    #[arg(long, value_name = "0-10", default_value_t = 0)]
    second_set_fuse: u8,
    #[command(flatten)]
    booted: Booted,
    /// Where the U-Boot environment is.
    #[arg(long = "config", id = "fw_env_config", value_name = "FILE", default_value = DEFAULT_CONFIG)]
    config: PathBuf,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Booted {
    /// The place that was booted.
    #[arg(long, value_enum)]
    booted: Option<PlaceArg>,
    /// What the ROM left in memory about the boot, to tell the place from: 52 bytes from 0x2003de00.
    #[arg(long, value_name = "FILE")]
    passover: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PlaceArg {
    /// boot0, or the first set of containers
    A,
    /// boot1, or the second set
    B,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RomArg {
    /// The boot partition that EXT_CSD enables
    Enabled,
    /// Always boot0, or the first set
    A,
    /// Always boot1
    B,
}

impl From<PlaceArg> for Place {
    fn from(place: PlaceArg) -> Self {
        match place {
            PlaceArg::A => Self::A,
            PlaceArg::B => Self::B,
        }
    }
}

/// The bytes of a hash.
#[derive(Clone, Debug)]
struct Hash(Vec<u8>);

fn srk_hash(text: &str) -> Result<Hash, String> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return Err("an odd number of digits".into()) };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |[high, low]: &[u8; 2]| u8::try_from(digit(*high)? << 4 | digit(*low)?).ok();
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    match bytes {
        None => Err("it has other characters than hexadecimal digits".into()),
        Some(bytes) if matches!(bytes.len(), 32 | 64) => Ok(Hash(bytes)),
        Some(bytes) => {
            let len = bytes.len();
            Err(format!("{len} bytes; the hash of containers of version 1 has 32, of version 2 has 64"))
        }
    }
}

fn board(name: &str) -> Result<Board, String> {
    let names = || BOARDS.iter().map(|board| board.name).collect::<Vec<_>>().join(", ");
    let found = BOARDS.iter().find(|board| board.name == name);
    found.copied().ok_or_else(|| format!("no such board; there are {}", names()))
}

impl DeviceArgs {
    fn open(&self) -> anyhow::Result<(BootImages, Place, BootEnv)> {
        let rom = self.rom.map(|rom| match rom {
            RomArg::Enabled => Rom::Enabled,
            RomArg::A => Rom::First(Place::A),
            RomArg::B => Rom::First(Place::B),
        });
        let environment = BootEnv::open(&self.config)?;
        let mut images = BootImages::open(&self.device, self.board, rom, self.second_set_fuse)?;
        let booted = match (&self.booted.booted, &self.booted.passover) {
            (Some(place), _) => Place::from(*place),
            (None, Some(path)) => images.booted(&passover(path)?)?,
            (None, None) => anyhow::bail!("which place was booted is not given"),
        };
        Ok((images, booted, environment))
    }
}

fn passover(path: &Path) -> anyhow::Result<Passover> {
    let bytes = files::read(path, files::MAX_SETTINGS_BYTES)?;
    Passover::from_bytes(&bytes).with_context(|| path.display().to_string())
}

const fn name(place: Place) -> &'static str {
    match place {
        Place::A => "a",
        Place::B => "b",
    }
}

/// Updates the boot image.
///
/// # Errors
/// As of [`BootImages::update`].
pub(super) fn update(args: &UpdateArgs, json: bool) -> anyhow::Result<Exit> {
    let (mut images, booted, environment) = args.device.open()?;
    let len = fs::metadata(&args.file).with_context(|| format!("reading {}", args.file.display()))?.len();
    ensure!(
        len <= images.room(),
        "{}: {len} bytes, and there is room for {}",
        args.file.display(),
        images.room()
    );
    let image = super::read(&args.file)?;
    let srk_hash = args.srk_hash.as_ref().map(|hash| hash.0.as_slice());
    images.update(&image, srk_hash, booted, &environment)?;
    let place = name(booted.other());
    let mut out = io::stdout().lock();
    if json {
        writeln!(
            out,
            "{}",
            json!({ "event": "boot-image", "outcome": "trial", "place": place, "bytes": len })
        )?;
    } else {
        writeln!(out, "{len} bytes in place {place}; the next boot tries them")?;
    }
    Ok(Exit::RebootNeeded)
}

/// Ends the trial of a boot image.
///
/// # Errors
/// As of [`BootImages::settle`].
pub(super) fn settle(args: &SettleArgs, json: bool) -> anyhow::Result<Exit> {
    let (mut images, booted, environment) = args.device.open()?;
    let version =
        files::read(&args.version_file, files::MAX_SETTINGS_BYTES).context("the version of U-Boot")?;
    let is_wanted = version.starts_with(args.wanted.as_bytes());
    let verdict = images.settle(is_wanted, booted, &environment)?;
    let (outcome, text, exit) = match verdict {
        Verdict::Nothing => ("nothing", "no boot image is on trial".to_owned(), Exit::NothingToDo),
        Verdict::Complete => {
            ("complete", format!("the boot image in place {} stays", name(booted)), Exit::Done)
        }
        Verdict::GiveUp(previous) if previous == booted => (
            "given-up",
            format!("the boot image in place {} stays; the new one does not run", name(booted)),
            Exit::Done,
        ),
        Verdict::GiveUp(previous) => {
            ("given-up", format!("the next boot takes place {} again", name(previous)), Exit::RebootNeeded)
        }
    };
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{}", json!({ "event": "boot-image", "outcome": outcome, "booted": name(booted) }))?;
    } else {
        writeln!(out, "{text}")?;
    }
    Ok(exit)
}
