//! `ota-agent uptane repo`: what uptane-generator and tuftool do.

mod args;

use std::path::Path;

use anyhow::Context;
use serde_json::json;
use uptane_core::UtcTime;

pub(in crate::cli) use args::Args;

use super::print;
use crate::cli::Exit;
use crate::clock;
use crate::output::say;
use crate::repository::{
    Beginning, Choice, Content, Dialect, Document, FirstKeys, KeyKind, NewDelegation, NewTarget, Repo, Row,
    Scope,
};
use args::{AddTarget, Assign, Command, Delegate, DelegateBins, Init};

pub(super) fn run(args: &Args, json: bool) -> anyhow::Result<Exit> {
    let now = args.now.unwrap_or_else(|| UtcTime::from_unix(clock::unix_now()));
    let open = |directory: &Path| Repo::open(directory, &args.elsewhere);
    match &args.command {
        Command::Init(init) => return begin(init, now, json),
        Command::AddTarget(add) => add_target(open(&add.at.directory)?, add, json)?,
        Command::RemoveTarget { at, name } => {
            let role = open(&at.directory)?.remove_target(name)?;
            said(json, "removed", name, &role, &format!("{role} lists {name} no longer"));
        }
        Command::Assign(assign) => assigned(open(&assign.at.directory)?, assign, json)?,
        Command::Unassign { at, ecu } => {
            if !open(&at.directory)?.unassign(ecu.as_deref())? {
                return Ok(Exit::NothingToDo);
            }
            let whom = ecu.as_deref().unwrap_or("all ECUs");
            said(json, "unassigned", whom, "targets", &format!("nothing is assigned to {whom}"));
        }
        Command::Delegate(delegate) => delegated(open(&delegate.at.directory)?, delegate, json)?,
        Command::DelegateBins(bins) => delegated_bins(open(&bins.at.directory)?, bins, json)?,
        Command::Revoke { at, role } => {
            let from = open(&at.directory)?.revoke(role)?;
            said(json, "revoked", role, &from, &format!("{from} delegates to {role} no longer"));
        }
        Command::Rotate { at, role, repository, keys } => {
            let says = open(&at.directory)?.rotate(*repository, role, &keys.wanted())?;
            said(json, "rotated", role, &says, &format!("{role} has new keys; {says} says so once signed"));
        }
        Command::Sign { at, roles, expiring_within } => {
            let expiring_within = u64::from(*expiring_within).saturating_mul(86_400);
            let choice = Choice { roles: roles.clone(), expiring_within };
            let signed = open(&at.directory)?.sign(&choice, now)?;
            documents(&signed, json);
            return Ok(if signed.is_empty() { Exit::NothingToDo } else { Exit::Done });
        }
        Command::Lockbox { at, name, targets, out } => {
            let mut repo = open(&at.directory)?;
            // A name may hold an @ itself.
            let image = |target: &String| match target.rsplit_once('@') {
                Some((name, hardware)) if !repo.lists(target) => (name.to_owned(), Some(hardware.to_owned())),
                _ => (target.clone(), None),
            };
            let images: Vec<_> = targets.iter().map(image).collect();
            let written = repo.lockbox(name, &images, out, now)?;
            documents(&written.signed, json);
            let line = format!(
                "Lockbox {name} in {}: {} images, {} of them files",
                out.display(),
                images.len(),
                written.images
            );
            let object = json!({
                "event": "lockbox", "name": name, "directory": out, "images": images.len(), "files": written.images,
            });
            print(json, &line, &object);
        }
        Command::Show { at } => show(&open(&at.directory)?.rows()?, json),
    }
    Ok(Exit::Done)
}

fn begin(init: &Init, now: UtcTime, json: bool) -> anyhow::Result<Exit> {
    let beginning = Beginning {
        dialect: if init.tuf { Dialect::Tuf } else { Dialect::Uptane },
        consistent_snapshot: !init.no_consistent_snapshot,
        director_snapshot: init.director_snapshot,
        keys: FirstKeys {
            counts: init.counts.clone(),
            kinds: init.key_types.clone(),
            given: init.given.clone(),
        },
        lifetimes: init.lifetimes.clone(),
    };
    let mut repo = Repo::init(&init.at.directory, &beginning)?;
    documents(&repo.sign(&Choice::default(), now)?, json);
    Ok(Exit::Done)
}

fn add_target(mut repo: Repo, add: &AddTarget, json: bool) -> anyhow::Result<()> {
    let (content, file_name) = match (&add.file, add.ostree_commit) {
        (_, Some(commit)) => (Content::OstreeCommit(commit), None),
        (Some(path), None) => (Content::File(path.clone()), path.file_name()),
        (None, None) => anyhow::bail!("neither a file nor a commit"),
    };
    let name = match (&add.name, file_name) {
        (Some(name), _) => name.clone(),
        (None, file) => {
            file.and_then(|name| name.to_str()).context("the image needs a name: --name NAME")?.to_owned()
        }
    };
    let role = repo.add_target(NewTarget {
        name: name.clone(),
        content,
        role: add.role.clone(),
        hardware_ids: add.hardware_ids.clone(),
        version: add.image_version.clone(),
        custom: add.custom.clone().unwrap_or_default(),
    })?;
    said(json, "added", &name, &role, &format!("{role} lists {name}"));
    Ok(())
}

fn assigned(mut repo: Repo, assign: &Assign, json: bool) -> anyhow::Result<()> {
    let Assign { name, ecu, hardware, correlation_id, .. } = assign;
    repo.assign(name, ecu, hardware)?;
    if let Some(id) = correlation_id {
        repo.set_correlation_id(id)?;
    }
    said(json, "assigned", name, ecu, &format!("{name} is assigned to {ecu}"));
    Ok(())
}

fn delegated(mut repo: Repo, delegate: &Delegate, json: bool) -> anyhow::Result<()> {
    let Delegate { role, from, paths, prefixes, terminating, hardware_ids, keys, .. } = delegate;
    let scope =
        if prefixes.is_empty() { Scope::Paths(paths.clone()) } else { Scope::Prefixes(prefixes.clone()) };
    let new = NewDelegation {
        name: role.clone(),
        scope,
        terminating: *terminating,
        hardware_ids: hardware_ids.clone(),
    };
    repo.delegate(from, new, &keys.wanted())?;
    said(json, "delegated", role, from, &format!("{from} delegates to {role}"));
    Ok(())
}

fn delegated_bins(mut repo: Repo, bins: &DelegateBins, json: bool) -> anyhow::Result<()> {
    let number = repo.delegate_bins(&bins.from, &bins.prefix, bins.bits, &bins.keys.wanted())?;
    let line = format!("{} delegates to {number} bins of {}", bins.from, bins.prefix);
    said(json, "delegated", &bins.prefix, &bins.from, &line);
    Ok(())
}

/// A change to what will be signed: what, and in which role's metadata or for whom.
fn said(json: bool, event: &str, name: &str, place: &str, line: &str) {
    print(json, line, &json!({ "event": event, "name": name, "place": place }));
}

fn documents(signed: &[Document], json: bool) {
    for Document { side, role, version, expires, signatures } in signed {
        let repository = side.repository().name();
        let line = format!("signed {repository} {role} {version}, expires {expires}");
        let object = json!({
            "event": "signed", "repository": repository, "role": role, "version": version,
            "expires": expires.to_string(), "signatures": signatures,
        });
        print(json, &line, &object);
    }
}

fn show(rows: &[Row], json: bool) {
    let column =
        |row: &Row, cell: fn(&(String, KeyKind)) -> String| row.keys.iter().map(cell).collect::<Vec<_>>();
    if json {
        for row in rows {
            let object = json!({
                "event": "document", "repository": row.side.repository().name(), "role": row.role,
                "version": row.version, "expires": row.expires.to_string(), "to_sign": row.changed,
                "threshold": row.threshold, "keys": column(row, |(id, _)| id.clone()),
                "key_types": column(row, |(_, kind)| kind.to_string()), "targets": row.targets,
            });
            say!("{object}");
        }
        return;
    }
    let lines = rows.iter().map(|row| {
        let short = column(row, |(id, kind)| format!("{kind}:{}", id.get(..8).unwrap_or(id)));
        [
            row.side.repository().name().to_owned(),
            row.role.clone(),
            format!("{}{}", row.version, if row.changed { "+" } else { "" }),
            row.expires.to_string(),
            format!("{}/{}", row.keys.len(), row.threshold),
            row.targets.map_or("-".into(), |count| count.to_string()),
            short.join(" "),
        ]
    });
    let head = ["REPOSITORY", "ROLE", "VERSION", "EXPIRES", "KEYS", "TARGETS", "KEY TYPES AND IDS"]
        .map(str::to_owned);
    let table: Vec<_> = std::iter::once(head).chain(lines).collect();
    let width = |column: usize| table.iter().filter_map(|row| Some(row.get(column)?.chars().count())).max();
    let widths: Vec<usize> = (0..7).map(|column| width(column).unwrap_or_default()).collect();
    for row in &table {
        let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        say!("{}", cells.join("  ").trim_end());
    }
    if rows.iter().any(|row| row.changed) {
        say!("+ has changed: `ota-agent uptane repo sign` signs it");
    }
}
