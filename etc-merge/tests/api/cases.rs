//! Every state of one path, each answered by the real `ostree admin deploy`.

use etc_merge::{MergeError, OwnedStep, Policy, Refusal, Report, merge_in_memory};

use crate::states::{described, tree};

/// Old × new × local, and what `ostree` 2022.7 made of it. Made anew by `tests/peer/regenerate-cases.sh`.
const CASES: &str = include_str!("../fixtures/ostree-2022.7-cases.tsv");

struct Case {
    old: &'static str,
    new: &'static str,
    local: &'static str,
    result: &'static str,
}

fn cases() -> Vec<Case> {
    let lines = CASES.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let fields: Vec<_> = line.split('\t').collect();
            let [old, new, local, result] = fields[..] else { panic!("{line}") };
            Case { old, new, local, result }
        })
        .collect()
}

/// Where libostree follows the symlink that took the place of a directory, out of the new /etc.
const ESCAPES: &str = "  (symlink parent was followed)";

/// How many recorded rows are such escapes: there the merge is refused instead.
const ESCAPING_ROWS: usize = 24;

#[test]
fn equals_ostree_on_all_rows_but_the_symlink_escapes() {
    let cases = cases();
    assert_eq!(cases.len(), 15 * 15 * 16);
    let (mut escapes, mut refused) = (0, 0);
    for Case { old, new, local, result } in cases {
        let name = format!("{old} {new} {local} -> {result}");
        let merged = merge_in_memory(&tree(old), &tree(new), &tree(local), &Policy::libostree());
        if result.ends_with(ESCAPES) {
            escapes += 1;
            let Err(MergeError::Refused { refusal, .. }) = merged else { panic!("{name}: {merged:?}") };
            assert_eq!(refusal, Refusal::ParentIsSymlink, "{name}");
        } else if let Some(message) = result.strip_prefix("ERROR:") {
            refused += 1;
            let Err(MergeError::Refused { .. }) = merged else { panic!("{name}: {merged:?}") };
            // libostree names the first in the order of its directories; the plan names all.
            let report = Report::plan(&tree(old), &tree(new), &tree(local), &Policy::libostree()).unwrap();
            assert!(report.refusals().any(|step| says(step, message)), "{name}: {report}");
        } else {
            let expected = if result.starts_with('{') { described(result) } else { tree(result) };
            assert_eq!(merged, Ok(expected), "{name}");
        }
    }
    assert_eq!((escapes, refused), (ESCAPING_ROWS, 985));
}

/// Whether the step is the refusal that libostree words so.
fn says(step: &OwnedStep, message: &str) -> bool {
    let path = String::from_utf8(step.path.clone()).unwrap();
    match step.as_step().refusal() {
        Some(Refusal::NewDefaultIsDirectory) => {
            message == format!("Modified config file newly defaults to directory '{path}', cannot merge")
        }
        Some(Refusal::ParentIsFile) => {
            message == "opendir(p): Not a directory"
                || message == format!("unlinkat({path}): Not a directory")
        }
        Some(Refusal::ParentIsSymlink) => message == "opendir(p): No such file or directory",
        _ => false,
    }
}
