//! A whole verification with a hostile network and a hostile store.

use uptane_core::primary::{Action, Cycle};
use uptane_core::{Repository, Role};

use super::documents::{ECUS, NOW, honest};

/// Most actions that the honest files lead to, with room: more means that a cycle does not end.
const MOST_ACTIONS: usize = 100;

/// Whatever is answered, the cycle ends, and it releases nothing but the one image that was honestly signed.
///
/// The input is a list of answers: one byte says what kind, further bytes which or what.
///
/// # Panics
/// When that does not hold.
pub fn cycle(data: &[u8]) {
    let mut answers = Answers { data };
    let mut cycle = Cycle::new(ECUS, NOW);
    for _ in 0..MOST_ACTIONS {
        let answered = match cycle.poll() {
            Action::Load { repository, role: Role::Root } => {
                // The Root is provisioned: without an honest one there is nothing to defend.
                cycle.feed(honest().file(repository, "1.root.json"))
            }
            Action::Load { repository, role } => {
                let file = format!("{}.json", role.name());
                let answer = answers.next(repository, &file);
                cycle.feed(answer.as_deref())
            }
            Action::Fetch { repository, file, max_bytes } => {
                let file = file.to_owned();
                assert!(max_bytes > 0);
                let answer = answers.next(repository, &file);
                cycle.feed(answer.as_deref())
            }
            Action::Persist { bytes, .. } => {
                assert!(!bytes.is_empty());
                cycle.persisted()
            }
            Action::Forget { role, .. } => {
                assert_ne!(role, Role::Root);
                cycle.persisted()
            }
            Action::Done => {
                let outcome = cycle.into_outcome().expect("done");
                let [assigned] = &outcome.assigned[..] else { panic!("{:?}", outcome.assigned) };
                assert_eq!((assigned.ecu_serial.as_str(), assigned.name.as_str()), ("e1", "t-1"));
                assert_eq!((assigned.length, assigned.hashes.sha256), (5, Some([7; 32])));
                return;
            }
        };
        if answered.is_err() {
            return;
        }
    }
    panic!("not at its end after {MOST_ACTIONS} actions");
}

struct Answers<'a> {
    data: &'a [u8],
}

impl Answers<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.data.split_first().unwrap_or((&0, &[]));
        self.data = rest;
        *first
    }

    fn next(&mut self, repository: Repository, file: &str) -> Option<Vec<u8>> {
        let honest_answer = honest().file(repository, file).map(<[u8]>::to_vec);
        match self.byte() % 6 {
            0 | 1 => honest_answer,
            2 => None,
            3 => {
                // The honest file with one byte changed.
                let mut bytes = honest_answer?;
                let at = usize::from(self.byte()) << 8 | usize::from(self.byte());
                let change = self.byte();
                let length = bytes.len();
                if let Some(byte) = bytes.get_mut(at % length.max(1)) {
                    *byte ^= change;
                }
                Some(bytes)
            }
            4 => {
                // Another honest file, of either repository.
                let files = &honest().files;
                let (.., bytes) = files.get(usize::from(self.byte()) % files.len())?;
                Some(bytes.clone())
            }
            _ => {
                let length = usize::from(self.byte()).min(self.data.len());
                let (bytes, rest) = self.data.split_at(length);
                self.data = rest;
                Some(bytes.to_vec())
            }
        }
    }
}
