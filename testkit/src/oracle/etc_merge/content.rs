//! Three arbitrary versions of a file's content.

use etc_merge::Driver;
use etc_merge::driver::{DriverConflict, line_changes, merge};

/// The versions: old, new, local, divided by bytes 0xff.
fn versions(data: &[u8]) -> [&[u8]; 3] {
    let mut parts = data.get(..4096).unwrap_or(data).splitn(3, |&byte| byte == 0xff);
    [0; 3].map(|_| parts.next().unwrap_or(b""))
}

/// What holds for every driver: who changed nothing has no say, and the sides are treated alike.
fn check(driver: Driver, [old, new, local]: [&[u8]; 3]) -> Option<Vec<u8>> {
    assert_eq!(merge(driver, old, new, old).as_deref(), Ok(new));
    assert_eq!(merge(driver, old, old, local).as_deref(), Ok(local));
    assert_eq!(merge(driver, old, new, new).as_deref(), Ok(new));
    let merged = merge(driver, old, new, local);
    match (&merged, merge(driver, old, local, new)) {
        (Ok(_), Ok(_)) | (Err(_), Err(_)) => {}
        (ours, theirs) => assert!(one_sided(driver, ours, &theirs), "{driver}: {ours:?} but {theirs:?}"),
    }
    let merged = merged.ok()?;
    // What was merged is settled: no side has anything to add to it.
    if old != new && old != local && new != local {
        let again = merge(driver, &merged, &merged, &merged);
        assert_eq!(again.as_deref(), Ok(&merged[..]));
    }
    Some(merged)
}

/// The order is the device's, so that only one way round may be impossible to write.
fn one_sided(
    driver: Driver,
    ours: &Result<Vec<u8>, DriverConflict>,
    theirs: &Result<Vec<u8>, DriverConflict>,
) -> bool {
    let order =
        |result: &Result<Vec<u8>, DriverConflict>| matches!(result, Err(DriverConflict::NotRepresentable));
    matches!(driver, Driver::Ini | Driver::KeyValue) && (order(ours) || order(theirs))
}

/// `passwd`, `group`, `shadow` and `gshadow`.
///
/// # Panics
/// If a property does not hold.
pub fn accounts(data: &[u8]) {
    let versions = versions(data);
    for driver in [Driver::Passwd, Driver::Group, Driver::Shadow, Driver::Gshadow] {
        let Some(merged) = check(driver, versions) else { continue };
        let [old, new, local] = versions;
        if old == local || old == new || new == local {
            continue;
        }
        // Each name once, and none from nowhere.
        let names = |text: &[u8]| -> Vec<Vec<u8>> {
            let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
            lines.map(|line| line.split(|&byte| byte == b':').next().unwrap_or(line).to_vec()).collect()
        };
        let mut got = names(&merged);
        let known = [names(new), names(local)].concat();
        assert!(got.iter().all(|name| known.contains(name)
            || name.starts_with(b"#")
            || name.starts_with(b"+")
            || name.starts_with(b"-")));
        let count = got.len();
        got.sort();
        got.dedup();
        let odd =
            merged.split(|&byte| byte == b'\n').any(|line| matches!(line.first(), Some(b'#' | b'+' | b'-')));
        assert!(odd || got.len() == count, "a name twice");
    }
}

/// Settings with and without sections.
///
/// # Panics
/// If a property does not hold.
pub fn settings(data: &[u8]) {
    for driver in [Driver::KeyValue, Driver::Ini] {
        check(driver, versions(data));
    }
}

/// Lines: also the same whichever side is which, and the changes lead from one version to the other.
///
/// # Panics
/// If a property does not hold.
pub fn lines(data: &[u8]) {
    let [old, new, local] = versions(data);
    let merged = check(Driver::Lines, [old, new, local]);
    if let Some(merged) = merged {
        assert_eq!(merge(Driver::Lines, old, local, new), Ok(merged), "the same whichever side is which");
    }
    let Some(changes) = line_changes(old, new) else { return };
    let split = |text: &'_ [u8]| -> Vec<Vec<u8>> {
        text.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect()
    };
    let (before, after) = (split(old), split(new));
    let (mut built, mut done) = (Vec::new(), 0);
    for (from, to) in changes {
        built.extend_from_slice(&before[done..from.start]);
        built.extend_from_slice(&after[to]);
        done = from.end;
    }
    built.extend_from_slice(&before[done..]);
    assert_eq!(built, after, "the changes lead there");
}
