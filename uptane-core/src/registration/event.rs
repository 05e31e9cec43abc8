//! Events: what happens during an update, told while it happens.

use alloc::{format, string::String, vec::Vec};

use crate::repository::quote;
use crate::time::UtcTime;

/// Most events that one body takes. A server that answers 413 wants fewer: send half of them, and drop a single
/// one that is still too much; 404 means that it takes none (aktualizr's `reportqueue.cc`).
pub const MAX_EVENTS: usize = 10;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The image's download began.
    DownloadStarted,
    /// The image's download ended.
    DownloadCompleted {
        /// Whether it is there.
        success: bool,
    },
    /// The installation began.
    InstallationStarted,
    /// The image is installed and waits for a reboot.
    InstallationApplied,
    /// The installation ended.
    InstallationCompleted {
        /// Whether it runs.
        success: bool,
    },
}

impl EventKind {
    const fn name(self) -> &'static str {
        match self {
            Self::DownloadStarted => "EcuDownloadStarted",
            Self::DownloadCompleted { .. } => "EcuDownloadCompleted",
            Self::InstallationStarted => "EcuInstallationStarted",
            Self::InstallationApplied => "EcuInstallationApplied",
            Self::InstallationCompleted { .. } => "EcuInstallationCompleted",
        }
    }

    const fn success(self) -> Option<bool> {
        match self {
            Self::DownloadCompleted { success } | Self::InstallationCompleted { success } => Some(success),
            _ => None,
        }
    }
}

/// One event of one ECU.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// A UUID that no other event has: a server sees by it that it was told twice.
    pub id: &'a str,
    /// When it happened.
    pub time: UtcTime,
    /// What.
    pub kind: EventKind,
    /// To which ECU, by serial number.
    pub ecu: &'a str,
    /// Under which assignment; empty if it has no name.
    pub correlation_id: &'a str,
}

impl Event<'_> {
    /// The event as JSON, as a device keeps it until it is sent.
    #[must_use]
    pub fn json(&self) -> String {
        let Self { id, time, kind, ecu, correlation_id } = *self;
        let mut custom = Vec::new();
        if !correlation_id.is_empty() {
            custom.push(format!(r#""correlationId":{}"#, quote(correlation_id)));
        }
        custom.push(format!(r#""ecu":{}"#, quote(ecu)));
        custom.extend(kind.success().map(|success| format!(r#""success":{success}"#)));
        format!(
            r#"{{"deviceTime":"{time}","event":{{{}}},"eventType":{{"id":"{}","version":0}},"id":{}}}"#,
            custom.join(","),
            kind.name(),
            quote(id)
        )
    }
}

/// The body that tells the first [`MAX_EVENTS`] of `events`.
#[must_use]
pub fn events_body(events: &[Event<'_>]) -> String {
    let events: Vec<String> = events.iter().take(MAX_EVENTS).map(Event::json).collect();
    format!("[{}]", events.join(","))
}

#[cfg(test)]
mod tests {
    use super::super::tests::assert_canonical;
    use super::*;

    const EVENT: Event<'_> = Event {
        id: "9b5bd7a4-3f2c-4a7e-8b43-0d6a5f6a0001",
        time: UtcTime::from_unix(1_800_000_000),
        kind: EventKind::InstallationCompleted { success: false },
        ecu: "primary-1",
        correlation_id: "urn:assignment:1",
    };

    #[test]
    fn an_event_carries_success_only_when_something_ended() {
        assert_eq!(
            EVENT.json(),
            r#"{"deviceTime":"2027-01-15T08:00:00Z","event":{"correlationId":"urn:assignment:1","ecu":"primary-1","success":false},"eventType":{"id":"EcuInstallationCompleted","version":0},"id":"9b5bd7a4-3f2c-4a7e-8b43-0d6a5f6a0001"}"#
        );
        let started = Event { kind: EventKind::DownloadStarted, correlation_id: "", ..EVENT };
        assert!(started.json().contains(r#""event":{"ecu":"primary-1"}"#));
    }

    #[test]
    fn a_body_holds_its_limit_of_events_and_not_one_more() {
        for (given, told) in [(0, 0), (MAX_EVENTS, MAX_EVENTS), (MAX_EVENTS + 1, MAX_EVENTS)] {
            let body = events_body(&alloc::vec![EVENT; given]);
            assert_canonical(&body);
            assert_eq!(body.matches("deviceTime").count(), told);
        }
    }
}
