//! The short form of `ports`: `[[IP:][HOST[-END]:]]CONTAINER[-END][/PROTOCOL]`.
//!
//! Form: `ParsePortSpec` of `github.com/docker/go-connections/nat`.

use core::fmt;
use core::net::IpAddr;

/// Ports from `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PortRange {
    /// Lowest port.
    pub first: u16,
    /// Highest port, not below `first`.
    pub last: u16,
}

impl PortRange {
    fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let number =
            |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u16>().ok()).flatten();
        let range = Self { first: number(first)?, last: number(last)? };
        (range.first <= range.last).then_some(range)
    }

    /// The number of ports.
    #[must_use]
    pub fn count(self) -> u32 {
        u32::from(self.last) - u32::from(self.first) + 1
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        if self.last == self.first { Ok(()) } else { write!(f, "-{}", self.last) }
    }
}

/// What a port carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// `tcp`, the default.
    #[default]
    Tcp,
    /// `udp`
    Udp,
    /// `sctp`
    Sctp,
}

impl Protocol {
    /// The name in small letters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }

    /// The protocol of this name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Tcp, Self::Udp, Self::Sctp].into_iter().find(|p| p.as_str().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One line of `ports`: one port, or as many as the ranges say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PortSpec {
    /// The host's address to listen on; all addresses if absent.
    pub host_ip: Option<IpAddr>,
    /// Ports of the host; any free one if absent.
    pub published: Option<PortRange>,
    /// Ports of the container.
    pub target: PortRange,
    /// What they carry.
    pub protocol: Protocol,
}

/// One published port of a [`PortSpec`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PortMapping {
    /// Port of the host, or several of which the engine takes a free one; any free one if absent.
    pub published: Option<PortRange>,
    /// Port of the container.
    pub target: u16,
}

impl PortSpec {
    /// Parses the whole of `text`.
    ///
    /// ```
    /// use container_spec::port::PortSpec;
    ///
    /// let spec = PortSpec::parse("127.0.0.1:8080-8081:80-81/udp").unwrap();
    /// let ports: Vec<_> = spec.mappings().map(|port| port.target).collect();
    /// assert_eq!(ports, [80, 81]);
    /// ```
    ///
    /// # Errors
    /// With the byte at which the form is broken.
    pub fn parse(text: &str) -> Result<Self, PortError> {
        let fail = |at, kind| Err(PortError { at, kind });
        let (ports, protocol) = match text.split_once('/') {
            Some((ports, name)) => match Protocol::from_name(name) {
                Some(protocol) => (ports, protocol),
                None => return fail(ports.len() + 1, PortErrorKind::Protocol),
            },
            None => (text, Protocol::Tcp),
        };
        let (host, target_text) = match ports.rsplit_once(':') {
            Some((host, target)) => (Some(host), target),
            None => (None, ports),
        };
        let target_at = ports.len() - target_text.len();
        let Some(target) = PortRange::parse(target_text) else {
            return fail(target_at, PortErrorKind::ContainerPort);
        };
        let (host_ip, published) = match host {
            None => (None, None),
            Some(host) => {
                let (ip, port) = match host.rsplit_once(':') {
                    Some((ip, port)) => (Some(ip), port),
                    None => (None, host),
                };
                let host_ip = match ip.map(parse_ip) {
                    Some(None) => return fail(0, PortErrorKind::Address),
                    Some(Some(ip)) => Some(ip),
                    None => None,
                };
                let at = host.len() - port.len();
                match PortRange::parse(port) {
                    Some(range) => (host_ip, Some(range)),
                    None if port.is_empty() && host_ip.is_some() => (host_ip, None),
                    None => return fail(at, PortErrorKind::HostPort),
                }
            }
        };
        // A range of the host for one port of the container lets the engine choose.
        if let Some(published) = published
            && published.count() != target.count()
            && target.count() != 1
        {
            let (host, container) = (published.count(), target.count());
            return fail(0, PortErrorKind::UnequalRanges { host, container });
        }
        Ok(Self { host_ip, published, target, protocol })
    }

    /// The single ports, in order.
    pub fn mappings(self) -> impl Iterator<Item = PortMapping> {
        (self.target.first..=self.target.last).map(move |target| {
            let offset = target - self.target.first;
            let published = match self.published {
                Some(range) if self.target.count() > 1 => {
                    // The ranges are equally long, so the sum is at most `range.last`.
                    let port = range.first.saturating_add(offset);
                    Some(PortRange { first: port, last: port })
                }
                published => published,
            };
            PortMapping { published, target }
        })
    }
}

fn parse_ip(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok()
}

/// What is wrong with a port, and at which byte of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("port, byte {at}: {kind}")]
pub struct PortError {
    /// Offset in bytes from the start of the text.
    pub at: usize,
    /// What is wrong there.
    pub kind: PortErrorKind,
}

/// The ways in which a text is no port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PortErrorKind {
    /// Not a port or range of the container.
    #[error("the container's port is a number up to 65535, or two with `-` between")]
    ContainerPort,
    /// Not a port or range of the host.
    #[error("the host's port is a number up to 65535, or two with `-` between")]
    HostPort,
    /// Not an IP address.
    #[error("this is no IP address")]
    Address,
    /// Not `tcp`, `udp` or `sctp`.
    #[error("the protocol is one of tcp, udp, sctp")]
    Protocol,
    /// Ranges that cannot be paired.
    #[error("{host} ports of the host for {container} of the container")]
    UnequalRanges {
        /// Ports of the host.
        host: u32,
        /// Ports of the container.
        container: u32,
    },
}
