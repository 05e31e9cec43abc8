use super::entries::Entries;
use super::{Chosen, Error, Layout, MAX_SIZE, Rules, choose_with};

/// A checked view of an environment's data, borrowed from the copy or the text it came from.
#[derive(Clone, Copy, Debug)]
pub struct Env<'a> {
    data: &'a [u8],
    separator: u8,
    rules: Rules,
}

/// Chooses the copy in use and reads it, as U-Boot does.
///
/// # Errors
/// As of [`choose`](super::choose) and [`Env::parse`].
pub fn load<'a>(layout: Layout, copies: &[&'a [u8]]) -> Result<(Chosen, Env<'a>), Error> {
    load_with(layout, copies, Rules::UBoot)
}

/// As [`load`], by the given rules.
///
/// # Errors
/// As of [`choose_with`] and [`Env::parse_with`].
pub fn load_with<'a>(layout: Layout, copies: &[&'a [u8]], rules: Rules) -> Result<(Chosen, Env<'a>), Error> {
    let (copy0, copy1) = match *copies {
        [copy0] => (copy0, None),
        [copy0, copy1] => (copy0, Some(copy1)),
        _ => return Err(Error::Copies { expected: layout.copies(), given: copies.len() }),
    };
    let chosen = choose_with(layout, copy0, copy1, rules)?;
    let copy = if chosen.index == 0 { copy0 } else { copy1.unwrap_or(copy0) };
    let data = copy.get(layout.header_len()..).unwrap_or(&[]);
    Ok((chosen, Env::parse_with(data, rules)?))
}

impl<'a> Env<'a> {
    /// Reads the data of one copy, without its header, by U-Boot's [`Rules`]. Anything may follow the final
    /// NUL.
    ///
    /// # Errors
    /// [`Error::EmptyName`] where U-Boot would refuse the whole environment, [`Error::TooManyEntries`],
    /// [`Error::Size`].
    pub fn parse(data: &'a [u8]) -> Result<Self, Error> {
        Self::parse_with(data, Rules::UBoot)
    }

    /// As [`parse`](Self::parse), by the given rules.
    ///
    /// # Errors
    /// As of [`parse`](Self::parse); libubootenv ignores a value without a name.
    pub fn parse_with(data: &'a [u8], rules: Rules) -> Result<Self, Error> {
        Self { data, separator: 0, rules }.checked()
    }

    /// Reads text as `env import -t` does.
    ///
    /// Entries are lines; a backslash escapes the next byte, so one before a newline keeps the newline in the
    /// value; a line starting with `#` is a comment; `name=` deletes. Any variable can be set this way, those
    /// that govern the rollback included.
    ///
    /// # Errors
    /// As of [`parse`](Self::parse).
    pub fn parse_text(text: &'a [u8]) -> Result<Self, Error> {
        Self { data: text, separator: b'\n', rules: Rules::UBoot }.checked()
    }

    fn checked(self) -> Result<Self, Error> {
        if self.data.len() > MAX_SIZE {
            return Err(Error::Size { len: self.data.len(), min: 0, max: MAX_SIZE });
        }
        let mut entries = self.entries();
        while entries.next()?.is_some() {}
        Ok(self)
    }

    /// An environment without variables.
    #[must_use]
    pub const fn empty() -> Self {
        Self { data: &[], separator: 0, rules: Rules::UBoot }
    }

    /// The same data, read by other rules.
    ///
    /// # Errors
    /// As of [`parse_with`](Self::parse_with).
    pub fn with_rules(self, rules: Rules) -> Result<Self, Error> {
        if rules == self.rules { Ok(self) } else { Self { rules, ..self }.checked() }
    }

    /// The variable's value; `None` if it is not set. One pass over the data.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<Value<'a>> {
        if self.rules.hides(name) {
            return None;
        }
        let mut found = None;
        let mut entries = self.entries();
        while let Ok(Some(entry)) = entries.next() {
            if entry.name == name {
                found = entry.value;
            }
        }
        found.map(|stored| Value::new(stored, self.rules))
    }

    /// The variable as a number, as U-Boot's `env_get_ulong` in base 10: the leading digits, 0 without any.
    #[must_use]
    pub fn number(&self, name: &[u8]) -> Option<u32> {
        let digits = |value: Value<'_>| crate::number::leading_digits(value.bytes());
        self.get(name).map(digits)
    }

    /// The variables, sorted by name, each once. One pass over the data for each variable.
    #[must_use]
    pub const fn iter(&self) -> Iter<'a> {
        Iter { env: *self, last: None }
    }

    pub(super) const fn rules(&self) -> Rules {
        self.rules
    }

    pub(super) const fn entries(&self) -> Entries<'a> {
        Entries::new(self.data, self.separator, self.rules)
    }
}

impl<'a> IntoIterator for Env<'a> {
    type Item = (&'a [u8], Value<'a>);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// The variables of an [`Env`], sorted by name.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    env: Env<'a>,
    last: Option<&'a [u8]>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (name, stored) = self.env.next_after(self.last)?;
            self.last = Some(name);
            if let Some(stored) = stored.filter(|_| !self.env.rules.hides(name)) {
                return Some((name, Value::new(stored, self.env.rules)));
            }
        }
    }
}

impl<'a> Env<'a> {
    /// The smallest name greater than `last`, with its final stored value, `None` if it ends up deleted.
    pub(super) fn next_after(&self, last: Option<&[u8]>) -> Option<(&'a [u8], Option<&'a [u8]>)> {
        let mut best: Option<(&[u8], Option<&[u8]>)> = None;
        let mut entries = self.entries();
        while let Ok(Some(entry)) = entries.next() {
            let is_after = last.is_none_or(|last| entry.name > last);
            if is_after && best.is_none_or(|(name, _)| entry.name <= name) {
                best = Some((entry.name, entry.value));
            }
        }
        best
    }
}

/// A variable's value: never empty for U-Boot, which takes an empty value for a deletion.
#[derive(Clone, Copy, Debug)]
pub struct Value<'a> {
    stored: &'a [u8],
    rules: Rules,
}

impl<'a> Value<'a> {
    pub(super) const fn new(stored: &'a [u8], rules: Rules) -> Self {
        Self { stored, rules }
    }

    /// The bytes as they stand in the environment, escapes included.
    #[must_use]
    pub const fn stored(&self) -> &'a [u8] {
        self.stored
    }

    /// The bytes of the value.
    pub fn bytes(&self) -> impl Iterator<Item = u8> + Clone + use<'a> {
        let mut stored = self.stored.iter();
        let rules = self.rules;
        core::iter::from_fn(move || {
            let byte = *stored.next()?;
            let escaped = byte == b'\\' && rules == Rules::UBoot;
            Some(if escaped { stored.next().copied().unwrap_or(byte) } else { byte })
        })
    }

    /// Whether the value has exactly these bytes.
    #[must_use]
    pub fn is(&self, bytes: &[u8]) -> bool {
        self.bytes().eq(bytes.iter().copied())
    }

    /// Copies the value to the start of `out` and returns it; `None` if `out` is too small.
    pub fn copy_to<'b>(&self, out: &'b mut [u8]) -> Option<&'b [u8]> {
        let mut len = 0;
        for byte in self.bytes() {
            *out.get_mut(len)? = byte;
            len += 1;
        }
        out.get(..len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: &[u8] = b"b=1\0a=x\\\\y\0c=3\0b=2\0c\0d=\0\0\xff";

    #[test]
    fn later_duplicates_win_and_deletions_hold() {
        let env = Env::parse(DATA).unwrap();
        assert!(env.get(b"b").unwrap().is(b"2"));
        assert!(env.get(b"c").is_none() && env.get(b"d").is_none() && env.get(b"").is_none());
        assert!(env.iter().map(|(name, _)| name).eq([b"a", b"b"]));
    }

    #[test]
    fn a_backslash_is_an_escape_only_for_u_boot() {
        let env = Env::parse(DATA).unwrap();
        let value = env.get(b"a").unwrap();
        let mut out = [0; 3];
        assert_eq!(value.copy_to(&mut out), Some(&b"x\\y"[..]));
        assert_eq!(value.copy_to(&mut out[..2]), None);
        assert!(env.with_rules(Rules::Libubootenv).unwrap().get(b"a").unwrap().is(b"x\\\\y"));
    }

    #[test]
    fn libubootenv_keeps_empty_values_and_hides_its_flags() {
        let env = Env::parse_with(b".flags=a:sr\0=1\0a=\0b\0", Rules::Libubootenv).unwrap();
        assert!(env.get(b"a").unwrap().is(b"") && env.get(b"b").is_none() && env.get(b".flags").is_none());
        assert!(env.iter().map(|(name, _)| name).eq([b"a"]));
        assert_eq!(env.with_rules(Rules::UBoot).err(), Some(Error::EmptyName { at: 12 }));
    }

    #[test]
    fn text_is_read_line_by_line() {
        let env = Env::parse_text(b"# note\r\na=one \\\n two\nb=\\\\\nold=\n").unwrap();
        assert!(env.get(b"a").unwrap().is(b"one \n two") && env.get(b"b").unwrap().is(b"\\"));
        assert_eq!(env.iter().count(), 2);
        assert_eq!(Env::parse_text(b"c=1\n=2\n").err(), Some(Error::EmptyName { at: 4 }));
    }

    #[test]
    fn one_entry_over_the_limit_is_refused() {
        let mut data = [*b"a\0"; crate::env::MAX_ENTRIES + 1];
        let limit = crate::env::MAX_ENTRIES;
        assert_eq!(Env::parse(data.as_flattened()).err(), Some(Error::TooManyEntries { limit }));
        data[limit] = *b"\0\0";
        assert_eq!(Env::parse(data.as_flattened()).unwrap().iter().count(), 0);
    }
}
