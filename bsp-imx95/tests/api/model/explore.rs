//! The search: breadth first, each state once, until none is new.

use super::client::Client;
use super::world::{Fate, Layout, Op, Power, UNCOUNTED, UPDATES, Violation, World};
use bsp_imx95::slot::client::Journal;
use std::collections::{BTreeMap, VecDeque};

pub(crate) struct Exploration {
    pub(crate) states: usize,
    /// Events on the longest of the shortest ways to a state.
    pub(crate) depth: usize,
    /// The first of each kind, with the events that lead to it.
    pub(crate) violations: Vec<(Violation, Vec<String>)>,
}

/// What may happen next.
type Events = Vec<(String, Result<World, Violation>)>;

pub(crate) fn explore(client: Client, layout: Layout) -> Exploration {
    let mut found: BTreeMap<World, (usize, Option<(World, String)>)> = BTreeMap::new();
    let mut queue = VecDeque::from([World::new()]);
    found.insert(World::new(), (0, None));
    let mut known = BTreeMap::new();
    let mut exploration = Exploration { states: 0, depth: 0, violations: Vec::new() };
    while let Some(world) = queue.pop_front() {
        let depth = found[&world].0;
        exploration.depth = depth;
        let mut violated = |violation: Violation, event: String| {
            if exploration.violations.iter().all(|(other, _)| *other != violation) {
                exploration.violations.push((violation, trace(&found, &world, event)));
            }
        };
        if !comes_to_rest(client, layout, &world, &mut known) {
            violated(Violation::Endless, "nothing happens any more".into());
        }
        let mut new = Vec::new();
        for (event, result) in events(client, layout, &world) {
            match result {
                Err(violation) => violated(violation, event),
                Ok(_) if event == UNCOUNTED => violated(Violation::Uncounted, event),
                Ok(next) => new.push((event, next)),
            }
        }
        for (event, next) in new {
            if !found.contains_key(&next) {
                found.insert(next.clone(), (depth + 1, Some((world.clone(), event))));
                queue.push_back(next);
            }
        }
    }
    exploration.states = found.len();
    exploration
}

/// Each world that was reached: after how many events, from which one and by which event.
type Found = BTreeMap<World, (usize, Option<(World, String)>)>;

fn trace(found: &Found, world: &World, event: String) -> Vec<String> {
    let mut events = vec![event];
    let mut world = world;
    while let Some((before, event)) = &found[world].1 {
        events.push(event.clone());
        world = before;
    }
    events.reverse();
    events
}

fn events(client: Client, layout: Layout, world: &World) -> Events {
    let mut events: Events = Vec::new();
    let Power::On { plan, .. } = &world.power else {
        match world.powered_on(layout) {
            Err(violation) => events.push(("power on".into(), Err(violation))),
            Ok(futures) => events.extend(futures.into_iter().map(|(event, world)| (event, Ok(world)))),
        }
        return events;
    };
    events.push(("a power cut, or the watchdog".into(), Ok(world.clone().off())));
    let plan = if plan.is_empty() { client.plan(world) } else { plan.clone() };
    let mut planned = world.clone();
    set_plan(&mut planned, plan.clone());
    if let Some(op) = plan.first() {
        // What changes nothing is not written.
        let is_written = |next: &World| next.environment != world.environment;
        if matches!(op, Op::Environment(_))
            && layout == Layout::Single
            && planned.clone().carry_out().is_ok_and(|next| is_written(&next))
        {
            let lost = World { environment: None, ..world.clone() };
            events.push((format!("torn: {op:?}"), Ok(lost.off())));
        }
        if matches!(op, Op::Environment(_) | Op::Switch { .. }) {
            events.push((format!("failed: {op:?}"), Ok(failed(client, planned.clone()))));
        }
        prove(&mut planned, op);
        events.push((format!("{op:?}"), planned.carry_out()));
    } else if world.journal == Journal::Idle && world.newest() < UPDATES {
        for fate in [Fate::Healthy, Fate::Sick, Fate::Hangs] {
            let mut next = world.clone();
            next.fates.push(fate);
            (next.journal, next.rebooted, next.was_tried) = (Journal::Deploying, false, false);
            events.push((format!("an update comes: {fate:?}"), Ok(next)));
        }
    }
    events
}

/// The health check, which the confirmation follows.
fn prove(world: &mut World, op: &Op) {
    let Power::On { running, .. } = world.power else { return };
    let confirms = matches!(op, Op::Environment(_)) && world.journal == Journal::Deployed
        || world.journal == Journal::Deploying;
    if confirms && world.fates[running] == Fate::Healthy && !world.proven.contains(&running) {
        world.proven.push(running);
    }
}

fn set_plan(world: &mut World, new: Vec<Op>) {
    if let Power::On { plan, .. } = &mut world.power {
        *plan = new;
    }
}

/// An operation that did nothing: ours stops and repeats the step later, others go on.
fn failed(client: Client, mut world: World) -> World {
    if let Power::On { plan, .. } = &mut world.power {
        let op = plan.remove(0);
        if !client.ignores_errors() {
            plan.clear();
        } else if matches!(op, Op::Switch { .. }) {
            // The installation failed: it is reported, and that was it.
            *plan = vec![Op::Journal(Journal::Idle)];
        }
    }
    world
}

/// Whether the device, left alone, ends up with a healthy system running and nothing in progress. What was found
/// out on the way is kept.
fn comes_to_rest(client: Client, layout: Layout, start: &World, known: &mut BTreeMap<World, bool>) -> bool {
    let mut way = Vec::new();
    let mut world = start.clone();
    let rests = loop {
        if let Some(rests) = known.get(&world) {
            break *rests;
        }
        if way.contains(&world) {
            break false;
        }
        way.push(world.clone());
        match left_alone(client, layout, world) {
            Ok(next) => world = next,
            Err(rests) => break rests,
        }
    };
    known.extend(way.into_iter().map(|world| (world, rests)));
    rests
}

/// What happens next without an accident; or, in the end, whether the device has come to rest.
fn left_alone(client: Client, layout: Layout, mut world: World) -> Result<World, bool> {
    let Power::On { running, plan } = &world.power else {
        // What does not boot is told as a violation of its own.
        return world
            .powered_on(layout)
            .ok()
            .and_then(|mut futures| futures.pop())
            .map_or(Err(true), |(_, next)| Ok(next));
    };
    let plan = if plan.is_empty() { client.plan(&world) } else { plan.clone() };
    let Some(op) = plan.first().cloned() else {
        if world.journal == Journal::Idle {
            return Err(world.fates[*running] == Fate::Healthy);
        }
        // It waits for a reboot.
        return Ok(world.off());
    };
    set_plan(&mut world, plan);
    prove(&mut world, &op);
    world.carry_out().map_err(|_| true)
}
