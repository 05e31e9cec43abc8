use super::{Chosen, Env, Error, Layout, MAX_SIZE, Rules, Scheme, load_with};
use crate::crc32;

/// A variable and its new value; `None` or an empty value deletes it.
pub type Change<'a> = (&'a str, Option<&'a str>);

/// What to store, once [`write()`] has filled the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write {
    /// The copy to overwrite whole with the buffer: the one not in use if there are two.
    pub copy: usize,
    /// On NOR flash: the copy whose flags byte (offset 4) must then be set to 0.
    ///
    /// Between the two writes both copies are active and copy 0 counts: the old state or the new one.
    pub then_obsolete: Option<usize>,
}

/// Makes the next version of the environment in `out`, by U-Boot's rules, and says where it belongs.
///
/// Names are sorted, two NULs end the data, zeros fill the rest. A variable that is not changed keeps its
/// stored bytes. `Ok(None)` when every change holds already: then nothing needs to be written, and `out`
/// is untouched. The last of several changes of one name counts.
///
/// # Errors
/// As of [`load`](super::load); [`Error::InvalidName`], [`Error::InvalidValue`], [`Error::Full`], and [`Error::Buffer`]
/// if `out` has another size than the copies. `out` may then hold a part.
pub fn write(
    layout: Layout,
    copies: &[&[u8]],
    changes: &[Change<'_>],
    out: &mut [u8],
) -> Result<Option<Write>, Error> {
    write_with(layout, copies, changes, Rules::UBoot, out)
}

/// As [`write()`], by the given rules: what they read as unchanged is left as it is, and values are stored so
/// that they read them back.
///
/// # Errors
/// As of [`write()`].
pub fn write_with(
    layout: Layout,
    copies: &[&[u8]],
    changes: &[Change<'_>],
    rules: Rules,
    out: &mut [u8],
) -> Result<Option<Write>, Error> {
    let (chosen, env) = load_with(layout, copies, rules)?;
    check_buffer(copies, out)?;
    next_version(layout, chosen, &env, changes, out)
}

/// As [`write()`], once the copy in use is known; `env` is the view of it.
pub(super) fn next_version(
    layout: Layout,
    chosen: Chosen,
    env: &Env<'_>,
    changes: &[Change<'_>],
    out: &mut [u8],
) -> Result<Option<Write>, Error> {
    check(changes, env.rules())?;
    if changes.iter().all(|(name, _)| holds(env, name, changes)) {
        return Ok(None);
    }
    let (write, flags) = match layout {
        Layout::Single => (Write { copy: 0, then_obsolete: None }, 0),
        Layout::Redundant { scheme } => {
            let copy = 1 - chosen.index;
            match scheme {
                Scheme::Counter => (Write { copy, then_obsolete: None }, chosen.flags.wrapping_add(1)),
                Scheme::ParallelNor | Scheme::SerialNor => {
                    (Write { copy, then_obsolete: Some(chosen.index) }, 1)
                }
            }
        }
    };
    fill(layout, flags, env, changes, out)?;
    Ok(Some(write))
}

/// Makes a whole copy of the one in use in `out`, if the other one is broken, and says where it belongs: an
/// older version with the same variables, so that which copy is in use does not change.
///
/// `Ok(None)` if nothing is broken, or if there is no other copy.
///
/// # Errors
/// As of [`load`](super::load), and [`Error::Buffer`].
pub fn repair(layout: Layout, copies: &[&[u8]], out: &mut [u8]) -> Result<Option<Write>, Error> {
    let (chosen, _) = load_with(layout, copies, Rules::UBoot)?;
    check_buffer(copies, out)?;
    let current = copies.get(chosen.index).copied().unwrap_or(&[]);
    Ok(mend(layout, chosen, current, out))
}

/// As [`repair`], once the copy in use is known.
pub(super) fn mend(layout: Layout, chosen: Chosen, current: &[u8], out: &mut [u8]) -> Option<Write> {
    let Layout::Redundant { scheme } = layout else { return None };
    let copy = chosen.whole.iter().position(|is_whole| !is_whole)?;
    out.copy_from_slice(current);
    let flags = match scheme {
        Scheme::Counter => chosen.flags.wrapping_sub(1),
        Scheme::ParallelNor | Scheme::SerialNor => 0,
    };
    out.iter_mut().skip(4).take(1).for_each(|byte| *byte = flags);
    Some(Write { copy, then_obsolete: None })
}

fn check_buffer(copies: &[&[u8]], out: &[u8]) -> Result<(), Error> {
    let expected = copies.first().map_or(0, |copy| copy.len());
    if out.len() == expected { Ok(()) } else { Err(Error::Buffer { expected, given: out.len() }) }
}

/// Makes a first copy that holds only `changes`. In a redundant layout it has flags 1, as `mkenvimage -r`
/// gives it.
///
/// # Errors
/// As of [`write()`]; [`Error::Size`] if `out` is too small or too large for a copy.
pub fn create(layout: Layout, changes: &[Change<'_>], out: &mut [u8]) -> Result<(), Error> {
    check(changes, Rules::UBoot)?;
    check_size(layout, out.len())?;
    fill(layout, 1, &Env::empty(), changes, out)
}

pub(super) fn check_size(layout: Layout, len: usize) -> Result<(), Error> {
    let min = layout.header_len() + 1;
    if (min..=MAX_SIZE).contains(&len) { Ok(()) } else { Err(Error::Size { len, min, max: MAX_SIZE }) }
}

fn check(changes: &[Change<'_>], rules: Rules) -> Result<(), Error> {
    for (change, (name, value)) in changes.iter().enumerate() {
        if !rules.can_name(name) {
            return Err(Error::InvalidName { change });
        }
        if value.is_some_and(|value| value.contains('\0')) {
            return Err(Error::InvalidValue { change });
        }
    }
    Ok(())
}

/// The value that `changes` give `name`: `None` if they leave it alone, `Some(None)` if they delete it.
fn changed<'a>(changes: &[Change<'a>], name: &[u8]) -> Option<Option<&'a str>> {
    let change = changes.iter().rev().find(|change| change.0.as_bytes() == name)?;
    Some(change.1.filter(|value| !value.is_empty()))
}

fn holds(env: &Env<'_>, name: &str, changes: &[Change<'_>]) -> bool {
    match (env.get(name.as_bytes()), changed(changes, name.as_bytes()).flatten()) {
        (None, None) => true,
        (Some(now), Some(wanted)) => now.is(wanted.as_bytes()),
        _ => false,
    }
}

fn fill(
    layout: Layout,
    flags: u8,
    env: &Env<'_>,
    changes: &[Change<'_>],
    out: &mut [u8],
) -> Result<(), Error> {
    let mut sink = Sink::new(layout, out);
    let mut last: Option<&[u8]> = None;
    loop {
        let stored = env.next_after(last);
        let new = changes
            .iter()
            .map(|change| change.0.as_bytes())
            .filter(|name| last.is_none_or(|last| *name > last))
            .min();
        let name = match (stored, new) {
            (None, None) => break,
            (Some((name, _)), None) | (None, Some(name)) => name,
            (Some((name, _)), Some(new)) => name.min(new),
        };
        last = Some(name);
        match changed(changes, name) {
            Some(None) => {}
            Some(Some(value)) => sink.variable(name, value.bytes(), env.rules()),
            None => {
                // What stays keeps its stored bytes: no reader sees it change.
                if let Some(stored) = stored.and_then(|(_, value)| value) {
                    sink.stored(name, stored);
                }
            }
        }
    }
    sink.finish(flags)
}

/// Fills a copy in order; counts what does not fit, so that the error can say how much is needed.
pub(super) struct Sink<'a> {
    header: &'a mut [u8],
    data: &'a mut [u8],
    len: usize,
}

impl<'a> Sink<'a> {
    /// `copy` must be long enough for the header.
    pub(super) fn new(layout: Layout, copy: &'a mut [u8]) -> Self {
        let (header, data) = copy.split_at_mut(layout.header_len());
        data.fill(0);
        Self { header, data, len: 0 }
    }

    pub(super) fn variable(&mut self, name: &[u8], value: impl Iterator<Item = u8>, rules: Rules) {
        self.push(name);
        self.push(b"=");
        for byte in value {
            if rules.escapes(byte) {
                self.push(b"\\");
            }
            self.push(&[byte]);
        }
        self.push(&[0]);
    }

    fn stored(&mut self, name: &[u8], value: &[u8]) {
        for part in [name, b"=", value, &[0]] {
            self.push(part);
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        let end = self.len.saturating_add(bytes.len());
        if let Some(room) = self.data.get_mut(self.len..end) {
            room.copy_from_slice(bytes);
        }
        self.len = end;
    }

    pub(super) fn finish(self, flags: u8) -> Result<(), Error> {
        let room = self.data.len();
        // Two NULs even when no variable is left: readers look for them.
        let need = self.len.saturating_add(1).max(2);
        if need > room {
            return Err(Error::Full { need, room });
        }
        let crc = crc32(self.data).to_le_bytes();
        for (byte, value) in self.header.iter_mut().zip(crc.into_iter().chain([flags])) {
            *byte = value;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::load;
    use super::*;

    const COUNTER: Layout = Layout::Redundant { scheme: Scheme::Counter };

    #[test]
    fn writes_the_other_copy_sorted_with_the_next_flags() {
        let mut first = [0; 40];
        create(COUNTER, &[("b", Some("2")), ("a", Some("1"))], &mut first).unwrap();
        assert_eq!(&first[4..14], b"\x01a=1\0b=2\0\0");
        let mut second = [0xff; 40];
        let written = write(COUNTER, &[&first, &[0; 40]], &[("aa", Some("x\\")), ("b", None)], &mut second);
        assert_eq!(written, Ok(Some(Write { copy: 1, then_obsolete: None })));
        assert_eq!(&second[4..16], b"\x02a=1\0aa=x\\\\\0");
        assert!(second[16..].iter().all(|byte| *byte == 0));
        assert_eq!(load(COUNTER, &[&first, &second]).unwrap().0.index, 1);
    }

    #[test]
    fn writes_nothing_when_every_change_holds() {
        let mut copy = [0; 32];
        create(Layout::Single, &[("a", Some("1"))], &mut copy).unwrap();
        let mut out = [7; 32];
        let changes = [("a", Some("2")), ("a", Some("1")), ("b", None), ("c", Some(""))];
        assert_eq!(write(Layout::Single, &[&copy], &changes, &mut out), Ok(None));
        assert_eq!(out, [7; 32]);
    }

    #[test]
    fn a_broken_copy_is_mended_without_changing_which_one_counts() {
        for scheme in [Scheme::Counter, Scheme::ParallelNor, Scheme::SerialNor] {
            let layout = Layout::Redundant { scheme };
            let all: &[u8] = if scheme == Scheme::Counter { &[0, 1, 127, 128, 255] } else { &[1] };
            for (flags, broken) in all.iter().flat_map(|flags| [(*flags, 0), (*flags, 1)]) {
                let mut copy = [0; 16];
                create(layout, &[("a", Some("1"))], &mut copy).unwrap();
                copy[4] = flags;
                let mut copies = [copy; 2];
                copies[broken][10] ^= 1;
                let mut out = [7; 16];
                let written = repair(layout, &[&copies[0], &copies[1]], &mut out);
                assert_eq!(written, Ok(Some(Write { copy: broken, then_obsolete: None })));
                copies[broken] = out;
                let (chosen, _) = load(layout, &[&copies[0], &copies[1]]).unwrap();
                assert_eq!((chosen.index, chosen.whole), (1 - broken, [true, true]), "flags {flags}");
                assert_eq!(repair(layout, &[&copies[0], &copies[1]], &mut out), Ok(None));
            }
        }
        let mut copy = [0; 16];
        create(Layout::Single, &[], &mut copy).unwrap();
        assert_eq!(repair(Layout::Single, &[&copy], &mut [0; 16]), Ok(None));
    }

    #[test]
    fn nor_flash_obsoletes_the_old_copy_afterwards() {
        let layout = Layout::Redundant { scheme: Scheme::ParallelNor };
        let mut first = [0; 16];
        create(layout, &[], &mut first).unwrap();
        let mut out = [0; 16];
        let written = write(layout, &[&[0xff; 16], &first], &[("a", Some("1"))], &mut out);
        assert_eq!(written, Ok(Some(Write { copy: 0, then_obsolete: Some(1) })));
        assert_eq!(out[4], 1);
    }

    #[test]
    fn fits_to_the_last_byte_and_not_one_more() {
        let mut out = [0; 4 + 5];
        assert_eq!(create(Layout::Single, &[("a", Some("1"))], &mut out), Ok(()));
        let full = Err(Error::Full { need: 6, room: 5 });
        assert_eq!(create(Layout::Single, &[("a", Some("12"))], &mut out), full);
        let escaped = Err(Error::Full { need: 6, room: 5 });
        assert_eq!(create(Layout::Single, &[("a", Some("\\"))], &mut out), escaped);
    }

    #[test]
    fn refuses_names_and_values_that_would_not_be_read_back() {
        for name in ["", "#a", " a", "\ta", "a=b", "a\0"] {
            let changes = [("fine", None), (name, Some("1"))];
            assert_eq!(create(Layout::Single, &changes, &mut [0; 32]), Err(Error::InvalidName { change: 1 }));
        }
        let value = create(Layout::Single, &[("a", Some("1\0b=2"))], &mut [0; 32]);
        assert_eq!(value, Err(Error::InvalidValue { change: 0 }));
    }
}
