use super::{Algorithm, ContainerRef, Digest, Error, ErrorKind, HashAlgorithm, KeyRef, SignatureRef, SrkSet};

/// What the signatures of a container say.
///
/// That they hold says who signed only together with the fuses: see [`SrkTableRef::hash`](super::SrkTableRef::hash).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Authenticity {
    /// It has none.
    Unsigned,
    /// All hold.
    Signed,
    /// The first holds; the second is by a key of this algorithm, which is not checked here.
    Partly(Algorithm),
    /// The first is by a key of this algorithm, which is not checked here.
    Unchecked(Algorithm),
    /// A certificate may name the key that signs, and certificates are not looked into.
    Certified,
}

impl ContainerRef<'_> {
    /// Checks every signature with the key that the table of super root keys names for it.
    ///
    /// # Errors
    /// [`ErrorKind::BadSignature`], and [`ErrorKind::Malformed`] if key or signature cannot be such.
    pub fn check_signatures(&self) -> Result<Authenticity, Error> {
        let block = self.signature_block();
        if block.certificate().is_some() {
            return Ok(Authenticity::Certified);
        }
        let signed = self.prefix(self.block_offset().saturating_add(block.signed()));
        let mut authenticity = Authenticity::Unsigned;
        for (table, signature) in block.srk_tables().zip(block.signatures()) {
            let Some(key) = table.used_key() else { continue };
            authenticity = match (self.check_signature(&key, &signature, signed)?, authenticity) {
                (true, Authenticity::Unsigned | Authenticity::Signed) => Authenticity::Signed,
                (false, Authenticity::Signed) => Authenticity::Partly(key.algorithm),
                (false, Authenticity::Unsigned) => Authenticity::Unchecked(key.algorithm),
                (_, other) => other,
            };
        }
        Ok(authenticity)
    }

    /// Checks that the container is signed by keys whose table has this hash. NXP's own containers, whose keys
    /// the chip knows by itself, need only not to fail.
    ///
    /// # Errors
    /// As of [`Self::check_signatures`]; [`ErrorKind::Untrusted`] if another table signs it, or none, or if the
    /// signature could not be checked.
    pub fn check_signed_by(&self, srk_hash: &[u8]) -> Result<(), Error> {
        let authenticity = self.check_signatures()?;
        let set = self.srk_set();
        let is_right = |table: super::SrkTableRef<'_>| table.hash().as_bytes() == srk_hash;
        let first = self.signature_block().srk_tables().next();
        match (set, authenticity) {
            (SrkSet::Nxp, _) => Ok(()),
            (SrkSet::Oem, Authenticity::Signed | Authenticity::Partly(_)) if first.is_some_and(is_right) => {
                Ok(())
            }
            _ => Err(self.error(ErrorKind::Untrusted { set: set.number() })),
        }
    }

    /// `false` if the algorithm is none of those checked here.
    fn check_signature(
        &self,
        key: &KeyRef<'_>,
        signature: &SignatureRef<'_>,
        signed: &[u8],
    ) -> Result<bool, Error> {
        let Some(hash) = HashAlgorithm::from_id(key.hash_id) else { return Ok(false) };
        let valid = match key.algorithm {
            Algorithm::EcdsaP256 => p256_holds(key, signature, &hash.digest(signed)),
            Algorithm::EcdsaP384 => p384_holds(key, signature, &hash.digest(signed)),
            _ => return Ok(false),
        };
        let (index, length) = (signature.index, signature.bytes.len());
        match valid {
            Some(true) => Ok(true),
            Some(false) => Err(self.error(ErrorKind::BadSignature { index, signed: signed.len() })),
            None => Err(self.error(ErrorKind::Malformed { index, length, algorithm: key.algorithm })),
        }
    }
}

/// `None` if the key is no point of the curve or the signature no pair of scalars.
macro_rules! holds {
    ($name:ident, $curve:ident, $len:literal) => {
        fn $name(key: &KeyRef<'_>, signature: &SignatureRef<'_>, hash: &Digest) -> Option<bool> {
            use $curve::ecdsa::signature::hazmat::PrehashVerifier as _;
            let mut point = [4; 2 * $len + 1];
            let coordinates = key.first.iter().chain(key.second);
            point.iter_mut().skip(1).zip(coordinates).for_each(|(to, from)| *to = *from);
            let key = $curve::ecdsa::VerifyingKey::from_sec1_bytes(&point).ok()?;
            let signature = $curve::ecdsa::Signature::from_slice(signature.bytes).ok()?;
            Some(key.verify_prehash(hash.as_bytes(), &signature).is_ok())
        }
    };
}

holds!(p256_holds, p256, 32);
holds!(p384_holds, p384, 48);
