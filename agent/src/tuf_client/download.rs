//! Targets: found through the delegations, checked while they pass, kept under a name of their own.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, bail};
use uptane_core::metadata::Hashes;
use uptane_core::target::ImageVerifier;

use super::quote;
use super::session::Session;

/// How much is read at once.
const PIECE_BYTES: usize = 64 * 1024;

impl Session {
    /// Keeps the target `name` in `directory`; one that is there already and right is not fetched again.
    pub(super) fn download(&mut self, name: &str, directory: &Path, base_url: &str) -> anyhow::Result<()> {
        self.client.search(name)?;
        self.drive()?;
        let target = self.client.found()?.context("no role that may list it does")?;
        let (length, hashes) = (target.length, target.hashes);
        let path = directory.join(quote(name));
        if let Ok(mut file) = File::open(&path)
            && copy(&mut file, &mut std::io::sink(), ImageVerifier::new(length, hashes)).is_ok()
        {
            return Ok(());
        }
        let base_url = base_url.trim_end_matches('/');
        let file = if self.client.consistent_snapshot() { with_hash(name, &hashes) } else { name.into() };
        let url = format!("{base_url}/{}", as_path(&file));
        let Some(mut body) = self.http.open(&url)? else { bail!("GET {url}: not found") };
        std::fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
        // Removed again, unless it is right and takes the target's place.
        let mut temporary = tempfile::NamedTempFile::new_in(directory)?;
        copy(&mut body, temporary.as_file_mut(), ImageVerifier::new(length, hashes))
            .with_context(|| format!("GET {url}"))?;
        temporary.as_file().sync_all()?;
        temporary.persist(&path).with_context(|| format!("writing {}", path.display()))?;
        Ok(())
    }
}

fn copy(from: &mut impl Read, to: &mut impl Write, mut verifier: ImageVerifier) -> anyhow::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = from.read(&mut piece)?;
        let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        verifier.update(bytes)?;
        to.write_all(bytes)?;
    }
    Ok(verifier.finish()?)
}

/// The name with a hash in front of its last component (TUF clause 6.2).
fn with_hash(name: &str, hashes: &Hashes) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let hash = match hashes {
        Hashes { sha256: Some(hash), .. } => hex(hash),
        Hashes { sha512: Some(hash), .. } => hex(hash),
        _ => return name.into(),
    };
    match name.rsplit_once('/') {
        Some((directory, file)) => format!("{directory}/{hash}.{file}"),
        None => format!("{hash}.{name}"),
    }
}

/// The name as the path of a URL. Characters that may stand there (RFC 3986, `pchar`) stay as they are, as python-tuf
/// leaves them: not every server takes `%3A` for `:`. Except `+`, which object stores take for a space.
fn as_path(name: &str) -> String {
    let keep = |character: char| "!$&'()*,;=:@".contains(character);
    let parts = name.split_inclusive(keep).map(|part| match part.strip_suffix(keep) {
        Some(start) => crate::http::encode_path(start) + part.get(start.len()..).unwrap_or_default(),
        None => crate::http::encode_path(part),
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_stand_in_a_path_does() {
        for (name, path) in [
            ("a/b-c_d.e~f", "a/b-c_d.e~f"),
            ("!$&'()*,;=:@", "!$&'()*,;=:@"),
            ("a b:c%20d?e#f", "a%20b:c%2520d%3Fe%23f"),
            ("a+b[c]\\é", "a%2Bb%5Bc%5D%5C%C3%A9"),
            ("", ""),
        ] {
            assert_eq!(as_path(name), path);
        }
    }

    #[test]
    fn the_hash_stands_before_the_last_component() {
        let hashes = Hashes { sha256: Some([0xab; 32]), sha512: Some([1; 64]) };
        let hash = "ab".repeat(32);
        assert_eq!(with_hash("a/b/c.txt", &hashes), format!("a/b/{hash}.c.txt"));
        assert_eq!(with_hash("c.txt", &hashes), format!("{hash}.c.txt"));
        assert_eq!(
            with_hash("c.txt", &Hashes { sha256: None, ..hashes }),
            format!("{}.c.txt", "01".repeat(64))
        );
    }
}
