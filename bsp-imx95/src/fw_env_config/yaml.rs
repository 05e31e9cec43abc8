//! libubootenv's configuration as YAML (since 0.3.3): named environments, each with one copy or two.
//!
//! Unlike in `fw_env.config`, **sizes are decimal** without `0x`. Unlike libubootenv, numbers with junk behind
//! them, copies that overlap, and a third copy are refused, and the order of the keys does not matter.
//!
//! ```
//! use bsp_imx95::fw_env_config::yaml::YamlConfig;
//!
//! let config = YamlConfig::parse(
//!     "uboot:\n  size: 0x2000\n  lockfile: /var/lock/fw_printenv.lock\n  devices:\n\
//!      \x20   - path: /dev/emmc-boot0\n      offset: -0x2200\n\
//!      \x20   - path: /dev/emmc-boot0\n      offset: -0x4200\n",
//! )?;
//! let uboot = config.namespace("uboot").ok_or("no such environment")?;
//! assert_eq!(uboot.devices()?.len(), 2);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

mod reader;
mod writelist;

use super::{Device, Error, ErrorKind, parse};
use alloc::string::String;
use alloc::vec::Vec;

pub use writelist::{Access, Kind, Writable};

/// Named environments, in the file's order; the first one is the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YamlConfig {
    namespaces: Vec<Namespace>,
}

/// One environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespace {
    name: String,
    size: Option<u64>,
    lockfile: Option<String>,
    writelist: Vec<Writable>,
    devices: Vec<YamlDevice>,
    line: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct YamlDevice {
    path: Option<String>,
    offset: i64,
    sector_size: u64,
    line: usize,
}

impl YamlConfig {
    /// Whether the text is of this form rather than lines of `fw_env.config`: its first line that is no comment
    /// starts a document or names an environment.
    #[must_use]
    pub fn is_yaml(text: &str) -> bool {
        let first = text.lines().map(str::trim_ascii).find(|line| !line.is_empty() && !line.starts_with('#'));
        first.is_some_and(|line| {
            line.starts_with(['%', '{']) || line.starts_with("---") || line.ends_with(':')
        })
    }

    /// Reads a configuration.
    ///
    /// # Errors
    /// The first line that cannot be used, and why.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let namespaces = reader::read(text)?;
        for (index, namespace) in namespaces.iter().enumerate() {
            let error = |kind| Error { line: namespace.line, kind };
            if namespaces.iter().take(index).any(|other| other.name == namespace.name) {
                return Err(error(ErrorKind::Repeated));
            }
            namespace.devices()?;
        }
        if namespaces.is_empty() {
            return Err(Error { line: 1, kind: ErrorKind::NoDevice });
        }
        Ok(Self { namespaces })
    }

    /// The environments.
    #[must_use]
    pub fn namespaces(&self) -> &[Namespace] {
        &self.namespaces
    }

    /// The environment of that name.
    #[must_use]
    pub fn namespace(&self, name: &str) -> Option<&Namespace> {
        self.namespaces.iter().find(|namespace| namespace.name == name)
    }
}

impl Namespace {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The lock that its users take; libubootenv's own if `None`.
    #[must_use]
    pub fn lockfile(&self) -> Option<&str> {
        self.lockfile.as_deref()
    }

    /// The variables that may be changed; all of them if empty.
    #[must_use]
    pub fn writelist(&self) -> &[Writable] {
        &self.writelist
    }

    /// The one or two copies.
    ///
    /// # Errors
    /// As of [`FwEnvConfig::parse`](super::FwEnvConfig::parse); never for what [`YamlConfig::parse`] made.
    pub fn devices(&self) -> Result<heapless::Vec<Device<'_>, 2>, Error> {
        let mut devices = heapless::Vec::new();
        let error = |line, kind| Error { line, kind };
        for device in &self.devices {
            let path = device.path.as_deref();
            let missing = |key| error(device.line, ErrorKind::MissingKey { key });
            let size = self.size.ok_or(error(self.line, ErrorKind::MissingKey { key: "size" }))?;
            let device = Device {
                path: path.ok_or_else(|| missing("path"))?,
                offset: device.offset,
                size: parse::size(size).map_err(|kind| error(self.line, kind))?,
                sector_size: device.sector_size,
                sectors: 0,
            };
            parse::add(&mut devices, device).map_err(|kind| error(self.line, kind))?;
        }
        if devices.is_empty() {
            return Err(error(self.line, ErrorKind::NoDevice));
        }
        Ok(devices)
    }
}

#[cfg(test)]
mod tests {
    use super::super::MAX_LEN;
    use super::*;
    use alloc::format;
    use alloc::vec;

    const TWO: &str = "\
# as in the documentation
uboot:
  size : 0x4000
  lockfile : /var/lock/fw_printenv.lock
  writelist :
    - bootcount:da
    - title
      :sa
  devices:
    - path : /dev/mtd1
      offset : 0
      sectorsize : 0x1000
      disablelock: yes
    - {path: '/dev/mtd2', offset: -0x40}

appvar:
  size: 512
  devices:
    - path: /dev/mmcblk0
      offset: 010
";

    #[test]
    fn reads_what_libubootenv_reads() {
        let config = YamlConfig::parse(TWO).unwrap();
        let names: Vec<_> = config.namespaces().iter().map(Namespace::name).collect();
        assert_eq!(names, ["uboot", "appvar"]);
        let uboot = config.namespace("uboot").unwrap();
        assert_eq!(uboot.lockfile(), Some("/var/lock/fw_printenv.lock"));
        let decimal = Writable { name: "bootcount".into(), kind: Kind::Decimal, access: Access::Any };
        assert_eq!(uboot.writelist()[0], decimal);
        let first = Device { path: "/dev/mtd1", offset: 0, size: 0x4000, sector_size: 0x1000, sectors: 0 };
        let second = Device { path: "/dev/mtd2", offset: -0x40, sector_size: 0, ..first };
        assert_eq!(uboot.devices().unwrap(), [first, second]);
        let appvar = config.namespace("appvar").unwrap();
        let device = Device { path: "/dev/mmcblk0", offset: 8, size: 512, sector_size: 0, sectors: 0 };
        assert_eq!(appvar.devices().unwrap(), [device]);
        assert_eq!((appvar.lockfile(), appvar.writelist()), (None, &[][..]));
        assert_eq!(config.namespace("other"), None);
    }

    #[test]
    fn tells_both_forms_apart() {
        assert!(YamlConfig::is_yaml(TWO) && YamlConfig::is_yaml("\n---\na: {}\n"));
        for text in ["", "# only:\n", "/dev/mmcblk0 0x0 0x2000\n", "/dev/ubi0:env 0 0x1f000\n"] {
            assert!(!YamlConfig::is_yaml(text), "{text:?}");
        }
    }

    #[test]
    fn the_text_is_limited() {
        let text = "#".repeat(MAX_LEN + 1);
        let error = |kind| Err(Error { line: 1, kind });
        let too_long = ErrorKind::TooLong { len: MAX_LEN + 1, limit: MAX_LEN };
        assert_eq!(YamlConfig::parse(&text), error(too_long));
        assert_eq!(YamlConfig::parse(&text[1..]), error(ErrorKind::NoDevice));
    }

    #[test]
    fn says_which_line_is_wrong() {
        let size = "a:\n  size: 0x200\n";
        let cases = vec![
            (format!("{size}  devices:\n    - offset: 0\n"), 4, ErrorKind::MissingKey { key: "path" }),
            ("a:\n  devices:\n    - path: d\n".into(), 1, ErrorKind::MissingKey { key: "size" }),
            (size.into(), 1, ErrorKind::NoDevice),
            ("# nothing\n".into(), 1, ErrorKind::NoDevice),
            ("a:\n  size: 0x200x\n".into(), 2, ErrorKind::Value { key: "size" }),
            ("a:\n  size: -1\n".into(), 2, ErrorKind::Value { key: "size" }),
            ("a:\n  sizes: 1\n".into(), 2, ErrorKind::UnknownKey),
            ("a:\n  size: [1]\n".into(), 2, ErrorKind::Shape),
            ("- a\n".into(), 1, ErrorKind::Shape),
            ("a: &x 1\n".into(), 1, ErrorKind::Shape),
            ("a:\n  size: *x\n".into(), 2, ErrorKind::Yaml),
            ("a:\n  size: \"\n".into(), 2, ErrorKind::Yaml),
            (format!("{size}  writelist:\n    - name\n"), 4, ErrorKind::Value { key: "writelist" }),
            (format!("{size}  writelist:\n    - n:da\n    - n:sa\n"), 5, ErrorKind::Repeated),
            (format!("{size}  devices:\n    - path: d\n{size}"), 5, ErrorKind::Repeated),
            (format!("{size}  devices:\n    - path: d\n    - path: d\n"), 1, ErrorKind::Overlap),
            (
                format!("{size}  devices: [{{path: a}}, {{path: b}}, {{path: c}}]\n"),
                1,
                ErrorKind::TooManyDevices,
            ),
        ];
        for (text, line, kind) in cases {
            assert_eq!(YamlConfig::parse(&text), Err(Error { line, kind }), "{text}");
        }
    }
}
