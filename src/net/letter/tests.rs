//! What a message is after it has been a letter.

use std::time::Duration;

use proptest::prelude::{any, prop, prop_assert_eq, proptest};
use serde::{Deserialize, Serialize};

use super::{Desk, Letter, LetterError, MAX_TEXT, Scribe, Style};
use crate::address::Address;
use crate::clock::Time;
use crate::code::{Code, Failure};
use crate::id::{Nid, NodeId, RecordId, Tid};
use crate::message::{Flags, Message, Sender};
use crate::net::frame::TAIL;
use crate::net::names::with_mentioned;
use crate::net::opaque::Opaque;
use crate::port::Ticket;
use crate::record::Record;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Note(String, Option<Address>);
#[derive(Clone, Debug)]
struct Secret;
#[derive(Clone, Debug)]
struct Plain;
crate::record!(Note, "letter.note", wire);
crate::record!(Secret, "letter.secret", local);
crate::record!(Plain, "letter.plain");

const HOME: NodeId = NodeId::name("letter-home");
const PEER: NodeId = NodeId::name("letter-peer");
const LIMIT: usize = 1 << 16;

fn router() -> Address {
    Address::target(Tid::name("letter-router")).in_namespace(Nid::name("letter-map")).on_node(PEER)
}

fn note(text: &str) -> Note {
    Note(text.into(), None)
}

/// A message as a target of this node has sent it.
fn sent(mut message: Message<'static>) -> Message<'static> {
    message.launch();
    message.complete_from(Nid::UNSET, HOME);
    message.sender = Sender::target(Tid::generated(1, 2, 3), Nid::number(4));
    (message.life, message.request, message.hops) = (5, 6, 7);
    message
}

fn desk() -> Desk {
    Desk::new(Style::new(HOME, LIMIT))
}

fn written(message: &Message<'_>) -> Vec<u8> {
    desk().mail(message, Time::START).expect("expected the message to be written")
}

/// The id of the first record.
fn first(letter: &Letter<'_>) -> Option<RecordId> {
    letter.records.iter().next().map(|record| record.id)
}

fn refusal(message: &Message<'_>) -> (Code, String) {
    let refused = desk().mail(message, Time::START).expect_err("expected the message to be refused");
    (refused.code(), refused.text().to_owned())
}

#[test]
fn a_request_comes_out_with_all_that_it_had() {
    let now = Time::START.after(Duration::from_secs(10));
    let request = Message::request(router(), note("one")).and(note("two")).and(());
    let request = sent(request.deadline(now.after(Duration::from_secs(3))));
    let bytes = desk().mail(&request, now).expect("expected the message to be written");
    let letter = Letter::read(&bytes).expect("expected the letter to be read");
    assert!(letter.wants_answer() && !letter.is_copy());
    assert_eq!(letter.sender(HOME), request.sender());
    assert_eq!(letter.ticket(), Ticket::of(&request));
    assert_eq!(first(&letter), Some(Note::ID));
    let later = Time::START.after(Duration::from_secs(500));
    let message = letter.open(LIMIT, later).expect("expected the letter to be opened");
    assert_eq!(message.receiver(), Some(Address { node: NodeId::UNSET, ..router() }));
    assert_eq!(message.hops, 7, "expected a circle of forwarders to be noticed across nodes");
    assert_eq!(message.expires(), Some(later.after(Duration::from_secs(3))), "expected the time left to travel");
    let notes: Vec<_> = message.records().map(|record| record.downcast::<Note>().cloned()).collect();
    assert_eq!(notes, [Some(note("one")), Some(note("two")), None]);
}

#[test]
fn a_notification_of_nobody_has_no_sender_no_ticket_and_no_deadline() {
    let mut message = Message::notification(router(), note("one"));
    message.launch_from_outside();
    let bytes = written(&message);
    let letter = Letter::read(&bytes).expect("expected the letter to be read");
    assert!(!letter.wants_answer());
    assert_eq!((letter.sender(HOME), letter.ticket()), (None, None));
    assert_eq!(letter.open(LIMIT, Time::START).expect("a message").expires(), None);
}

#[test]
fn a_notification_is_made_anew_of_its_letter() {
    let sent = sent(Message::notification(router(), note("one")));
    let bytes = written(&sent);
    let again = Letter::read(&bytes).expect("a letter").reopen((HOME, PEER));
    assert_eq!((again.destination(), again.sender(), again.node), (router(), sent.sender(), HOME));
    assert_eq!((again.life, again.request, again.hops, again.flags), (5, 6, 7, sent.flags));
    assert_eq!(again.record::<Note>(), Some(&note("one")));
    assert_eq!(Ticket::of(&again), Ticket::of(&sent));
}

#[test]
fn what_another_thread_has_written_tells_the_names_that_are_not_known() {
    let somebody = Nid::name("letter-somebody");
    let message = sent(Message::notification(router(), Note("one".into(), Some(Address::service(somebody)))));
    let mut letter = Vec::new();
    let heading = Scribe::default().mail(&Style::new(HOME, LIMIT), &message, Time::START, &mut letter);
    let heading = heading.expect("a letter");
    let mentioned = with_mentioned(<[u64]>::to_vec);
    assert_eq!(mentioned, [somebody.raw()]);
    let mut desk = desk();
    let complete =
        |desk: &mut Desk| desk.complete(&letter, (heading, mentioned.iter().copied()), |letter| letter.to_vec());
    let first = complete(&mut desk);
    assert_eq!(first, written(&message), "expected the same as from the desk itself");
    assert_eq!(complete(&mut desk), letter, "expected names to be told once");
    desk.renew();
    assert_eq!(complete(&mut desk), first);
}

#[test]
fn what_was_forwarded_names_its_first_sender_on_a_third_node() {
    let third = Address::target(Tid::number(1)).in_namespace(Nid::number(2)).on_node(NodeId::number(3));
    let mut message = sent(Message::request(router(), note("one")));
    message.sender = Sender::Outside(None);
    message.cold().origin = Some(crate::Origin::new().sender(third));
    let bytes = written(&message);
    let letter = Letter::read(&bytes).expect("expected the letter to be read");
    assert_eq!((letter.sender(HOME), letter.ticket()), (Some(third), None));
}

#[test]
fn what_may_not_leave_the_node_is_not_routable_and_says_why() {
    let cases = [
        (Message::notification(router(), note("one")).local_only(), "local_only"),
        (Message::notification(router(), Secret), "letter.secret"),
        (Message::notification(router(), Plain), "mark it `wire`"),
        (Message::notification(router(), note("one")).and(Plain), "letter.plain"),
    ];
    for (message, word) in cases {
        let (code, text) = refusal(&message);
        assert_eq!(code, Code::NOT_ROUTABLE);
        assert!(text.contains(word), "expected `{word}` in `{text}`");
    }
}

#[test]
fn what_is_too_large_is_refused_by_writer_and_reader() {
    let large = Message::notification(router(), note(&"x".repeat(LIMIT)));
    let (code, text) = refusal(&large);
    assert_eq!(code, Code::TOO_LARGE);
    assert!(text.contains("letter.note"), "expected the record in `{text}`");
    let bytes = written(&Message::notification(router(), note("one")));
    let letter = Letter::read(&bytes).expect("expected the letter to be read");
    let limit = bytes.len() - 1;
    let refused = letter.open(limit, Time::START).expect_err("expected the letter to be refused");
    assert_eq!(refused, LetterError::TooLarge { length: bytes.len(), limit });
    assert_eq!(Failure::from(refused).code(), Code::TOO_LARGE);
}

#[test]
fn a_letter_has_room_for_what_the_link_adds() {
    let bytes = written(&sent(Message::request(router(), note("one"))));
    assert!(bytes.capacity() >= bytes.len() + TAIL, "expected room for {TAIL} bytes behind {}", bytes.len());
}

#[test]
fn an_unknown_record_is_opaque_and_goes_on_as_what_it_was() {
    let id = RecordId::name("letter.unknown");
    let message = Message::notification(router(), Opaque::new(id, b"abc")).and(Opaque::new(Note::ID, &[1, b'x', 0]));
    let bytes = written(&message);
    let message = Letter::read(&bytes).expect("a letter").open(LIMIT, Time::START).expect("a message");
    assert_eq!(message.kind().id(), id, "expected it to be routed as what it was");
    assert_eq!(message.record::<Opaque>().map(Opaque::bytes), Some(&b"abc"[..]));
    assert_eq!(message.record::<Note>(), Some(&note("x")), "expected a known id to be known");
    assert_eq!(written(&message), bytes, "expected the same letter again");
}

#[test]
fn a_return_brings_message_code_and_text_back_to_the_ticket() {
    let notification = sent(Message::notification(router(), note("one")));
    let ticket = Ticket::of(&notification).expect("a ticket");
    let bytes = written(&notification);
    let mut there = Letter::read(&bytes).expect("a letter").open(LIMIT, Time::START).expect("a message");
    there.complete_from(Nid::UNSET, PEER);
    there.fail(Failure::new(Code::REJECTED, "é".repeat(MAX_TEXT)));
    let bytes = Desk::new(Style::new(PEER, LIMIT)).give_back(&there, ticket);
    let letter = Letter::read(&bytes).expect("a letter");
    let (message, to) = letter.open_return(PEER, LIMIT, Time::START);
    assert_eq!((message.code(), to), (Code::REJECTED, Some(ticket)));
    assert_eq!(message.text(), "é".repeat(MAX_TEXT / 2), "expected the text to be cut");
    assert_eq!(message.receiver(), Some(router()));
    assert_eq!(message.record::<Note>(), Some(&note("one")));
}

#[test]
fn what_cannot_be_opened_goes_back_sealed_and_its_sender_can_read_it() {
    let notification = sent(Message::notification(router(), note("one")).and(note("two")));
    let ticket = Ticket::of(&notification).expect("a ticket");
    let bytes = written(&notification);
    let back = |limit| {
        let mut sealed = Letter::read(&bytes).expect("a letter").sealed(limit);
        sealed.fail(Failure::new(Code::MALFORMED, "no glasses"));
        let bytes = Desk::new(Style::new(PEER, LIMIT)).give_back(&sealed, ticket);
        Letter::read(&bytes).expect("a letter").open_return(PEER, LIMIT, Time::START)
    };
    let (message, to) = back(LIMIT);
    assert_eq!((message.code(), to), (Code::MALFORMED, Some(ticket)));
    let notes: Vec<_> = message.records().map(|record| record.downcast::<Note>().cloned()).collect();
    assert_eq!(notes, [Some(note("one")), Some(note("two"))]);
    assert_eq!(message.receiver(), Some(router()));
    let (message, _) = back(bytes.len() - 1);
    assert_eq!(message.records().count(), 1, "expected what is too large to stay where it is");
    assert_eq!(message.asked().name(), Note::NAME);
}

#[test]
fn a_return_whose_record_has_become_one_without_a_wire_form_says_what_it_was() {
    let ticket = Ticket::from_parts([1, 2, 3, 4]);
    let mut there = Message::notification(router(), Plain);
    there.fail(Failure::new(Code::REJECTED, "not now"));
    let bytes = desk().give_back(&there, ticket);
    let (message, to) = Letter::read(&bytes).expect("a letter").open_return(PEER, LIMIT, Time::START);
    assert_eq!((message.code(), message.text(), to), (Code::REJECTED, "not now", Some(ticket)));
    assert_eq!(message.asked().id(), Plain::ID);
}

#[test]
fn an_answer_or_failure_says_what_became_of_the_request() {
    let mut request = sent(Message::request(router(), note("one")));
    request.fail(Failure::new(Code::REJECTED, "not now"));
    let failed = desk().answer(&request).expect("expected the failure to be written");
    let letter = Letter::read(&failed).expect("a letter");
    assert_eq!((letter.code, letter.text, first(&letter)), (Code::REJECTED, "not now", None), "expected no record");
    request.answer(note("two"));
    let answered = desk().answer(&request).expect("expected the answer to be written");
    let letter = Letter::read(&answered).expect("a letter");
    assert_eq!((letter.code, first(&letter)), (Code::OK, Some(Note::ID)));
    let failure = Failure::from(Code::TOO_LARGE);
    let bytes = desk().failure(&failure);
    assert_eq!(Letter::read(&bytes).map(|letter| (letter.code, letter.text)), Ok((Code::TOO_LARGE, "")));
}

#[test]
fn names_are_told_once_with_the_addresses_in_records() {
    let sender: Address = "letter-told.letter-shop.letter-far".parse().expect("an address");
    let message = Message::notification(router(), Note("hello".into(), Some(sender)));
    let mut desk = desk();
    let write = |desk: &mut Desk| desk.mail(&message, Time::START).expect("expected the message to be written");
    let has = |bytes: &[u8], name: &str| bytes.windows(name.len()).any(|part| part == name.as_bytes());
    Note::TYPE.remember().expect("a name of its own");
    let first = write(&mut desk);
    for name in ["letter-told", "letter-shop", "letter-far", "letter.note"] {
        assert!(has(&first, name), "expected `{name}` to be told");
    }
    let second = write(&mut desk);
    assert!(!has(&second, "letter-told") && second.len() < first.len(), "expected a name to be told once");
    desk.renew();
    assert_eq!(write(&mut desk), first, "expected it to be told anew to who may have forgotten");
}

#[test]
fn a_name_that_comes_with_a_letter_is_known_from_then_on() {
    let id = RecordId::name("letter.from-far-away");
    let message = Message::notification(router(), Opaque::new(id, b""));
    let mut bytes = written(&message);
    assert_eq!(bytes.pop(), Some(0), "expected no names");
    let name = "letter.from-far-away";
    bytes.extend_from_slice(&[1, name.len() as u8]);
    bytes.extend_from_slice(name.as_bytes());
    Letter::read(&bytes).expect("a letter").open(LIMIT, Time::START).expect("a message");
    assert_eq!(id.to_string(), name);
}

#[test]
fn every_letter_that_is_cut_short_or_too_long_is_refused() {
    let mut message = sent(Message::request(router(), note("one")).and(note("two")));
    message.set_deadline(Time::from_nanos(9));
    message.cold().origin = None;
    let bytes = written(&message);
    for length in 0..bytes.len() {
        let refused = Letter::read(&bytes[..length]).expect_err("expected a cut letter to be refused");
        assert!(matches!(refused, LetterError::Short { .. }), "expected {refused} to be that it is short");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(Letter::read(&longer).map(drop), Err(LetterError::Long(1)));
}

#[test]
fn what_a_letter_cannot_say_here_is_told_apart() {
    let bytes = written(&Message::notification(router(), note("one")));
    let with = |at: usize, value: u8| {
        let mut other = bytes.clone();
        other[at] = value;
        Letter::read(&other).map(drop)
    };
    assert_eq!(with(0, 2), Err(LetterError::Version(2)));
    assert_eq!(with(2, 0x80), Err(LetterError::Marks(0x8000 | u16::from(bytes[1]))));
    assert_eq!(with(2, 1), Ok(()), "expected a letter to be read in which records may be compressed and none is");
    let mut empty = desk().failure(&Failure::from(Code::BUSY));
    assert_eq!(Letter::read(&empty).expect("a letter").open(LIMIT, Time::START).map(drop), Err(LetterError::NoRecord));
    empty.truncate(empty.len() - 1);
    empty.extend_from_slice(&[1, 2, b'+', b'1']);
    assert_eq!(Letter::read(&empty).map(drop), Err(LetterError::Text), "expected a name to be one");
}

/// Reads bytes in every way that mail is read.
fn read_all(bytes: &[u8]) {
    if let Ok(letter) = Letter::read(bytes) {
        let _ = (letter.sender(PEER), letter.ticket());
        let _ = letter.open(LIMIT, Time::START);
        let _ = letter.open_return(PEER, LIMIT, Time::START);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(mut bytes: Vec<u8>) {
        read_all(&bytes);
        if let Some(version) = bytes.first_mut() {
            *version = 1;
        }
        read_all(&bytes);
    }

    #[test]
    fn changed_letters_are_read_without_a_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        length: prop::sample::Index,
    ) {
        let message = sent(Message::request(router(), Note("hello".into(), Some(router()))).and(()));
        let mut bytes = written(&message);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        read_all(&bytes);
        bytes.truncate(length.index(bytes.len()));
        read_all(&bytes);
    }

    #[test]
    fn a_note_comes_back_as_it_was(text: String, deadline: Option<u64>, code: i32, flags in 0..4_u8) {
        let mut message = Message::request(router(), Note(text.clone(), None));
        if let Some(nanos) = deadline {
            message = message.deadline(Time::from_nanos(nanos));
        }
        message.flags.set(Flags::WANT_ANSWER, flags & 1 != 0);
        message.flags.set(Flags::COPY, flags & 2 != 0);
        let bytes = written(&message);
        let letter = Letter::read(&bytes).expect("a letter");
        let read = letter.open(LIMIT, Time::START).expect("a message");
        prop_assert_eq!(read.expires(), message.expires());
        prop_assert_eq!((letter.wants_answer(), letter.is_copy()), (flags & 1 != 0, flags & 2 != 0));
        prop_assert_eq!(read.record(), Some(&Note(text, None)));
        message.fail(Failure::new(Code::from_number(code), "why"));
        let answer = desk().answer(&message).expect("an answer");
        prop_assert_eq!(Letter::read(&answer).expect("a letter").code, Code::from_number(code));
    }
}
