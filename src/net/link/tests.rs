//! Two links whose frames all arrive, and each rule by itself.

use std::time::Duration;

use super::simulation::{Fate, World, ms};
use super::{Refusal, Terms};

/// Two links that know each other.
fn open(terms: Terms) -> World {
    let mut world = World::new(1, [terms; 2]);
    world.pass(ms(10));
    assert!(world.are_open(), "expected two links to find each other at once");
    world
}

#[test]
fn a_notification_is_delivered_when_the_other_side_has_taken_it() {
    let mut world = open(Terms::default());
    let told = world.notify(0, 20).expect("room");
    world.pass(ms(10));
    assert_eq!(world.sides[0].fates.get(&told), Some(&Fate::Delivered));
    assert_eq!(world.sides[1].seen.get(&told), Some(&1));
}

#[test]
fn a_request_is_kept_until_its_answer_comes() {
    let mut world = open(Terms::default());
    let asked = world.request(0, 20).expect("room");
    world.pass(Duration::from_secs(60));
    assert_eq!(world.sides[0].fates.get(&asked), None, "expected an acknowledged request to be waited for");
    world.answer(1, 0);
    world.pass(ms(10));
    assert_eq!(world.sides[0].fates.get(&asked), Some(&Fate::Answered));
}

#[test]
fn mail_of_before_the_opening_goes_out_when_the_link_opens() {
    let mut world = World::new(2, [Terms::default(); 2]);
    let told = world.notify(1, 20).expect("room");
    world.pass(ms(10));
    assert_eq!(world.sides[1].fates.get(&told), Some(&Fate::Delivered));
}

#[test]
fn a_full_window_refuses_and_hands_back_what_was_to_be_kept() {
    let mut world = open(Terms { window: 3, ..Terms::default() });
    world.weather.cut = [true; 2];
    let taken = (0..3).filter(|_| world.notify(0, 20).is_some()).count();
    assert_eq!(taken, 3);
    let refused = world.sides[0].link.notify(vec![0; 20], 77, world.now).expect_err("expected a full window");
    assert_eq!((refused.why, refused.keep), (Refusal::Busy, 77));
}
