//! Which commits the branches of a server stand for.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use ostree_objects::Checksum;
use ostree_objects::repo::Repo;
use ostree_objects::summary::SummaryRef;

use super::Trust;
use crate::http::Client;

/// The largest ref that a server may send, in bytes.
const MAX_REF_BYTES: u64 = 128;

/// The largest summary that is fetched, and what signs it, in bytes.
pub(super) const MAX_SUMMARY_BYTES: u64 = 32 * 1024 * 1024;

/// The branches of a server.
#[derive(Debug)]
pub struct Refs<'a> {
    client: &'a Client,
    url: &'a str,
    /// Those of the summary, if that is what counts.
    summary: Option<BTreeMap<String, Checksum>>,
}

impl<'a> Refs<'a> {
    /// What the server's files of refs say; nobody signs them.
    #[must_use]
    pub const fn unsigned(client: &'a Client, url: &'a str) -> Self {
        Self { client, url, summary: None }
    }

    /// What the server's summary says, which is signed if a key is trusted with it.
    ///
    /// # Errors
    /// If there is no summary, it is not signed ([`super::Refusal`]), or malformed.
    pub fn of_summary(client: &'a Client, url: &'a str, trust: Option<&Trust>) -> anyhow::Result<Self> {
        let bytes = Self::summary_bytes(client, url, trust)?;
        let summary = SummaryRef::parse(&bytes).context("the summary")?;
        let refs = summary.refs().map(|entry| (entry.name.to_owned(), entry.commit)).collect();
        Ok(Self { client, url, summary: Some(refs) })
    }

    /// The server's summary, as [`of_summary`](Self::of_summary) takes it.
    ///
    /// # Errors
    /// If there is no summary, or it is not signed ([`super::Refusal`]).
    pub fn summary_bytes(client: &Client, url: &str, trust: Option<&Trust>) -> anyhow::Result<Vec<u8>> {
        let bytes = client.get(&format!("{url}/summary"), MAX_SUMMARY_BYTES)?;
        let bytes = bytes.with_context(|| format!("{url} has no summary"))?;
        if let Some(trust) = trust {
            let signatures = client.get(&format!("{url}/summary.sig"), MAX_SUMMARY_BYTES)?;
            trust.check_summary(&bytes, signatures.as_deref())?;
        }
        Ok(bytes)
    }

    /// The commit that `rev` stands for: a checksum stands for itself.
    ///
    /// # Errors
    /// If the server has no such branch, or it is no name of one.
    pub fn resolve(&self, rev: &str) -> anyhow::Result<Checksum> {
        if let Ok(checksum) = Checksum::from_hex(rev.as_bytes()) {
            return Ok(checksum);
        }
        // Nothing but a branch is asked for, wherever a path with `..` would lead.
        Repo::check_branch(rev).with_context(|| rev.to_owned())?;
        let url = self.url;
        if let Some(refs) = &self.summary {
            return refs.get(rev).copied().with_context(|| format!("the summary of {url} has no ref {rev}"));
        }
        let path = format!("{url}/refs/heads/{}", crate::http::encode_path(rev));
        let Some(bytes) = self.client.get(&path, MAX_REF_BYTES)? else { bail!("{url} has no ref {rev}") };
        Checksum::from_hex(bytes.trim_ascii_end()).with_context(|| path)
    }

    /// The names of all branches, if a summary lists them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// All branches and their commits, if a summary lists them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Checksum)> {
        self.summary.iter().flatten().map(|(name, commit)| (&**name, *commit))
    }
}
