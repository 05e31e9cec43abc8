//! Short forms of ports and volumes: the cases of go-connections and compose-go, re-stated as data.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use container_spec::port::{PortErrorKind, PortRange, PortSpec, Protocol};
use container_spec::volume::{Propagation, Relabel, Source, VolumeErrorKind, VolumeSpec};

fn one(port: u16) -> PortRange {
    PortRange { first: port, last: port }
}

#[test]
fn reads_every_short_form_of_a_port() {
    let v4 = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let v6 = Some(IpAddr::V6(Ipv6Addr::LOCALHOST));
    let range = |first, last| PortRange { first, last };
    for (text, host_ip, published, target, protocol) in [
        ("3000", None, None, one(3000), Protocol::Tcp),
        ("3000-3005", None, None, range(3000, 3005), Protocol::Tcp),
        ("8000:8000", None, Some(one(8000)), one(8000), Protocol::Tcp),
        ("9090-9091:8080-8081", None, Some(range(9090, 9091)), range(8080, 8081), Protocol::Tcp),
        ("49100:22", None, Some(one(49100)), one(22), Protocol::Tcp),
        ("8000-9000:80", None, Some(range(8000, 9000)), one(80), Protocol::Tcp),
        ("127.0.0.1:8001:8001", v4, Some(one(8001)), one(8001), Protocol::Tcp),
        ("127.0.0.1:5000-5010:5000-5010", v4, Some(range(5000, 5010)), range(5000, 5010), Protocol::Tcp),
        ("127.0.0.1::5000", v4, None, one(5000), Protocol::Tcp),
        ("[::1]:6001:6001", v6, Some(one(6001)), one(6001), Protocol::Tcp),
        ("::1:6001:6001", v6, Some(one(6001)), one(6001), Protocol::Tcp),
        ("6060:6060/udp", None, Some(one(6060)), one(6060), Protocol::Udp),
        ("12400-12500:1240/SCTP", None, Some(range(12400, 12500)), one(1240), Protocol::Sctp),
    ] {
        let spec = PortSpec { host_ip, published, target, protocol };
        assert_eq!(PortSpec::parse(text), Ok(spec), "{text}");
    }
}

#[test]
fn refuses_bad_ports_at_the_right_byte() {
    for (text, at, kind) in [
        ("", 0, PortErrorKind::ContainerPort),
        ("8080:", 5, PortErrorKind::ContainerPort),
        ("65536", 0, PortErrorKind::ContainerPort),
        ("80-79", 0, PortErrorKind::ContainerPort),
        ("+80", 0, PortErrorKind::ContainerPort),
        (":80", 0, PortErrorKind::HostPort),
        ("x:80", 0, PortErrorKind::HostPort),
        ("127.0.0.1:x:80", 10, PortErrorKind::HostPort),
        ("1.2.3:80:80", 0, PortErrorKind::Address),
        ("80/icmp", 3, PortErrorKind::Protocol),
        ("8000-8001:80-82", 0, PortErrorKind::UnequalRanges { host: 2, container: 3 }),
    ] {
        let error = PortSpec::parse(text).unwrap_err();
        assert_eq!((error.at, error.kind), (at, kind), "{text}");
    }
}

#[test]
fn ranges_are_paired_port_by_port() {
    let mapped = |text| -> Vec<_> {
        PortSpec::parse(text)
            .unwrap()
            .mappings()
            .map(|m| (m.published.map(|p| p.to_string()), m.target))
            .collect()
    };
    assert_eq!(mapped("9090-9091:80-81"), [(Some("9090".into()), 80), (Some("9091".into()), 81)]);
    assert_eq!(mapped("9090-9091:80"), [(Some("9090-9091".into()), 80)]);
    assert_eq!(mapped("80-81"), [(None, 80), (None, 81)]);
    assert_eq!(mapped("0-65535").len(), 65536);
}

fn volume<'a>(source: Source<'a>, target: &'a str) -> VolumeSpec<'a> {
    VolumeSpec { source, target, read_only: false, no_copy: false, propagation: None, relabel: None }
}

#[test]
fn reads_every_short_form_of_a_volume() {
    use Source::{Anonymous, Path, Volume};
    for (text, source, target) in [
        ("/path/foo", Anonymous, "/path/foo"),
        ("/a", Anonymous, "/a"),
        (".", Anonymous, "."),
        (r"C:\path", Anonymous, r"C:\path"),
        ("./foo:/target", Path("./foo"), "/target"),
        ("~/thing:/target", Path("~/thing"), "/target"),
        ("../other:/target", Path("../other"), "/target"),
        ("/home/user:/target", Path("/home/user"), "/target"),
        (r"D:\path:d:\target", Path(r"D:\path"), r"d:\target"),
        (r"\\.\pipe\docker_engine:\\.\pipe\inside", Path(r"\\.\pipe\docker_engine"), r"\\.\pipe\inside"),
        ("name:/target", Volume("name"), "/target"),
        ("name:/target:rw", Volume("name"), "/target"),
        ("0123456789name:d:", Volume("0123456789name"), "d:"),
        ("c:/:d:/forward/slashes/are/good/too", Path("c:/"), "d:/forward/slashes/are/good/too"),
    ] {
        assert_eq!(VolumeSpec::parse(text), Ok(volume(source, target)), "{text}");
    }
}

#[test]
fn reads_the_options_of_a_volume() {
    let bind = volume(Source::Path("/source"), "/target");
    for (options, expected) in [
        ("ro", VolumeSpec { read_only: true, ..bind }),
        ("ro,rw", bind),
        ("slave", VolumeSpec { propagation: Some(Propagation::Slave), ..bind }),
        ("ro,rprivate", VolumeSpec { read_only: true, propagation: Some(Propagation::RPrivate), ..bind }),
        ("ro,z", VolumeSpec { read_only: true, relabel: Some(Relabel::Shared), ..bind }),
        ("Z", VolumeSpec { relabel: Some(Relabel::Private), ..bind }),
        ("nocopy", VolumeSpec { no_copy: true, ..bind }),
        ("cached", bind),
    ] {
        assert_eq!(VolumeSpec::parse(&format!("/source:/target:{options}")), Ok(expected), "{options}");
    }
}

#[test]
fn refuses_bad_volumes_at_the_right_byte() {
    for (text, at, kind) in [
        ("", 0, VolumeErrorKind::Empty),
        (":foo", 0, VolumeErrorKind::EmptyPart),
        ("/foo::ro", 5, VolumeErrorKind::EmptyPart),
        ("/foo:", 5, VolumeErrorKind::EmptyPart),
        ("/foo:/foo:ro:foo", 13, VolumeErrorKind::TooManyParts),
        ("name:/target:bogus", 13, VolumeErrorKind::UnknownOption),
        ("name:/target:ro,subpath=etc", 16, VolumeErrorKind::UnknownOption),
    ] {
        let error = VolumeSpec::parse(text).unwrap_err();
        assert_eq!((error.at, error.kind), (at, kind), "{text}");
    }
}
