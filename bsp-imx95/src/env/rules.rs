/// Whose rules say what the stored bytes mean.
///
/// | stored | U-Boot (`himport_r`) | libubootenv (`libuboot_load`) |
/// |---|---|---|
/// | `a=x\\y` | `xy`: a backslash escapes the next byte, and is stored as two | `x\\y` |
/// | `a=` | deletes `a` | `a` is empty |
/// | `a` | deletes `a` | ignored |
/// | `#a=1` | a comment | the variable `#a` |
/// | ` a=1` | the variable `a` | the variable ` a` |
/// | `=1` | the whole environment is refused | ignored |
/// | `.flags=…` | a variable | not shown: types and access rights of others |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Rules {
    /// As the boot loader: what counts on the device.
    #[default]
    UBoot,
    /// As `fw_printenv` and `fw_setenv` under Linux.
    Libubootenv,
}

impl Rules {
    /// Whether a variable of this name is kept, but not shown.
    pub(super) fn hides(self, name: &[u8]) -> bool {
        self == Self::Libubootenv && name == b".flags"
    }

    /// Whether these rules read a name back as it is.
    pub(super) fn can_name(self, name: &str) -> bool {
        let starts_well = self == Self::Libubootenv || !name.starts_with(['#', ' ', '\t']);
        !name.is_empty() && starts_well && !name.contains(['=', '\0'])
    }

    /// Whether a backslash is stored as two.
    pub(super) fn escapes(self, byte: u8) -> bool {
        self == Self::UBoot && byte == b'\\'
    }
}
