//! The operations of a delta's part once more, in the plainest way: everything in memory, nothing skipped.

use std::cell::RefCell;

use ostree_objects::delta::{
    ApplyError, Budget, DeltaError, Objects, PartHeaderRef, PartObject, PartRef, Range, ReadContent,
    apply_unpacked,
};
use ostree_objects::{Checksum, ContentHasher, FileHeaderRef, ObjectType};

/// The one file that is there before.
pub const SOURCE: &[u8] =
    b"What an operation can read: neither long nor short, and with every byte at a known place.";

/// Objects in memory.
#[derive(Debug, Default)]
pub struct Store {
    /// What was kept: the name, and an object's bytes or a file's content.
    pub kept: RefCell<Vec<(PartObject, Vec<u8>)>>,
}

impl Objects for Store {
    type Error = core::convert::Infallible;
    type Source = ();

    fn wants(&self, _: &PartObject) -> Result<bool, Self::Error> {
        Ok(true)
    }

    fn open(&self, file: &Checksum) -> Result<Option<((), u64)>, Self::Error> {
        let size = u64::try_from(SOURCE.len()).unwrap_or(0);
        Ok((*file == Checksum::of(SOURCE)).then_some(((), size)))
    }

    fn read_at(&self, (): &mut (), offset: u64, out: &mut [u8]) -> Result<(), Self::Error> {
        let range = Range { offset, length: u64::try_from(out.len()).unwrap_or(0) };
        out.copy_from_slice(range.of(SOURCE).unwrap_or_else(|| panic!("{range:?} is outside")));
        Ok(())
    }

    fn keep_metadata(&self, object: &PartObject, bytes: &[u8]) -> Result<(), Self::Error> {
        self.kept.borrow_mut().push((*object, bytes.to_vec()));
        Ok(())
    }

    fn keep_file(
        &self,
        object: &PartObject,
        _: &FileHeaderRef<'_>,
        content: &mut dyn ReadContent<Self::Error>,
    ) -> Result<(), ApplyError<Self::Error>> {
        let (mut whole, mut buffer) = (Vec::new(), [0; 7]);
        loop {
            match content.read(&mut buffer)? {
                0 => break,
                count => whole.extend_from_slice(&buffer[..count]),
            }
        }
        self.kept.borrow_mut().push((*object, whole));
        Ok(())
    }
}

/// Objects of more than that are not looked for.
const MOST_BYTES: usize = 1 << 16;

/// A number of objects, their types, and a part without compression: what comes out is what comes out here, or
/// neither makes anything of it.
pub fn operations(data: &[u8]) {
    let Some((types, part)) = types_and_part(data) else { return };
    let made = reference(&part, &types);
    let mut listed: Vec<u8> = Vec::new();
    for (index, number) in types.iter().enumerate() {
        let checksum =
            made.as_ref().and_then(|made| made.get(index)).map_or([0; 32], |(checksum, _)| checksum.0);
        listed.push(*number);
        listed.extend(checksum);
    }
    let size = made.iter().flatten().map(|(_, bytes)| bytes.len()).sum::<usize>();
    let size = if made.is_some() { size } else { MOST_BYTES };
    let size = u64::try_from(size).unwrap_or(0);
    let header = PartHeaderRef::new(Checksum([0; 32]), 0, size, &listed).expect("types that a part makes");
    let store = Store::default();
    let result = apply_unpacked(part, &header, &mut Budget::default(), &store);
    assert_eq!(result.is_ok(), made.is_some(), "{result:?}");
    let kept = store.kept.into_inner();
    for (object, content) in &kept {
        assert!(object.object_type == ObjectType::File || Checksum::of(content) == object.checksum);
    }
    let Some(made) = made else { return };
    assert!(
        kept.iter().map(|(object, bytes)| (object.checksum, bytes)).eq(made.iter().map(|(c, b)| (*c, b)))
    );
    // One object fewer than are made, and one byte less than they have.
    if let Some(fewer) = listed.len().checked_sub(33) {
        let header = PartHeaderRef::new(Checksum([0; 32]), 0, size, &listed[..fewer]).expect("as before");
        assert!(apply_unpacked(part, &header, &mut Budget::default(), &Store::default()).is_err());
    }
    let files =
        made.iter().zip(&types).filter(|(_, number)| **number == 1).map(|((_, bytes), _)| bytes.len());
    let files = u64::try_from(files.sum::<usize>()).unwrap_or(0);
    if files > 0 {
        let header = PartHeaderRef::new(Checksum([0; 32]), 0, files - 1, &listed).expect("as before");
        let result = apply_unpacked(part, &header, &mut Budget::default(), &Store::default());
        assert_eq!(result, Err(ApplyError::Delta(DeltaError::ObjectsSize { limit: files - 1 })));
    }
}

fn types_and_part(data: &[u8]) -> Option<(Vec<u8>, PartRef<'_>)> {
    let (count, rest) = data.split_first()?;
    let (types, bytes) = rest.split_at_checked(usize::from(*count % 8))?;
    let types = types.iter().map(|number| [1, 2, 3, 4][usize::from(*number % 4)]).collect();
    Some((types, PartRef::parse(bytes).ok()?))
}

/// Whether something comes of the operations.
#[must_use]
pub fn makes_objects(data: &[u8]) -> bool {
    types_and_part(data).is_some_and(|(types, part)| reference(&part, &types).is_some())
}

/// What the operations make, in order: names and bytes. `None` if anything is wrong.
fn reference(part: &PartRef<'_>, types: &[u8]) -> Option<Vec<(Checksum, Vec<u8>)>> {
    let (mut rest, payload) = (part.operations(), part.payload());
    let mut made = Vec::new();
    // Whether it is there, which matters only to what reads it.
    let mut source: Option<bool> = None;
    let mut open: Option<(usize, usize, usize, Vec<u8>)> = None;
    let mut total = 0_usize;
    while let Some((byte, arguments)) = rest.split_first() {
        rest = arguments;
        let mut number = || -> Option<usize> {
            let mut value = 0_u128;
            for at in 0..10 {
                let (byte, after) = rest.split_first()?;
                rest = after;
                value |= u128::from(byte & 0x7f) << (7 * at);
                if byte & 0x80 == 0 {
                    return usize::try_from(u64::try_from(value).ok()?).ok();
                }
            }
            None
        };
        let range = |bytes: &'static [u8], offset: usize, length: usize| {
            bytes.get(offset..offset.checked_add(length)?).map(<[u8]>::to_vec)
        };
        let of_payload = |offset: usize, length: usize| payload.get(offset..offset.checked_add(length)?);
        match (byte, &mut open) {
            (b'S', None) if *types.get(made.len())? != 1 => {
                let (length, offset) = (number()?, number()?);
                let bytes = of_payload(offset, length)?;
                made.push((Checksum::of(bytes), bytes.to_vec()));
            }
            (b'S', None) => {
                let (mode, xattrs, length, offset) = (number()?, number()?, number()?, number()?);
                let bytes = of_payload(offset, length)?;
                made.push(file(part, mode, xattrs, bytes)?);
            }
            (b'o', None) => {
                let (mode, xattrs, size) = (number()?, number()?, number()?);
                (*types.get(made.len())? == 1).then_some(())?;
                total = total.checked_add(size).filter(|total| *total <= MOST_BYTES)?;
                open = Some((mode, xattrs, size, Vec::new()));
            }
            (b'w', Some((.., content))) => {
                let (length, offset) = (number()?, number()?);
                match source {
                    None => content.extend(of_payload(offset, length)?),
                    Some(true) => content.extend(range(SOURCE, offset, length)?),
                    Some(false) => return None,
                }
            }
            (b'r', _) => {
                let checksum = of_payload(number()?, 32)?;
                source = Some(checksum == Checksum::of(SOURCE).0);
            }
            (b'R', _) => source = None,
            (b'B', Some((_, _, size, content))) => {
                let (offset, length) = (number()?, number()?);
                source.filter(|is_there| *is_there)?;
                let patched = patched(of_payload(offset, length)?, size.checked_sub(content.len())?)?;
                content.extend(patched);
            }
            (b'c', Some(_)) => {
                let (mode, xattrs, size, content) = open.take()?;
                let made_file = file(part, mode, xattrs, &content)?;
                (content.len() == size && is_regular(part, mode)).then_some(())?;
                made.push(made_file);
            }
            _ => return None,
        }
    }
    (open.is_none() && made.len() == types.len()).then_some(made)
}

fn is_regular(part: &PartRef<'_>, mode: usize) -> bool {
    part.mode(mode).is_some_and(|mode| mode.mode & 0o170_000 == 0o100_000)
}

/// A symbolic link has no content.
fn file(part: &PartRef<'_>, mode: usize, xattrs: usize, bytes: &[u8]) -> Option<(Checksum, Vec<u8>)> {
    let is_regular = is_regular(part, mode);
    let (mode, xattrs) = (part.mode(mode)?, part.xattrs(xattrs)?.ok()?);
    let header = if is_regular {
        FileHeaderRef::regular(mode.uid, mode.gid, mode.mode, xattrs).ok()?
    } else {
        (mode.mode & 0o170_000 == 0o120_000).then_some(())?;
        FileHeaderRef::symlink(mode.uid, mode.gid, str::from_utf8(bytes).ok()?, xattrs).ok()?
    };
    let content = if is_regular { bytes } else { &[] };
    let mut hasher = ContentHasher::new(&header);
    hasher.update(content);
    Some((hasher.finish(), content.to_vec()))
}

/// bspatch as its source has it.
fn patched(mut patch: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut new = Vec::new();
    let mut position = 0_i128;
    while new.len() < size {
        let mut numbers = [0_i128; 3];
        for number in &mut numbers {
            let (bytes, rest) = patch.split_first_chunk::<8>()?;
            patch = rest;
            let value = u64::from_le_bytes(*bytes);
            let magnitude = i128::from(value & !(1 << 63));
            *number = if value >> 63 == 1 { -magnitude } else { magnitude };
        }
        let [sum, copy] = [numbers[0], numbers[1]].map(|number| usize::try_from(number).ok());
        let (sum, copy) = (sum?, copy?);
        if sum.checked_add(copy)?.checked_add(new.len())? > size {
            return None;
        }
        for byte in patch.get(..sum)? {
            let old = usize::try_from(position).ok().and_then(|at| SOURCE.get(at)).copied().unwrap_or(0);
            new.push(byte.wrapping_add(old));
            position += 1;
        }
        // The position is an `int64_t` there: beyond it nothing is defined, whatever the seek brings back.
        i64::try_from(position).ok()?;
        new.extend(patch.get(sum..sum + copy)?);
        patch = &patch[sum + copy..];
        position += numbers[2];
        i64::try_from(position).ok()?;
    }
    Some(new)
}
