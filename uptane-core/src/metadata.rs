//! What each role's metadata says, as views into verified documents.

pub mod delegation;
pub mod pattern;
pub mod root;
pub mod snapshot;
pub mod targets;

use crate::canonical::{self, Form, Length, MemberIndex};
use crate::error::ErrorKind;
use crate::json::Value;
use sha2::Digest;

/// The hashes that metadata gives for a file; algorithms that this crate does not know are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hashes {
    /// SHA-256.
    pub sha256: Option<[u8; 32]>,
    /// SHA-512.
    pub sha512: Option<[u8; 64]>,
}

impl Hashes {
    /// Reads `{"sha256": hex, "sha512": hex, …}`.
    pub(crate) fn parse(hashes: Value<'_>) -> Result<Self, ErrorKind> {
        let mut parsed = Self::default();
        if let Some(value) = hashes.find("sha256")? {
            parsed.sha256 =
                Some(value.string()?.hex().ok_or(ErrorKind::BadMember("sha256 is not 64 hex digits"))?);
        }
        if let Some(value) = hashes.find("sha512")? {
            parsed.sha512 =
                Some(value.string()?.hex().ok_or(ErrorKind::BadMember("sha512 is not 128 hex digits"))?);
        }
        Ok(parsed)
    }

    /// Whether there is none that can be checked.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.sha256.is_none() && self.sha512.is_none()
    }

    /// Whether `bytes` have all of these hashes; the name of the first that differs if not.
    pub(crate) fn check(&self, bytes: &[u8]) -> Result<(), &'static str> {
        if self.sha256.is_some_and(|hash| sha2::Sha256::digest(bytes).as_slice() != hash) {
            return Err("sha256");
        }
        if self.sha512.is_some_and(|hash| sha2::Sha512::digest(bytes).as_slice() != hash) {
            return Err("sha512");
        }
        Ok(())
    }
}

/// What one metadata file says of another: version, and length and hashes if given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MetaFile {
    /// The version it must have.
    pub version: u64,
    /// Its length in bytes.
    pub length: Option<u64>,
    /// Its hashes.
    pub hashes: Hashes,
}

impl MetaFile {
    pub(crate) fn parse(file: Value<'_>) -> Result<Self, ErrorKind> {
        let version = file.get("version")?.unsigned()?;
        let length = file.find("length")?.map(Value::unsigned).transpose()?;
        let given = file.find("hashes")?;
        let hashes = given.map(Hashes::parse).transpose()?.unwrap_or_default();
        if hashes.is_empty() && given.map_or(Ok(0), |given| given.members().map(Iterator::count))? > 0 {
            return Err(ErrorKind::NoHash);
        }
        Ok(Self { version, length, hashes })
    }

    /// Checks length and hashes of a document: of its bytes, or if `forms` are given, of its canonical form.
    /// Only for the latter is the document read.
    pub(crate) fn check_content<I: MemberIndex>(
        &self,
        bytes: &[u8],
        forms: &[Form],
        index: &mut I,
    ) -> Result<(), ErrorKind> {
        let offered = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let raw = self.hashes.check(bytes);
        if raw.is_ok() && self.length.is_none_or(|length| length == offered) {
            return Ok(());
        }
        let mut length = offered;
        let document = if forms.is_empty() { None } else { Some(crate::json::parse(bytes)?) };
        for (&form, document) in forms.iter().zip(core::iter::repeat(document).flatten()) {
            let (mut counted, mut sha256, mut sha512) =
                (Length::default(), sha2::Sha256::new(), sha2::Sha512::new());
            canonical::write(document, form, index, &mut (&mut counted, &mut (&mut sha256, &mut sha512)))?;
            length = counted.bytes();
            let same256 = self.hashes.sha256.is_none_or(|hash| sha256.finalize().as_slice() == hash);
            let same512 = self.hashes.sha512.is_none_or(|hash| sha512.finalize().as_slice() == hash);
            // Servers write the length of the canonical form, the test vectors that of the bytes served; the hash
            // decides.
            if same256 && same512 && self.length.is_none_or(|given| given == length || given == offered) {
                return Ok(());
            }
        }
        match (raw, self.length) {
            (Err(algorithm), _) => Err(ErrorKind::Hash(algorithm)),
            (Ok(()), Some(required)) => Err(ErrorKind::Length { required, offered: length }),
            (Ok(()), None) => Ok(()),
        }
    }
}
