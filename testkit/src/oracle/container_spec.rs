//! Properties of `container-spec`.

use container_spec::compose::{self, Environment, Position};
use container_spec::device::{DeviceCgroupRule, DeviceMapping};
use container_spec::digest::Digest;
use container_spec::duration::Duration;
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
