use super::{Device, Error, ErrorKind, MAX_LEN};
use crate::env::MAX_SIZE;

pub(super) fn parse(text: &str) -> Result<heapless::Vec<Device<'_>, 2>, Error> {
    if text.len() > MAX_LEN {
        return Err(Error { line: 1, kind: ErrorKind::TooLong { len: text.len(), limit: MAX_LEN } });
    }
    let mut devices = heapless::Vec::new();
    let mut last = 1;
    for (index, line) in text.lines().enumerate() {
        last = index + 1;
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let added = device(line).and_then(|device| add(&mut devices, device));
        added.map_err(|kind| Error { line: last, kind })?;
    }
    if devices.is_empty() {
        return Err(Error { line: last, kind: ErrorKind::NoDevice });
    }
    Ok(devices)
}

/// Adds a copy, if it fits the ones before.
pub(super) fn add<'a>(
    devices: &mut heapless::Vec<Device<'a>, 2>,
    device: Device<'a>,
) -> Result<(), ErrorKind> {
    if let Some(first) = devices.first() {
        if first.size != device.size {
            return Err(ErrorKind::SizesDiffer { first: first.size, second: device.size });
        }
        if overlap(first, &device) {
            return Err(ErrorKind::Overlap);
        }
    }
    devices.push(device).map_err(|_| ErrorKind::TooManyDevices)
}

fn device(line: &str) -> Result<Device<'_>, ErrorKind> {
    // A comment may stand behind the fields.
    let fields = line.split_ascii_whitespace().take_while(|field| !field.starts_with('#'));
    let given = fields.clone().count();
    let mut fields = fields;
    let (Some(path), Some(offset), Some(size)) = (fields.next(), fields.next(), fields.next()) else {
        return Err(ErrorKind::MissingField { given });
    };
    let offset = signed(offset).ok_or(ErrorKind::Number { field: 2 })?;
    let size = hexadecimal(size).ok_or(ErrorKind::Number { field: 3 })?;
    let mut optional = |field| match fields.next() {
        None => Ok(0),
        Some(text) => hexadecimal(text).ok_or(ErrorKind::Number { field }),
    };
    let (sector_size, sectors) = (optional(4)?, optional(5)?);
    Ok(Device { path, offset, size: self::size(size)?, sector_size, sectors })
}

/// A size that a copy may have.
pub(super) fn size(size: u64) -> Result<usize, ErrorKind> {
    let bytes = usize::try_from(size).ok().filter(|size| (1..=MAX_SIZE).contains(size));
    bytes.ok_or(ErrorKind::Size { size, limit: MAX_SIZE })
}

/// Both on one path, counted from the same end.
fn overlap(first: &Device<'_>, second: &Device<'_>) -> bool {
    first.path == second.path
        && (first.offset < 0) == (second.offset < 0)
        && usize::try_from(first.offset.abs_diff(second.offset)).is_ok_and(|distance| distance < first.size)
}

/// As `%lli`, and as `strtoull` in base 0: the prefix gives the base.
pub(super) fn signed(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let number = if let Some(digits) = strip_0x(digits) {
        digits_in(digits, 16)?
    } else if digits.starts_with('0') {
        digits_in(digits, 8)?
    } else {
        digits_in(digits, 10)?
    };
    let number = i64::try_from(number).ok()?;
    Some(if negative { -number } else { number })
}

/// As `%zx`: hexadecimal with or without a prefix.
fn hexadecimal(text: &str) -> Option<u64> {
    digits_in(strip_0x(text).unwrap_or(text), 16)
}

fn strip_0x(text: &str) -> Option<&str> {
    text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))
}

/// Digits only: `from_str_radix` would also take a sign.
fn digits_in(digits: &str, radix: u32) -> Option<u64> {
    if digits.starts_with(['+', '-']) {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(text: &str, line: usize, kind: ErrorKind) {
        assert_eq!(parse(text), Err(Error { line, kind }), "{text:?}");
    }

    #[test]
    fn an_offset_has_a_base_and_a_size_is_hexadecimal() {
        for (text, offset, size) in [
            ("d 16 10", 16, 16),
            ("d 0x10 0x200", 16, 0x200),
            ("d 010 512", 8, 0x512),
            ("d -0x2200 2000", -0x2200, 0x2000),
            ("  d\t0 1 # note", 0, 1),
        ] {
            let devices = parse(text).unwrap();
            assert_eq!(
                devices[0],
                Device { path: "d", offset, size, sector_size: 0, sectors: 0 },
                "{text:?}"
            );
        }
        let devices = parse("# note\n\n/dev/mtd1 0 4000 4000 2 1\n").unwrap();
        assert_eq!((devices[0].sector_size, devices[0].sectors), (0x4000, 2));
    }

    #[test]
    fn says_which_line_and_field_is_wrong() {
        fails("", 1, ErrorKind::NoDevice);
        fails("# only\n\n", 2, ErrorKind::NoDevice);
        fails("d 0\n", 1, ErrorKind::MissingField { given: 2 });
        fails("\nd 08 200", 2, ErrorKind::Number { field: 2 });
        fails("d 0 0xg", 1, ErrorKind::Number { field: 3 });
        fails("d 0 -1", 1, ErrorKind::Number { field: 3 });
        fails("d 0 200 ?", 1, ErrorKind::Number { field: 4 });
        fails("d 0 0", 1, ErrorKind::Size { size: 0, limit: MAX_SIZE });
        fails("d 0 100001", 1, ErrorKind::Size { size: 0x10_0001, limit: MAX_SIZE });
        assert_eq!(parse("d 0 100000").unwrap()[0].size, MAX_SIZE);
    }

    #[test]
    fn refuses_copies_that_share_bytes() {
        fails("d 0 200\nd 0 200", 2, ErrorKind::Overlap);
        fails("d 0 200\nd 0x1ff 200", 2, ErrorKind::Overlap);
        fails("d -0x400 200\nd -0x201 200\n", 2, ErrorKind::Overlap);
        fails("d 0 200\ne 0 400", 2, ErrorKind::SizesDiffer { first: 0x200, second: 0x400 });
        fails("d 0 200\nd 0x200 200\n\ne 0 200", 4, ErrorKind::TooManyDevices);
        assert_eq!(parse("d 0 200\ne 0 200\n").map(|devices| devices.len()), Ok(2));
    }

    #[test]
    fn the_text_is_limited() {
        let text = [b'#'; MAX_LEN + 1];
        let text = core::str::from_utf8(&text).unwrap();
        fails(text, 1, ErrorKind::TooLong { len: MAX_LEN + 1, limit: MAX_LEN });
        fails(&text[1..], 1, ErrorKind::NoDevice);
    }

    #[test]
    fn a_copy_must_lie_on_its_device() {
        let devices = parse("d -0x200 200\n").unwrap();
        assert_eq!(devices[0].start(0x200), Some(0));
        assert_eq!(devices[0].start(0x1ff), None);
        let devices = parse("d 1 200\n").unwrap();
        assert_eq!((devices[0].start(0x201), devices[0].start(0x200)), (Some(1), None));
    }
}
