use super::write::{Sink, check_size};
use super::{Change, Env, Error, Layout, Rules, Value, load};
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

/// An environment of its own: variables by name, as U-Boot holds them in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Variables {
    values: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Variables {
    /// No variables.
    #[must_use]
    pub const fn new() -> Self {
        Self { values: BTreeMap::new() }
    }

    /// Reads the copy in use.
    ///
    /// # Errors
    /// As of [`load`].
    pub fn from_bytes(layout: Layout, copies: &[&[u8]]) -> Result<Self, Error> {
        load(layout, copies).map(|(_, env)| Self::from_env(&env))
    }

    /// The variables of a view.
    #[must_use]
    pub fn from_env(env: &Env<'_>) -> Self {
        let mut variables = Self::new();
        variables.import(env);
        variables
    }

    /// Takes over what the view sets and deletes.
    pub fn import(&mut self, env: &Env<'_>) {
        let rules = env.rules();
        let mut entries = env.entries();
        while let Ok(Some(entry)) = entries.next() {
            if !rules.hides(entry.name) {
                self.put(entry.name, entry.value.map(|stored| Value::new(stored, rules).bytes().collect()));
            }
        }
    }

    /// Takes over `text` as `env import -t` does; see [`Env::parse_text`].
    ///
    /// # Errors
    /// As of [`Env::parse_text`]; nothing is set then, while U-Boot has set the variables before that line.
    pub fn import_text(&mut self, text: &str) -> Result<(), Error> {
        self.import(&Env::parse_text(text.as_bytes())?);
        Ok(())
    }

    /// Takes over only the named variables, as `env import -t ADDRESS SIZE NAME…` does: those that the text does
    /// not have are deleted.
    ///
    /// This is how a file that others write can be imported safely: without a list it may set `bootcmd`,
    /// `altbootcmd`, `bootlimit` or `upgrade_available` as well.
    ///
    /// # Errors
    /// As of [`import_text`](Self::import_text).
    pub fn import_text_only(&mut self, text: &str, names: &[&str]) -> Result<(), Error> {
        let mut imported = Self::new();
        imported.import_text(text)?;
        for name in names {
            self.put(name.as_bytes(), imported.get_bytes(name).map(Vec::from));
        }
        Ok(())
    }

    /// The variables as `env export -t` writes them: sorted, a line each, a backslash before each backslash and
    /// each newline of a value. U-Boot ends it with a NUL.
    #[must_use]
    pub fn export_text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for (name, value) in self.iter_bytes() {
            text.extend_from_slice(name);
            text.push(b'=');
            for byte in value {
                if matches!(byte, b'\\' | b'\n') {
                    text.push(b'\\');
                }
                text.push(*byte);
            }
            text.push(b'\n');
        }
        text
    }

    /// The value; `None` if it is not set, or not UTF-8 (then see [`get_bytes`](Self::get_bytes)).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_bytes(name).and_then(|value| core::str::from_utf8(value).ok())
    }

    /// The value as bytes; `None` if it is not set. Empty only if it was read by libubootenv's rules.
    #[must_use]
    pub fn get_bytes(&self, name: &str) -> Option<&[u8]> {
        self.values.get(name.as_bytes()).map(Vec::as_slice)
    }

    /// The value as a number, as [`Env::number`].
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u32> {
        self.get_bytes(name).map(|value| crate::number::leading_digits(value.iter().copied()))
    }

    /// Sets the variable; `None` or an empty value deletes it.
    ///
    /// # Errors
    /// [`Error::InvalidName`] and [`Error::InvalidValue`], as change 0.
    pub fn set(&mut self, name: &str, value: Option<&str>) -> Result<(), Error> {
        if !Rules::UBoot.can_name(name) {
            return Err(Error::InvalidName { change: 0 });
        }
        if value.is_some_and(|value| value.contains('\0')) {
            return Err(Error::InvalidValue { change: 0 });
        }
        self.put(name.as_bytes(), value.filter(|value| !value.is_empty()).map(Vec::from));
        Ok(())
    }

    /// Applies the changes in order.
    ///
    /// # Errors
    /// As of [`set`](Self::set), with the index of the change; the changes before it are then made.
    pub fn apply(&mut self, changes: &[Change<'_>]) -> Result<(), Error> {
        for (change, (name, value)) in changes.iter().enumerate() {
            self.set(name, *value).map_err(|error| match error {
                Error::InvalidName { .. } => Error::InvalidName { change },
                Error::InvalidValue { .. } => Error::InvalidValue { change },
                other => other,
            })?;
        }
        Ok(())
    }

    /// The variables whose names and values are UTF-8, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.iter_bytes().filter_map(|(name, value)| {
            Some((core::str::from_utf8(name).ok()?, core::str::from_utf8(value).ok()?))
        })
    }

    /// The variables, sorted by name.
    pub fn iter_bytes(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.values.iter().map(|(name, value)| (name.as_slice(), value.as_slice()))
    }

    /// Whether no variable is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// A first copy of `size` bytes with these variables, as [`create`](super::create) makes it.
    ///
    /// # Errors
    /// As of [`create`](super::create).
    pub fn encode(&self, layout: Layout, size: usize) -> Result<Vec<u8>, Error> {
        check_size(layout, size)?;
        let mut copy = vec![0; size];
        let mut sink = Sink::new(layout, &mut copy);
        for (name, value) in self.iter_bytes() {
            sink.variable(name, value.iter().copied(), Rules::UBoot);
        }
        sink.finish(1)?;
        Ok(copy)
    }

    fn put(&mut self, name: &[u8], value: Option<Vec<u8>>) {
        match value {
            Some(value) => drop(self.values.insert(name.to_vec(), value)),
            None => drop(self.values.remove(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_reads_back() {
        let mut variables = Variables::new();
        variables
            .apply(&[("b", Some("x\\y")), ("a", Some("1")), ("gone", Some("1")), ("gone", None)])
            .unwrap();
        let copy = variables.encode(Layout::Single, 32).unwrap();
        assert_eq!(&copy[4..15], b"a=1\0b=x\\\\y\0");
        assert_eq!(Variables::from_bytes(Layout::Single, &[&copy]), Ok(variables));
    }

    #[test]
    fn text_is_imported_line_by_line() {
        let mut variables = Variables::new();
        variables.set("old", Some("1")).unwrap();
        variables.import_text("# note\na=one \\\n two\nold=\nb=\\\\\n").unwrap();
        let expected = [("a", "one \n two"), ("b", "\\")];
        assert!(variables.iter().eq(expected));
        assert_eq!(variables.import_text("c=1\n=2\n"), Err(Error::EmptyName { at: 4 }));
        assert_eq!(variables.get("c"), None);
        assert_eq!(variables.export_text(), b"a=one \\\n two\nb=\\\\\n");
    }

    #[test]
    fn an_import_by_name_touches_nothing_else() {
        let mut variables = Variables::new();
        variables
            .apply(&[("bootlimit", Some("3")), ("kernel_image", Some("/old")), ("fdtdir", Some("/d"))])
            .unwrap();
        let text = "kernel_image=/new\nbootlimit=0\nbootcmd=reset\n";
        variables.import_text_only(text, &["kernel_image", "fdtdir"]).unwrap();
        assert!(variables.iter().eq([("bootlimit", "3"), ("kernel_image", "/new")]));
    }

    #[test]
    fn refuses_a_change_by_its_index() {
        let mut variables = Variables::new();
        assert_eq!(variables.apply(&[("a", None), ("", None)]), Err(Error::InvalidName { change: 1 }));
        let nul = variables.apply(&[("a", None), ("a", Some("\0"))]);
        assert_eq!(nul, Err(Error::InvalidValue { change: 1 }));
    }
}
