//! The arguments of `ota-agent uptane repo`.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::Subcommand;
use ostree_objects::Checksum;
use uptane_core::UtcTime;

use crate::cli::uptane::time;
use crate::repository::{KeyCount, KeyKind, NewKeys, RoleName, Side};

/// Sign repositories: Director and Image repository of Uptane, or one of plain TUF
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Everything but `sign` and `lockbox` changes what will be said next; `sign` says it, one version for all changes.

  ota-agent uptane repo init site
  ota-agent uptane repo add-target site app-2.yml --hardware docker-compose
  ota-agent uptane repo assign site app-2.yml --ecu compose-1 --hardware docker-compose
  ota-agent uptane repo sign site
  ota-agent uptane verify site --now 2030-01-01T00:00:00Z

Serve site/director and site/image_repo (of plain TUF site/metadata and site/targets), never site/private.
Root's keys may be moved from site/private/keys to a medium, which is named with --keys when it signs.
aktualizr takes Ed25519 and RSA, and no metadata that lists a key of another kind; plain TUF has P-256 as well."
)]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
    /// Look for keys here as well, whatever the files are called: PEM, seeds, or aktualizr's hex
    #[arg(long = "keys", value_name = "DIR", global = true)]
    pub(super) elsewhere: Vec<PathBuf>,
    /// Sign as if it were this time, YYYY-MM-DDTHH:MM:SSZ
    #[arg(long, value_name = "TIME", value_parser = time, global = true)]
    pub(super) now: Option<UtcTime>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make keys and sign the first version of everything
    Init(Init),
    /// List an image, and copy its file to where images are served
    AddTarget(AddTarget),
    /// List an image no longer
    RemoveTarget {
        #[command(flatten)]
        at: At,
        /// The image's name
        name: String,
    },
    /// Have the Director assign an image to an ECU
    Assign(Assign),
    /// Have the Director assign nothing to an ECU, or to any
    Unassign {
        #[command(flatten)]
        at: At,
        /// The ECU's serial number; all of them without it
        #[arg(long, value_name = "SERIAL")]
        ecu: Option<String>,
    },
    /// Delegate to a role with new keys
    Delegate(Delegate),
    /// Delegate to bins by the hash of a target's name (TAP 15; plain TUF)
    DelegateBins(DelegateBins),
    /// Delegate to a role no longer
    Revoke {
        #[command(flatten)]
        at: At,
        /// The role's name
        role: String,
    },
    /// Give a role new keys: those of Root, or a delegated role's
    Rotate {
        #[command(flatten)]
        at: At,
        /// The role's name; of bins, any of them
        role: String,
        /// Which repository's role
        #[arg(long, value_enum, default_value = "image")]
        repository: Side,
        #[command(flatten)]
        keys: KeyArgs,
    },
    /// Sign what changed and what has expired; ends with 3 if there is nothing
    Sign {
        #[command(flatten)]
        at: At,
        /// Sign this role's metadata although nothing changed
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
        /// Sign as well what expires within so many days
        #[arg(long, value_name = "DAYS", default_value_t = 0)]
        expiring_within: u32,
    },
    /// Sign a Lockbox, an offline update, and write it to a directory
    Lockbox {
        #[command(flatten)]
        at: At,
        /// The Lockbox's name
        name: String,
        /// An image in it, as NAME or NAME@HARDWARE; for all hardware that it fits without
        #[arg(long = "target", value_name = "NAME", required = true)]
        targets: Vec<String>,
        /// Where it is written: a directory that does not exist or is empty
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Print versions, expiry, keys and number of images of each document
    Show {
        #[command(flatten)]
        at: At,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct At {
    /// The repository's directory
    #[arg(value_name = "DIR")]
    pub(super) directory: PathBuf,
}

/// The keys of one role.
#[derive(Debug, clap::Args)]
pub(super) struct KeyArgs {
    /// How many keys, and how many of them must sign; as many as there were, or 1/1, without it
    #[arg(long, value_name = "KEYS/THRESHOLD")]
    count: Option<KeyCount>,
    /// What keys are made; those that there were, or Ed25519, without it
    #[arg(long, value_name = "TYPE", value_enum, ignore_case = true)]
    key_type: Option<KeyKind>,
    /// A key that exists already, one of the count, which is not copied: private, or public if it is kept elsewhere
    #[arg(long = "key", value_name = "FILE")]
    given: Vec<PathBuf>,
}

impl KeyArgs {
    pub(super) fn wanted(&self) -> NewKeys {
        NewKeys { count: self.count, kind: self.key_type, given: self.given.clone() }
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct Init {
    #[command(flatten)]
    pub(super) at: At,
    /// One repository of plain TUF
    #[arg(long)]
    pub(super) tuf: bool,
    /// Plain TUF: serve files without their version or hash in front of their name
    #[arg(long, requires = "tuf")]
    pub(super) no_consistent_snapshot: bool,
    /// Give the Director a Timestamp and a Snapshot, as the Standard asks and Torizon's has not
    #[arg(long, conflicts_with = "tuf")]
    pub(super) director_snapshot: bool,
    /// How many keys a role gets, and how many must sign: root=3/2 in each repository, or director/root=3/2
    #[arg(long = "count", value_name = "ROLE=KEYS/THRESHOLD", value_parser = of_role::<KeyCount>)]
    pub(super) counts: Vec<(RoleName, KeyCount)>,
    /// What keys are made for a role, root=rsa4096, or without ROLE for those that are not named; Ed25519 otherwise
    #[arg(long = "key-type", value_name = "[ROLE=]TYPE", value_parser = key_type)]
    pub(super) key_types: Vec<(Option<RoleName>, KeyKind)>,
    /// A key that exists already, one of the role's count, which is not copied: private, or public if it is kept
    /// elsewhere. Roles of both repositories are named as director/root and image/root
    #[arg(long = "key", value_name = "ROLE=FILE", value_parser = of_role::<PathBuf>)]
    pub(super) given: Vec<(RoleName, PathBuf)>,
    /// For how many days a role's metadata is valid: timestamp=7
    #[arg(long = "lifetime", value_name = "ROLE=DAYS", value_parser = pair::<NonZeroU32>)]
    pub(super) lifetimes: Vec<(String, NonZeroU32)>,
}

#[derive(Debug, clap::Args)]
pub(super) struct AddTarget {
    #[command(flatten)]
    pub(super) at: At,
    /// The image's file
    #[arg(value_name = "FILE", required_unless_present = "ostree_commit", conflicts_with = "ostree_commit")]
    pub(super) file: Option<PathBuf>,
    /// The image is this commit of an OSTree repository
    #[arg(long, value_name = "CHECKSUM", requires = "name")]
    pub(super) ostree_commit: Option<Checksum>,
    /// The image's name; the file's without it
    #[arg(long)]
    pub(super) name: Option<String>,
    /// The role that lists it
    #[arg(long, default_value = "targets")]
    pub(super) role: String,
    /// Hardware that it fits (Uptane)
    #[arg(long = "hardware", value_name = "ID")]
    pub(super) hardware_ids: Vec<String>,
    /// The image's version, as text (Uptane)
    #[arg(long, value_name = "TEXT")]
    pub(super) image_version: Option<String>,
    /// More members of its `custom` object
    #[arg(long, value_name = "JSON", value_parser = object)]
    pub(super) custom: Option<serde_json::Map<String, serde_json::Value>>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Assign {
    #[command(flatten)]
    pub(super) at: At,
    /// The image's name
    pub(super) name: String,
    /// The ECU's serial number
    #[arg(long, value_name = "SERIAL")]
    pub(super) ecu: String,
    /// The ECU's hardware identifier
    #[arg(long, value_name = "ID")]
    pub(super) hardware: String,
    /// The Director's name for all that it assigns, which the vehicle reports with
    #[arg(long, value_name = "ID")]
    pub(super) correlation_id: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Delegate {
    #[command(flatten)]
    pub(super) at: At,
    /// The delegated role's name
    pub(super) role: String,
    /// The role that delegates
    #[arg(long, value_name = "ROLE", default_value = "targets")]
    pub(super) from: String,
    /// Targets whose names fit this pattern
    #[arg(long = "path", value_name = "PATTERN", required_unless_present = "prefixes")]
    pub(super) paths: Vec<String>,
    /// Targets the SHA-256 of whose names begins with these hex digits
    #[arg(long = "hash-prefix", value_name = "HEX", conflicts_with = "paths")]
    pub(super) prefixes: Vec<String>,
    /// The search for a target ends with this role
    #[arg(long)]
    pub(super) terminating: bool,
    /// Its targets are for this hardware only (Uptane)
    #[arg(long = "hardware", value_name = "ID")]
    pub(super) hardware_ids: Vec<String>,
    #[command(flatten)]
    pub(super) keys: KeyArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct DelegateBins {
    #[command(flatten)]
    pub(super) at: At,
    /// What the name of each bin begins with
    pub(super) prefix: String,
    /// The role that delegates
    #[arg(long, value_name = "ROLE", default_value = "targets")]
    pub(super) from: String,
    /// How many bits of the hash choose the bin: 8 make 256 bins
    #[arg(long)]
    pub(super) bits: u32,
    #[command(flatten)]
    pub(super) keys: KeyArgs,
}

/// `ROLE=VALUE`.
fn pair<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<(String, T), String> {
    let (role, value) = text.split_once('=').ok_or_else(|| format!("{text:?} is not ROLE=VALUE"))?;
    Ok((role.into(), value.parse().map_err(|error: T::Err| error.to_string())?))
}

/// As [`pair`], of a role in one repository or in each.
fn of_role<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<(RoleName, T), String> {
    let (role, value) = pair(text)?;
    Ok((role_name(&role), value))
}

/// `director/root`, `image/root` or `root`.
fn role_name(text: &str) -> RoleName {
    let sides = [("director/", Side::Director), ("image/", Side::Image)];
    let named = sides.into_iter().find_map(|(prefix, side)| Some((text.strip_prefix(prefix)?, side)));
    match named {
        Some((role, side)) => RoleName { side: Some(side), role: role.into() },
        None => RoleName { side: None, role: text.into() },
    }
}

fn key_type(text: &str) -> Result<(Option<RoleName>, KeyKind), String> {
    let (role, kind) =
        text.split_once('=').map_or((None, text), |(role, kind)| (Some(role_name(role)), kind));
    Ok((role, <KeyKind as clap::ValueEnum>::from_str(kind, true)?))
}

fn object(text: &str) -> Result<serde_json::Map<String, serde_json::Value>, serde_json::Error> {
    serde_json::from_str(text)
}
