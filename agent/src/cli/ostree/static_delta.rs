//! `ota-agent ostree static-delta`: list, show, make and apply them.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::Subcommand;
use ostree_objects::ObjectType;
use ostree_objects::delta::{
    Budget, ByteOrder, DeltaName, Operation, Operations, PartHeaderRef, PartRef, SignedSuperblockRef,
    SuperblockRef, unpack,
};
use ostree_objects::limits::{MAX_PART_UNPACKED_BYTES, MAX_SUPERBLOCK_BYTES};
use ostree_objects::repo::{DeltaOptions, Repo};
use serde_json::json;

use super::size::size;
use super::{done, resolve};
use crate::files;
use crate::output::say;

/// Static deltas: what one commit has beyond another, in a few files
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the deltas of the repository
    List,
    /// Print what is in a delta
    Show {
        /// FROM-TO, or TO for one from scratch.
        delta: String,
    },
    /// Make a delta for clients of this repository
    Generate(GenerateArgs),
    /// Make the commit that a delta leads to
    ApplyOffline {
        /// The superblock, or the directory that it is in; parts that are not in it lie beside it.
        path: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct GenerateArgs {
    /// The commit or ref that clients have; the parent of REV if not given.
    #[arg(long, value_name = "REV")]
    from: Option<String>,
    /// For clients that have nothing.
    #[arg(long, conflicts_with = "from")]
    empty: bool,
    /// Put the parts into the superblock.
    #[arg(long)]
    inline: bool,
    /// Write files as they are, not as patches of what was at their place.
    #[arg(long)]
    disable_bsdiff: bool,
    /// Leave files of more than MB to be fetched by themselves; 0 for none. Archives only.
    #[arg(long, value_name = "MB", default_value_t = 4)]
    min_fallback_size: u32,
    /// Largest files that become patches, in MB.
    #[arg(long, value_name = "MB", default_value_t = 128)]
    max_bsdiff_size: u32,
    /// Size of parts, in MB.
    #[arg(long, value_name = "MB", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=100))]
    max_chunk_size: u32,
    /// The commit or ref that it leads to.
    rev: String,
}

fn generate(repo: &Repo, args: &GenerateArgs, json: bool) -> anyhow::Result<()> {
    let to = resolve(repo, &args.rev)?;
    let from = match &args.from {
        Some(rev) => Some(resolve(repo, rev)?),
        None if args.empty => None,
        None => {
            let parent = repo.parent(&to)?;
            Some(parent.with_context(|| format!("{} has no parent; give --from or --empty", args.rev))?)
        }
    };
    let bytes = |mb: u32| u64::from(mb) * 1_000_000;
    let mut options = DeltaOptions::default();
    options.timestamp = crate::clock::unix_now();
    options.patches = !args.disable_bsdiff;
    options.patch_bytes = bytes(args.max_bsdiff_size);
    options.fallback_bytes = bytes(args.min_fallback_size);
    options.part_bytes = usize::try_from(bytes(args.max_chunk_size))?;
    let delta = repo.make_delta(DeltaName { from, to }, &options)?;
    repo.write_delta(&delta, args.inline)?;
    let (parts, bytes) = (delta.parts.len(), delta.stored_bytes());
    if json {
        let mut made = of_delta(&delta.name);
        made["parts"] = parts.into();
        made["bytes"] = bytes.into();
        say!("{made}");
    } else {
        say!("{}: {parts} parts, {bytes} bytes", delta.name);
    }
    Ok(())
}

fn of_delta(name: &DeltaName) -> serde_json::Value {
    json!({ "from": name.from.map(|from| from.to_string()), "to": name.to.to_string() })
}

pub(super) fn run(repo: &Repo, command: Command, json: bool) -> anyhow::Result<()> {
    match command {
        Command::List => {
            let deltas = repo.deltas()?;
            if deltas.is_empty() && !json {
                say!("(No static deltas)");
            }
            for delta in deltas {
                if json {
                    say!("{}", of_delta(&delta));
                } else {
                    say!("{delta}");
                }
            }
            Ok(())
        }
        Command::Generate(args) => generate(repo, &args, json),
        Command::Show { delta } => show(repo, delta.parse().with_context(|| delta.clone())?),
        Command::ApplyOffline { path } => apply(repo, &path, json),
    }
}

/// Applies the delta at `path`, and shows by a walk of the commit that nothing is missing.
pub(super) fn apply(repo: &Repo, path: &Path, json: bool) -> anyhow::Result<()> {
    let superblock = if path.is_dir() { path.join("superblock") } else { path.to_owned() };
    let bytes = files::read(&superblock, MAX_SUPERBLOCK_BYTES)?;
    let delta = parse(&bytes).with_context(|| superblock.display().to_string())?;
    let name = delta.name();
    let is_applied = || done(json, &json!({ "commit": name.to.to_string() }));
    let fallbacks =
        delta.fallbacks().filter(|object| !repo.has(ObjectType::File, &object.checksum).unwrap_or(false));
    let missing = fallbacks.count();
    ensure!(missing == 0, "{missing} files are too large for this delta and must be fetched from a server");
    if repo.has(ObjectType::Commit, &name.to)? && !repo.is_partial(&name.to)? {
        is_applied();
        return Ok(());
    }
    let directory = superblock.parent().unwrap_or(Path::new("."));
    repo.apply_delta(&delta, None, Budget::default(), |number, _| {
        files::read(&directory.join(number.to_string()), MAX_PART_UNPACKED_BYTES).map(Some)
    })?;
    repo.complete(&name.to, name.from.as_ref())?;
    is_applied();
    Ok(())
}

fn parse(bytes: &[u8]) -> anyhow::Result<SuperblockRef<'_>> {
    let proper = if SignedSuperblockRef::is_signed(bytes) {
        SignedSuperblockRef::parse(bytes)?.superblock()
    } else {
        bytes
    };
    Ok(SuperblockRef::parse(proper)?)
}

/// The lines of `ostree static-delta show`.
fn show(repo: &Repo, name: DeltaName) -> anyhow::Result<()> {
    let Some(bytes) = repo.read_superblock(&name)? else { bail!("there is no static delta {name}") };
    let delta = parse(&bytes)?;
    say!("Delta: {name}");
    say!("Signed: {}", if SignedSuperblockRef::is_signed(&bytes) { "yes" } else { "no" });
    match delta.name().from {
        Some(from) => say!("From: {from}"),
        None => say!("From <scratch>"),
    }
    say!("To: {}", delta.name().to);
    let (order, is_guessed) = delta.byte_order();
    let order = if order == ByteOrder::Little { "little" } else { "big" };
    say!("Endianness: {order}{}", if is_guessed { " (heuristic)" } else { "" });
    say!("Timestamp: {}\nNumber of parents: 0", delta.timestamp());
    say!("Number of fallback entries: {}", delta.fallbacks().count());
    let mut fallback = Sizes::default();
    for object in delta.fallbacks() {
        say!("  {}", object.checksum);
        fallback.add(object.size, object.content_size);
    }
    fallback.print("Total Fallback Size", "Total Fallback Uncompressed Size");
    say!("Number of parts: {}", delta.parts().len());
    let mut parts = Sizes::default();
    for (number, header) in delta.parts().enumerate() {
        let (count, size, objects_size) = (header.objects().len(), header.size, header.objects_size);
        say!("PartMeta{number}: nobjects={count} size={size} usize={objects_size}");
        parts.add(size, objects_size);
        show_part(repo, &delta, number, &header)?;
    }
    parts.print("Total Part Size", "Total Part Uncompressed Size");
    parts.add(fallback.stored, fallback.content);
    parts.print("Total Size", "Total Uncompressed Size");
    Ok(())
}

fn show_part(
    repo: &Repo,
    delta: &SuperblockRef<'_>,
    number: usize,
    header: &PartHeaderRef<'_>,
) -> anyhow::Result<()> {
    let stored = match delta.inline_part(number) {
        Some((compression, payload)) => Some([&[compression], payload].concat()),
        None => repo.read_part(&delta.name(), number)?,
    };
    let stored = stored.with_context(|| format!("part {number} is missing"))?;
    let unpacked = unpack(header, &stored, &Budget::default())?;
    let part = PartRef::parse(&unpacked)?;
    say!(
        "PartPayload{number}: nmodes={} nxattrs={} blobsize={} opsize={}",
        part.modes(),
        part.xattr_sets(),
        part.payload().len(),
        part.operations().len()
    );
    let mut counts = [0_usize; 7];
    let mut objects = header.objects();
    let mut next = objects.next();
    let mut operations = Operations::new(part.operations());
    loop {
        let is_metadata = next.is_some_and(|object| object.object_type != ObjectType::File);
        let Some(operation) = operations.read(is_metadata)? else { break };
        let (place, ends_object) = match operation {
            Operation::File { .. } | Operation::Metadata { .. } => (0, true),
            Operation::Open { .. } => (1, false),
            Operation::Write { .. } => (2, false),
            Operation::SetSource { .. } => (3, false),
            Operation::UnsetSource => (4, false),
            Operation::Close => (5, true),
            Operation::Patch { .. } => (6, false),
        };
        counts[place] += 1;
        if ends_object {
            next = objects.next();
        }
    }
    let [splices, opens, writes, sets, unsets, closes, patches] = counts;
    say!(
        "PartPayloadOps{number}: openspliceclose={splices} open={opens} write={writes} setread={sets} \
         unsetread={unsets} close={closes} bspatch={patches}"
    );
    Ok(())
}

/// Sums of sizes in bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Sizes {
    stored: u64,
    content: u64,
}

impl Sizes {
    const fn add(&mut self, stored: u64, content: u64) {
        self.stored = self.stored.saturating_add(stored);
        self.content = self.content.saturating_add(content);
    }

    fn print(self, stored: &str, content: &str) {
        for (what, bytes) in [(stored, self.stored), (content, self.content)] {
            say!("{what}: {bytes} ({})", size(bytes));
        }
    }
}
