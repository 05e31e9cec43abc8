//! `show` and `log`: what commits and other objects say, in the lines of the real tool.

use anyhow::{Context, bail};
use ostree_objects::repo::{FileFacts, Repo, RepoError};
use ostree_objects::{Checksum, CommitRef, DetachedRef, ObjectType, VariantRef, VariantText};
use serde_json::json;
use uptane_core::UtcTime;

use super::resolve;
use crate::output::say;

/// Print what a commit, or another object, says
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print all of it as one value.
    #[arg(long, conflicts_with_all = ["print_metadata_key", "print_detached_metadata_key"])]
    raw: bool,
    /// Print the value of this key of the commit's metadata.
    #[arg(long, value_name = "KEY", conflicts_with = "print_detached_metadata_key")]
    print_metadata_key: Option<String>,
    /// Print the value of this key of what lies beside the commit, such as signatures.
    #[arg(long, value_name = "KEY")]
    print_detached_metadata_key: Option<String>,
    /// Print how large the commit says its objects are, and those that are not here.
    #[arg(long, conflicts_with_all = ["raw", "print_metadata_key", "print_detached_metadata_key", "list_metadata_keys", "list_detached_metadata_keys"])]
    print_sizes: bool,
    /// Print the keys of the commit's metadata.
    #[arg(long, conflicts_with_all = ["raw", "print_metadata_key", "print_detached_metadata_key"])]
    list_metadata_keys: bool,
    /// Print the keys of what lies beside the commit.
    #[arg(long, conflicts_with_all = ["raw", "print_metadata_key", "print_detached_metadata_key", "list_metadata_keys"])]
    list_detached_metadata_keys: bool,
    /// Take numbers as they are, little-endian: most, but not all, are big-endian.
    #[arg(long, short = 'B')]
    no_byteswap: bool,
    /// The commit or ref; or the checksum of a dirtree, dirmeta or file.
    #[arg(value_name = "OBJECT")]
    rev: String,
}

/// Print a commit and those before it
#[derive(Debug, clap::Args)]
pub(super) struct LogArgs {
    /// Print all of each as one value.
    #[arg(long)]
    raw: bool,
    /// The commit or ref.
    rev: String,
}

impl Args {
    /// Whether it prints values in a form of their own.
    pub(super) const fn prints_values(&self) -> bool {
        self.raw || self.print_metadata_key.is_some() || self.print_detached_metadata_key.is_some()
    }
}

impl LogArgs {
    /// As [`Args::prints_values`].
    pub(super) const fn prints_values(&self) -> bool {
        self.raw
    }
}

/// How a commit is printed.
#[derive(Clone, Copy)]
struct Form {
    json: bool,
    raw: bool,
    no_byteswap: bool,
}

impl Form {
    fn text(self, value: VariantRef<'_>) -> VariantText<'_> {
        if self.no_byteswap { value.text() } else { value.text().big_endian() }
    }
}

pub(super) fn run(repo: &Repo, args: &Args, json: bool) -> anyhow::Result<()> {
    let form = Form { json, raw: args.raw, no_byteswap: args.no_byteswap };
    if args.print_sizes {
        return sizes(repo, &resolve(repo, &args.rev)?, form);
    }
    let is_beside = args.print_detached_metadata_key.is_some() || args.list_detached_metadata_keys;
    if is_beside || args.print_metadata_key.is_some() || args.list_metadata_keys {
        let key = args.print_detached_metadata_key.as_ref().or(args.print_metadata_key.as_ref());
        return metadata(repo, &resolve(repo, &args.rev)?, is_beside, key, form);
    }
    let Ok(checksum) = Checksum::from_hex(args.rev.as_bytes()) else {
        return commit(repo, &resolve(repo, &args.rev)?, form).map(drop);
    };
    for object_type in [ObjectType::Commit, ObjectType::DirMeta, ObjectType::DirTree] {
        if repo.has(object_type, &checksum)? {
            return object(repo, object_type, &checksum, form);
        }
    }
    file(repo, &checksum, json).with_context(|| format!("no commit, dirmeta or dirtree {checksum} either"))
}

pub(super) fn log(repo: &Repo, args: &LogArgs, json: bool) -> anyhow::Result<()> {
    let form = Form { json, raw: args.raw, no_byteswap: false };
    let mut next = Some(resolve(repo, &args.rev)?);
    let mut is_first = true;
    while let Some(checksum) = next {
        next = match commit(repo, &checksum, form) {
            // History may end where a pull or a prune ended it.
            Err(error) if !is_first && is_missing(&error, &checksum) => {
                if !json {
                    say!("<< History beyond this commit not fetched >>");
                }
                None
            }
            parent => parent?,
        };
        is_first = false;
    }
    Ok(())
}

fn is_missing(error: &anyhow::Error, commit: &Checksum) -> bool {
    matches!(error.downcast_ref(), Some(RepoError::Missing { checksum, .. }) if checksum == commit)
}

/// Prints a commit; its parent. The date is always in UTC.
fn commit(repo: &Repo, checksum: &Checksum, form: Form) -> anyhow::Result<Option<Checksum>> {
    let bytes = repo.load_metadata(ObjectType::Commit, checksum)?;
    let parsed = CommitRef::parse(&bytes).with_context(|| format!("commit {checksum}"))?;
    let version = parsed.metadata().get("version").and_then(|version| version.as_str());
    let content = Checksum::of(&[parsed.tree().0, parsed.meta().0].concat());
    let (subject, body) = (parsed.subject(), parsed.body());
    if form.json {
        say!(
            "{}",
            json!({
                "type": "commit", "commit": checksum.to_string(), "subject": subject, "body": body, "version": version,
                "parent": parsed.parent().map(|parent| parent.to_string()), "timestamp": parsed.timestamp(),
                "tree": parsed.tree().to_string(), "meta": parsed.meta().to_string(),
                "content_checksum": content.to_string(),
            })
        );
        return Ok(parsed.parent());
    }
    say!("commit {checksum}");
    if form.raw {
        value(ObjectType::Commit, &bytes, form)?;
        // What the tool does with `--raw` and the numbers as they are: both forms.
        if !form.no_byteswap {
            return Ok(parsed.parent());
        }
    }
    if let Some(parent) = parsed.parent() {
        say!("Parent:  {parent}");
    }
    say!("ContentChecksum:  {content}");
    let date = UtcTime::from_unix(parsed.timestamp()).to_string();
    say!("Date:  {} +0000", date.trim_end_matches('Z').replace('T', " "));
    if let Some(version) = version {
        say!("Version: {version}");
    }
    if subject.is_empty() {
        say!("(no subject)");
    } else {
        say!();
        subject.lines().for_each(|line| say!("    {line}"));
    }
    if !body.is_empty() {
        say!();
        body.lines().for_each(|line| say!("    {line}"));
    }
    say!();
    Ok(parsed.parent())
}

/// Prints an object of metadata: of others than commits only that it is there, unless `--raw` is given.
fn object(repo: &Repo, object_type: ObjectType, checksum: &Checksum, form: Form) -> anyhow::Result<()> {
    if object_type == ObjectType::Commit {
        return commit(repo, checksum, form).map(drop);
    }
    let bytes = repo.load_metadata(object_type, checksum)?;
    if form.json {
        say!(
            "{}",
            json!({ "type": object_type.name(), "checksum": checksum.to_string(), "size": bytes.len() })
        );
        return Ok(());
    }
    say!("{} {checksum}", object_type.name());
    if form.raw { value(object_type, &bytes, form) } else { Ok(()) }
}

fn value(object_type: ObjectType, bytes: &[u8], form: Form) -> anyhow::Result<()> {
    let kind = object_type.type_string().context("no value")?;
    say!("{}", form.text(VariantRef::new(kind, bytes)?));
    Ok(())
}

fn metadata(
    repo: &Repo,
    commit: &Checksum,
    is_beside: bool,
    key: Option<&String>,
    form: Form,
) -> anyhow::Result<()> {
    let bytes = if is_beside {
        repo.read_detached(commit)?.with_context(|| format!("nothing lies beside commit {commit}"))?
    } else {
        repo.load_metadata(ObjectType::Commit, commit)?
    };
    let metadata = if is_beside {
        DetachedRef::parse(&bytes).map(|beside| beside.metadata())
    } else {
        CommitRef::parse(&bytes).map(|commit| commit.metadata())
    };
    let metadata = metadata.with_context(|| format!("commit {commit}"))?;
    let Some(key) = key else {
        let mut keys: Vec<&str> = metadata.iter().map(|(key, _)| key).collect();
        keys.sort_unstable();
        for key in keys {
            if form.json {
                say!("{}", json!({ "key": key }));
            } else {
                say!("{key}");
            }
        }
        return Ok(());
    };
    let Some(value) = metadata.get(key) else {
        bail!("commit {commit} has no metadata key '{key}': --list-metadata-keys prints those it has")
    };
    say!("{}", form.text(value));
    Ok(())
}

fn file(repo: &Repo, checksum: &Checksum, json: bool) -> anyhow::Result<()> {
    let object = repo.open_file(checksum)?;
    let FileFacts { uid, gid, mode, size, target } = repo.file_facts(checksum)?;
    if json {
        say!(
            "{}",
            json!({
                "type": "file", "checksum": checksum.to_string(), "uid": uid, "gid": gid, "size": size,
                "mode": format!("{mode:07o}"), "target": target,
            })
        );
        return Ok(());
    }
    say!("Object: {checksum}\nType: file");
    match target {
        Some(target) => say!("File Type: symlink\nTarget: {target}"),
        None => say!("File Type: regular\nSize: {size}"),
    }
    say!("Mode: {mode:07o}\nUid: {uid}\nGid: {gid}");
    let header = object.header.as_ref();
    let xattrs = header.xattrs();
    say!("Extended Attributes: {{ {} }}", VariantRef::new("a(ayay)", xattrs.as_bytes())?.text());
    Ok(())
}

/// Prints how large the commit says its objects are: those that are not here, and all of them.
fn sizes(repo: &Repo, commit: &Checksum, form: Form) -> anyhow::Result<()> {
    let bytes = repo.load_metadata(ObjectType::Commit, commit)?;
    let sizes = CommitRef::parse(&bytes)?.sizes().context("ostree.sizes")?;
    let sizes = sizes.context("No metadata key ostree.sizes in commit")?;
    let found = repo.sizes_needed(&sizes)?;
    let (needed, total) = (found.needed, found.total);
    if form.json {
        say!(
            "{}",
            json!({
                "needed": { "archived": needed.archived, "unpacked": needed.unpacked, "objects": needed.objects },
                "total": { "archived": total.archived, "unpacked": total.unpacked, "objects": total.objects },
            })
        );
        return Ok(());
    }
    say!("Compressed size (needed/total): {}/{}", size(needed.archived), size(total.archived));
    say!("Unpacked size (needed/total): {}/{}", size(needed.unpacked), size(total.unpacked));
    say!("Number of objects (needed/total): {}/{}", needed.objects, total.objects);
    Ok(())
}

/// A size as GLib's `g_format_size` has it: powers of 1000 with one decimal, before whose unit the line does not break.
fn size(bytes: u64) -> String {
    if bytes < 1000 {
        return format!("{bytes} {}", if bytes == 1 { "byte" } else { "bytes" });
    }
    let [high, low] = [bytes >> 32, bytes & 0xffff_ffff].map(|half| u32::try_from(half).unwrap_or(u32::MAX));
    let exact = f64::from(high).mul_add(4_294_967_296.0, f64::from(low));
    let units = [("EB", 1e18), ("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6)];
    let (unit, factor) = units.into_iter().find(|(_, factor)| exact >= *factor).unwrap_or(("kB", 1e3));
    format!("{:.1}\u{a0}{unit}", exact / factor)
}
