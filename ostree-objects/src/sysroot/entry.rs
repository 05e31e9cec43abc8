use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// One deployment for the boot loader, after the Boot Loader Specification's type 1. Paths are below `/boot` and
/// start with a slash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BootEntry {
    /// Name for people, such as `Torizon OS 7.1 (ostree:0)`.
    pub title: String,
    /// Order: the higher number boots first.
    pub version: String,
    /// The kernel's command line, with `ostree=`.
    pub options: String,
    /// The kernel.
    pub linux: String,
    /// The initial RAM disk.
    pub initrd: Option<String>,
    /// The device tree, if the tree has exactly one.
    pub devicetree: Option<String>,
    /// The directory of device trees otherwise.
    pub fdtdir: Option<String>,
}

/// Reads an entry's file; `None` if it has no `options` or no `linux`.
pub(super) fn parse(text: &str) -> Option<BootEntry> {
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix([' ', '\t']));
        line.map(|value| value.trim().to_string())
    };
    Some(BootEntry {
        title: value("title").unwrap_or_default(),
        version: value("version").unwrap_or_default(),
        options: value("options")?,
        linux: value("linux")?,
        initrd: value("initrd"),
        devicetree: value("devicetree"),
        fdtdir: value("fdtdir"),
    })
}

/// The link that `ostree=` names, and the other arguments; `None` if it names none.
pub(super) fn split_options(options: &str) -> Option<(&str, String)> {
    let link = options.split_ascii_whitespace().find_map(|argument| argument.strip_prefix("ostree="))?;
    let others: Vec<&str> =
        options.split_ascii_whitespace().filter(|argument| !argument.starts_with("ostree=")).collect();
    Some((link, others.join(" ")))
}

/// What `PRETTY_NAME` of an `os-release` says, or else `ID` (os-release(5)).
pub(super) fn pretty_name(os_release: &str) -> Option<String> {
    let value = |key: &str| {
        let line = os_release.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))?;
        let quoted = |quote| line.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        let text = quoted('"').or_else(|| quoted('\'')).unwrap_or(line);
        Some(text.to_string()).filter(|text| !text.is_empty())
    };
    value("PRETTY_NAME").or_else(|| value("ID"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_is_found_wherever_it_stands_and_the_rest_keeps_its_order() {
        assert_eq!(split_options("a ostree=/ostree/boot.0/x b"), Some(("/ostree/boot.0/x", "a b".into())));
        assert_eq!(split_options("quiet"), None);
    }

    #[test]
    fn a_system_is_named_by_its_pretty_name_or_its_id() {
        assert_eq!(pretty_name("ID=demo\nPRETTY_NAME=\"Demo 1\"\n").as_deref(), Some("Demo 1"));
        assert_eq!(pretty_name("PRETTY_NAME=''\nID=demo\n").as_deref(), Some("demo"));
        assert_eq!(pretty_name("VERSION_ID=1\n"), None);
    }

    #[test]
    fn an_entry_without_kernel_is_none() {
        let text = "title T\nversion 2\noptions a ostree=/x\nlinux /k\nfdtdir /d\n";
        let entry = parse(text).unwrap();
        assert_eq!((&*entry.version, &*entry.linux, entry.fdtdir.as_deref()), ("2", "/k", Some("/d")));
        assert_eq!(parse("title T\noptions a\n"), None);
    }
}
