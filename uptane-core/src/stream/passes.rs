//! The passes over a document, and the conclusion from them.

use embedded_io::{Read, Seek, SeekFrom};
use sha2::Digest;

use super::digests::{Digests, Signatures, Sum};
use super::facts::Facts;
use super::{
    Error, Expected, Failure, MAX_MEMBER_KEY_BYTES, MAX_SIGNED_MEMBERS, MAX_STREAMED_SIGNATURES, Room,
    Streamed, Unsuited,
};
use crate::canonical::{Form, MemberIndex};
use crate::dialect::Dialect;
use crate::error::{ErrorKind, Step};
use crate::json::reader::{Level, Reader, shift};
use crate::json::walk::Walk;
use crate::json::{self, JsonError, JsonErrorKind, Kind, Value};
use crate::key::Verifier;
use crate::metadata::targets::{Target, check_entry};
use crate::trusted::content_step;
use crate::verify::{
    MAX_SIGNATURES, Verified, check_expiry, check_rollback, check_streamed, check_unique, count,
    threshold_step,
};

/// One search of one document.
pub(super) struct Search<'e, 's, 'w, 'b, D: Dialect, I> {
    expected: &'e Expected<'s>,
    name: &'e str,
    limit: u64,
    room: Room<'w, 'b, I>,
    digests: Digests<'e, D::Verifier>,
    facts: Facts,
    forms_differ: bool,
}

/// Where a member stands, and what its bytes were.
#[derive(Debug)]
struct Slot {
    key: heapless::Vec<u8, MAX_MEMBER_KEY_BYTES>,
    start: u64,
    end: u64,
    /// SHA-256 of the document up to the member, and to its end.
    before: sha2::Sha256,
    after: [u8; 32],
}

type Slots = heapless::Vec<Slot, MAX_SIGNED_MEMBERS>;

/// What the first of two passes leaves for the second.
#[derive(Debug, Default)]
struct Plan {
    signatures: Option<Slot>,
    members: Slots,
    /// Whether the first pass was enough.
    complete: bool,
}

type PassReader<'p, 'k, V, R, I> = Reader<'p, R, &'p mut Digests<'k, V>, I>;

impl<'e, 's, 'w, 'b, D: Dialect, I: MemberIndex> Search<'e, 's, 'w, 'b, D, I> {
    pub(super) fn new(
        expected: &'e Expected<'s>,
        name: &'e str,
        limit: u64,
        room: Room<'w, 'b, I>,
        signatures: &'e Signatures,
    ) -> Self {
        let hash_canonical = D::HASHES_CANONICAL && expected.named.is_some();
        let compares = expected.compared().is_some();
        let digests = Digests::new(signatures, expected.named, hash_canonical, compares);
        Self { expected, name, limit, room, digests, facts: Facts::default(), forms_differ: false }
    }

    /// The only pass.
    pub(super) fn only<R: Read>(&mut self, source: &mut R) -> Result<(), Error<R::Error>> {
        self.pass(source, None)
    }

    /// The first pass, and a second one if it is needed.
    pub(super) fn first_and_second<R: Read + Seek>(&mut self, source: &mut R) -> Result<(), Error<R::Error>> {
        self.digests.raw = Sum::asked(self.expected.named, true);
        let mut plan = Plan::default();
        self.pass(source, Some(&mut plan))?;
        if plan.complete {
            return Ok(());
        }
        plan.members.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        self.again(source, &plan)
    }

    fn pass<R: Read>(&mut self, source: &mut R, plan: Option<&mut Plan>) -> Result<(), Error<R::Error>> {
        let Room { window, found, index } = &mut self.room;
        let at = Error::at(self.expected.place);
        let reader = Reader::new(source, &mut self.digests, (window, *index), form::<D>(), (0, self.limit));
        let mut pass = Pass {
            reader: reader.map_err(at)?,
            facts: &mut self.facts,
            found,
            expected: self.expected,
            name: self.name,
        };
        pass.document::<D>(plan)?;
        self.forms_differ |= pass.reader.forms_differ;
        Ok(())
    }

    /// Reads the members in order, wherever they stand.
    fn again<R: Read + Seek>(&mut self, source: &mut R, plan: &Plan) -> Result<(), Error<R::Error>> {
        let Some(signatures) = &plan.signatures else { return Ok(()) };
        self.facts = Facts::default();
        self.digests.canonical = self.digests.hash_canonical.then(|| Sum::asked(self.expected.named, false));
        self.digests.restart();
        self.text(b"{");
        self.resume(source, signatures, false)?;
        self.text(b",\"signed\":");
        self.digests.in_message = true;
        self.text(b"{");
        for (place, slot) in plan.members.iter().enumerate() {
            if place > 0 {
                self.text(b",");
            }
            self.resume(source, slot, true)?;
        }
        self.text(b"}");
        self.digests.in_message = false;
        self.text(b"}");
        self.digests.witness = None;
        Ok(())
    }

    fn text(&mut self, bytes: &[u8]) {
        use crate::json::reader::Output;
        (&mut self.digests).canonical(bytes);
    }

    /// Reads one member again; what it holds must be what it held.
    fn resume<R: Read + Seek>(
        &mut self,
        source: &mut R,
        slot: &Slot,
        in_signed: bool,
    ) -> Result<(), Error<R::Error>> {
        source.seek(SeekFrom::Start(slot.start)).map_err(Error::Io)?;
        self.digests.witness = Some(slot.before.clone());
        let Room { window, found, index } = &mut self.room;
        let at = || Error::at(self.expected.place);
        let range = (slot.start, self.limit);
        let reader = Reader::new(source, &mut self.digests, (window, *index), form::<D>(), range);
        let mut reader = reader.map_err(at())?;
        reader.depth = if in_signed { 2 } else { 1 };
        let mut level = Level::resumed();
        reader.member_key(&mut level).map_err(at())?;
        if reader.raw_key(&level) != slot.key.as_slice() {
            return Err(Error::Changed);
        }
        let mut pass =
            Pass { reader, facts: &mut self.facts, found, expected: self.expected, name: self.name };
        if in_signed {
            pass.member::<D>(&level)?;
        } else {
            pass.reader.copy().map_err(at())?;
        }
        pass.reader.flush();
        let (end, forms_differ) = (pass.reader.position(), pass.reader.forms_differ);
        self.forms_differ |= forms_differ;
        let after: Option<[u8; 32]> = self.digests.witness.take().map(|hash| hash.finalize().into());
        if end != slot.end || after != Some(slot.after) {
            return Err(Error::Changed);
        }
        Ok(())
    }

    /// Judges what passed, in the order of the Standard.
    pub(super) fn conclude<E>(&mut self) -> Result<Verified<Streamed<'b>>, Error<E>> {
        let Self { expected, room, digests, facts, forms_differ, .. } = self;
        let (expected, forms_differ) = (*expected, *forms_differ);
        let place = expected.place;
        if let Some(named) = expected.named {
            let sums = [Some(core::mem::take(&mut digests.raw)), digests.canonical.take()];
            let mut checked = sums.into_iter().flatten().map(|sum| {
                let (length, same) = sum.check(named.hashes);
                let length_differs = named.length.filter(|&required| required != length);
                match (same, length_differs) {
                    (Err(algorithm), _) => Err(ErrorKind::Hash(algorithm)),
                    (Ok(()), Some(required)) => Err(ErrorKind::Length { required, offered: length }),
                    (Ok(()), None) => Ok(()),
                }
            });
            let raw = checked.next().unwrap_or(Ok(()));
            if let Err(kind) = raw
                && !checked.any(|canonical| canonical.is_ok())
            {
                if forms_differ && D::HASHES_CANONICAL {
                    return Err(Unsuited::OtherForm.into());
                }
                return Err(place.refuse(content_step(kind, Step::G1, Step::G2), kind).into());
            }
        }
        let (version, expires) = facts.complete(place)?;
        let entry = facts.found.and_then(|length| {
            let found: &'b mut [u8] = core::mem::take(&mut room.found);
            let found: &'b [u8] = found;
            found.get(..length)
        });
        let streamed = Streamed { version, expires, target: None, delegates: facts.delegates };
        let counts = (digests.valid(), digests.offered);
        let verified = check_streamed(place, &expected.signers, counts, streamed);
        let verified = match verified {
            Err(_) if forms_differ && D::FORMS.len() > 1 => return Err(Unsuited::OtherForm.into()),
            verified => verified?,
        };
        facts.check_specification::<D>(place)?;
        if let Some(named) = expected.named.filter(|named| named.version != version) {
            let kind = ErrorKind::Version { required: named.version, offered: version };
            return Err(place.refuse(Step::G2, kind).into());
        }
        check_rollback(place, version, expected.trusted.map(|trusted| trusted.version))?;
        if let Some(trusted) = expected.compared().filter(|trusted| trusted.version == version) {
            let content = digests.content.take().map(|hash| <[u8; 32]>::from(hash.finalize()));
            if content != Some(trusted.content) {
                if forms_differ && form::<D>() != Form::JsonSubset {
                    return Err(Unsuited::OtherForm.into());
                }
                return Err(place.refuse(Step::G4, ErrorKind::SameVersion { version }).into());
            }
        }
        check_expiry::<D>(place, expires, expected.now)?;
        // What the entries say is looked at last, as in the buffered path: who has no say need not say it well.
        let parsed = |error: ErrorKind| place.refuse(Step::Parse, error);
        if let Some(malformed) = facts.malformed {
            return Err(parsed(malformed.into()).into());
        }
        let target = entry.map(read_entry).transpose().map_err(parsed)?;
        Ok(verified.try_map(|streamed| Ok(Streamed { target, ..streamed }))?)
    }
}

fn form<D: Dialect>() -> Form {
    D::FORMS.first().copied().unwrap_or(Form::JsonSubset)
}

fn read_entry(entry: &[u8]) -> Result<Target<'_>, ErrorKind> {
    let missing = JsonError { kind: JsonErrorKind::UnexpectedEnd, offset: entry.len() };
    let (name, value) = json::parse(entry)?.members()?.next().ok_or(missing)?;
    Target::parse(name, value)
}

/// One pass in progress.
struct Pass<'p, 'f, 'k, V: Verifier, R, I> {
    reader: PassReader<'p, 'k, V, R, I>,
    facts: &'p mut Facts,
    found: &'p mut &'f mut [u8],
    expected: &'p Expected<'p>,
    name: &'p str,
}

impl<V: Verifier, R: Read, I: MemberIndex> Pass<'_, '_, '_, V, R, I> {
    fn document<D: Dialect>(&mut self, mut plan: Option<&mut Plan>) -> Result<(), Error<R::Error>> {
        let at = || Error::at(self.expected.place);
        let mut level = self.reader.enter_object().map_err(at())?;
        level.any_order = plan.is_some();
        let (mut signatures, mut signed) = (false, false);
        while self.reader.separator(&mut level).map_err(at())? {
            let before = plan.is_some().then(|| self.mark()).flatten();
            self.reader.member_key(&mut level).map_err(at())?;
            let key = self.reader.key(&level);
            if key.eq_text("signatures") {
                self.once(&mut signatures)?;
                self.signatures::<D>()?;
                if let Some(plan) = plan.as_deref_mut() {
                    plan.signatures = self.slot(&level, before)?;
                    plan.complete = !signed;
                }
            } else if key.eq_text("signed") {
                self.once(&mut signed)?;
                if !signatures && plan.is_none() {
                    return Err(Unsuited::SignaturesLast.into());
                }
                self.signed::<D>(plan.as_deref_mut(), signatures)?;
            } else {
                return Err(Unsuited::Envelope.into());
            }
        }
        self.reader.finish().map_err(at())?;
        match (signatures, signed) {
            (true, true) => Ok(()),
            (false, _) => Err(self.refuse(JsonErrorKind::Missing("signatures"))),
            _ => Err(self.refuse(JsonErrorKind::Missing("signed"))),
        }
    }

    /// Refuses a member that is there already.
    fn once(&self, seen: &mut bool) -> Result<(), Error<R::Error>> {
        if core::mem::replace(seen, true) { Err(self.refuse(JsonErrorKind::DuplicateKey)) } else { Ok(()) }
    }

    /// Where the next byte stands, and the hash of all before it.
    fn mark(&mut self) -> Option<(u64, sha2::Sha256)> {
        self.reader.flush();
        Some((self.reader.position(), self.reader.output.raw.sha256.clone()?))
    }

    /// The member that ends here, and started at `before`.
    fn slot(
        &mut self,
        level: &Level,
        before: Option<(u64, sha2::Sha256)>,
    ) -> Result<Option<Slot>, Error<R::Error>> {
        let (Some((start, before)), Some((end, after))) = (before, self.mark()) else { return Ok(None) };
        let key = heapless::Vec::from_slice(self.reader.raw_key(level));
        let key = key.map_err(|_| Unsuited::TooLong { limit: MAX_MEMBER_KEY_BYTES })?;
        // An escaped key would have to be sorted as what it stands for.
        if key.contains(&b'\\') {
            return Err(Unsuited::OutOfOrder { offset: start }.into());
        }
        Ok(Some(Slot { key, start, end, before, after: after.finalize().into() }))
    }

    fn signatures<D: Dialect>(&mut self) -> Result<(), Error<R::Error>> {
        let expected = self.expected;
        let at = Error::at(expected.place);
        let read = self.reader.value_beside(|value, digests| {
            digests.offered = count(value);
            take_signatures::<D, V, R::Error>(expected, value, digests)
        });
        read.map_err(at)??;
        Ok(())
    }

    fn signed<D: Dialect>(
        &mut self,
        mut plan: Option<&mut Plan>,
        with_signatures: bool,
    ) -> Result<(), Error<R::Error>> {
        let at = || Error::at(self.expected.place);
        // What comes before belongs to the document alone. White space before the value is taken by it.
        self.reader.peek().map_err(at())?;
        self.reader.flush();
        self.reader.output.in_message = with_signatures;
        let mut level = self.reader.enter_object().map_err(at())?;
        level.any_order = plan.is_some();
        let mut in_order = with_signatures;
        while self.reader.separator(&mut level).map_err(at())? {
            let before = plan.is_some().then(|| self.mark()).flatten();
            self.reader.member_key(&mut level).map_err(at())?;
            self.member::<D>(&level)?;
            let Some(plan) = plan.as_deref_mut() else { continue };
            let Some(slot) = self.slot(&level, before)? else { continue };
            if plan.members.iter().any(|member| member.key == slot.key) {
                return Err(self.refuse(JsonErrorKind::DuplicateKey));
            }
            in_order &= plan.members.last().is_none_or(|last| last.key < slot.key);
            // The signatures are judged in the second pass: no need to feed them on.
            self.reader.output.in_message = in_order;
            let full =
                Unsuited::TooMany { what: "members of signed out of order", limit: MAX_SIGNED_MEMBERS };
            plan.members.push(slot).map_err(|_| full)?;
        }
        self.reader.flush();
        self.reader.output.in_message = false;
        if let Some(plan) = plan {
            plan.complete = in_order;
        }
        Ok(())
    }

    /// The value of a member of `signed`.
    fn member<D: Dialect>(&mut self, level: &Level) -> Result<(), Error<R::Error>> {
        let place = self.expected.place;
        let at = Error::at(place);
        let mut buffer = [0; MAX_MEMBER_KEY_BYTES];
        // A key too long to copy is none that matters.
        let key = self.reader.key(level).copy_to(&mut buffer).unwrap_or_default();
        match key {
            "targets" => return self.targets(),
            key if Facts::wants::<D>(key) => {
                let facts = &mut *self.facts;
                let read = self.reader.value_at(|value, position| {
                    facts.read::<D>(place, key, value).map_err(|kind| match kind {
                        ErrorKind::Json(error) => shift(error, position).into(),
                        kind => kind,
                    })
                });
                read.map_err(at)?.map_err(|kind| place.refuse(Step::Parse, kind))?;
            }
            "delegations" => {
                let kind = self.reader.peek().map_err(Error::at(place))?;
                self.facts.delegations(kind.map(|byte| if byte == b'n' { Kind::Null } else { Kind::Object }));
                self.reader.copy().map_err(at)?;
            }
            _ => self.reader.copy().map_err(at)?,
        }
        Ok(())
    }

    fn targets(&mut self) -> Result<(), Error<R::Error>> {
        let at = || Error::at(self.expected.place);
        let mut level = self.reader.enter_object().map_err(at())?;
        while self.reader.next(&mut level).map_err(at())? {
            let facts = &mut *self.facts;
            let mut check = |value: Value<'_>, position| {
                if let Err(error) = check_entry(&mut Walk::of(value)) {
                    facts.malformed.get_or_insert(shift(error, position));
                }
            };
            if !self.reader.key(&level).eq_text(self.name) {
                self.reader.value_at(check).map_err(at())?;
                continue;
            }
            // `{"name":value}`, so that it can be read as a document of its own.
            let mut used = Some(0);
            append(self.found, &mut used, b"{\"");
            append(self.found, &mut used, self.reader.raw_key(&level));
            append(self.found, &mut used, b"\":");
            let found = &mut *self.found;
            let read = |value: Value<'_>, position| {
                append(found, &mut used, value.raw());
                check(value, position);
            };
            self.reader.value_at(read).map_err(at())?;
            append(self.found, &mut used, b"}");
            let limit = self.found.len();
            self.facts.found = Some(used.ok_or(Unsuited::TooLong { limit })?);
        }
        self.facts.targets_passed();
        Ok(())
    }

    fn refuse(&self, kind: JsonErrorKind) -> Error<R::Error> {
        let offset = usize::try_from(self.reader.position()).unwrap_or(usize::MAX);
        Error::at(self.expected.place)(Failure::Json(JsonError { kind, offset }))
    }
}

/// Appends to what is `used` of `room`; none if it does not fit.
fn append(room: &mut [u8], used: &mut Option<usize>, bytes: &[u8]) {
    *used = used.and_then(|start| {
        let end = start.checked_add(bytes.len())?;
        room.get_mut(start..end)?.copy_from_slice(bytes);
        Some(end)
    });
}

/// Begins to check the signatures by keys of the role, of those that would be tried.
fn take_signatures<D: Dialect, V: Verifier, E>(
    expected: &Expected<'_>,
    signatures: Value<'_>,
    digests: &mut Digests<'_, V>,
) -> Result<(), Error<E>> {
    let place = expected.place;
    let elements = signatures.elements().map_err(|error| place.refuse(Step::Parse, error))?;
    let refuse = |kind| place.refuse(threshold_step(place.role), kind);
    check_unique(signatures).map_err(refuse)?;
    for signature in elements.take(MAX_SIGNATURES) {
        let read = || -> Result<_, JsonError> {
            let Some(key) = expected.signers.key(signature.get("keyid")?)? else { return Ok(None) };
            Ok(D::signature(signature.get("sig")?.string()?).map(|bytes| (key, bytes)))
        };
        let Some(read) = read().map_err(|error| refuse(error.into()))? else { continue };
        let too_many = Unsuited::TooMany { what: "signatures to try", limit: MAX_STREAMED_SIGNATURES };
        digests.try_signature(read).ok_or(too_many)?;
    }
    Ok(())
}
