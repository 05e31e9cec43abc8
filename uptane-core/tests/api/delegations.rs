//! The search through delegations: its order, its end, and whose keys count.

use crate::tuf_repository::*;
use uptane_core::delegation::MAX_DELEGATIONS;

/// A repository from edges `(delegator, role, path, terminating)`; the role of key number 30 is the first.
fn repository(edges: &[(&str, &str, &str, bool)], targets: &[(&str, &'static str)]) -> Repository {
    let mut repository = Repository::new();
    for (_, role, ..) in edges {
        let key = 30 + u8::try_from(repository.roles.len()).unwrap();
        let names: Vec<_> = targets.iter().filter(|(of, _)| of == role).map(|(_, name)| *name).collect();
        repository.roles.entry((*role).to_owned()).or_insert_with(|| Delegated::new(key, &names));
    }
    for (delegator, role, path, terminating) in edges {
        let entry = delegation(role, repository.roles[*role].key, path, *terminating);
        match repository.roles.get_mut(*delegator) {
            Some(delegator) => delegator.delegations.push(entry),
            None => repository.delegations.push(entry),
        }
    }
    repository.publish();
    repository
}

/// The delegated roles that a search for `name` asks for, in order, and whether it was found.
fn search(repository: &Repository, name: &str) -> (Vec<String>, Result<bool, String>) {
    let mut device = Device::new(repository);
    device.refresh(repository).unwrap();
    let found = device.find(repository, &[name]);
    let asked = device.asked.iter().filter_map(|asked| asked.strip_prefix("1.")).map(String::from).collect();
    (asked, found.map(|found| found[0]))
}

fn visited(edges: &[(&str, &str, &str, bool)]) -> String {
    let (visited, found) = search(&repository(edges, &[]), "missing");
    assert_eq!(found, Ok(false));
    visited.concat()
}

#[test]
fn roles_are_asked_in_pre_order() {
    assert_eq!(
        visited(&[
            ("t", "a", "*", false),
            ("t", "b", "*", false),
            ("a", "c", "*", false),
            ("a", "d", "*", false),
            ("c", "e", "*", false)
        ]),
        "acedb"
    );
}

#[test]
fn a_role_is_asked_once_though_two_delegate_to_it_or_it_to_itself() {
    assert_eq!(
        visited(&[
            ("t", "a", "*", false),
            ("t", "b", "*", false),
            ("b", "c", "*", false),
            ("a", "c", "*", false)
        ]),
        "acb"
    );
    assert_eq!(
        visited(&[
            ("t", "a", "*", false),
            ("a", "b", "*", false),
            ("b", "a", "*", false),
            ("b", "b", "*", false)
        ]),
        "ab"
    );
}

/// Defect of aktualizr: after a terminating delegation its caller goes on with the siblings.
#[test]
fn a_terminating_delegation_ends_the_search_for_all_but_those_below_it() {
    assert_eq!(
        visited(&[
            ("t", "a", "*", false),
            ("t", "b", "*", false),
            ("a", "c", "*", true),
            ("a", "d", "*", false),
            ("c", "e", "*", false)
        ]),
        "ace"
    );
}

#[test]
fn a_terminating_delegation_of_another_path_ends_nothing() {
    assert_eq!(visited(&[("t", "a", "other/*", true), ("t", "b", "*", false)]), "b");
}

#[test]
fn a_target_is_found_only_through_delegations_that_all_match() {
    let edges = [("t", "a", "releases/*/*", false), ("a", "b", "releases/x/*", false)];
    let repository = repository(&edges, &[("b", "releases/x/1"), ("b", "releases/y/1"), ("a", "docs/1")]);
    let found = |name| search(&repository, name);
    assert_eq!(found("releases/x/1"), (vec!["a".into(), "b".into()], Ok(true)));
    assert_eq!(found("releases/y/1"), (vec!["a".into()], Ok(false)));
    assert_eq!(found("docs/1"), (vec![], Ok(false)));
    assert_eq!(found("top"), (vec![], Ok(true)));
}

#[test]
fn the_last_delegated_role_that_may_be_asked_is_and_the_next_is_not() {
    let chain = |length: usize| {
        let names: Vec<_> = (0..length).map(|at| format!("r{at:02}")).collect();
        let delegators = core::iter::once("t").chain(names.iter().map(String::as_str));
        let edges: Vec<_> =
            delegators.zip(&names).map(|(delegator, role)| (delegator, role.as_str(), "*", false)).collect();
        let last = names.last().unwrap();
        search(&repository(&edges, &[(last, "deep")]), "deep")
    };
    assert_eq!(chain(MAX_DELEGATIONS).1, Ok(true));
    assert_eq!(chain(MAX_DELEGATIONS).0.len(), MAX_DELEGATIONS);
    let refused = "image targets: step D4: more than 32 delegated roles";
    let (asked, error) = chain(MAX_DELEGATIONS + 1);
    assert_eq!((asked.len(), error.unwrap_err()), (MAX_DELEGATIONS, refused.to_owned()));
}

#[test]
fn what_was_kept_of_a_role_is_verified_against_its_delegator_of_today() {
    let mut repository = repository(&[("t", "a", "*", false)], &[("a", "one"), ("a", "two")]);
    let mut device = Device::new(&repository);
    assert_eq!(device.find(&repository, &["one"]), Ok(vec![true]));
    assert_eq!(device.find(&repository, &["two"]), Ok(vec![true]));
    assert_eq!(device.asked, ["2.root", "timestamp"], "the second search uses what was kept");
    // The delegation is revoked: another key signs for `a`, which still has its version.
    repository.delegations = vec![delegation("a", 77, "*", false)];
    repository.next();
    assert_eq!(
        device.find(&repository, &["one"]).unwrap_err(),
        "image delegated targets \"a\": step G3: 0 of 1 required keys signed it"
    );
    assert_eq!(device.asked.last().unwrap(), "1.a");
    repository.roles.get_mut("a").unwrap().key = 77;
    repository.publish();
    assert_eq!(device.find(&repository, &["one"]), Ok(vec![true]));
}

#[test]
fn a_delegated_role_that_is_absent_expired_or_of_another_version_is_refused() {
    let good = repository(&[("t", "a", "*", false)], &[("a", "one")]);
    let refused = |repository: &Repository| Device::new(repository).find(repository, &["one"]).unwrap_err();
    let mut absent = good.clone();
    absent.files.remove(&("a".to_owned(), Some(1)));
    assert_eq!(refused(&absent), "image delegated targets \"a\": step G1: the file is not there");
    let mut unlisted = good.clone();
    unlisted.roles.clear();
    unlisted.publish();
    assert_eq!(refused(&unlisted), "image delegated targets \"a\": step G2: the file is not there");
    let mut expired = good.clone();
    expired.roles.get_mut("a").unwrap().expires = crate::factory::NOW;
    expired.publish();
    assert!(refused(&expired).starts_with("image delegated targets \"a\": step G5: expired at"));
    let mut other = good.clone();
    let bytes = other.files[&("a".to_owned(), Some(1))].clone();
    other.roles.get_mut("a").unwrap().version = 2;
    other.publish();
    other.files.insert(("a".to_owned(), Some(2)), bytes);
    assert_eq!(refused(&other), "image delegated targets \"a\": step G2: version 1, required 2");
}

#[test]
fn a_delegated_role_with_the_name_of_a_top_level_role_is_refused() {
    let mut repository = Repository::new();
    repository.delegations = vec![delegation("root", 30, "*", false)];
    repository.publish();
    assert_eq!(
        Device::new(&repository).find(&repository, &["one"]).unwrap_err(),
        "image targets: step D4: a delegated role has a top-level role's name"
    );
}

#[test]
fn a_long_name_of_a_role_is_cut_in_errors_only() {
    let name = "é".repeat(40);
    let mut repository = repository(&[("t", &name, "*", false)], &[]);
    assert_eq!(search(&repository, "one"), (vec![name.clone()], Ok(false)));
    repository.files.remove(&(name, Some(1)));
    assert_eq!(
        Device::new(&repository).find(&repository, &["one"]).unwrap_err(),
        format!("image delegated targets \"{}\": step G1: the file is not there", "é".repeat(15))
    );
}
