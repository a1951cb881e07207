//! How a link opens, and what it does with what is said in another session.

use bytes::Bytes;

use super::{SECOND, alone, events, hear, mail, open, said, terms};
use crate::clock::Time;
use crate::net::frame::{Beat, Frame, Kind, Route, Session};
use crate::net::link::simulation::{Fate, Token, World, ms};
use crate::net::link::{Event, Link};

#[test]
fn mail_of_before_the_opening_goes_out_when_the_link_opens() {
    let mut world = World::new(2, [terms(); 2]);
    let told = world.notify(1, 20).expect("room");
    world.pass(ms(10));
    assert_eq!(world.sides[1].fates.get(&told), Some(&Fate::Delivered));
}

#[test]
fn mail_that_waits_longer_than_the_lease_is_lost() {
    let mut world = World::new(2, [terms(); 2]);
    world.weather.cut = [true; 2];
    world.pass(SECOND);
    let asked = world.request(1, 20).expect("room");
    world.pass(terms().lease - ms(1));
    assert_eq!(world.sides[1].fates.get(&asked), None, "expected it to wait for the whole lease");
    world.pass(ms(1));
    assert_eq!(world.sides[1].fates.get(&asked), Some(&Fate::Lost));
}

#[test]
fn an_opening_that_does_not_succeed_is_told_again_and_again_but_ever_more_rarely() {
    let mut world = World::new(2, [terms(); 2]);
    world.weather.cut = [true; 2];
    world.pass(SECOND * 30);
    assert_eq!(world.sides[0].half_dead, 3, "expected it after 4, 12 and 28 seconds");
    assert!(world.sides[0].hellos < 25, "expected at most a Hello each two seconds in the end");
}

#[test]
fn a_side_that_never_answers_is_complained_of_ever_more_rarely_however_often_it_is_lost_and_found() {
    let mut link: Link<Token> = Link::new(Session::new(5), terms(), Time::START);
    let mut complaints = Vec::new();
    let mut now = Time::START;
    while complaints.len() < 4 {
        now = link.next_deadline().expect("a link that looks for the other side has something to do");
        link.timeout(now);
        if events(&mut link) == [Event::HalfDead] {
            complaints.push(now.since(Time::START).as_secs());
            link.lost();
            link.begin(now);
        }
    }
    assert_eq!(complaints, [4, 12, 28, 60]);
    link.lost();
    link.begin_anew(now);
    assert!(link.next_deadline() <= Some(now.after(terms().lease)), "expected another life to be given less");
    while events(&mut link).is_empty() {
        now = link.next_deadline().expect("something to do");
        link.timeout(now);
    }
    assert_eq!(now.since(Time::START).as_secs(), 64, "expected another life to be given a lease");
    hear(&mut link, Frame::Hello { from: Session::new(9), to: Some(Session::new(5)), limit: 1 << 20 });
    assert!(link.is_open());
}

#[test]
fn what_is_taken_after_its_session_is_over_does_not_count_in_the_next() {
    let mut link = alone(terms());
    [1, 2, 9].into_iter().for_each(|seq| hear(&mut link, mail(seq, Kind::Notification)));
    assert!(!link.is_open(), "expected the gap to be seen");
    hear(&mut link, Frame::Hello { from: Session::new(9), to: Some(Session::new(6)), limit: 1 << 20 });
    assert!(link.is_open(), "expected a peer to be believed that keeps its session");
    let letters = |link: &mut Link<Token>| {
        events(link).into_iter().filter(|event| matches!(event, Event::Notified { .. })).count()
    };
    let acks = |link: &mut Link<Token>| -> Vec<u64> {
        let ack = |frame| match frame {
            Frame::Ack { ack, .. } | Frame::Beat { beat: Beat { ack, .. }, .. } => Some(ack),
            _ => None,
        };
        said(link).into_iter().filter_map(ack).collect()
    };
    assert_eq!(letters(&mut link), 2);
    assert_eq!(acks(&mut link).iter().max(), Some(&0), "expected nothing to have come in this session");
    let route = Route { from: Session::new(9), to: Session::new(6) };
    let letter = Bytes::from_static(&[7; 4]);
    hear(&mut link, Frame::Mail { route, seq: 1, ack: 0, kind: Kind::Notification, letter });
    assert_eq!(letters(&mut link), 1);
    link.timeout(Time::START.after(ms(10)));
    assert_eq!(acks(&mut link), [1]);
}

#[test]
fn a_link_opens_within_two_round_trips_without_a_single_heartbeat() {
    let mut world = World::new(3, [terms(); 2]);
    world.weather.no_beats = true;
    world.pass(ms(4));
    assert!(world.are_open(), "expected the frames of the mail's lane to suffice");
    assert!(world.sides.iter().all(|side| side.hellos <= 2), "expected two Hellos a side");
}

#[test]
fn an_open_link_confirms_to_who_still_greets_and_does_not_greet_back() {
    let mut link = alone(terms());
    hear(&mut link, Frame::Hello { from: Session::new(9), to: Some(Session::new(5)), limit: 1 << 20 });
    let route = Route { from: Session::new(5), to: Session::new(9) };
    assert_eq!(said(&mut link), [Frame::Ack { route, ack: 0 }]);
    assert_eq!(events(&mut link), [], "expected it to stay open");
}

#[test]
fn an_answer_to_an_earlier_session_is_dropped_also_if_it_was_not_sent_yet() {
    let mut link = alone(terms());
    hear(&mut link, mail(1, Kind::Request));
    hear(&mut link, mail(2, Kind::Request));
    let asked: Vec<_> = events(&mut link);
    let [Event::Requested { re: first, .. }, Event::Requested { re: second, .. }] = asked[..] else {
        panic!("expected two requests")
    };
    link.answer(first, vec![1], Time::START);
    hear(&mut link, Frame::Hello { from: Session::new(10), to: Some(Session::new(5)), limit: 1 << 20 });
    hear(&mut link, Frame::Hello { from: Session::new(10), to: Some(Session::new(6)), limit: 1 << 20 });
    link.answer(second, vec![2], Time::START);
    assert_eq!(events(&mut link), [Event::Opened]);
    let mail = said(&mut link).into_iter().filter(|frame| matches!(frame, Frame::Mail { .. })).count();
    assert_eq!((mail, link.counters().late_answers), (0, 1));
}

#[test]
fn a_node_that_comes_back_with_a_lower_session_is_told_of_the_higher_one() {
    let mut world = open(terms());
    world.restart(0, 0);
    world.restart(1, 1_000);
    world.pass(SECOND);
    assert!(world.are_open());
    world.restart(1, 3);
    world.pass(SECOND);
    assert!(world.are_open(), "expected both to agree after the clock has gone backwards: {:?}", world.sides);
    let told = world.notify(1, 8).expect("room");
    world.pass(ms(10));
    assert_eq!(world.sides[1].fates.get(&told), Some(&Fate::Delivered));
}

#[test]
fn who_speaks_out_of_an_earlier_session_is_corrected_but_not_each_time() {
    let mut link = alone(terms());
    let old = Route { from: Session::new(9), to: Session::new(4) };
    for _ in 0..10 {
        hear(&mut link, Frame::Ack { route: old, ack: 0 });
        said(&mut link);
    }
    hear(&mut link, Frame::Ack { route: old, ack: 0 });
    assert_eq!(said(&mut link), [], "expected one correction in a tenth of a second");
    let later = Time::START.after(ms(100));
    link.heard(Frame::read(&Frame::Ack { route: old, ack: 0 }.into_bytes().into()), later);
    assert!(matches!(said(&mut link)[..], [Frame::Hello { .. }]), "expected a correction");
    assert_eq!(link.counters().stale, 12);
}
