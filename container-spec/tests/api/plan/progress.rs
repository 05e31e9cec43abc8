//! How far a plan is: what is resumed, turned back and decided.

use container_spec::plan::{self, Current, Next, Options, Outcome, Plan, Progress, Step};

use super::v1;

#[test]
fn a_plan_that_is_resumed_before_it_is_confirmed_starts_everything_again() {
    let plan = plan::plan("app", &v1(), &Current::default(), &Options::default()).unwrap();
    let first = plan.steps.iter().position(|step| matches!(step, Step::Start { .. })).unwrap();
    let confirm = plan.steps.iter().position(|step| *step == Step::Confirm).unwrap();
    for done in 0..=plan.steps.len() {
        let mut progress = Progress::new(plan.clone());
        (0..done).for_each(|_| progress.done());
        progress.resume();
        let expected = if done > confirm { done } else { done.min(first) };
        assert_eq!(progress.steps_done(), expected, "{done} steps");
    }
    let mut progress = Progress::new(plan);
    (0..=first).for_each(|_| progress.done());
    assert!(progress.roll_back());
    progress.resume();
    assert_eq!(progress.steps_done(), first + 1, "back is back");
}

#[test]
fn a_resumed_plan_that_turns_back_undoes_what_was_begun_before() {
    let plan = plan::plan("app", &v1(), &Current::default(), &Options::default()).unwrap();
    let confirm = plan.steps.iter().position(|step| *step == Step::Confirm).unwrap();
    for done in 0..=confirm {
        let mut progress = Progress::new(plan.clone());
        (0..done).for_each(|_| progress.done());
        progress.resume();
        let mut failing = progress.clone();
        assert!(progress.roll_back());
        // The step that was under way may be done in part.
        assert_eq!(progress.steps_done(), done + 1);
        failing.failed();
        assert_eq!(failing.steps_done(), done + 1);
        assert!(matches!(failing.next(), Next::Undo(_)));
    }
}

#[test]
fn a_plan_that_was_decided_goes_on_with_its_confirmation_if_it_had_come_as_far() {
    let plan = plan::plan("app", &v1(), &Current::default(), &Options::default()).unwrap();
    let confirm = plan.steps.iter().position(|step| *step == Step::Confirm).unwrap();
    for done in 0..=plan.steps.len() {
        let mut progress = Progress::new(plan.clone());
        (0..done).for_each(|_| progress.done());
        progress.resume();
        let before = progress.steps_done();
        assert_eq!(progress.decide(), done >= confirm, "{done} steps");
        let expected = if done >= confirm { done } else { before };
        assert_eq!(progress.steps_done(), expected, "{done} steps");
        // A second cut, while containers are started again, does not forget it.
        if done == confirm {
            let mut again = Progress::new(plan.clone());
            (0..done).for_each(|_| again.done());
            (0..3).for_each(|_| again.resume());
            assert!(again.decide());
            assert_eq!(again.next(), Next::Do(&Step::Confirm));
        }
    }
    let mut progress = Progress::new(plan);
    (0..confirm).for_each(|_| progress.done());
    assert!(progress.roll_back());
    assert!(!progress.decide(), "back is back");
    assert!(matches!(progress.next(), Next::Undo(_)));
}

#[test]
fn nothing_is_turned_back_once_it_is_confirmed() {
    let plan = Plan {
        project: "app".into(),
        steps: vec![Step::Confirm, Step::RemoveContainer { container: "x".into() }],
    };
    let mut progress = Progress::new(plan);
    progress.done();
    assert!(progress.is_confirmed());
    assert!(!progress.roll_back());
    assert_eq!(progress.next(), Next::Do(&Step::RemoveContainer { container: "x".into() }));
    progress.failed();
    assert_eq!(progress.next(), Next::Finished(Outcome::Applied));
}
