//! Two links whose frames all arrive, and each rule by itself.

mod sessions;

use std::time::Duration;

use bytes::Bytes;

use super::simulation::{Fate, Token, World, ms};
use super::{Event, Link, MANY, MUCH, Refusal, Terms};
use crate::clock::Time;
use crate::net::frame::{Beat, Draft, Frame, FrameError, Kind, Route, Session, Stamp};
use crate::net::transport::Lane;

const SECOND: Duration = Duration::from_secs(1);

/// Two links that know each other.
fn open(terms: Terms) -> World {
    let mut world = World::new(1, [terms; 2]);
    world.pass(ms(10));
    assert!(world.are_open(), "expected two links to find each other at once");
    world
}

fn terms() -> Terms {
    Terms::default()
}

/// A link that is open to a side which is played by the test: in session 9, to this one's 5.
fn alone(terms: Terms) -> Link<Token> {
    let mut link = Link::new(Session::new(5), terms, Time::START);
    hear(&mut link, Frame::Hello { from: Session::new(9), to: Some(Session::new(5)), limit: 1 << 20 });
    assert!(link.is_open(), "expected a link that is named rightly to be open");
    assert_eq!(events(&mut link), [Event::Opened]);
    said(&mut link);
    link
}

fn hear(link: &mut Link<Token>, frame: Frame) {
    link.heard(Frame::read(&frame.into_bytes().into()), Time::START);
}

fn events(link: &mut Link<Token>) -> Vec<Event<Token>> {
    std::iter::from_fn(|| link.poll_event()).collect()
}

fn said(link: &mut Link<Token>) -> Vec<Frame> {
    let said = std::iter::from_fn(|| link.poll_transmit().map(Draft::into_bytes));
    said.map(|frame| Frame::read(&frame.into()).expect("a link says frames")).collect()
}

fn theirs() -> Route {
    Route { from: Session::new(9), to: Session::new(5) }
}

fn mail(seq: u64, kind: Kind) -> Frame {
    Frame::Mail { route: theirs(), seq, ack: 0, kind, letter: Bytes::from_static(&[7; 4]) }
}

#[test]
fn a_notification_is_delivered_when_the_other_side_has_taken_it() {
    let mut world = open(terms());
    world.weather.asleep[1] = true;
    let told = world.notify(0, 20).expect("room");
    world.pass(ms(500));
    assert_eq!(world.sides[0].fates.get(&told), None, "expected what is not taken not to be delivered");
    world.weather.asleep[1] = false;
    world.pass(ms(10));
    assert_eq!(world.sides[0].fates.get(&told), Some(&Fate::Delivered));
    assert_eq!(world.sides[1].seen.get(&told), Some(&1));
}

#[test]
fn a_posted_letter_is_counted_when_it_is_accepted_and_made_of_its_bytes_when_it_is_lost() {
    let mut link = alone(terms());
    let letter = |number: u64| number.to_le_bytes();
    (1..=3).for_each(|number| link.post(&letter(number), Time::START).expect("room"));
    link.notify(letter(4).into(), Token(4), Time::START).expect("room");
    (5..=9).for_each(|number| link.post(&letter(number), Time::START).expect("room"));
    let sent: Vec<_> = said(&mut link)
        .into_iter()
        .map(|frame| if let Frame::Mail { letter, .. } = frame { letter } else { panic!("{frame:?}") })
        .collect();
    assert_eq!(sent, (1..=9).map(|number| Bytes::copy_from_slice(&letter(number))).collect::<Vec<_>>());
    hear(&mut link, Frame::Ack { route: theirs(), ack: 6 });
    assert_eq!(events(&mut link), [Event::Posted(3), Event::Delivered(Token(4)), Event::Posted(2)]);
    (10..=11).for_each(|number| link.post(&letter(number), Time::START).expect("room"));
    hear(&mut link, Frame::Hello { from: Session::new(10), to: None, limit: 1 << 20 });
    assert_eq!(
        events(&mut link),
        [7, 8, 9].map(|number| Event::Lost(Token(number))),
        "expected what was sent to be lost"
    );
    link.lost();
    assert_eq!(events(&mut link), [10, 11].map(|number| Event::Lost(Token(number))), "expected what waits to be, too");
    assert_eq!(link.post(&letter(12), Time::START), Err(Refusal::Away));
}

#[test]
fn small_letters_are_sent_together_and_a_large_one_at_once() {
    let mut link = alone(terms());
    for _ in 1..MANY {
        link.notify(vec![7; 9], Token(0), Time::START).expect("room");
        assert!(!link.has_much_to_send(), "expected a few to wait for others");
    }
    link.notify(vec![7; 9], Token(0), Time::START).expect("room");
    assert!(link.has_much_to_send());
    assert_eq!(said(&mut link).len(), MANY);
    link.notify(vec![7; MUCH], Token(0), Time::START).expect("room");
    assert!(link.has_much_to_send(), "expected it not to wait for the next");
}

#[test]
fn only_the_next_letter_without_other_news_is_taken_up_where_it_lies() {
    let mut link = alone(terms());
    let take = |link: &mut Link<Token>, seq, ack, kind| {
        link.take_up(Stamp::new(theirs(), (seq, ack), kind), Time::START).map(|re| re.numbers())
    };
    assert_eq!(take(&mut link, 1, 0, Kind::Notification), Some([9, 1]));
    assert_eq!(take(&mut link, 2, 0, Kind::Request), Some([9, 2]));
    for (seq, kind) in [(2, Kind::Request), (4, Kind::Request), (3, Kind::Answer(1)), (3, Kind::Return)] {
        assert_eq!(take(&mut link, seq, 0, kind), None, "expected {kind:?} number {seq} to be heard");
    }
    let stale = Route { to: Session::new(4), ..theirs() };
    let replaced = Route { from: Session::new(10), ..theirs() };
    for route in [stale, replaced] {
        assert_eq!(link.take_up(Stamp::new(route, (3, 0), Kind::Request), Time::START), None);
    }
    link.notify(vec![7; 9], Token(1), Time::START).expect("room");
    said(&mut link);
    assert_eq!(take(&mut link, 3, 1, Kind::Request), None, "expected an acknowledgement to be heard");
    hear(&mut link, mail(3, Kind::Notification));
    assert_eq!(take(&mut link, 4, 0, Kind::Request), None, "expected nothing to overtake what waits");
    events(&mut link);
    assert_eq!(take(&mut link, 4, 0, Kind::Request), Some([9, 4]));
    link.lost();
    assert_eq!(take(&mut link, 5, 0, Kind::Request), None);
}

#[test]
fn what_is_taken_up_is_acknowledged_like_all_that_is_heard() {
    let mut link = alone(terms());
    for seq in 1..=2 {
        link.take_up(Stamp::new(theirs(), (seq, 0), Kind::Notification), Time::START).expect("the next");
    }
    let due = link.next_deadline().expect("an acknowledgement to be due");
    assert_eq!(due, Time::START.after(terms().ack_delay));
    link.timeout(due);
    assert!(matches!(said(&mut link)[..], [Frame::Ack { ack: 2, .. }]));
}

#[test]
fn a_request_is_kept_until_its_answer_comes() {
    let mut world = open(terms());
    let asked = world.request(0, 20).expect("room");
    world.pass(SECOND * 60);
    assert_eq!(world.sides[0].fates.get(&asked), None, "expected an acknowledged request to be waited for");
    world.answer(1, 0);
    world.pass(ms(10));
    assert_eq!(world.sides[0].fates.get(&asked), Some(&Fate::Answered));
}

#[test]
fn a_full_window_refuses_and_hands_back_what_was_to_be_kept() {
    let mut link = alone(Terms { window: 3, ..terms() });
    for keep in 0..3 {
        link.notify(vec![0; 20], Token(keep), Time::START).expect("room");
    }
    let refused = link.notify(vec![0; 20], Token(77), Time::START).expect_err("expected a full window");
    assert_eq!((refused.why, refused.keep), (Refusal::Busy, Token(77)));
    assert_eq!(link.has_room(Kind::Notification), Err(Refusal::Busy));
    hear(&mut link, mail(1, Kind::Request));
    let Some(Event::Requested { re, .. }) = link.poll_event() else { panic!("expected a request") };
    said(&mut link);
    link.answer(re, vec![1], Time::START);
    assert_eq!(said(&mut link).len(), 1, "expected an answer to have its room");
}

#[test]
fn one_letter_may_always_go_and_bytes_are_bounded_beyond_it() {
    let mut link = alone(Terms { window_bytes: 100, ..terms() });
    link.notify(vec![0; 500], Token(1), Time::START).expect("expected one large letter to go");
    assert!(link.notify(vec![0; 1], Token(2), Time::START).is_err(), "expected no room beside it");
    said(&mut link);
    hear(&mut link, Frame::Ack { route: theirs(), ack: 1 });
    link.notify(vec![0; 60], Token(3), Time::START).expect("expected room when it has been acknowledged");
    link.notify(vec![0; 40], Token(4), Time::START).expect("expected room for just as much");
    assert!(link.notify(vec![0; 1], Token(5), Time::START).is_err());
}

#[test]
fn requests_are_bounded_until_they_are_answered() {
    let mut link = alone(Terms { requests: 2, ..terms() });
    link.request(vec![0], Token(1), Time::START).expect("room");
    link.request(vec![0], Token(2), Time::START).expect("room");
    said(&mut link);
    hear(&mut link, Frame::Ack { route: theirs(), ack: 2 });
    let refused = link.request(vec![0], Token(3), Time::START).expect_err("expected requests to be bounded");
    assert_eq!((refused.why, refused.keep), (Refusal::Busy, Token(3)));
    assert_eq!((link.has_room(Kind::Request), link.has_room(Kind::Notification)), (Err(Refusal::Busy), Ok(())));
    hear(&mut link, mail(1, Kind::Answer(2)));
    assert_eq!(events(&mut link), [Event::Answered { keep: Token(2), letter: Bytes::from_static(&[7; 4]) }]);
    link.request(vec![0], Token(3), Time::START).expect("expected room for another");
}

#[test]
fn what_is_larger_than_either_side_takes_is_refused_before_it_is_sent() {
    let mut world = World::new(1, [Terms { max_message: 100, ..terms() }, Terms { max_message: 50, ..terms() }]);
    let early = world.notify(0, 60).expect("expected nobody to know the other side's limit yet");
    world.pass(ms(10));
    assert_eq!(world.sides[0].fates.get(&early), Some(&Fate::TooLarge));
    let refused = |world: &mut World, length| {
        let now = world.now;
        world.sides[0].link.notify(vec![0; length], Token(1), now).map_err(|refused| refused.why)
    };
    assert_eq!(refused(&mut world, 51), Err(Refusal::TooLarge { length: 51, limit: 50 }));
    assert_eq!(refused(&mut world, 101), Err(Refusal::TooLarge { length: 101, limit: 50 }));
    world.notify(0, 50).expect("expected the limit itself to go");
}

#[test]
fn what_a_broken_session_loses_comes_out_in_the_order_in_which_it_was_sent() {
    let mut world = open(terms());
    world.weather.cut = [true; 2];
    let mut kept = Vec::new();
    for _ in 0..4 {
        kept.extend(world.request(0, 8));
        kept.extend(world.notify(0, 8));
    }
    world.pass(SECOND * 8);
    assert_eq!(world.sides[0].order, kept);
}

#[test]
fn what_is_not_acknowledged_within_the_lease_is_lost_and_the_other_side_counts_as_silent() {
    // Only mail is cut; heartbeats go on.
    let mut link = alone(Terms { beat: SECOND * 100, ..terms() });
    link.notify(vec![0], Token(1), Time::START).expect("room");
    said(&mut link);
    let lease = Time::START.after(terms().lease);
    assert_eq!(link.next_deadline(), Some(lease));
    link.timeout(Time::from_nanos(lease.as_nanos() - 1));
    assert_eq!(events(&mut link), []);
    link.timeout(lease);
    assert_eq!(events(&mut link), [Event::Lost(Token(1)), Event::Silent]);
    let hello = Frame::Hello { from: Session::new(6), to: Some(Session::new(9)), limit: 16 << 20 };
    assert_eq!(said(&mut link), [hello], "expected a session of its own for what comes after a loss");
}

#[test]
fn a_way_that_is_slow_but_moves_is_not_dead() {
    let mut link = alone(Terms { beat: SECOND * 100, ..terms() });
    for keep in 0..4 {
        link.notify(vec![0], Token(keep), Time::START).expect("room");
    }
    said(&mut link);
    for ack in 1..=4 {
        let now = Time::START.after(SECOND * 3 * ack as u32);
        link.timeout(now);
        link.heard(Frame::read(&Frame::Ack { route: theirs(), ack }.into_bytes().into()), now);
    }
    let delivered: Vec<_> = (0..4).map(|keep| Event::Delivered(Token(keep))).collect();
    assert_eq!(events(&mut link), delivered, "expected the lease to run from the last thing that was acknowledged");
}

#[test]
fn three_missing_heartbeats_are_silence_and_a_lease_of_it_is_half_dead() {
    let mut world = open(terms());
    world.pass(SECOND * 20);
    assert_eq!(world.sides[0].silent, 0, "expected heartbeats to keep an idle link open");
    let asked = world.request(0, 8).expect("room");
    world.pass(ms(100));
    world.weather.cut = [true; 2];
    world.pass(ms(3_600));
    assert_eq!((world.sides[0].silent, world.sides[0].half_dead), (1, 0));
    assert_eq!(world.sides[0].fates.get(&asked), Some(&Fate::Lost));
    world.pass(terms().lease);
    assert_eq!((world.sides[0].silent, world.sides[0].half_dead), (1, 1));
}

#[test]
fn a_letter_that_is_missing_ends_the_session() {
    let mut link = alone(terms());
    link.request(vec![0], Token(1), Time::START).expect("room");
    said(&mut link);
    hear(&mut link, mail(1, Kind::Notification));
    hear(&mut link, mail(3, Kind::Notification));
    assert_eq!(events(&mut link), [Event::Notified { letter: Bytes::from_static(&[7; 4]) }, Event::Lost(Token(1))]);
    assert_eq!((link.counters().gaps, link.is_open()), (1, false));
    hear(&mut link, mail(2, Kind::Notification));
    assert_eq!(events(&mut link), [], "expected the old session to be over");
}

#[test]
fn the_last_letter_is_missed_when_three_heartbeats_tell_of_it() {
    let mut link = alone(Terms { lease: SECOND * 1000, ..terms() });
    link.notify(vec![0], Token(1), Time::START).expect("room");
    said(&mut link);
    let beat = || Frame::Beat { route: theirs(), beat: Beat { seq: 2, ack: 0, nanos: 0, echo: None } };
    hear(&mut link, beat());
    hear(&mut link, beat());
    hear(&mut link, mail(1, Kind::Notification));
    for _ in 0..2 {
        hear(&mut link, beat());
        assert!(link.is_open(), "expected beats that overtake mail to be no gap");
    }
    hear(&mut link, beat());
    assert_eq!(events(&mut link), [Event::Notified { letter: Bytes::from_static(&[7; 4]) }, Event::Lost(Token(1))]);
}

#[test]
fn an_acknowledgement_that_finds_letters_to_ride_on_waits_longer_for_one() {
    let mut link = alone(Terms { beat: SECOND * 100, ..terms() });
    let delay = terms().ack_delay;
    let due = |link: &mut Link<Token>, seq, now| {
        link.heard(Ok(mail(seq, Kind::Notification)), now);
        events(link);
        link.next_deadline().map(|due| due.since(now))
    };
    let now = Time::START;
    assert_eq!(due(&mut link, 1, now), Some(delay));
    link.notify(vec![7], Token(1), now).expect("room");
    assert!(matches!(said(&mut link)[..], [Frame::Mail { ack: 1, .. }]));
    assert_eq!(due(&mut link, 2, now), Some(delay * 8), "expected the next letter to take the next one along");
    link.timeout(now.after(delay * 7));
    assert_eq!(said(&mut link), []);
    let now = now.after(delay * 8);
    link.timeout(now);
    assert_eq!(said(&mut link), [Frame::Ack { route: Route { from: theirs().to, to: theirs().from }, ack: 2 }]);
    assert_eq!(due(&mut link, 3, now), Some(delay), "expected it not to wait for letters that do not come");
}

#[test]
fn a_quarter_of_a_window_is_acknowledged_at_once_and_fewer_letters_after_the_delay() {
    let mut link = alone(Terms { window: 256, ..terms() });
    for seq in 1..=63 {
        hear(&mut link, mail(seq, Kind::Notification));
    }
    events(&mut link);
    assert_eq!(said(&mut link), []);
    let due = Time::START.after(terms().ack_delay);
    assert_eq!(link.next_deadline(), Some(due));
    hear(&mut link, mail(64, Kind::Notification));
    events(&mut link);
    let route = Route { from: Session::new(5), to: Session::new(9) };
    assert_eq!(said(&mut link), [Frame::Ack { route, ack: 64 }]);
    assert_ne!(link.next_deadline(), Some(due), "expected nothing more to be due");
    hear(&mut link, mail(65, Kind::Notification));
    events(&mut link);
    link.timeout(due);
    assert_eq!(said(&mut link), [Frame::Ack { route, ack: 65 }]);
}

#[test]
fn mail_carries_the_acknowledgement_and_nothing_else_is_said() {
    let mut link = alone(terms());
    hear(&mut link, mail(1, Kind::Request));
    let Some(Event::Requested { re, .. }) = link.poll_event() else { panic!("expected a request") };
    link.answer(re, vec![3], Time::START);
    let route = Route { from: Session::new(5), to: Session::new(9) };
    let answer = Frame::Mail { route, seq: 1, ack: 1, kind: Kind::Answer(1), letter: Bytes::from_static(&[3]) };
    assert_eq!(said(&mut link), [answer]);
    link.timeout(Time::START.after(terms().ack_delay));
    assert_eq!(said(&mut link), []);
}

#[test]
fn bytes_that_are_no_frame_and_what_was_not_sent_or_asked_change_nothing() {
    let mut link = alone(terms());
    link.heard(Frame::read(&Bytes::from_static(&[1, 2, 3])), Time::START);
    assert_eq!(events(&mut link), [Event::Malformed(FrameError::Version(3))]);
    hear(&mut link, Frame::Ack { route: theirs(), ack: 1 });
    hear(&mut link, mail(1, Kind::Answer(44)));
    assert_eq!(events(&mut link), [Event::Malformed(FrameError::Stray(44))]);
    hear(&mut link, mail(2, Kind::Notification));
    assert_eq!(
        events(&mut link),
        [Event::Notified { letter: Bytes::from_static(&[7; 4]) }],
        "expected a stray answer to be no gap"
    );
    assert_eq!((link.counters().malformed, link.counters().stray_answers, link.is_open()), (2, 1, true));
}

#[test]
fn a_farewell_loses_everything_and_the_other_side_is_told() {
    let mut world = open(terms());
    let asked = world.request(0, 8).expect("room");
    let answer = world.request(1, 8).expect("room");
    world.pass(ms(10));
    world.sides[0].link.close();
    world.pass(ms(10));
    assert_eq!(world.sides[0].fates.get(&asked), Some(&Fate::Lost));
    assert_eq!(world.sides[1].fates.get(&answer), Some(&Fate::Lost));
    assert_eq!((world.sides[0].closed, world.sides[1].closed), (0, 1));
    for side in 0..2 {
        assert_eq!(world.notify(side, 8), None, "expected nobody to be there any more");
    }
    world.pass(SECOND * 60);
    assert_eq!(
        (world.sides[1].silent, world.sides[1].half_dead),
        (0, 0),
        "expected silence after a farewell to be no fault"
    );
}

#[test]
fn a_side_that_is_gone_takes_nothing_until_it_is_there_again() {
    let mut world = open(terms());
    let (asked, told) = (world.request(0, 8).expect("room"), world.notify(0, 8).expect("room"));
    world.sides[0].link.lost();
    world.pass(ms(1));
    let lost = [asked, told].map(|keep| world.sides[0].fates.get(&keep).copied());
    assert_eq!(lost, [Some(Fate::Lost); 2], "expected also what had not been sent to come out");
    let refused = world.sides[0].link.notify(vec![0; 8], Token(1), world.now).expect_err("expected nobody to be there");
    assert_eq!(refused.why, Refusal::Away);
    assert_eq!(world.sides[0].link.next_deadline(), None);
    world.sides[0].link.begin(world.now);
    world.pass(ms(10));
    assert!(world.are_open(), "expected them to find each other again");
}

#[test]
fn returns_are_sent_when_the_window_is_full_and_given_up_when_nobody_comes_back() {
    let mut link = alone(Terms { window: 1, ..terms() });
    link.notify(vec![0], Token(1), Time::START).expect("room");
    for _ in 0..5 {
        link.give_back(vec![2], Time::START);
    }
    assert_eq!(said(&mut link).len(), 6, "expected returns not to wait for room");
    link.lost();
    link.give_back(vec![2], Time::START);
    link.begin(Time::START);
    link.give_back(vec![2], Time::START);
    link.timeout(Time::START.after(terms().lease));
    assert_eq!(link.counters().dropped_returns, 2);
}

#[test]
fn the_round_trip_is_measured_without_the_time_that_the_other_side_took() {
    let mut link = alone(terms());
    assert_eq!(link.round_trip(), None);
    let beat = |nanos, echo| Frame::Beat { route: theirs(), beat: Beat { seq: 0, ack: 0, nanos, echo } }.into_bytes();
    link.heard(Frame::read(&beat(1, None).into()), Time::from_nanos(400));
    assert_eq!(link.round_trip(), None);
    link.heard(Frame::read(&beat(2, Some((100, 250))).into()), Time::from_nanos(550));
    assert_eq!(link.round_trip(), Some(Duration::from_nanos(200)));
    link.heard(Frame::read(&beat(2, Some((u64::MAX - 9, 250))).into()), Time::from_nanos(550));
    link.heard(Frame::read(&beat(2, Some((100, u64::MAX))).into()), Time::from_nanos(550));
    assert_eq!(link.round_trip(), Some(Duration::from_nanos(200)), "expected an echo of the future to be no measure");
    link.heard(Frame::read(&beat(3, Some((500, 20))).into()), Time::from_nanos(1_480));
    assert_eq!(link.round_trip(), Some(Duration::from_nanos(295)), "expected an eighth of the new one");
}

#[test]
fn a_heartbeat_goes_its_own_way_and_echoes_the_last_one() {
    let mut link = alone(terms());
    let beat = Beat { seq: 0, ack: 0, nanos: 77, echo: None };
    link.heard(Frame::read(&Frame::Beat { route: theirs(), beat }.into_bytes().into()), Time::START.after(ms(100)));
    link.timeout(Time::START.after(SECOND));
    let draft = link.poll_transmit().expect("a heartbeat each second");
    assert_eq!(draft.lane, Lane::Beat);
    let Ok(Frame::Beat { beat, .. }) = Frame::read(&draft.into_bytes().into()) else { panic!("expected a heartbeat") };
    assert_eq!((beat.nanos, beat.echo), (1_000_000_000, Some((77, 900_000_000))));
}
