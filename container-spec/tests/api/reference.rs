//! The cases of distribution/reference's own tests (`reference_test.go`, `normalize_test.go`,
//! `regexp_test.go`), re-stated as data.

use container_spec::digest::{DigestErrorKind, Sha256};
use container_spec::reference::{Normalized, Reference, ReferenceErrorKind};
use proptest::prelude::*;

const SHA: &str = "sha256:ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
const BE17: &str = "sha256:be178c0543eb17f5f3043021c9e5fcf30285e557a4fc309cce97ff9ca6182912";
const DBCC: &str = "dbcc1c35ac38df41fd2f5e4130b32ffdb93ebae8b3dbe638c23575912276fc9c";
const HEX64: &str = "1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a";

/// Input with `@S`, `@B` for a digest; domain or nothing, path, tag.
const PARSED: &[(&str, Option<&str>, &str, Option<&str>)] = &[
    ("test_com", None, "test_com", None),
    ("test.com:tag", None, "test.com", Some("tag")),
    ("test.com:5000", None, "test.com", Some("5000")),
    ("test.com/repo:tag", Some("test.com"), "repo", Some("tag")),
    ("test:5000/repo", Some("test:5000"), "repo", None),
    ("test:5000/repo:tag", Some("test:5000"), "repo", Some("tag")),
    ("test:5000/repo@S", Some("test:5000"), "repo", None),
    ("test:5000/repo:tag@S", Some("test:5000"), "repo", Some("tag")),
    ("lowercase:Uppercase", None, "lowercase", Some("Uppercase")),
    ("sub-dom1.foo.com/bar/baz/quux", Some("sub-dom1.foo.com"), "bar/baz/quux", None),
    (
        "sub-dom1.foo.com/bar/baz/quux:some-long-tag",
        Some("sub-dom1.foo.com"),
        "bar/baz/quux",
        Some("some-long-tag"),
    ),
    (
        "b.gcr.io/test.example.com/my-app:test.example.com",
        Some("b.gcr.io"),
        "test.example.com/my-app",
        Some("test.example.com"),
    ),
    ("xn--n3h.com/myimage:xn--n3h.com", Some("xn--n3h.com"), "myimage", Some("xn--n3h.com")),
    ("foo_bar.com:8080", None, "foo_bar.com", Some("8080")),
    ("foo/foo_bar.com:8080", Some("foo"), "foo_bar.com", Some("8080")),
    ("192.168.1.1", None, "192.168.1.1", None),
    ("192.168.1.1:tag", None, "192.168.1.1", Some("tag")),
    ("192.168.1.1:5000", None, "192.168.1.1", Some("5000")),
    ("192.168.1.1/repo", Some("192.168.1.1"), "repo", None),
    ("192.168.1.1:5000/repo", Some("192.168.1.1:5000"), "repo", None),
    ("192.168.1.1:5000/repo:5050", Some("192.168.1.1:5000"), "repo", Some("5050")),
    ("[2001:db8::1]/repo", Some("[2001:db8::1]"), "repo", None),
    ("[2001:db8:1:2:3:4:5:6]/repo:tag", Some("[2001:db8:1:2:3:4:5:6]"), "repo", Some("tag")),
    ("[2001:db8::1]:5000/repo", Some("[2001:db8::1]:5000"), "repo", None),
    ("[2001:db8::1]:5000/repo:tag", Some("[2001:db8::1]:5000"), "repo", Some("tag")),
    ("[2001:db8::1]:5000/repo@S", Some("[2001:db8::1]:5000"), "repo", None),
    ("[2001:db8::1]:5000/repo:tag@S", Some("[2001:db8::1]:5000"), "repo", Some("tag")),
    ("[2001:db8::]:5000/repo", Some("[2001:db8::]:5000"), "repo", None),
    ("[::1]:5000/repo", Some("[::1]:5000"), "repo", None),
    ("test.com/foo", Some("test.com"), "foo", None),
    ("test_com/foo", None, "test_com/foo", None),
    ("test:8080/foo", Some("test:8080"), "foo", None),
    ("test.com:8080/foo", Some("test.com:8080"), "foo", None),
    ("test-com:8080/foo", Some("test-com:8080"), "foo", None),
    ("xn--n3h.com:18080/foo", Some("xn--n3h.com:18080"), "foo", None),
    ("example.com:8000/named", Some("example.com:8000"), "named", None),
    ("example.com:8000/named:tagged", Some("example.com:8000"), "named", Some("tagged")),
    ("other.com/named@B", Some("other.com"), "named", None),
    ("foo:tag2", None, "foo", Some("tag2")),
    ("test.com:8000/foo:TAG5", Some("test.com:8000"), "foo", Some("TAG5")),
    ("short", None, "short", None),
    ("simple/name", Some("simple"), "name", None),
    ("library/ubuntu", Some("library"), "ubuntu", None),
    ("docker/stevvooe/app", Some("docker"), "stevvooe/app", None),
    (
        "aa/aa/aa/aa/aa/aa/aa/aa/aa/bb/bb/bb/bb/bb/bb",
        Some("aa"),
        "aa/aa/aa/aa/aa/aa/aa/aa/bb/bb/bb/bb/bb/bb",
        None,
    ),
    ("aa/aa/bb/bb/bb", Some("aa"), "aa/bb/bb/bb", None),
    ("a/a/a/a", Some("a"), "a/a/a", None),
    ("a", None, "a", None),
    ("a/aa", Some("a"), "aa", None),
    ("a/aa/a", Some("a"), "aa/a", None),
    ("foo.com", None, "foo.com", None),
    ("foo.com:8080/bar", Some("foo.com:8080"), "bar", None),
    ("foo.com/bar", Some("foo.com"), "bar", None),
    ("foo.com/bar/baz", Some("foo.com"), "bar/baz", None),
    ("localhost:8080/bar", Some("localhost:8080"), "bar", None),
    ("blog.foo.com/bar/baz", Some("blog.foo.com"), "bar/baz", None),
    ("aa-a/a", Some("aa-a"), "a", None),
    ("foo_bar", None, "foo_bar", None),
    ("foo_bar.com", None, "foo_bar.com", None),
    ("foo.com/foo_bar", Some("foo.com"), "foo_bar", None),
    ("b.gcr.io/test.example.com/my-app", Some("b.gcr.io"), "test.example.com/my-app", None),
    ("xn--n3h.com/myimage", Some("xn--n3h.com"), "myimage", None),
    ("xn--7o8h.com/myimage", Some("xn--7o8h.com"), "myimage", None),
    ("example.com/xn--7o8h.com/myimage", Some("example.com"), "xn--7o8h.com/myimage", None),
    (
        "example.com/some_separator__underscore/myimage",
        Some("example.com"),
        "some_separator__underscore/myimage",
        None,
    ),
    ("do__cker/docker", None, "do__cker/docker", None),
    (
        "registry.io/foo/project--id.module--name.ver---sion--name",
        Some("registry.io"),
        "foo/project--id.module--name.ver---sion--name",
        None,
    ),
    ("Asdf.com/foo/bar", Some("Asdf.com"), "foo/bar", None),
    ("registry.com:8080/myapp:tag", Some("registry.com:8080"), "myapp", Some("tag")),
    ("registry.com:8080/myapp@B", Some("registry.com:8080"), "myapp", None),
    ("registry.com:8080/myapp:tag2@B", Some("registry.com:8080"), "myapp", Some("tag2")),
    ("localhost:8080@B", None, "localhost", Some("8080")),
    ("localhost:8080/name@B", Some("localhost:8080"), "name", None),
    ("localhost@B", None, "localhost", None),
    ("Uppercase/lowercase:tag", Some("Uppercase"), "lowercase", Some("tag")),
    // `regexp_test.go`, the domains, with a path behind them.
    ("localhost/x", Some("localhost"), "x", None),
    ("a.b/x", Some("a.b"), "x", None),
    ("ab.cd.com/x", Some("ab.cd.com"), "x", None),
    ("a-b.com/x", Some("a-b.com"), "x", None),
    ("ab.c-om/x", Some("ab.c-om"), "x", None),
    ("0101.com/x", Some("0101.com"), "x", None),
    ("001a.com/x", Some("001a.com"), "x", None),
    ("b.gbc.io:443/x", Some("b.gbc.io:443"), "x", None),
    ("192.168.1.1:75050/x", Some("192.168.1.1:75050"), "x", None),
    ("192.168.1.1:750050/x", Some("192.168.1.1:750050"), "x", None),
    ("[fd00:1:2::3]:75050/x", Some("[fd00:1:2::3]:75050"), "x", None),
    ("[fd00123123123]:75050/x", Some("[fd00123123123]:75050"), "x", None),
    (
        "[2001:0db8:85a3:0000:0000:8a2e:0370:7334]:75050/x",
        Some("[2001:0db8:85a3:0000:0000:8a2e:0370:7334]:75050"),
        "x",
        None,
    ),
    (
        "[2001:0db8:85a3:0000:0000:8a2e:0370:7334]:750505/x",
        Some("[2001:0db8:85a3:0000:0000:8a2e:0370:7334]:750505"),
        "x",
        None,
    ),
];

const NAME: ReferenceErrorKind = ReferenceErrorKind::BadName;
const TAG: ReferenceErrorKind = ReferenceErrorKind::BadTag;

/// Input, byte and kind.
const REFUSED: &[(&str, usize, ReferenceErrorKind)] = &[
    ("", 0, ReferenceErrorKind::Empty),
    (":justtag", 0, NAME),
    ("@S", 0, NAME),
    ("Uppercase:tag", 0, ReferenceErrorKind::UpperCase),
    ("test:5000/Uppercase/lowercase:tag", 10, ReferenceErrorKind::UpperCase),
    ("aa/asdf$$^/aa", 7, NAME),
    ("[2001:db8::1]", 0, NAME),
    ("[2001:db8::1]:5000", 0, NAME),
    ("[2001:db8::1]:tag", 0, NAME),
    ("[fe80::1%eth0]:5000/repo", 0, NAME),
    ("[fe80::1%@invalidzone]:5000/repo", 0, NAME),
    ("a/a/a/a/", 7, NAME),
    ("a//a/a", 2, NAME),
    ("foo.com/", 8, NAME),
    ("foo.com:http/bar", 7, NAME),
    ("a^a", 1, NAME),
    ("asdf$$^/aa", 4, NAME),
    ("a-/a/a/a", 1, NAME),
    ("foo.com/a-/a/a", 9, NAME),
    ("-foo/bar", 0, NAME),
    ("foo/bar-", 7, NAME),
    ("foo-/bar", 3, NAME),
    ("foo/-bar", 4, NAME),
    ("_foo/bar", 0, NAME),
    ("foo_bar.com:8080/app", 11, NAME),
    ("____/____", 0, NAME),
    ("_docker/_docker", 0, NAME),
    ("docker_/docker_", 6, NAME),
    ("example.com/__underscore/myimage", 12, NAME),
    ("example.com/..dots/myimage", 12, NAME),
    ("example.com/.dots/myimage", 12, NAME),
    ("example.com/nodouble..dots/myimage", 20, NAME),
    ("docker./docker", 6, NAME),
    (".docker/docker", 0, NAME),
    ("-docker/docker", 0, NAME),
    ("do..cker/docker", 2, NAME),
    ("do__cker:8080/docker", 8, NAME),
    ("Foo/FarB", 4, ReferenceErrorKind::UpperCase),
    ("registry.com:8080/myapp:invalid~tag", 24, TAG),
    ("registry.com:8080/myapp:", 24, TAG),
    ("bad_hostname.com:8080/myapp:tag", 16, NAME),
    ("localhost:http/name@B", 9, NAME),
    ("test.com:http/x", 8, NAME),
    ("-ab.com/x", 0, NAME),
    ("ab-.com/x", 2, NAME),
    ("ab.-com/x", 2, NAME),
    ("ab.com-/x", 6, NAME),
    ("[fd00:1:2::3]75050/x", 0, NAME),
    ("[fd00:1:2::3]::75050/x", 0, NAME),
    ("[fd00:1:2::3%eth0]:75050/x", 0, NAME),
    ("fd00:1:2::3:75050/x", 4, NAME),
    ("foo:-foo", 4, TAG),
    ("foo:.foo", 4, TAG),
];

fn expand(text: &str) -> String {
    match text.strip_suffix("@S") {
        Some(name) => format!("{name}@{SHA}"),
        None => text.strip_suffix("@B").map_or_else(|| text.to_owned(), |name| format!("{name}@{BE17}")),
    }
}

#[test]
fn parses_the_references_of_the_specification_tests() {
    for &(input, domain, path, tag) in PARSED {
        let text = expand(input);
        let reference = Reference::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((reference.domain(), reference.path(), reference.tag()), (domain, path, tag), "{text}");
        let digest = text.split_once('@').map(|(_, digest)| digest.to_owned());
        assert_eq!(reference.digest().map(|digest| digest.to_string()), digest, "{text}");
        assert_eq!(reference.to_string(), text);
    }
}

#[test]
fn refuses_the_bad_references_of_the_specification_tests_at_the_right_byte() {
    for &(input, at, kind) in REFUSED {
        let text = expand(input);
        let error = Reference::parse(&text).unwrap_err();
        assert_eq!((error.at, error.kind), (at, kind), "{text}");
    }
}

#[test]
fn refuses_digests_that_cannot_be_verified() {
    let kind = |text: &str| Reference::parse(text).unwrap_err().kind;
    let length = |actual| DigestErrorKind::WrongLength { expected: 64, actual };
    let bad = |text: &str| match kind(text) {
        ReferenceErrorKind::BadDigest(error) => error.kind,
        other => panic!("{text}: {other}"),
    };
    assert_eq!(bad("repo@sha256:ffffffffffffffffffffffffffffffffff"), length(34));
    assert_eq!(bad("registry.com:8080/myapp@sha256:badbadbadbad"), length(12));
    assert_eq!(bad("registry.com:8080/myapp@bad"), DigestErrorKind::NoColon);
    let unknown = format!("validname@invaliddigest:{}", &SHA[7..]);
    assert_eq!(kind(&unknown), ReferenceErrorKind::UnsupportedAlgorithm);
    let long = format!("xn--7o8h.com/myimage:xn--7o8h.com@sha512:{}", "f".repeat(128));
    assert_eq!(Reference::parse(&long).unwrap().to_string(), long);
}

#[test]
fn a_path_has_at_most_255_bytes() {
    let path = "a/".repeat(127) + "a";
    assert_eq!(Reference::parse(&format!("a/{path}:tag")).unwrap().path(), path);
    let error = Reference::parse(&format!("a/{path}a:tag")).unwrap_err();
    assert_eq!((error.at, error.kind), (2, ReferenceErrorKind::PathTooLong { len: 256 }));
    let error = Normalized::parse(&"a".repeat(248)).unwrap_err();
    assert_eq!(error.kind, ReferenceErrorKind::PathTooLong { len: 256 });
    assert_eq!(Normalized::parse(&"a".repeat(247)).unwrap().path().to_string().len(), 255);
}

#[test]
fn a_tag_has_at_most_128_bytes() {
    assert_eq!(Reference::parse(&format!("a:{}", "t".repeat(128))).unwrap().tag().unwrap().len(), 128);
    assert_eq!(Reference::parse(&format!("a:{}", "t".repeat(129))).unwrap_err().kind, TAG);
}

/// Remote name, familiar name, full name, another way to write it, domain.
const NORMALIZED: &[(&str, &str, &str, &str, &str)] = &[
    ("fooo/bar", "fooo/bar", "docker.io/fooo/bar", "index.docker.io/fooo/bar", "docker.io"),
    ("library/ubuntu", "ubuntu", "docker.io/library/ubuntu", "library/ubuntu", "docker.io"),
    ("nonlibrary/ubuntu", "nonlibrary/ubuntu", "docker.io/nonlibrary/ubuntu", "", "docker.io"),
    ("other/library", "other/library", "docker.io/other/library", "", "docker.io"),
    (
        "private/moonbase",
        "127.0.0.1:8000/private/moonbase",
        "127.0.0.1:8000/private/moonbase",
        "",
        "127.0.0.1:8000",
    ),
    ("privatebase", "127.0.0.1:8000/privatebase", "127.0.0.1:8000/privatebase", "", "127.0.0.1:8000"),
    ("private/moonbase", "example.com/private/moonbase", "example.com/private/moonbase", "", "example.com"),
    ("privatebase", "example.com/privatebase", "example.com/privatebase", "", "example.com"),
    (
        "private/moonbase",
        "example.com:8000/private/moonbase",
        "example.com:8000/private/moonbase",
        "",
        "example.com:8000",
    ),
    (
        "privatebasee",
        "example.com:8000/privatebasee",
        "example.com:8000/privatebasee",
        "",
        "example.com:8000",
    ),
    (
        "library/ubuntu-12.04-base",
        "ubuntu-12.04-base",
        "docker.io/library/ubuntu-12.04-base",
        "index.docker.io/library/ubuntu-12.04-base",
        "docker.io",
    ),
    ("library/foo", "foo", "docker.io/library/foo", "docker.io/foo", "docker.io"),
    ("library/foo/bar", "library/foo/bar", "docker.io/library/foo/bar", "", "docker.io"),
    ("store/foo/bar", "store/foo/bar", "docker.io/store/foo/bar", "", "docker.io"),
    ("bar", "Foo/bar", "Foo/bar", "", "Foo"),
    ("bar", "FOO/bar", "FOO/bar", "", "FOO"),
    ("test_com/foo", "test_com/foo", "docker.io/test_com/foo", "", "docker.io"),
    ("docker/migrator", "docker/migrator", "docker.io/docker/migrator", "", "docker.io"),
    ("foo", "test.com:8080/foo", "test.com:8080/foo", "", "test.com:8080"),
    ("foo", "test-com:8080/foo", "test-com:8080/foo", "", "test-com:8080"),
    ("foo", "xn--n3h.com/foo", "xn--n3h.com/foo", "", "xn--n3h.com"),
    ("foo", "xn--n3h.com:18080/foo", "xn--n3h.com:18080/foo", "", "xn--n3h.com:18080"),
    (
        "library/redis:latest",
        "redis:latest",
        "docker.io/library/redis:latest",
        "docker.io/redis:latest",
        "docker.io",
    ),
    ("dmcgowan/myapp:latest", "dmcgowan/myapp:latest", "docker.io/dmcgowan/myapp:latest", "", "docker.io"),
    ("library/dbcc1", "dbcc1", "docker.io/library/dbcc1", "", "docker.io"),
    ("x", "localhost/x", "localhost/x", "", "localhost"),
    ("library/192.168.0.1", "192.168.0.1", "docker.io/library/192.168.0.1", "", "docker.io"),
    ("library/192.168.0.1:80", "192.168.0.1:80", "docker.io/library/192.168.0.1:80", "", "docker.io"),
    ("docker", "[fc00::1]:5000/docker", "[fc00::1]:5000/docker", "", "[fc00::1]:5000"),
    ("docker/docker", "[fc00::1]:5000/docker/docker", "[fc00::1]:5000/docker/docker", "", "[fc00::1]:5000"),
    (
        "library/debian",
        "[fc00:1:2:3:4:5:6:7]:5000/library/debian",
        "[fc00:1:2:3:4:5:6:7]:5000/library/debian",
        "",
        "[fc00:1:2:3:4:5:6:7]:5000",
    ),
    ("debian", "192.168.0.1:8/debian", "192.168.0.1:8/debian", "", "192.168.0.1:8"),
];

#[test]
fn short_names_mean_what_docker_makes_of_them() {
    let mut cases = 0;
    for &(remote, familiar, full, other, domain) in NORMALIZED {
        for text in [familiar, full, other].into_iter().filter(|text| !text.is_empty()) {
            let reference = Normalized::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let path = remote.split(':').next().unwrap();
            assert_eq!(reference.familiar().to_string(), familiar, "{text}");
            assert_eq!(reference.to_string(), full, "{text}");
            assert_eq!(reference.domain(), domain, "{text}");
            assert_eq!(reference.path().to_string(), path, "{text}");
            assert_eq!(reference, Normalized::parse(full).unwrap(), "{text}");
            cases += 4;
        }
    }
    assert!(cases > 250, "{cases}");
}

/// Names alone.
const VALID: &[&str] = &[
    "docker/docker",
    "library/debian",
    "debian",
    "docker.io/docker/docker",
    "docker.io/library/debian",
    "docker.io/debian",
    "index.docker.io/docker/docker",
    "index.docker.io/library/debian",
    "index.docker.io/debian",
    "127.0.0.1:5000/docker/docker",
    "127.0.0.1:5000/library/debian",
    "127.0.0.1:5000/debian",
    "192.168.0.2:25000/debian",
    "Docker/docker",
    "DOCKER/docker",
    "docker-rules/docker",
    "docker---rules/docker",
    "doc/docker",
    "d/docker",
    "jess/t",
    "dock__er/docker",
];

#[test]
fn accepts_the_valid_names_of_the_specification_tests() {
    let long = "thisisthesongthatneverendsitgoesonandonandonthisisthesongthatnev";
    let with_domain = format!("docker.io/{HEX64}");
    for text in VALID.iter().copied().chain([long, &with_domain]) {
        let reference = Normalized::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((reference.tag(), reference.digest()), (None, None), "{text}");
    }
}

/// Not even a name: the byte, and why.
const INVALID: &[(&str, usize, ReferenceErrorKind)] = &[
    ("https://github.com/docker/docker", 5, NAME),
    ("docker/Docker", 7, ReferenceErrorKind::UpperCase),
    ("-docker", 0, NAME),
    ("-docker/docker", 0, NAME),
    ("-docker.io/docker/docker", 0, NAME),
    ("docker///docker", 6, NAME),
    ("docker.io/docker/Docker", 17, ReferenceErrorKind::UpperCase),
    ("docker.io/docker///docker", 16, NAME),
    ("[fc00::1]", 0, NAME),
    ("[fc00::1]:5000", 0, NAME),
    ("fc00::1:5000/debian", 4, NAME),
    ("[fe80::1%eth0]:5000/debian", 0, NAME),
    ("[2001:db8:3:4::192.0.2.33]:5000/debian", 0, NAME),
    (HEX64, 0, ReferenceErrorKind::IsIdentifier),
    ("docker-/docker", 6, NAME),
    ("-docker-/docker", 0, NAME),
    ("____/____", 0, NAME),
    ("_docker/_docker", 0, NAME),
    ("dock..er/docker", 4, NAME),
    ("dock_.er/docker", 4, NAME),
    ("dock-.er/docker", 4, NAME),
    ("docker/", 6, NAME),
    ("-foo", 0, NAME),
];

#[test]
fn refuses_the_invalid_names_of_the_specification_tests() {
    let long = format!(
        "{}/docker",
        "this_is_not_a_valid_namespace_because_its_lenth_is_greater_than_255_".repeat(4)
    );
    for (text, at, kind) in INVALID.iter().copied().chain([(long.as_str(), 271, NAME)]) {
        let error = Normalized::parse(text).unwrap_err();
        assert_eq!((error.at, error.kind), (at, kind), "{text}");
    }
}

#[test]
fn a_short_form_never_means_another_image() {
    let hex = "fb2eae1b444444444444444444444444444444444445b9a43045843f69fe4aaa";
    for (text, familiar) in [
        (format!("index.docker.io/library/{hex}"), format!("docker.io/library/{hex}")),
        (format!("docker.io/library/{hex}:1"), format!("{hex}:1")),
        (format!("docker.io/x/{hex}"), format!("x/{hex}")),
        ("docker.io/a.b/c:1".into(), "docker.io/a.b/c:1".into()),
        ("docker.io/localhost/c".into(), "docker.io/localhost/c".into()),
        ("docker.io/library/a.b".into(), "a.b".into()),
    ] {
        let reference = Normalized::parse(&text).unwrap();
        assert_eq!(reference.familiar().to_string(), familiar);
        assert_eq!(Normalized::parse(&familiar), Ok(reference));
    }
}

#[test]
fn the_tables_of_references_and_digests_have_at_least_250_rows() {
    let forms = NORMALIZED.iter().flat_map(|&(_, familiar, full, other, _)| [familiar, full, other]);
    let forms = forms.filter(|text| !text.is_empty()).count();
    let digests = crate::digest::GOOD.len() + crate::digest::BAD.len();
    let rows = PARSED.len() + REFUSED.len() + forms + VALID.len() + INVALID.len() + digests;
    assert!(rows >= 250, "{rows}");
}

#[test]
fn a_digest_wins_over_a_tag() {
    let text = format!("busybox:latest@{SHA}");
    let reference = Normalized::parse(&text).unwrap();
    assert_eq!(reference.to_string(), format!("docker.io/library/{text}"));
    assert_eq!(reference.familiar().to_string(), text);
    assert_eq!(reference.to_pull().to_string(), format!("docker.io/library/busybox@{SHA}"));
    assert_eq!(reference.pinned(), Some(SHA.parse::<Sha256>().unwrap()));
    assert_eq!(
        Normalized::parse("busybox").unwrap().to_pull().to_string(),
        "docker.io/library/busybox:latest"
    );
    let named = format!("{DBCC}@sha256:{DBCC}");
    assert_eq!(Normalized::parse(&named).unwrap().path().to_string(), format!("library/{DBCC}"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_parses_is_written_back_unchanged(text in "[a-zA-Z0-9:/@._\\[\\]-]{0,40}") {
        if let Ok(reference) = Reference::parse(&text) {
            prop_assert_eq!(reference.to_string(), text.as_str());
        }
        if let Ok(reference) = Normalized::parse(&text) {
            let full = reference.to_string();
            prop_assert_eq!(Normalized::parse(&full), Ok(reference));
            let short = reference.familiar().to_string();
            prop_assert_eq!(Normalized::parse(&short), Ok(reference));
        }
    }

    #[test]
    fn errors_are_within_the_text(text in "\\PC{0,40}") {
        if let Err(error) = Normalized::parse(&text) {
            prop_assert!(error.at <= text.len());
        }
    }
}
