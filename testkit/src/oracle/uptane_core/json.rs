//! The scanner and the canonical writer, beside an independent parser.

use serde_json::Value as Theirs;
use uptane_core::canonical::{self, Form, Slot};
use uptane_core::json::{JsonErrorKind, Value, parse};

/// Members out of order that the small index holds: few, so that inputs exceed it.
const SMALL_INDEX: usize = 3;

/// What this scanner reads, `serde_json` reads to the same values; what only `serde_json` reads is too deep
/// or has numbers that are not 64-bit integers.
///
/// # Panics
/// When that does not hold.
pub fn json(data: &[u8]) {
    let theirs = serde_json::from_slice::<Theirs>(data);
    match (parse(data), theirs) {
        (Ok(ours), Ok(theirs)) => agree(ours, &theirs),
        (Ok(ours), Err(error)) => panic!("{:?} is read, but {error}", ours.raw()),
        (Err(error), theirs) => {
            assert!(error.offset <= data.len(), "{error} is outside of {} bytes", data.len());
            let ours_alone =
                [JsonErrorKind::TooDeep, JsonErrorKind::NotAnInteger, JsonErrorKind::IntegerRange];
            assert!(theirs.is_err() || ours_alone.contains(&error.kind), "{error}: {theirs:?}");
        }
    }
}

fn agree(ours: Value<'_>, theirs: &Theirs) {
    match theirs {
        Theirs::Null => assert_eq!(ours.raw(), b"null"),
        Theirs::Bool(theirs) => assert_eq!(ours.boolean(), Ok(*theirs)),
        Theirs::Number(theirs) => assert_eq!(ours.unsigned().ok(), theirs.as_u64()),
        Theirs::String(theirs) => assert_eq!(ours.string().map(|text| text.to_text()), Ok(theirs.clone())),
        Theirs::Array(theirs) => {
            assert_eq!(ours.elements().map(Iterator::count), Ok(theirs.len()));
            ours.elements().into_iter().flatten().zip(theirs).for_each(|(ours, theirs)| agree(ours, theirs));
        }
        Theirs::Object(theirs) => {
            let count = ours.members().map(Iterator::count).unwrap_or_default();
            assert!(count >= theirs.len(), "{count} members of {}", theirs.len());
            for (key, theirs) in theirs {
                match ours.find(key) {
                    Ok(found) => agree(found.expect("a member that serde_json sees"), theirs),
                    Err(error) => assert_eq!(error.kind, JsonErrorKind::DuplicateKey),
                }
            }
        }
    }
}

/// Canonicalising twice is canonicalising once; a bounded index gives the same bytes or says that it is full.
///
/// # Panics
/// When that does not hold.
pub fn canonical(data: &[u8]) {
    let Ok(value) = parse(data) else { return };
    for form in [Form::Olpc, Form::JsonSubset, Form::JsonSubsetAscii] {
        let once = write(value, form);
        let mut small: heapless::Vec<Slot, SMALL_INDEX> = heapless::Vec::new();
        let mut bounded = Vec::new();
        match (&once, canonical::write(value, form, &mut small, &mut bounded)) {
            (Ok(once), Ok(())) => assert_eq!(*once, bounded),
            (Err(kind), Ok(())) => panic!("{kind:?} is seen with a large index only"),
            (Ok(_), Err(error)) => assert_eq!(error.kind, JsonErrorKind::IndexFull(SMALL_INDEX)),
            (Err(_), Err(_)) => {}
        }
        let once = match once {
            Ok(once) => once,
            Err(kind) => {
                assert_eq!(kind, JsonErrorKind::DuplicateKey);
                continue;
            }
        };
        if form == Form::Olpc && once.iter().any(u8::is_ascii_control) {
            // OLPC leaves control characters as they are, so it is not always JSON.
            continue;
        }
        let again =
            parse(&once).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&once)));
        assert_eq!(write(again, form).as_ref(), Ok(&once));
        if let Ok(theirs) = serde_json::from_slice::<Theirs>(data)
            && !data.windows(2).any(|pair| pair == b"-0")
        {
            agree(again, &theirs);
        }
    }
}

fn write(value: Value<'_>, form: Form) -> Result<Vec<u8>, JsonErrorKind> {
    let mut bytes = Vec::new();
    canonical::write(value, form, &mut Vec::new(), &mut bytes).map_err(|error| error.kind)?;
    Ok(bytes)
}
