//! What a vehicle asks for beyond the metadata: its name on an assignment, and release counters that never go back.

use crate::factory::*;
use uptane_core::primary::{Cycle, Expectations, Outcome};
use uptane_core::repository::{Wire, sign};
use uptane_core::{Repository, Role};

fn verify(factory: &Factory, files: &Files, expectations: Expectations<'_>) -> Result<Outcome, String> {
    let cycle = Cycle::new(ECUS, NOW).expecting(expectations);
    Store::provisioned(factory).run(cycle, files).map_err(|error| error.to_string())
}

fn assigning(factory: &Factory, custom: &str, targets: &str) -> Files {
    let body = format!(
        r#"{{"_type":"Targets",{custom}"expires":"2099-01-01T00:00:00Z","targets":{{{targets}}},"version":1}}"#
    );
    let mut files = factory.files();
    let bytes = sign(&body, factory.director.root.keys(Role::Targets), Wire::Uptane).unwrap();
    files.insert((Repository::Director, "targets.json".into()), bytes);
    files
}

#[test]
fn an_assignment_of_nothing_has_to_name_the_vehicle_where_the_director_names_vehicles() {
    let factory = Factory::new();
    let expecting = Expectations { vehicle_id: Some("v-1"), ..Expectations::default() };
    let refused = Err("director targets: step F6: the assignment does not name this vehicle".to_owned());
    let assigned = |custom: &str, expecting| {
        verify(&factory, &assigning(&factory, custom, ""), expecting).map(|outcome| outcome.assigned.len())
    };
    assert_eq!(assigned(r#""custom":{"vehicleId":"v-1"},"#, expecting), Ok(0));
    assert_eq!(assigned(r#""custom":{"vehicleId":"v-2"},"#, expecting), refused);
    assert_eq!(assigned("", expecting), refused);
    assert_eq!(assigned("", Expectations::default()), Ok(0));
    // An assignment of something names ECUs, which are the vehicle's own.
    assert_eq!(verify(&factory, &factory.files(), expecting).map(|outcome| outcome.assigned.len()), Ok(1));
}

fn with_counters(director: Option<u64>, image: Option<u64>) -> Factory {
    let mut factory = Factory::new();
    for (target, counter) in
        [(&mut factory.director.targets[0], director), (&mut factory.image.targets[0], image)]
    {
        if let Some(counter) = counter {
            target.custom = target.custom.replacen('{', &format!(r#"{{"releaseCounter":{counter},"#), 1);
        }
    }
    factory
}

#[test]
fn a_release_counter_never_goes_back() {
    let installed = |counter| [("primary-1", counter)];
    let counter = |director, image, installed: &[(&str, u64)]| {
        let factory = with_counters(director, image);
        let expectations = Expectations { release_counters: installed, ..Expectations::default() };
        verify(&factory, &factory.files(), expectations).map(|outcome| outcome.assigned[0].release_counter)
    };
    let rollback = |trusted: u64, offered: u64| {
        Err(format!("image targets: step F10: rollback: trusted version {trusted}, offered {offered}"))
    };
    assert_eq!(counter(None, Some(4), &installed(4)), Ok(Some(4)));
    assert_eq!(counter(Some(5), Some(5), &installed(4)), Ok(Some(5)));
    assert_eq!(counter(None, Some(3), &installed(4)), rollback(4, 3));
    assert_eq!(counter(None, None, &installed(4)), rollback(4, 0));
    assert_eq!(counter(None, None, &[]), Ok(None));
    assert_eq!(
        counter(Some(5), Some(4), &[]),
        Err("image targets: step F10: the repositories disagree on the release counter".into())
    );
}
