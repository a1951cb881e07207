//! A monitor tells first what is there, then every change, as its filter says.

use std::sync::mpsc;
use std::time::Duration;

use rohrpost::{
    Address, Code, Context, DeadLetter, Filter, Message, Monitor, Nid, NodeId, Outcome, Record, RecordId, Setup, Target,
};

use crate::view::{View, Viewer};
use crate::world::{Scribe, World};

const NODE: NodeId = NodeId::name("node");

/// A viewer on this worker that is there already.
pub(crate) fn viewer(world: &mut World, index: usize) -> (Address, View) {
    let view = View::default();
    let viewer = world.spaces[index].register_as("viewer", Viewer(view.clone())).unwrap();
    world.settle();
    (viewer, view)
}

/// Has `viewer` begin a monitor; nothing else happens.
pub(crate) fn begin(world: &mut World, viewer: Address, filter: Filter) -> Monitor {
    let (told, begun) = mpsc::channel();
    world.run(viewer, move |ctx| told.send(ctx.monitor(filter).unwrap()).unwrap());
    begun.try_recv().expect("expected a monitor to begin")
}

fn nothing() -> [String; 0] {
    []
}

#[test]
fn what_is_there_is_told_first() {
    let mut world = World::new(2);
    let near = world.scribe(0).0;
    let far = world.scribe(1).0;
    let (viewer, view) = viewer(&mut world, 0);
    let monitor = begin(&mut world, viewer, Filter::new());
    let mut lines = view.take(monitor);
    assert_eq!(lines.pop(), Some("+ complete".to_owned()), "expected the marker at the end");
    lines.sort();
    let opened = ["SYSTEM", "n0", "n1"].map(|name| format!("+ opened .{name}.node"));
    let registered = [near.to_string(), far.to_string(), "viewer.n0.node".into()];
    let letters = format!("+ opened {} at .SYSTEM.node", DeadLetter::ID);
    let registered = registered.map(|target| format!("+ registered {target}"));
    let mut expected: Vec<String> = opened.into_iter().chain(registered).chain([letters]).collect();
    expected.sort();
    assert_eq!(lines, expected, "expected each once");
    assert_eq!(world.counters().dead_letters, 0, "expected no dead letters");
}

#[test]
fn every_change_is_told_in_order() {
    let mut world = World::new(2);
    let (viewer, view) = viewer(&mut world, 0);
    let monitor = begin(&mut world, viewer, Filter::new());
    view.take(monitor);
    for place in [0, 1] {
        let plain = world.scribe(place).0;
        world.run(plain, |_| panic!("no ink"));
        let named = world.spaces[place].register_factory(Setup::new().name("named"), Scribe::default).unwrap();
        world.settle();
        world.run(named, |_| panic!("again"));
        world.spaces[place].deregister(named).unwrap();
        world.settle();
        let named = format!("named.n{place}.node");
        let expected = [
            format!("registered {plain}"),
            format!("{plain} panicked: no ink"),
            format!("registered {named}"),
            format!("restarted {named}"),
            format!("{named} deregistered"),
        ];
        assert_eq!(view.take(monitor), expected, "expected each change once");
    }
    assert_eq!(view.of(monitor).faults, nothing(), "expected everything in order");
}

#[test]
fn what_a_handler_registers_and_lets_go_is_told_in_order() {
    let mut world = World::new(1);
    let (viewer, view) = viewer(&mut world, 0);
    let monitor = begin(&mut world, viewer, Filter::new());
    view.take(monitor);
    let (told, made) = mpsc::channel();
    let seen = view.clone();
    world.run(viewer, move |ctx| {
        let first = ctx.register(Scribe::default()).unwrap();
        let second = ctx.register(Scribe::default()).unwrap();
        ctx.deregister(first).unwrap();
        assert_eq!(seen.take(monitor), nothing(), "expected nothing to be told inside another handler");
        told.send((first, second)).unwrap();
    });
    let (first, second) = made.try_recv().unwrap();
    let expected = [format!("registered {first}"), format!("registered {second}"), format!("{first} deregistered")];
    assert_eq!(view.take(monitor), expected, "expected each change once");
}

#[test]
fn a_target_is_told_before_what_its_start_registers() {
    struct Parent;
    impl Target for Parent {
        fn receive(&mut self, _message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
            Outcome::NotHandled
        }
        fn started(&mut self, ctx: &mut Context<'_>) {
            ctx.register_as("child", Scribe::default()).unwrap();
        }
    }

    let mut world = World::new(2);
    let (viewer, view) = viewer(&mut world, 0);
    let monitor = begin(&mut world, viewer, Filter::new());
    view.take(monitor);
    world.spaces[1].register_as("parent", Parent).unwrap();
    world.settle();
    let expected = ["registered parent.n1.node", "registered child.n1.node"];
    assert_eq!(view.take(monitor), expected, "expected the parent first");
}

#[test]
fn namespaces_that_come_later_are_told_with_their_targets() {
    let mut world = World::new(1);
    let (viewer, view) = viewer(&mut world, 0);
    let monitor = begin(&mut world, viewer, Filter::new());
    view.take(monitor);
    let index = world.open("later");
    world.spaces[index].register_as("a", Scribe::default()).unwrap();
    world.settle();
    assert_eq!(view.take(monitor), ["opened .later.node", "registered a.later.node"], "expected both");
    world.close(index);
    world.settle();
    let expected = ["closed .later.node", "a.later.node namespace closed"];
    assert_eq!(view.take(monitor), expected, "expected the namespace, then who was in it");
    let index = world.open("later");
    world.spaces[index].register_as("a", Scribe::default()).unwrap();
    world.settle();
    assert_eq!(view.take(monitor), ["opened .later.node", "registered a.later.node"], "expected it anew");
    assert_eq!(view.of(monitor).faults, nothing(), "expected everything in order");
}

#[test]
fn a_filter_leaves_out_what_does_not_match() {
    let mut world = World::new(2);
    let (viewer, view) = viewer(&mut world, 0);
    let begin = |world: &mut World, filter| begin(world, viewer, filter);
    let nid = world.spaces[1].id();
    let name = "wanted".parse().unwrap();
    let in_space = begin(&mut world, Filter::new().namespace(nid));
    let by_name = begin(&mut world, Filter::new().target(name).node(NODE));
    let both = begin(&mut world, Filter::new().address("wanted.n1.node".parse().unwrap()));
    let neither = begin(&mut world, Filter::new().address("wanted.nowhere.node".parse().unwrap()));
    let service = begin(&mut world, Filter::new().service(RecordId::name("monitors.do")));
    world.spaces[0].register_as("wanted", Scribe::default()).unwrap();
    world.spaces[1].register_as("wanted", Scribe::default()).unwrap();
    world.spaces[1].register_as("other", Scribe::default()).unwrap();
    world.settle();
    let (here, there) = ("registered wanted.n0.node", "registered wanted.n1.node");
    let expected = ["+ opened .n1.node", "+ complete", there, "registered other.n1.node"];
    assert_eq!(view.take(in_space), expected, "expected one namespace");
    assert_eq!(view.take(by_name), ["+ complete", here, there], "expected one name wherever it is");
    assert_eq!(view.take(both), ["+ complete", there], "expected one target");
    assert_eq!(view.take(neither), ["+ complete"], "expected nobody to match");
    assert_eq!(view.take(service), ["+ complete"], "expected no service to match");
    let generated = world.spaces[1].resolve("wanted").unwrap();
    let by_id = begin(&mut world, Filter::new().target(generated.tid().unwrap()));
    assert_eq!(view.take(by_id), ["+ registered wanted.n1.node", "+ complete"], "expected its generated id to match");
}

#[test]
fn what_happens_on_another_node_is_not_told_here() {
    let mut world = World::new(1);
    let (viewer, _) = viewer(&mut world, 0);
    world.run(viewer, |ctx| {
        let filter = Filter::new().node(NodeId::name("elsewhere")).namespace(Nid::name("n0"));
        assert_eq!(ctx.monitor(filter), Err(Code::NO_NODE), "expected the reason");
    });
}

#[test]
fn a_change_that_comes_before_the_last_part_is_told_after_it() {
    let mut world = World::new(3);
    let (viewer, view) = viewer(&mut world, 0);
    let late = world.scribe(2).0;
    let (told, begun) = mpsc::channel();
    world.start(viewer, move |ctx| told.send(ctx.monitor(Filter::new()).unwrap()).unwrap());
    world.workers[0].as_mut().unwrap().run_until_idle();
    let monitor = begun.try_recv().unwrap();
    world.spaces[1].register_as("early", Scribe::default()).unwrap();
    world.workers[1].as_mut().unwrap().run_until_idle();
    world.workers[0].as_mut().unwrap().run_until_idle();
    let before = view.take(monitor);
    let opened = |line: &String| line.starts_with("+ opened ");
    let rest: Vec<_> = before.iter().filter(|line| !opened(line)).collect();
    assert_eq!(rest, ["+ registered viewer.n0.node"], "expected no change before worker 2 has told its part");
    assert_eq!(before.len(), 6, "expected four namespaces and their service: {before:?}");
    world.settle();
    let expected = [format!("+ registered {late}"), "+ complete".into(), "registered early.n1.node".into()];
    assert_eq!(view.take(monitor), expected, "expected the change behind the marker");
}

#[test]
fn a_target_that_is_about_to_leave_is_there_until_it_has_left() {
    let mut world = World::new(2);
    let (viewer, view) = viewer(&mut world, 0);
    let leaving = world.scribe(0).0;
    let kernel = world.kernel.clone();
    let (told, begun) = mpsc::channel();
    world.run(leaving, move |ctx| {
        told.send(kernel.monitor(Filter::new(), viewer).unwrap()).unwrap();
        ctx.stop();
    });
    let monitor = begun.try_recv().unwrap();
    let seen = view.of(monitor);
    assert_eq!(seen.faults, nothing(), "expected everything in order");
    assert!(!seen.targets.contains_key(&leaving), "expected it to be gone");
}

#[test]
fn a_monitor_that_was_ended_tells_nothing() {
    let mut world = World::new(2);
    let (viewer, view) = viewer(&mut world, 0);
    let ends: [fn(&mut World, Address, Monitor); 3] = [
        |world, viewer, monitor| world.run(viewer, move |ctx| ctx.unmonitor(monitor)),
        |world, _, monitor| world.kernel.unmonitor(monitor),
        |world, _, monitor| {
            let other = world.scribe(1).0;
            world.run(other, move |ctx| ctx.unmonitor(monitor));
        },
    ];
    for end in ends {
        let monitor = begin(&mut world, viewer, Filter::new());
        end(&mut world, viewer, monitor);
        world.settle();
        view.take(monitor);
        world.scribe(0);
        world.scribe(1);
        let index = world.open("more");
        world.close(index);
        world.settle();
        assert_eq!(view.take(monitor), nothing(), "expected nothing more to be told");
        world.kernel.unmonitor(monitor);
    }
    assert_eq!(world.counters().dead_letters, 0, "expected no dead letters");
}

#[test]
fn a_monitor_that_is_ended_as_it_begins_tells_nothing() {
    let mut world = World::new(2);
    let (viewer, view) = viewer(&mut world, 0);
    let (told, begun) = mpsc::channel();
    world.run(viewer, move |ctx| {
        let monitor = ctx.monitor(Filter::new()).unwrap();
        ctx.unmonitor(monitor);
        told.send(monitor).unwrap();
    });
    let monitor = begun.try_recv().unwrap();
    view.take(monitor);
    world.scribe(1);
    assert_eq!(view.take(monitor), nothing(), "expected nothing more to be told");
}

#[test]
fn a_monitor_ends_with_its_target() {
    for place in [0, 1] {
        let mut world = World::new(2);
        let (viewer, view) = viewer(&mut world, 0);
        let monitor = begin(&mut world, viewer, Filter::new());
        view.take(monitor);
        world.spaces[place].deregister(viewer).unwrap();
        world.settle();
        world.scribe(0);
        world.scribe(1);
        assert_eq!(view.take(monitor), nothing(), "expected nobody to be told");
        assert_eq!(world.counters().dead_letters, 0, "expected nobody to be told");
    }
}

#[test]
fn a_monitor_for_nobody_is_refused_or_ends() {
    let mut world = World::new(1);
    let gone = world.scribe(0).0;
    let kernel = world.kernel.clone();
    let refused = |text: &str| kernel.monitor(Filter::new(), text.parse().unwrap()).unwrap_err();
    assert_eq!(refused("nobody.n0."), Code::NO_TARGET, "expected the reason");
    assert_eq!(refused("nobody.nowhere."), Code::NO_NAMESPACE, "expected the reason");
    assert_eq!(refused("nobody.n0.elsewhere"), Code::NO_NODE, "expected the reason");
    assert_eq!(refused(".n0."), Code::NO_SERVICE, "expected the reason");
    world.spaces[0].deregister(gone).unwrap();
    let _ = kernel.monitor(Filter::new(), gone).unwrap();
    world.settle();
    world.scribe(0);
    assert_eq!(world.counters().dead_letters, 0, "expected nobody to be told");
    let _ = kernel.stop(Duration::ZERO);
    assert_eq!(kernel.monitor(Filter::new(), gone), Err(Code::STOPPED), "expected the reason");
}

#[test]
fn a_monitor_outlives_the_restart_of_its_target() {
    let mut world = World::new(2);
    let view = View::default();
    let made = view.clone();
    let viewer = world.spaces[0].register_factory(Setup::new(), move || Viewer(made.clone())).unwrap();
    world.settle();
    let filter = Filter::new().namespace(world.spaces[1].id());
    let monitor = begin(&mut world, viewer, filter);
    world.run(viewer, |_| panic!("again"));
    view.take(monitor);
    let target = world.scribe(1).0;
    assert_eq!(view.take(monitor), [format!("registered {target}")], "expected its next life to be told");
}

#[test]
fn two_monitors_of_one_target_are_told_apart() {
    let mut world = World::new(2);
    let (viewer, view) = viewer(&mut world, 0);
    let first = begin(&mut world, viewer, Filter::new());
    let kernel = world.kernel.clone();
    let second = world.spaces[1].monitor(Filter::new(), viewer).unwrap();
    let third = kernel.monitor(Filter::new(), viewer).unwrap();
    world.settle();
    for monitor in [first, second, third] {
        view.take(monitor);
    }
    world.scribe(0);
    let told = [first, second, third].map(|monitor| view.take(monitor).len());
    assert_eq!(told, [1, 0, 1], "expected the monitor of one namespace to hear of that alone");
    kernel.unmonitor(first);
    world.settle();
    world.scribe(1);
    let told = [first, second, third].map(|monitor| view.take(monitor).len());
    assert_eq!(told, [0, 1, 1], "expected the others to go on");
}

#[test]
fn a_snapshot_finds_room_where_nothing_else_does() {
    let mut world = World::new(0);
    let (space, worker) = world.kernel.namespace("narrow").capacity(1).waiting(1).driven().unwrap();
    world.spaces.push(space);
    world.workers.push(Some(worker));
    world.open("wide");
    let (viewer, view) = viewer(&mut world, 0);
    let monitor = begin(&mut world, viewer, Filter::new());
    for _ in 0..100 {
        world.scribe(0);
        world.spaces[1].register(Scribe::default()).unwrap();
    }
    world.settle();
    let again = begin(&mut world, viewer, Filter::new());
    for monitor in [monitor, again] {
        let seen = view.of(monitor);
        assert_eq!((seen.targets.len(), seen.complete), (201, true), "expected everybody to be told");
        assert_eq!(seen.faults, nothing(), "expected everything in order");
    }
    assert_eq!(world.counters().dead_letters, 0, "expected nothing to be lost");
}

#[test]
fn a_change_that_is_not_handled_is_a_dead_letter() {
    let mut world = World::new(1);
    let (deaf, _) = world.scribe(0);
    world.run(deaf, |ctx| {
        ctx.monitor(Filter::new()).unwrap();
    });
    // Two namespaces, a service and a target that were there, the marker, and this one.
    world.scribe(0);
    assert_eq!(world.counters().dead_letters, 6, "expected each to be one");
}

#[test]
fn a_kernel_that_stops_lets_its_monitors_go() {
    let mut world = World::new(2);
    let (viewer, view) = viewer(&mut world, 0);
    let monitor = begin(&mut world, viewer, Filter::new());
    view.take(monitor);
    world.scribe(1);
    view.take(monitor);
    let _ = world.kernel.stop(Duration::ZERO);
    world.close(1);
    world.close(0);
    assert_eq!(view.take(monitor), nothing(), "expected nobody to be told who goes, too");
    let counters = world.kernel.counters();
    assert!(counters.is_balanced(), "expected even counters, not {counters:?}");
    assert_eq!(counters.dead_letters, 0, "expected no dead letters");
}
