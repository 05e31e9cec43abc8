//! What passes through a window is what is there as a whole.

use embedded_io::{ErrorType, Read, Seek, SeekFrom};
use uptane_core::canonical::{self, Form, Slot};
use uptane_core::dialect::Uptane;
use uptane_core::json::{JsonErrorKind, MIN_WINDOW_BYTES, parse};
use uptane_core::metadata::root::Root;
use uptane_core::stream::{Error, Failure, Room, canonicalise, verify_targets, verify_targets_seek};
use uptane_core::trusted::Current;
use uptane_core::{Repository, Role, Verified};

use super::documents::{LIMIT, NOW, honest, signed};

/// Gives a few bytes at a time.
struct File<'d> {
    bytes: &'d [u8],
    at: usize,
    step: usize,
}

impl ErrorType for File<'_> {
    type Error = core::convert::Infallible;
}

impl Read for File<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.len().min(buffer.len()).min(self.step);
        buffer.iter_mut().zip(rest).take(length).for_each(|(to, from)| *to = *from);
        self.at += length;
        Ok(length)
    }
}

impl Seek for File<'_> {
    fn seek(&mut self, to: SeekFrom) -> Result<u64, Self::Error> {
        if let SeekFrom::Start(at) = to {
            self.at = usize::try_from(at).unwrap_or(usize::MAX);
        }
        Ok(u64::try_from(self.at).unwrap_or(u64::MAX))
    }
}

/// The first byte sets the window and how much is read at a time; the rest is the document. It comes out of
/// the window in the canonical form that it has as a slice, or is refused as the slice is.
///
/// # Panics
/// When that does not hold.
pub fn reader(data: &[u8]) {
    let Some((&first, document)) = data.split_first() else { return };
    let step = usize::from(first % 16) + 1;
    let mut window = vec![0; MIN_WINDOW_BYTES + usize::from(first)];
    for form in [Form::Olpc, Form::JsonSubset, Form::JsonSubsetAscii] {
        let mut ours = Vec::new();
        let mut source = File { bytes: document, at: 0, step };
        let streamed =
            canonicalise(&mut source, form, u64::MAX, (&mut window, &mut Vec::<Slot>::new()), &mut ours);
        let mut theirs = Vec::new();
        let whole = parse(document)
            .and_then(|value| canonical::write(value, form, &mut Vec::<Slot>::new(), &mut theirs));
        match (streamed, whole) {
            (Ok(()), Ok(())) => assert_eq!(ours, theirs),
            // Only what the window holds can be sorted; what does not fit says so.
            (Err(Failure::Unsuited(_)), _) => {}
            (Err(Failure::Json(ours)), Err(theirs)) => {
                // A slice is first searched for what is not UTF-8, and last for repeated keys.
                let first = [JsonErrorKind::NotUtf8, JsonErrorKind::DuplicateKey];
                let either = first.contains(&ours.kind) || first.contains(&theirs.kind);
                assert!(either || ours == theirs, "{ours} streamed, {theirs} as a slice");
            }
            (streamed, whole) => panic!("{streamed:?} streamed, {whole:?} as a slice"),
        }
    }
}

/// The first byte sets the window, the rest is the `signed` object, which a real key signs. Streaming finds the
/// image that the buffered path finds, in the metadata that it accepts.
///
/// # Panics
/// When that does not hold.
pub fn stream(data: &[u8]) {
    let Some((&first, body)) = data.split_first() else { return };
    // The bytes themselves too: what no key signed must be released by neither.
    for bytes in [signed(Role::Targets, body), body.to_vec()] {
        judge(&bytes, first);
    }
}

fn judge(bytes: &[u8], first: u8) {
    const NAME: &str = "t-1";
    let root = honest().file(Repository::Image, "1.root.json").unwrap_or_default();
    let index = &mut Vec::<Slot>::new();
    let root = Verified::<Root<'_>>::trusted::<Uptane, _>(Repository::Image, root, index).expect("the root");
    let current = Current::<Uptane>::new(Repository::Image, root, NOW).expect("the root");
    let expected = current.expect_targets_alone(Role::Targets, None).expect("the signers");
    let buffered = current.targets_alone(Role::Targets, bytes, LIMIT, None, index);
    let limit = u64::try_from(LIMIT).unwrap_or(u64::MAX);
    for seek in [false, true] {
        let mut window = vec![0; MIN_WINDOW_BYTES + 4 * usize::from(first)];
        let mut found = [0; 1024];
        let room = Room { window: &mut window, found: &mut found, index: &mut Vec::<Slot>::new() };
        let mut source = File { bytes, at: 0, step: usize::from(first % 16) + 1 };
        let streamed = if seek {
            verify_targets_seek::<Uptane, _, _>(&mut source, &expected, NAME, limit, room)
        } else {
            verify_targets::<Uptane, _, _>(&mut source, &expected, NAME, limit, room)
        };
        match (streamed, &buffered) {
            (Ok(streamed), Ok(targets)) => {
                assert_eq!(streamed.version, targets.version());
                let same = targets.iter().filter_map(Result::ok).find(|target| target.name.eq_text(NAME));
                let ours = streamed.target.map(|target| (target.length, target.hashes));
                assert_eq!(ours, same.map(|target| (target.length, target.hashes)));
            }
            // The entry that is looked for is read at once when it is streamed, and only when asked for otherwise.
            (Err(Error::Refused(_)), Ok(targets)) => {
                assert!(targets.iter().any(|target| target.is_err()), "refused only when streamed");
            }
            (Err(Error::Unsuited(_)), _) | (Err(Error::Refused(_)), Err(_)) => {}
            (streamed, buffered) => panic!("{streamed:?} streamed, {buffered:?} buffered"),
        }
    }
}
