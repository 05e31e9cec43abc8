//! The thread of the demonstration: chapters, claims with what was seen, and the table at the end.

use std::time::Instant;

use crate::report::{Event, Observer};

/// Collects claims and tells them as they are checked.
pub(super) struct Story<'a> {
    observer: &'a mut dyn Observer,
    began: Instant,
    chapters: Vec<Chapter>,
}

struct Chapter {
    title: String,
    proofs: Vec<Proof>,
}

struct Proof {
    claim: String,
    holds: bool,
}

impl<'a> Story<'a> {
    pub(super) fn new(observer: &'a mut dyn Observer) -> Self {
        Self { observer, began: Instant::now(), chapters: Vec::new() }
    }

    /// Begins a chapter.
    pub(super) fn chapter(&mut self, title: &str) {
        self.chapters.push(Chapter { title: title.into(), proofs: Vec::new() });
        self.observer.event(Event::Chapter { number: self.chapters.len(), title: title.into() });
    }

    /// Tells something that is no claim.
    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.observer.event(Event::Note { text: text.into() });
    }

    /// Tells whether `claim` holds, with what was seen.
    pub(super) fn prove(&mut self, claim: &str, holds: bool, evidence: impl Into<String>) {
        let chapter = self.chapters.len();
        if let Some(last) = self.chapters.last_mut() {
            last.proofs.push(Proof { claim: claim.into(), holds });
        }
        let evidence = evidence.into();
        self.observer.event(Event::Proof { chapter, claim: claim.into(), holds, evidence });
    }

    /// Where the steps of an update are told.
    pub(super) fn observer(&mut self) -> &mut dyn Observer {
        self.observer
    }

    /// Prints the table of what was proven; `true` if there is something in it and all of it held.
    pub(super) fn end(self) -> bool {
        let width = self.proofs().map(|proof| proof.claim.chars().count()).max().unwrap_or(0);
        self.observer
            .event(Event::Chapter { number: self.chapters.len() + 1, title: "What was proven".into() });
        for (index, chapter) in self.chapters.iter().enumerate() {
            let text = format!("{}. {}", index + 1, chapter.title);
            self.observer.event(Event::Note { text });
            for proof in &chapter.proofs {
                let verdict = if proof.holds { "holds" } else { "DOES NOT HOLD" };
                let text = format!("   {:<width$}  {verdict}", proof.claim);
                self.observer.event(Event::Note { text });
            }
        }
        let held = self.proofs().filter(|proof| proof.holds).count();
        let failed = self.proofs().count() - held;
        let milliseconds = self.began.elapsed().as_millis();
        self.observer.event(Event::Summary { held, failed, milliseconds });
        held > 0 && failed == 0
    }

    fn proofs(&self) -> impl Iterator<Item = &Proof> {
        self.chapters.iter().flat_map(|chapter| &chapter.proofs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(claims: &[bool]) -> (bool, Vec<Event>) {
        let mut events = Vec::new();
        let mut collect = |event| events.push(event);
        let mut story = Story::new(&mut collect);
        story.chapter("One");
        for &holds in claims {
            story.prove("a claim", holds, "what was seen");
        }
        let all = story.end();
        (all, events)
    }

    #[test]
    fn holds_only_if_every_claim_does_and_there_is_one() {
        assert!(told(&[true, true]).0);
        assert!(!told(&[true, false]).0);
        assert!(!told(&[]).0);
    }

    #[test]
    fn the_summary_counts_both_kinds() {
        let (_, events) = told(&[true, false, true]);
        let Some(Event::Summary { held, failed, .. }) = events.last() else { panic!("no summary") };
        assert_eq!((*held, *failed), (2, 1));
    }
}
