//! Programs with one byte of an input changed in their flash, and what they must say to that.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// One change.
pub(super) struct Case {
    /// What it spoils.
    pub(super) what: &'static str,
    input: &'static str,
    /// The byte after the first of each of these texts is changed.
    after: &'static [&'static str],
    /// The exit status that is right.
    pub(super) exit: i32,
    /// What the program must say.
    pub(super) says: &'static str,
}

pub(super) const CASES: &[Case] = &[
    Case {
        what: "the Root's signature",
        input: "root.json",
        after: &[r#""sig":""#],
        exit: 1,
        says: "refused: director root: step R2.3: ",
    },
    Case {
        what: "the signature of the Root after it",
        input: "2.root.json",
        after: &[r#""sig":""#],
        exit: 1,
        says: "refused: director root: step R2.3: ",
    },
    Case {
        what: "a key in Root",
        input: "root.json",
        after: &[r#""public":""#],
        exit: 1,
        says: "refused: director root: step R2.3: ",
    },
    Case {
        what: "the Targets' signature",
        input: "targets.json",
        after: &[r#""sig":""#],
        exit: 1,
        says: "refused: director targets: step G3: ",
    },
    Case {
        what: "an image's hash in Targets",
        input: "targets.json",
        after: &[r#""sha256":""#],
        exit: 1,
        says: "refused: director targets: step G3: ",
    },
    Case {
        what: "the time, 250 years later",
        input: "when.txt",
        after: &[""],
        exit: 1,
        says: "refused: director root: step R3: expired at ",
    },
    Case {
        what: "the ECU's serial number",
        input: "ecu.txt",
        after: &[""],
        exit: 1,
        says: "refused: the director assigns no image to this ECU",
    },
    Case {
        what: "the ECU's hardware identifier",
        input: "ecu.txt",
        after: &["\n"],
        exit: 1,
        says: "refused: director targets: step G8: the image is for other hardware",
    },
    Case {
        what: "the assigned commit's subject",
        input: "assigned-commit.bin",
        after: &["Demo OS "],
        exit: 1,
        says: "refused: the commit called ",
    },
    Case {
        what: "the newer copy of the environment: the older one is used",
        input: "environment.bin",
        after: &["bootcount=2"],
        exit: 0,
        says: "environment: copy 1 in use, 1 of 2 whole",
    },
    Case {
        what: "the older copy of the environment: the newer one still is used",
        input: "environment.bin",
        after: &["bootcount=0"],
        exit: 0,
        says: "environment: copy 0 in use, 1 of 2 whole",
    },
    Case {
        what: "both copies of the environment",
        input: "environment.bin",
        after: &["bootcount=0", "bootcount=2"],
        exit: 1,
        says: "refused: no environment copy is whole",
    },
    Case {
        what: "the recorded commit's subject",
        input: "recorded-commit.bin",
        after: &["Demo OS "],
        exit: 1,
        says: "refused: the commit called ",
    },
    Case {
        what: "the recorded commit's name",
        input: "recorded-commit.txt",
        after: &[""],
        exit: 1,
        says: "refused: the commit called ",
    },
];

impl Case {
    /// `program`, which carries the files in `inputs`, with the change.
    pub(super) fn spoil(&self, program: &[u8], inputs: &Path) -> Result<Vec<u8>> {
        let input = fs::read(inputs.join(self.input)).context(self.input)?;
        let start = position(program, &input).with_context(|| format!("{} in the program", self.input))?;
        ensure!(
            position(&program[start + 1..], &input).is_none(),
            "{} is in the program more than once: which of them counts is not known",
            self.input
        );
        let mut spoilt = program.to_vec();
        for text in self.after {
            let at = position(&input, text.as_bytes());
            let at = at.with_context(|| format!("{} has no `{text}`", self.input))? + text.len();
            ensure!(at < input.len(), "nothing follows `{text}` in {}", self.input);
            change(&mut spoilt[start + at]);
        }
        Ok(spoilt)
    }
}

/// Into another byte, which is a digit in decimal, hexadecimal and base64 alike: what held it still is read.
fn change(byte: &mut u8) {
    *byte = if *byte == b'9' { b'8' } else { b'9' };
}

fn position(bytes: &[u8], part: &[u8]) -> Option<usize> {
    match part {
        [] => Some(0),
        _ => bytes.windows(part.len()).position(|window| window == part),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoil(input: &str, after: &'static [&'static str], program: &str) -> Result<String> {
        let inputs = tempfile::tempdir()?;
        fs::write(inputs.path().join("input"), input)?;
        let case = Case { what: "", input: "input", after, exit: 1, says: "" };
        Ok(String::from_utf8(case.spoil(program.as_bytes(), inputs.path())?)?)
    }

    #[test]
    fn changes_the_byte_after_each_text_where_the_input_is() {
        assert_eq!(spoil("a=1 b=9", &["a="], "a=2 [a=1 b=9]").unwrap(), "a=2 [a=9 b=9]");
        assert_eq!(spoil("a=1 b=9", &["a=", "b="], "a=2 [a=1 b=9]").unwrap(), "a=2 [a=9 b=8]");
        assert_eq!(spoil("a=1 b=9", &[""], "[a=1 b=9]").unwrap(), "[9=1 b=9]");
    }

    #[test]
    fn refuses_what_would_change_nothing_or_the_wrong_byte() {
        let refused = |after, program| format!("{:#}", spoil("a=1", after, program).unwrap_err());
        assert_eq!(refused(&["a="], "[a=2]"), "input in the program");
        assert_eq!(
            refused(&["a="], "a=1 a=1"),
            "input is in the program more than once: which of them counts is not known"
        );
        assert_eq!(refused(&["b="], "[a=1]"), "input has no `b=`");
        assert_eq!(refused(&["1"], "[a=1]"), "nothing follows `1` in input");
    }
}
