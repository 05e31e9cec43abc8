//! What a vehicle reports: its ECUs' versions and how the last installation went, signed.
//!
//! The form is aktualizr's (`manifest.cc`, `sotauptaneclient.cc`): members sorted, signatures over the JSON
//! subset of `signed`. The server learns from it what runs, and whether an attack was noticed.

use alloc::{format, string::String, vec::Vec};

use crate::canonical::{self, Form, Slot};
use crate::dialect::{Dialect, Uptane};
use crate::json::{self, JsonError, JsonErrorKind, Value};
use crate::key::PublicKey;
use crate::repository::{SigningKey, Wire, quote, sign};

/// An image as a manifest names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstalledImage<'a> {
    /// The target's file name.
    pub name: &'a str,
    /// Its length in bytes.
    pub length: u64,
    /// Its SHA-256 in lower-case hex.
    pub sha256: &'a str,
}

/// One ECU's report.
#[derive(Clone, Copy, Debug)]
pub struct EcuReport<'a> {
    /// The ECU's serial number.
    pub serial: &'a str,
    /// What is installed on it.
    pub image: InstalledImage<'a>,
    /// The number of the report, for a Primary: never used before.
    pub counter: Option<u64>,
    /// Attacks that were noticed, in words; empty for none.
    pub attacks_detected: &'a str,
}

/// How an installation went.
#[derive(Clone, Copy, Debug)]
pub struct InstallationReport<'a> {
    /// The Director's name for the assignment.
    pub correlation_id: &'a str,
    /// Whether it was installed.
    pub success: bool,
    /// aktualizr's result code, such as `OK` or `INSTALL_FAILED`.
    pub code: &'a str,
    /// The result in words.
    pub description: &'a str,
    /// The serial numbers of the ECUs concerned.
    pub ecus: &'a [&'a str],
}

/// An ECU's report, signed by its key.
///
/// # Errors
/// Never for text that is UTF-8; the type is the signer's.
pub fn ecu_report(report: &EcuReport<'_>, key: &SigningKey) -> Result<Vec<u8>, JsonError> {
    let InstalledImage { name, length, sha256 } = report.image;
    let counter = report.counter.map_or(String::new(), |counter| format!(r#","report_counter":"{counter}""#));
    let body = format!(
        r#"{{"attacks_detected":{},"ecu_serial":{},"installed_image":{{"fileinfo":{{"hashes":{{"sha256":{}}},"length":{length}}},"filepath":{}}},"previous_timeserver_time":"1970-01-01T00:00:00Z"{counter},"timeserver_time":"1970-01-01T00:00:00Z"}}"#,
        quote(report.attacks_detected),
        quote(report.serial),
        quote(sha256),
        quote(name),
    );
    sign(&body, core::slice::from_ref(key), Wire::Uptane)
}

/// The vehicle's manifest: the signed reports of its ECUs, signed by the Primary.
///
/// # Errors
/// If a report is not JSON.
pub fn vehicle_manifest(
    primary_serial: &str,
    reports: &[(&str, Vec<u8>)],
    installation: Option<&InstallationReport<'_>>,
    key: &SigningKey,
) -> Result<Vec<u8>, JsonError> {
    let mut versions = Vec::new();
    for (serial, report) in reports {
        let report = core::str::from_utf8(report)
            .map_err(|error| JsonError { kind: JsonErrorKind::NotUtf8, offset: error.valid_up_to() })?;
        versions.push(format!("{}:{report}", quote(serial)));
    }
    let installation = installation.map_or(String::new(), installation_report);
    let body = format!(
        r#"{{"ecu_version_manifests":{{{}}}{installation},"primary_ecu_serial":{}}}"#,
        versions.join(","),
        quote(primary_serial)
    );
    sign(&body, core::slice::from_ref(key), Wire::Uptane)
}

fn installation_report(report: &InstallationReport<'_>) -> String {
    let result = format!(
        r#"{{"code":{},"description":{},"success":{}}}"#,
        quote(report.code),
        quote(report.description),
        report.success
    );
    let items: Vec<String> =
        report.ecus.iter().map(|ecu| format!(r#"{{"ecu":{},"result":{result}}}"#, quote(ecu))).collect();
    format!(
        r#","installation_report":{{"content_type":"application/vnd.com.here.otac.installationReport.v1","report":{{"correlation_id":{},"items":[{}],"raw_report":{},"result":{result}}}}}"#,
        quote(report.correlation_id),
        items.join(","),
        quote(report.description)
    )
}

/// Verifies a signed report or manifest with the key it must be signed with, and returns its `signed` object.
///
/// # Errors
/// If it is not JSON; `Ok(None)` if no signature of it was made with `key`.
pub fn verify<'a>(bytes: &'a [u8], key: &PublicKey) -> Result<Option<Value<'a>>, JsonError> {
    let document = json::parse(bytes)?;
    let body = document.get("signed")?;
    let mut index: Vec<Slot> = Vec::new();
    // A repeated key anywhere makes the document mean two things.
    canonical::write(document, Form::JsonSubset, &mut index, &mut canonical::Length::default())?;
    for signature in document.get("signatures")?.elements()?.take(crate::verify::MAX_SIGNATURES) {
        let Some(bytes) = Uptane::signature(signature.get("sig")?.string()?) else { continue };
        if key.verify(&bytes, body, Form::JsonSubset, &mut index)? {
            return Ok(Some(body));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(key: &SigningKey) -> Vec<u8> {
        let image = InstalledImage { name: "os-\"1\"", length: 0, sha256: "ab" };
        let report = EcuReport { serial: "primary", image, counter: Some(7), attacks_detected: "" };
        ecu_report(&report, key).unwrap()
    }

    #[test]
    fn a_manifest_is_accepted_with_its_key_and_no_other() {
        let key = SigningKey::from_seed([1; 32]);
        let installation = InstallationReport {
            correlation_id: "urn:1",
            success: false,
            code: "INSTALL_FAILED",
            description: "rolled back",
            ecus: &["primary"],
        };
        let bytes =
            vehicle_manifest("primary", &[("primary", report(&key))], Some(&installation), &key).unwrap();
        let body = verify(&bytes, &key.public()).unwrap().unwrap();
        assert!(body.get("primary_ecu_serial").unwrap().string().unwrap().eq_text("primary"));
        let inner = body.get("ecu_version_manifests").unwrap().get("primary").unwrap();
        let inner = verify(inner.raw(), &key.public()).unwrap().unwrap();
        assert!(inner.get("report_counter").unwrap().string().unwrap().eq_text("7"));
        assert!(verify(&bytes, &SigningKey::from_seed([2; 32]).public()).unwrap().is_none());
    }

    #[test]
    fn one_changed_byte_is_noticed() {
        let key = SigningKey::from_seed([1; 32]);
        let mut bytes = report(&key);
        let at = bytes.windows(4).position(|window| window == b"\"ab\"").unwrap() + 1;
        bytes[at] = b'b';
        assert!(verify(&bytes, &key.public()).unwrap().is_none());
    }
}
