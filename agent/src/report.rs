//! What the agent tells while it works: values that a person reads as lines and a machine as JSON.

use std::io::{IsTerminal, Write};

use container_spec::plan::{Step, Undo};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use serde::Serialize;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// The update reached a state that is durable.
    State {
        /// The state's name, as `ota-agent status` prints it.
        state: &'static str,
        /// What it is about.
        detail: String,
    },
    /// Something worth knowing that changes no state.
    Note {
        /// The text.
        text: String,
    },
    /// A step of a switch of containers begins.
    Step {
        /// Counted from 1.
        number: usize,
        /// How many there are.
        of: usize,
        /// What is done.
        step: Step,
    },
    /// A step of a switch of containers did not work.
    StepFailed {
        /// Counted from 1.
        number: usize,
        /// Why.
        reason: String,
    },
    /// A step of a switch of containers is taken back.
    Undo {
        /// How many there still are, this one included.
        left: usize,
        /// How.
        undo: Undo,
    },
    /// How far a long step is.
    Progress {
        /// What is worked on.
        what: &'static str,
        /// How much is done, in `unit`s.
        done: u64,
        /// How much there is, as far as known by now.
        total: u64,
        /// What is counted.
        unit: &'static str,
    },
    /// How far a pull is.
    Pulling {
        /// Objects that are there.
        done: u64,
        /// Objects that there are, as far as known by now.
        total: u64,
        /// Bytes that were fetched.
        bytes: u64,
        /// Bytes that there are to fetch one by one, as the commit says: the server may have them compressed otherwise.
        #[serde(skip_serializing_if = "Option::is_none")]
        bytes_total: Option<u64>,
    },
    /// A commit was pulled.
    Pulled {
        /// What was asked for: a branch, or the commit itself.
        rev: String,
        /// The commit.
        commit: String,
        /// Objects that were fetched.
        objects: u64,
        /// Bytes that were fetched.
        bytes: u64,
        /// Parts of a static delta that were applied.
        delta_parts: u64,
    },
    /// A chapter of the demonstration begins.
    Chapter {
        /// Counted from 1.
        number: usize,
        /// What it shows.
        title: String,
    },
    /// A claim of the demonstration, checked.
    Proof {
        /// The chapter it belongs to.
        chapter: usize,
        /// The claim.
        claim: String,
        /// Whether it held.
        holds: bool,
        /// What was seen.
        evidence: String,
    },
    /// The end of the demonstration.
    Summary {
        /// Claims that held.
        held: usize,
        /// Claims that did not.
        failed: usize,
        /// How long all of it took, in milliseconds.
        milliseconds: u128,
    },
}

/// Takes events as they happen.
pub trait Observer {
    /// Takes one event.
    fn event(&mut self, event: Event);
}

impl<F: FnMut(Event)> Observer for F {
    fn event(&mut self, event: Event) {
        self(event);
    }
}

/// Prints events on standard output: lines for people, or JSON with one object a line. Progress is a bar on
/// a terminal, and otherwise the lines of the steps alone.
#[derive(Debug)]
pub struct Printer {
    json: bool,
    bar: Option<ProgressBar>,
    style: Style,
}

impl Printer {
    /// A printer for standard output.
    #[must_use]
    pub fn new(json: bool) -> Self {
        let colour = !json && std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { json, bar: None, style: Style { colour } }
    }

    fn line(&self, text: &str) {
        // A closed pipe (`| head`) is no reason to stop an update.
        let _ = writeln!(std::io::stdout(), "{text}");
    }

    fn progress(&mut self, what: &'static str, done: u64, total: u64, unit: &'static str) {
        if !std::io::stderr().is_terminal() {
            return;
        }
        let template = format!("     {{msg:10}} [{{bar:32}}] {{pos}}/{{len}} {unit} {{per_sec}}");
        let bar = self.bar(&template);
        bar.set_message(what);
        bar.set_length(total);
        bar.set_position(done);
        if done == total {
            self.clear();
        }
    }

    /// How much there is in all is known only at the end: only then the bar goes.
    fn pulling(&mut self, done: u64, total: u64, bytes: u64, bytes_total: Option<u64>) {
        if !std::io::stderr().is_terminal() {
            return;
        }
        let bar = self.bar("     [{bar:32}] {pos}/{len} objects, {msg}");
        bar.set_length(total);
        bar.set_position(done);
        let seconds = bar.elapsed().as_secs().max(1);
        let of = bytes_total.map_or(String::new(), |total| format!(" of {}", HumanBytes(total)));
        bar.set_message(format!("{}{of}, {}/s", HumanBytes(bytes), HumanBytes(bytes / seconds)));
    }

    fn bar(&mut self, template: &str) -> &ProgressBar {
        self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::new(0);
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar
        })
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Printer {
    fn event(&mut self, event: Event) {
        if self.json {
            // These types hold no map with other than string keys: they always serialise.
            if let Ok(json) = serde_json::to_string(&event) {
                self.line(&json);
            }
            return;
        }
        match event {
            Event::State { state, detail } => {
                self.line(&format!("     {} {detail}", self.style.bold(&format!("{state:<11}"))));
            }
            Event::Note { text } => self.line(&format!("     {:<11} {text}", "")),
            Event::Step { number, of, step } => self.line(&format!("     {number:>3}/{of:<7} {step}")),
            Event::StepFailed { number, reason } => {
                self.line(&format!("     {number:>3} {}  {reason}", self.style.red("failed")));
            }
            Event::Undo { undo: Undo::Nothing, .. } => {}
            Event::Undo { left, undo } => self.line(&format!("     {left:>3} {:<7} {undo}", "back")),
            Event::Progress { what, done, total, unit } => self.progress(what, done, total, unit),
            Event::Pulling { done, total, bytes, bytes_total } => {
                self.pulling(done, total, bytes, bytes_total);
            }
            Event::Pulled { rev, objects, bytes, delta_parts, .. } => {
                self.clear();
                let bytes = HumanBytes(bytes);
                self.line(&format!(
                    "{rev}: {objects} objects and {delta_parts} delta parts, {bytes} fetched"
                ));
            }
            Event::Chapter { number, title } => {
                self.line(&format!("\n{}", self.style.bold(&format!("{number}. {title}"))));
            }
            Event::Proof { claim, holds, evidence, .. } => {
                let mark = if holds { self.style.green("ok ") } else { self.style.red("NO ") };
                self.line(&format!("  {mark}{claim}: {evidence}"));
            }
            Event::Summary { held, failed, milliseconds } => {
                let seconds = milliseconds / 1000;
                let rest = milliseconds % 1000 / 10;
                self.line(&format!("\n{held} claims held, {failed} did not, in {seconds}.{rest:02} s"));
            }
        }
    }
}

impl Drop for Printer {
    fn drop(&mut self) {
        // An error ends a pull in the middle.
        self.clear();
    }
}

/// Colours, if the terminal takes them.
#[derive(Clone, Copy, Debug)]
struct Style {
    colour: bool,
}

impl Style {
    fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    fn red(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.into() }
    }
}
