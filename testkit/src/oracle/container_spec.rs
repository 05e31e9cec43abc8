//! Properties of `container-spec`.

use std::collections::BTreeMap;

use container_spec::archive::{Guard, Pinned, Reader};
use container_spec::compose::{self, Environment, Loader, Position, Source};
use container_spec::device::{DeviceCgroupRule, DeviceMapping};
use container_spec::digest::Digest;
use container_spec::duration::Duration;
use container_spec::engine::response::{Stream, check, read_stream};
use container_spec::engine::{ApiVersion, ContainerState, ImageDetails, Request};
use container_spec::platform::Platform;
use container_spec::port::PortSpec;
use container_spec::reference::{Normalized, Reference};
use container_spec::size::parse_bytes;
use container_spec::volume::VolumeSpec;

/// What parses as a reference is written back unchanged, and its full and short forms mean the same.
///
/// # Panics
/// When that does not hold.
pub fn reference(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    match Reference::parse(text) {
        Ok(reference) => assert_eq!(reference.to_string(), text),
        Err(error) => assert!(error.at <= text.len(), "{error} is outside of {text:?}"),
    }
    if let Ok(reference) = Normalized::parse(text) {
        for form in [reference.to_string(), reference.familiar().to_string()] {
            assert_eq!(Normalized::parse(&form), Ok(reference), "{form:?} of {text:?}");
        }
        assert!(reference.to_pull().tag().is_some() || reference.digest().is_some());
    }
}

/// The short forms never fail outside of their text, and what they mean is written back to the same meaning.
///
/// # Panics
/// When that does not hold.
pub fn forms(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    match Digest::parse(text) {
        Ok(digest) => assert_eq!(digest.to_string(), text),
        Err(error) => assert!(error.at <= text.len()),
    }
    match Platform::parse(text) {
        Ok(platform) => {
            let written = platform.to_string();
            assert_eq!(Platform::parse(&written), Ok(platform), "{text:?}");
            assert_eq!(platform.select([platform]), Some(0));
        }
        Err(error) => assert!(error.at <= text.len()),
    }
    match DeviceCgroupRule::parse(text) {
        Ok(rule) => assert_eq!(DeviceCgroupRule::parse(&rule.to_string()), Ok(rule)),
        Err(error) => assert!(error.at <= text.len()),
    }
    if let Err(error) = DeviceMapping::parse(text) {
        assert!(error.at <= text.len());
    }
    match parse_bytes(text) {
        Ok(bytes) => assert_eq!(parse_bytes(&bytes.to_string()), Ok(bytes)),
        Err(error) => assert!(error.at <= text.len()),
    }
    match Duration::parse(text) {
        Ok(duration) => assert_eq!(Duration::parse(&duration.to_string()), Ok(duration), "{text:?}"),
        Err(error) => assert!(error.at <= text.len()),
    }
    match PortSpec::parse(text) {
        Ok(spec) => assert_eq!(u32::try_from(spec.mappings().count()), Ok(spec.target.count())),
        Err(error) => assert!(error.at <= text.len()),
    }
    match VolumeSpec::parse(text) {
        Ok(volume) => assert!(!volume.target.is_empty()),
        Err(error) => assert!(error.at <= text.len()),
    }
}

/// Any text is a project or a list of problems, each of them within the text; a project has an order.
///
/// # Panics
/// When that does not hold.
pub fn compose(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let environment: Environment = [("A", "1"), ("EMPTY", "")].into_iter().collect();
    let lines = u32::try_from(text.split(['\n', '\r']).count()).unwrap_or(u32::MAX);
    let errors = compose::check(text, &environment);
    for error in &errors {
        assert!((1..=lines + 1).contains(&error.at.line), "{error} at {} of {lines} lines", error.at);
    }
    match compose::load(text, &environment) {
        Ok(project) => {
            assert!(errors.is_empty());
            assert_eq!(project.start_order().map(|order| order.len()), Ok(project.services.len()));
            for service in project.services.values() {
                assert_eq!(service.config_hash(), service.clone().config_hash());
            }
        }
        Err(error) => assert_eq!(Some(&error), errors.first()),
    }
}

/// A substitution ends, and a text without dollar signs is left as it is.
///
/// # Panics
/// When that does not hold.
pub fn interpolate(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let environment: Environment = [("A", "value"), ("EMPTY", "")].into_iter().collect();
    let mut unset = Vec::new();
    let result = compose::substitute(text, &environment, Position::default(), &mut unset);
    if !text.contains('$') {
        assert_eq!(result.as_deref(), Ok(text));
    }
    let escaped = text.replace('$', "$$");
    let back = compose::substitute(&escaped, &environment, Position::default(), &mut unset);
    assert_eq!(back.as_deref(), Ok(text), "an escaped text means itself");
    let mut environment = environment;
    if let Err(error) = environment.read_file(text, 0) {
        assert!(error.at.line >= 1);
    }
}

/// Several files, cut at `---` lines: the first two are merged, the others can be included or extended as `1.yml`,
/// `2.yml` and so on. What is wrong is in a file that was read; a file over itself changes nothing but lists.
///
/// # Panics
/// When that does not hold.
pub fn merge(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let texts: Vec<&str> = text.split("\n---\n").collect();
    let files: BTreeMap<String, String> =
        texts.iter().enumerate().map(|(n, text)| (format!("/app/{n}.yml"), (*text).to_owned())).collect();
    let sources: Vec<Source<'_>> = [("/app/a.yml", texts.first()), ("/app/b.yml", texts.get(1))]
        .into_iter()
        .filter_map(|(path, text)| Some(Source { path, text: text? }))
        .collect();
    let environment: Environment = [("A", "1"), ("EMPTY", "")].into_iter().collect();
    let mut loader = Loader::new(&environment, files).profile("p");
    match loader.load_all(&sources) {
        Ok(project) => {
            let order = project.start_order().expect("a project has an order");
            assert_eq!(order.len(), project.services.len());
            assert!(project.services.values().all(|service| service.extends.is_none()));
        }
        Err(errors) => {
            assert!(!errors.is_empty());
            for error in errors {
                assert!(loader.path(error.at.file).is_some(), "{error} in file {}", error.at.file);
            }
        }
    }
    let canonical = compose::canonical_files(&texts[..texts.len().min(2)]);
    if let Ok(canonical) = canonical {
        assert_eq!(compose::canonical(&canonical).as_deref(), Ok(&*canonical), "canonical twice");
    }
}

/// An archive is read alike in one piece and in many, and the guard lets out the bytes that were verified.
///
/// # Panics
/// When that does not hold.
pub fn archive(data: &[u8]) {
    let pinned_digest = "sha256:".to_owned() + &"0".repeat(64);
    let name = format!("x@{pinned_digest}");
    let image = Normalized::parse(&name).expect("an image");
    let platform = Platform::parse("linux/arm64").expect("a platform");
    let pins = [Pinned { image, manifests: &[], platform }];
    let read = |piece: usize, pins: &[Pinned<'_>]| {
        let mut reader = Reader::new();
        data.chunks(piece.max(1)).try_for_each(|bytes| reader.feed(bytes))?;
        reader.finish(pins)
    };
    for pins in [&pins[..], &[]] {
        let whole = read(data.len(), pins);
        assert_eq!(read(1, pins), whole, "in pieces of one byte");
        assert_eq!(read(700, pins), whole, "in pieces of 700 bytes");
        let Ok(verified) = whole else { continue };
        assert!(pins.is_empty(), "nothing has a digest of zeros");
        let mut guard = Guard::new(&verified);
        let mut out = Vec::new();
        for piece in data.chunks(97) {
            out.extend_from_slice(guard.feed(piece).expect("the same bytes"));
        }
        out.extend(guard.finish().expect("all of them"));
        assert!(data.starts_with(&out) || out == data);
    }
}

/// Answers of the engine: a stream is read alike in one piece and in many, and nothing of it panics.
///
/// # Panics
/// When that does not hold.
pub fn engine(data: &[u8]) {
    let Some((&first, body)) = data.split_first() else { return };
    let status = [200, 201, 204, 304, 400, 404, 409, 500][usize::from(first % 8)];
    let whole = read_stream(status, body);
    let mut stream = Stream::new(status);
    let mut told = Ok(Vec::new());
    for piece in body.chunks(3) {
        let next = stream.feed(piece);
        if let (Ok(told), Ok(next)) = (&mut told, &next) {
            told.extend(next.iter().cloned());
        } else if told.is_ok() {
            told = Err(next.expect_err("one of them failed"));
        }
    }
    let end = stream.finish();
    let told = told.and_then(|mut told| {
        told.extend(end?);
        Ok(told)
    });
    assert_eq!(told, whole, "in pieces of three bytes");
    let _ = check(status, body);
    if let Ok((container, state)) = ContainerState::read(status, body) {
        assert_eq!(ContainerState::read(status, body).expect("again"), (container, state));
    }
    let _ = Request::read_container_ids(status, body);
    let _ = Request::read_images(status, body);
    let _ = Request::read_networks(status, body);
    let _ = Request::read_volumes(status, body);
    if let Ok(details) = ImageDetails::read(status, body) {
        let _ = details.into_image();
    }
    if let Some(version) = str::from_utf8(body).ok().and_then(ApiVersion::parse) {
        assert_eq!(ApiVersion::parse(&version.to_string()), Some(version));
    }
}
