//! `ota-agent ostree summary` and `sign`.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use ostree_objects::repo::Repo;
use ostree_objects::sign::{PublicKey, SecretKey, add_signature, verify};
use ostree_objects::summary::SummaryRef;
use ostree_objects::{Checksum, DetachedRef, ObjectType, VariantRef};
use serde_json::json;
use uptane_core::UtcTime;

use super::done;
use super::size::size;
use crate::files;
use crate::output::say;

/// What a repository serves
#[derive(Debug, clap::Args)]
pub(super) struct SummaryArgs {
    /// Make the summary anew.
    #[arg(long, short, required_unless_present_any = ["view", "raw"])]
    update: bool,
    /// Print the summary.
    #[arg(long, short, conflicts_with = "update")]
    view: bool,
    /// Print the summary as one value.
    #[arg(long, conflicts_with = "update")]
    raw: bool,
    /// Sign the new summary with the Ed25519 secret key in FILE, base64 of 64 bytes.
    #[arg(long, value_name = "FILE", requires = "update")]
    keys_file: Option<PathBuf>,
}

/// Sign a commit, or verify its signature
#[derive(Debug, clap::Args)]
pub(super) struct SignArgs {
    /// Verify instead, with the public keys in FILE.
    #[arg(long)]
    verify: bool,
    /// Ed25519 keys, a line each: secret ones (base64 of 64 bytes) to sign, public ones (of 32) to verify.
    #[arg(long, value_name = "FILE")]
    keys_file: PathBuf,
    /// The commit or ref.
    rev: String,
}

impl SummaryArgs {
    /// Whether it prints values in a form of their own.
    pub(super) const fn prints_values(&self) -> bool {
        self.raw
    }
}

impl SignArgs {
    pub(super) fn rev(&self) -> &str {
        &self.rev
    }
}

pub(super) fn summary(repo: &Repo, args: &SummaryArgs, json: bool) -> anyhow::Result<()> {
    if args.view || args.raw {
        let bytes =
            repo.read_summary()?.context("the repository has no summary: summary --update makes one")?;
        return print(&bytes, args.raw, json);
    }
    let bytes = repo.update_summary(crate::clock::unix_now())?;
    if let Some(file) = &args.keys_file {
        let mut signed: Option<Vec<u8>> = None;
        for key in secret_keys(file)? {
            let before = signed.as_deref().map(DetachedRef::parse).transpose()?;
            signed = Some(add_signature(before.as_ref(), &key.sign(&bytes)));
        }
        if let Some(signed) = signed {
            repo.write_summary_signature(&signed)?;
        }
    }
    done(json, &json!({ "refs": SummaryRef::parse(&bytes)?.refs().count(), "bytes": bytes.len() }));
    Ok(())
}

/// Prints a summary.
pub(super) fn print(bytes: &[u8], raw: bool, json: bool) -> anyhow::Result<()> {
    let summary = SummaryRef::parse(bytes).context("summary")?;
    if raw {
        say!("{}", VariantRef::new("(a(s(taya{sv}))a{sv})", bytes)?.text().big_endian());
    } else if json {
        for entry in summary.refs() {
            let timestamp = entry.metadata.get("ostree.commit.timestamp").and_then(|time| time.as_be_u64());
            let version = entry.metadata.get("ostree.commit.version").and_then(|version| version.as_str());
            say!(
                "{}",
                json!({
                    "ref": entry.name, "commit": entry.commit.to_string(), "commit_bytes": entry.commit_size,
                    "timestamp": timestamp, "version": version,
                })
            );
        }
        let deltas = summary.deltas().iter().count();
        let (modified, expires) = (summary.last_modified(), summary.expires());
        say!("{}", json!({ "last_modified": modified, "expires": expires, "deltas": deltas }));
    } else {
        view(&summary);
    }
    Ok(())
}

pub(super) fn sign(repo: &Repo, commit: &Checksum, args: &SignArgs, json: bool) -> anyhow::Result<()> {
    let bytes = repo.load_metadata(ObjectType::Commit, commit)?;
    let mut beside = repo.read_detached(commit)?.unwrap_or_default();
    if args.verify {
        let keys = lines(&args.keys_file)?;
        let keys = keys.iter().map(|line| PublicKey::from_base64(line)).collect::<Result<Vec<_>, _>>();
        let keys = keys.with_context(|| args.keys_file.display().to_string())?;
        let key = verify(&bytes, &DetachedRef::parse(&beside)?, &keys)
            .with_context(|| format!("commit {commit}"))?;
        let place = keys.iter().position(|other| *other == key).map_or(1, |place| place + 1);
        if json {
            say!("{}", json!({ "commit": commit.to_string(), "key": place }));
        } else {
            say!("commit {commit} is signed by key {place} of {}", args.keys_file.display());
        }
        return Ok(());
    }
    for key in secret_keys(&args.keys_file)? {
        beside = add_signature(Some(&DetachedRef::parse(&beside)?), &key.sign(&bytes));
    }
    repo.write_detached(commit, &beside)?;
    done(json, &json!({ "commit": commit.to_string() }));
    Ok(())
}

/// The lines of the file that are not empty.
fn lines(file: &Path) -> anyhow::Result<Vec<String>> {
    let text = files::read_text(file, files::MAX_SETTINGS_BYTES)?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

fn secret_keys(file: &Path) -> anyhow::Result<Vec<SecretKey>> {
    let keys = lines(file)?.iter().map(|line| SecretKey::from_base64(line)).collect::<Result<Vec<_>, _>>();
    let keys = keys.with_context(|| file.display().to_string())?;
    if keys.is_empty() {
        bail!("{}: there is no key", file.display());
    }
    Ok(keys)
}

/// The lines of `ostree summary -v`.
fn view(summary: &SummaryRef<'_>) {
    let collection = summary.metadata().get("ostree.summary.collection-id").and_then(|id| id.as_str());
    for entry in summary.refs() {
        let name = collection.map_or_else(|| entry.name.to_owned(), |id| format!("({id}, {})", entry.name));
        say!("* {name}\n    Latest Commit ({}):\n      {}", size(entry.commit_size), entry.commit);
        for (key, value) in entry.metadata.iter() {
            match key {
                "ostree.commit.version" => say!("    Version ({key}): {}", shown(value)),
                "ostree.commit.timestamp" => say!("    Timestamp ({key}): {}", time(value)),
                _ => say!("    {key}: {}", value.text().plain()),
            }
        }
        say!();
    }
    for (key, value) in summary.metadata().iter() {
        match key {
            "ostree.summary.mode" => say!("Repository Mode ({key}): {}", shown(value)),
            "ostree.summary.last-modified" => say!("Last-Modified ({key}): {}", time(value)),
            "ostree.summary.expires" => say!("Expires ({key}): {}", time(value)),
            "ostree.summary.collection-id" => say!("Collection ID ({key}): {}", shown(value)),
            "ostree.summary.collection-map" => say!("Collection Map ({key}): {}", value.text().plain()),
            "ostree.static-deltas" => say!("Static Deltas ({key}): {}", value.text().plain()),
            "ostree.summary.tombstone-commits" => {
                say!("Has Tombstone Commits ({key}): {}", yes_or_no(value));
            }
            _ => say!("{key}: {}", value.text().plain()),
        }
    }
}

fn yes_or_no(value: VariantRef<'_>) -> &'static str {
    if value.as_bool() == Some(true) { "Yes" } else { "No" }
}

/// A text without its quotes.
fn shown(value: VariantRef<'_>) -> String {
    value.as_str().map_or_else(|| value.text().plain().to_string(), str::to_owned)
}

/// The last second of the year 9999: of later ones the tool says that they are invalid.
const LAST_SECOND: u64 = 253_402_300_799;

/// A time as the tool prints it.
fn time(value: VariantRef<'_>) -> String {
    let Some(seconds) = value.as_be_u64() else { return shown(value) };
    if seconds > LAST_SECOND {
        return "invalid".to_owned();
    }
    format!("{}+00", UtcTime::from_unix(seconds).to_string().trim_end_matches('Z'))
}
