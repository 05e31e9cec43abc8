//! What a plan leaves behind, step by step. The record of it stands in for asking a container engine.

use container_spec::plan::{Container, Current, Image, Plan, Step};

/// Applies every step of `plan` to the record.
pub(super) fn carry_out(plan: &Plan, current: &mut Current) {
    for step in &plan.steps {
        apply(step, current);
    }
}

fn apply(step: &Step, current: &mut Current) {
    match step {
        Step::Pull { digest, .. } | Step::Load { digest, .. } => {
            current.images.push(Image { id: digest.to_string(), digests: vec![*digest] });
        }
        Step::CreateNetwork { network, .. } => {
            current.networks.insert(network.clone());
        }
        Step::CreateVolume { volume, .. } => {
            current.volumes.insert(volume.clone());
        }
        Step::Create { service, number, container, digest, config_hash, .. } => {
            current.containers.push(Container {
                id: format!("{container}@{config_hash}"),
                name: container.clone(),
                service: service.clone(),
                number: *number,
                config_hash: Some(*config_hash),
                image_id: digest.to_string(),
                running: false,
                restart: "no".into(),
            });
        }
        Step::SetRestart { container, to, .. } => {
            with(current, container, |found| found.restart = to.clone())
        }
        Step::Stop { container, .. } => with(current, container, |found| found.running = false),
        Step::Start { container, .. } => with(current, container, |found| found.running = true),
        Step::Rename { from, to } => with(current, from, |found| found.name = to.clone()),
        Step::RemoveContainer { container } => current.containers.retain(|other| other.name != *container),
        Step::RemoveImage { image_id } => current.images.retain(|image| image.id != *image_id),
        // They change nothing.
        _ => {}
    }
}

fn with(current: &mut Current, name: &str, change: impl FnOnce(&mut Container)) {
    if let Some(container) = current.containers.iter_mut().find(|container| container.name == name) {
        change(container);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use container_spec::compose::{self, Environment};
    use container_spec::plan::{Options, plan};

    fn planned(digit: char, current: &Current) -> Plan {
        let digest = digit.to_string().repeat(64);
        let text = format!("services:\n  web:\n    image: nginx@sha256:{digest}\n    restart: always\n");
        let project = compose::load(&text, &Environment::new()).unwrap();
        plan("torizon", &project, current, &Options::default()).unwrap()
    }

    #[test]
    fn after_a_plan_was_carried_out_the_same_file_needs_no_step() {
        let mut current = Current::default();
        carry_out(&planned('a', &current), &mut current);
        let [container] = &current.containers[..] else { panic!("{current:?}") };
        assert_eq!(
            (&*container.name, container.running, &*container.restart),
            ("torizon-web-1", true, "always")
        );
        assert!(planned('a', &current).is_empty());
        carry_out(&planned('b', &current), &mut current);
        assert_eq!((current.containers.len(), current.images.len()), (1, 1));
        assert!(current.images[0].id.ends_with(&"b".repeat(64)));
        assert!(planned('b', &current).is_empty());
    }
}
