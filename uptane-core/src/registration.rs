//! How a device makes itself known: the bodies of its registration, and the events it tells of an update.
//!
//! The form is aktualizr's (`provisioner.cc`, `reportqueue.cc`), members sorted as jsoncpp writes them. Where they
//! are sent: a device to `<server>/devices`, its ECUs to `<director>/ecus`, events to `<server>/events`.

mod event;

use alloc::{format, string::String, vec::Vec};

pub use event::{Event, EventKind, MAX_EVENTS, events_body};

use crate::repository::{SigningKey, quote};

/// One ECU, with the key that will sign its reports.
#[derive(Clone, Copy, Debug)]
pub struct EcuRegistration<'a> {
    /// Its serial number.
    pub serial: &'a str,
    /// Its hardware identifier.
    pub hardware_id: &'a str,
    /// Its key.
    pub key: &'a SigningKey,
}

/// Asks for a device to be made known with a credential that many share; `ttl_days` is how long the certificate
/// that is answered with shall be valid.
#[must_use]
pub fn device_body(device_id: &str, ttl_days: u32) -> String {
    format!(r#"{{"deviceId":{},"ttl":{ttl_days}}}"#, quote(device_id))
}

/// Makes the ECUs of a vehicle known to the Director.
#[must_use]
pub fn ecus_body(primary_serial: &str, ecus: &[EcuRegistration<'_>]) -> String {
    let ecus: Vec<String> = ecus.iter().map(EcuRegistration::json).collect();
    format!(r#"{{"ecus":[{}],"primary_ecu_serial":{}}}"#, ecus.join(","), quote(primary_serial))
}

impl EcuRegistration<'_> {
    fn json(&self) -> String {
        format!(
            r#"{{"clientKey":{{"keytype":"ED25519","keyval":{{"public":"{}"}}}},"ecu_serial":{},"hardware_identifier":{}}}"#,
            self.key.public_hex(),
            quote(self.serial),
            quote(self.hardware_id)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::{self, Form};
    use crate::json::parse;
    use crate::key::PublicKey;

    /// jsoncpp writes members sorted and without white space: what is sent is canonical.
    pub(super) fn assert_canonical(body: &str) {
        let mut canonical = Vec::new();
        canonical::write(parse(body.as_bytes()).unwrap(), Form::JsonSubset, &mut Vec::new(), &mut canonical)
            .unwrap();
        assert_eq!(String::from_utf8(canonical).unwrap(), body);
    }

    #[test]
    fn the_registered_key_is_the_one_that_verifies_the_ecus_reports() {
        let key = SigningKey::from_seed([1; 32]);
        let ecu = EcuRegistration { serial: "primary \"1\"", hardware_id: "imx95", key: &key };
        let body = ecus_body("primary \"1\"", &[ecu, EcuRegistration { serial: "compose", ..ecu }]);
        assert_canonical(&body);
        let value = parse(body.as_bytes()).unwrap();
        let first = value.get("ecus").unwrap().elements().unwrap().next().unwrap();
        assert!(first.get("ecu_serial").unwrap().string().unwrap().eq_text("primary \"1\""));
        assert_eq!(PublicKey::parse(first.get("clientKey").unwrap()), Ok(Some(key.public())));
    }

    #[test]
    fn a_device_asks_with_its_name_and_a_time_to_live() {
        let body = device_body("happy-otter", 36_000);
        assert_canonical(&body);
        assert_eq!(body, r#"{"deviceId":"happy-otter","ttl":36000}"#);
    }
}
