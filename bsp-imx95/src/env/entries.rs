use super::{Error, MAX_ENTRIES, Rules};

/// One entry as it stands in the data: the value still escaped, `None` where the entry deletes the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RawEntry<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) value: Option<&'a [u8]>,
}

/// Walks entries by the rules of `himport_r` in `lib/hashtable.c` of U-Boot or of `libuboot_load` in
/// `src/uboot_env.c` of libubootenv, never past the end of the data.
///
/// The separator is a NUL in storage and a newline in text; a NUL ends an entry in both. Both readers go on
/// until an entry starts with a NUL.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entries<'a> {
    data: &'a [u8],
    at: usize,
    separator: u8,
    rules: Rules,
    seen: usize,
}

impl<'a> Entries<'a> {
    pub(crate) const fn new(data: &'a [u8], separator: u8, rules: Rules) -> Self {
        Self { data, at: 0, separator, rules, seen: 0 }
    }

    /// The next entry, or `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<RawEntry<'a>>, Error> {
        loop {
            if self.peek() == 0 {
                return Ok(None);
            }
            self.seen += 1;
            if self.seen > MAX_ENTRIES {
                return Err(Error::TooManyEntries { limit: MAX_ENTRIES });
            }
            if self.rules == Rules::Libubootenv {
                // A name and a value, or nothing: no blanks are skipped, no comments, no deletions, no escapes.
                match (self.take_name(), self.take_value()) {
                    (name, Some(value)) if !name.is_empty() => {
                        return Ok(Some(RawEntry { name, value: Some(value) }));
                    }
                    _ => continue,
                }
            }
            while matches!(self.peek(), b' ' | b'\t') {
                self.at += 1;
            }
            if self.peek() == b'#' {
                self.take_while(|_| true);
                continue;
            }
            let at = self.at;
            let name = self.take_name();
            let value = self.take_value().filter(|value| !value.is_empty());
            match (name, value) {
                // A blank line, or an entry `=`: nothing to delete.
                ([], None) => {}
                ([], Some(_)) => return Err(Error::EmptyName { at }),
                _ => return Ok(Some(RawEntry { name, value })),
            }
        }
    }

    /// The byte at the cursor; the end of the data reads as NUL.
    fn peek(&self) -> u8 {
        self.data.get(self.at).copied().unwrap_or(0)
    }

    fn is_end(&self) -> bool {
        let byte = self.peek();
        byte == 0 || byte == self.separator
    }

    /// Takes bytes up to the end of the entry and steps over its separator.
    fn take_while(&mut self, mut more: impl FnMut(u8) -> bool) -> &'a [u8] {
        let start = self.at;
        while !self.is_end() && more(self.peek()) {
            self.at += 1;
        }
        let taken = self.data.get(start..self.at).unwrap_or(&[]);
        self.at += 1;
        taken
    }

    /// The name; the cursor then is after the `=`, or still on the end of an entry without one.
    fn take_name(&mut self) -> &'a [u8] {
        let name = self.take_while(|byte| byte != b'=');
        if self.data.get(self.at - 1) != Some(&b'=') {
            self.at -= 1;
        }
        name
    }

    /// The value without its separator, `None` if the name is not followed by a `=`.
    fn take_value(&mut self) -> Option<&'a [u8]> {
        let is_assigned = self.at.checked_sub(1).and_then(|at| self.data.get(at)) == Some(&b'=');
        let start = self.at;
        while !self.is_end() {
            // An escaped separator belongs to the value; a backslash before a NUL stands for itself.
            let escape = self.rules == Rules::UBoot
                && self.peek() == b'\\'
                && self.data.get(self.at + 1).is_some_and(|next| *next != 0);
            self.at += if escape { 2 } else { 1 };
        }
        let value = self.data.get(start..self.at).unwrap_or(&[]);
        self.at += 1;
        is_assigned.then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk<const N: usize>(data: &[u8], separator: u8) -> [Option<RawEntry<'_>>; N] {
        let mut entries = Entries::new(data, separator, Rules::UBoot);
        core::array::from_fn(|_| entries.next().unwrap())
    }

    fn entry<'a>(name: &'a str, value: Option<&'a str>) -> Option<RawEntry<'a>> {
        Some(RawEntry { name: name.as_bytes(), value: value.map(str::as_bytes) })
    }

    #[test]
    fn reads_entries_as_u_boot_does() {
        let data = b" a=1\0#c=2\0b\0c=\0d=x=y\\\0e=\\z\0last=1";
        assert_eq!(
            walk::<7>(data, 0),
            [
                entry("a", Some("1")),
                entry("b", None),
                entry("c", None),
                entry("d", Some("x=y\\")),
                entry("e", Some("\\z")),
                entry("last", Some("1")),
                None
            ]
        );
    }

    #[test]
    fn an_escaped_newline_continues_a_line_of_text() {
        let data = b"\n# note\na=1 \\\n 2\n\nb=3\n";
        assert_eq!(walk::<3>(data, b'\n'), [entry("a", Some("1 \\\n 2")), entry("b", Some("3")), None]);
    }

    #[test]
    fn stops_at_an_empty_entry_whatever_follows() {
        assert_eq!(walk::<2>(b"a=1\0\0=junk", 0), [entry("a", Some("1")), None]);
        assert_eq!(walk::<1>(b"", 0), [None]);
        assert_eq!(walk::<1>(b"\0\xff\xff", 0), [None]);
    }

    #[test]
    fn libubootenv_knows_neither_comments_nor_deletions_nor_escapes() {
        let mut entries = Entries::new(b" a=1\0#c=2\0b\0c=\0=x\0d=\\\0last", 0, Rules::Libubootenv);
        for expected in [
            entry(" a", Some("1")),
            entry("#c", Some("2")),
            entry("c", Some("")),
            entry("d", Some("\\")),
            None,
        ] {
            assert_eq!(entries.next(), Ok(expected));
        }
    }

    #[test]
    fn refuses_a_value_without_a_name_and_says_where() {
        let mut entries = Entries::new(b"a=1\0=2\0", 0, Rules::UBoot);
        assert_eq!(entries.next().map(|found| found.is_some()), Ok(true));
        assert_eq!(entries.next(), Err(Error::EmptyName { at: 4 }));
    }
}
