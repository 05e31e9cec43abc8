use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A kernel command line, argument by argument.
///
/// Arguments are separated by blanks, except within double quotes, as the kernel reads them. It is edited as
/// `ostree admin deploy` does with `--karg-append`, `--karg` and `--karg-delete`; libostree 2022.7 also separates
/// within quotes.
///
/// ```
/// use bsp_imx95::boot_entry::KernelArguments;
///
/// let mut arguments = KernelArguments::parse("root=LABEL=otaroot console=tty1 console=ttyLP2 quiet");
/// arguments.replace("console=ttyLP0");
/// arguments.append("isolcpus=5");
/// arguments.delete("quiet")?;
/// assert_eq!(arguments.to_string(), "root=LABEL=otaroot console=ttyLP0 isolcpus=5");
/// # Ok::<(), bsp_imx95::boot_entry::Ambiguous>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KernelArguments {
    arguments: Vec<String>,
}

/// A name alone does not say which of several arguments to delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found} kernel arguments have this name: the value must be given, too")]
pub struct Ambiguous {
    /// Arguments of that name.
    pub found: usize,
}

impl KernelArguments {
    /// Reads a command line.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut is_quoted = false;
        let arguments = text.split(|character: char| {
            is_quoted ^= character == '"';
            character.is_ascii_whitespace() && !is_quoted
        });
        Self { arguments: arguments.filter(|argument| !argument.is_empty()).map(String::from).collect() }
    }

    /// The arguments.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.arguments.iter().map(String::as_str)
    }

    /// The values of the arguments `name=value`; empty for `name` alone.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter()
            .filter(move |argument| name_of(argument) == name)
            .map(|argument| argument.split_once('=').map_or("", |(_, value)| value))
    }

    /// Adds `name` or `name=value` at the end.
    pub fn append(&mut self, argument: &str) {
        self.arguments.push(argument.into());
    }

    /// Puts `name` or `name=value` in the place of the first argument of that name, and removes the others; adds it
    /// at the end if there is none.
    pub fn replace(&mut self, argument: &str) {
        let name = name_of(argument);
        let Some(first) = self.iter().position(|other| name_of(other) == name) else {
            return self.append(argument);
        };
        let mut index = 0;
        self.arguments.retain(|other| {
            index += 1;
            index <= first + 1 || name_of(other) != name
        });
        if let Some(place) = self.arguments.get_mut(first) {
            *place = argument.into();
        }
    }

    /// Removes the argument `name=value`, or the one called `name`; `false` if there is none.
    ///
    /// # Errors
    /// [`Ambiguous`] if several have that name and none is exactly that.
    pub fn delete(&mut self, argument: &str) -> Result<bool, Ambiguous> {
        let exact = self.iter().position(|other| other == argument);
        let is_named = |other: &&str| !argument.contains('=') && name_of(other) == argument;
        let found = self.iter().filter(is_named).count();
        if exact.is_none() && found > 1 {
            return Err(Ambiguous { found });
        }
        let position = exact.or_else(|| self.iter().position(|other| is_named(&other)));
        let is_found = position.is_some();
        if let Some(position) = position {
            self.arguments.remove(position);
        }
        Ok(is_found)
    }
}

fn name_of(argument: &str) -> &str {
    argument.split_once('=').map_or(argument, |(name, _)| name)
}

impl fmt::Display for KernelArguments {
    /// The command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, argument) in self.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{argument}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn blanks_separate_except_in_quotes() {
        let arguments = KernelArguments::parse("  a=1\tb=\"x  y\" \"c d\"=2 e=\"open end");
        assert!(arguments.iter().eq(["a=1", "b=\"x  y\"", "\"c d\"=2", "e=\"open end"]));
        assert_eq!(KernelArguments::parse(" ").to_string(), "");
        assert!(KernelArguments::parse("a a=1 a= ab=2").values("a").eq(["", "1", ""]));
    }

    #[test]
    fn an_ambiguous_deletion_is_refused() {
        let mut arguments = KernelArguments::parse("a=1 a=2 b b=1 c=3");
        assert_eq!(arguments.delete("a"), Err(Ambiguous { found: 2 }));
        assert_eq!(
            (arguments.delete("a=2"), arguments.delete("c"), arguments.delete("d")),
            (Ok(true), Ok(true), Ok(false))
        );
        assert_eq!(arguments.delete("a=9"), Ok(false));
        assert_eq!(arguments.delete("b"), Ok(true), "the one that is exactly that");
        assert_eq!(arguments.to_string(), "a=1 b=1");
    }
}
