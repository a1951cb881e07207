//! The doors by which a fuzzer, and the tests of hostile input, reach what reads bytes from other nodes.
//!
//! Each takes any bytes, and panics only where a promise is broken.

use std::time::Duration;

use bytes::Bytes;

use crate::address::Address;
use crate::clock::Time;
use crate::code::{Code, Failure};
use crate::id::{Nid, NodeId, RecordId, Tid};
use crate::message::{Message, Sender};
use crate::monitor::Filter;
use crate::net::bundle::{Bundle, frames};
use crate::net::frame::{Beat, Frame, Kind, Route, Session, Stamp};
use crate::net::letter::{Desk, Letter, Style};
use crate::net::link::{Event, Link, Request, Terms};
use crate::net::opaque::Opaque;
use crate::net::transport::Lane;
use crate::port::Ticket;
use crate::system::{AddMonitor, ListNamespaces, ListServices, Namespaces, Ping, Pong, Targets};

const LIMIT: usize = 1 << 20;
const HERE: NodeId = NodeId::name("here");
const THERE: NodeId = NodeId::name("there");

/// Reads bytes as a frame, or as several in one piece. What was read is written as something that reads the same.
pub fn frame(bytes: &[u8]) {
    let mut letters = frames(bytes.to_vec().into());
    for frame in frames(bytes.to_vec().into()) {
        match letters.next_letter(Some) {
            Some((stamp, letter)) => {
                assert_eq!(frame, Ok(stamp.on(Bytes::copy_from_slice(letter))), "a letter is what it is read as");
            }
            None => assert_eq!(letters.next().as_ref(), Some(&frame), "what is no such letter is read the same"),
        }
        let Ok(frame) = frame else {
            continue;
        };
        let again = Frame::read(&frame.clone().into_bytes().into());
        assert_eq!(again, Ok(frame), "a frame that was read can be written");
    }
}

/// Reads bytes as a letter, opens it in every way, and writes what came of it.
pub fn letter(bytes: &[u8]) {
    let Ok(letter) = Letter::read(bytes) else {
        return;
    };
    let now = Time::from_nanos(1_000);
    let mut desk = Desk::new(Style::new(HERE, LIMIT));
    let (returned, ticket) = letter.open_return(THERE, LIMIT, now);
    let ticket = ticket.unwrap_or(Ticket::from_parts([0; 4]));
    let back = desk.give_back(&returned, ticket);
    assert!(Letter::read(&back).is_ok(), "a return that was written can be read");
    let sealed = letter.sealed(LIMIT);
    match desk.mail(&sealed, now) {
        Ok(written) => {
            let again = Letter::read(&written).expect("what was written can be read");
            assert_eq!(again.receiver(), letter.receiver());
        }
        // A record that is absent may have more bytes than it had when it could not be unpacked.
        Err(why) => assert_eq!(why.code(), Code::TOO_LARGE, "what stays in its wire form can be passed on"),
    }
    if let Ok(message) = letter.open(LIMIT, now) {
        let written = desk.mail(&message, now).expect("what was read can be written");
        Letter::read(&written).expect("what was written can be read").open(LIMIT, now).expect("and opened again");
    }
}

/// What a link keeps here, of a posted letter, too.
struct Token;

impl From<Vec<u8>> for Token {
    fn from(_: Vec<u8>) -> Self {
        Self
    }
}

/// For how many letters an event tells the end.
fn ends(event: &Event<Token>) -> u64 {
    match event {
        Event::Answered { .. } | Event::Delivered(_) | Event::Lost(_) | Event::TooLarge(_) => 1,
        Event::Posted(count) => *count,
        _ => 0,
    }
}

/// Has a link hear and do what the bytes say: an operation, a length, and so many bytes of content, again and again. After an
/// operation with its highest bit set what has happened is left for later.
pub fn link(bytes: &[u8]) {
    let terms = Terms { window: 8, requests: 8, ..Terms::default() };
    let mut now = Time::START;
    let mut link: Link<Token> = Link::new(Session::new(5), terms, now);
    let (mut kept, mut out) = (0, 0);
    let mut owed: Vec<Request> = Vec::new();
    let mut rest = bytes;
    while let [what, length, content @ ..] = rest {
        let (content, behind) = content.split_at(content.len().min(usize::from(*length)));
        rest = behind;
        let number = u64::from(content.first().copied().unwrap_or_default());
        let route = Route { from: Session::new(9 + number / 64), to: Session::new(5 + number / 32) };
        let mut hear = |frame: Frame| link.heard(Frame::read(&frame.into_bytes().into()), now);
        match what % 12 {
            0 => link.heard(Frame::read(&content.to_vec().into()), now),
            1 => hear(Frame::Hello { from: route.from, to: Some(route.to), limit: 1 << (number % 32) }),
            2 => hear(Frame::Ack { route, ack: number % 8 }),
            3 => hear(Frame::Bye { route }),
            4 => {
                let echo = number.is_multiple_of(2).then_some((number, number));
                hear(Frame::Beat { route, beat: Beat { seq: number % 8, ack: number % 4, nanos: number, echo } });
            }
            5 | 6 => {
                let kinds = [Kind::Notification, Kind::Request, Kind::Answer(number % 8), Kind::Return];
                let kind = kinds[usize::from(*length) % 4];
                let stamp = Stamp::new(route, (number % 16, number % 3), kind);
                let at_once = Some(stamp).filter(|_| what % 12 == 5).and_then(|stamp| link.take_up(stamp, now));
                match at_once {
                    Some(re) if kind == Kind::Request => owed.push(re),
                    Some(_) => {}
                    None => link.heard(Ok(stamp.on(content.to_vec().into())), now),
                }
            }
            7 if number.is_multiple_of(2) => kept += u64::from(link.post(content, now).is_ok()),
            7 => kept += u64::from(link.notify(content.to_vec(), Token, now).is_ok()),
            8 => kept += u64::from(link.request(content.to_vec(), Token, now).is_ok()),
            9 => {
                if let Some(re) = owed.pop() {
                    link.answer(re, content.to_vec(), now);
                }
            }
            10 => {
                now = now.after(Duration::from_millis(number * 40));
                link.timeout(now);
                assert!(link.next_deadline().is_none_or(|next| next > now), "a timeout does all that is due");
            }
            _ => {
                if number < 20 {
                    link.lost();
                }
                link.begin(now);
            }
        }
        while *what < 0x80
            && let Some(event) = link.poll_event()
        {
            out += ends(&event);
            if let Event::Requested { re, .. } = event {
                owed.push(re);
            }
        }
        while let Some(draft) = link.poll_transmit() {
            assert!(Frame::read(&draft.into_bytes().into()).is_ok(), "a link says frames");
        }
    }
    link.close();
    while let Some(event) = link.poll_event() {
        out += ends(&event);
    }
    assert_eq!(kept, out, "what is kept comes out once");
}

/// Frames and letters as this version writes them, by name.
#[must_use]
pub fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let route = Route { from: Session::new(3), to: Session::new(4) };
    let beat = Beat { seq: 7, ack: 6, nanos: 1_000_000, echo: Some((2_000_000, 500)) };
    let kind = Kind::Answer(5);
    let mail = Frame::Mail { route, seq: 7, ack: 6, kind, letter: Bytes::from_static(b"letter") };
    let mut samples = vec![
        ("frame-hello", Frame::Hello { from: route.from, to: None, limit: 1 << 24 }.into_bytes()),
        ("frame-mail", mail.into_bytes()),
        ("frame-ack", Frame::Ack { route, ack: 9 }.into_bytes()),
        ("frame-beat", Frame::Beat { route, beat }.into_bytes()),
        ("frame-bye", Frame::Bye { route }.into_bytes()),
    ];
    samples.push(("frame-bundle", bundle(route, beat)));
    let to = Address::target(Tid::number(7)).in_namespace(Nid::number(8)).on_node(THERE);
    let (target, now) = (to, Time::START);
    let filter = Filter::new().node(THERE).service(RecordId::number(4));
    let pong = Pong { node: HERE, received: Time::from_nanos(77) };
    let opaque = Opaque::new(RecordId::number(12), b"opaque");
    let mail = [
        ("letter-ping", Message::request(to, Ping).deadline(Time::from_nanos(3_000_000_000))),
        ("letter-namespaces", Message::notification(to, Namespaces(vec![Nid::number(1), Nid::number(2)]))),
        ("letter-monitor", Message::request(to, AddMonitor { filter, target }).and(ListServices(Nid::number(5)))),
        ("letter-pong", Message::notification(to, pong).and(Targets(Vec::new())).and(())),
        ("letter-opaque", Message::notification(to, opaque).and(ListNamespaces)),
    ];
    for (name, mut message) in mail {
        message.launch();
        message.complete_from(Nid::UNSET, HERE);
        message.sender = Sender::target(Tid::number(1), Nid::number(2));
        (message.life, message.request) = (3, 4);
        // A desk of its own, and no names: which are known depends on what the process has done before.
        let written = Desk::new(Style::new(HERE, LIMIT)).mail(&message, now);
        samples.push((name, without_names(written.unwrap_or_default())));
    }
    let long = Message::notification(to, Opaque::new(RecordId::number(12), &[7; 400])).and(ListNamespaces);
    let squeezed = Desk::new(Style::new(HERE, LIMIT).squeezing(Some(64))).mail(&long, now).unwrap_or_default();
    samples.push(("letter-squeezed", without_names(squeezed)));
    let mut failed = Message::notification(to, Ping);
    failed.fail(Failure::new(Code::BUSY, "no room"));
    let back = Desk::new(Style::new(HERE, LIMIT)).give_back(&failed, Ticket::from_parts([1, 2, 3, 4]));
    samples.push(("letter-return", without_names(back)));
    let answer = Desk::new(Style::new(HERE, LIMIT)).answer(&failed).unwrap_or_default();
    samples.push(("letter-failure", without_names(answer)));
    samples
}

/// Several frames in one piece: letters that follow one another, one that does not, and what is no letter.
fn bundle(route: Route, beat: Beat) -> Vec<u8> {
    let mail = |seq, letter: &'static [u8]| Frame::Mail {
        route,
        seq,
        ack: 6,
        kind: Kind::Notification,
        letter: Bytes::from_static(letter),
    };
    let mut bundle = Bundle::default();
    let frames = [mail(7, b"first"), mail(8, b"second"), mail(9, b""), Frame::Beat { route, beat }, mail(11, b"late")];
    for frame in frames {
        let _ = bundle.add((Lane::Mail, frame).into(), |_| ());
    }
    bundle.take().unwrap_or_default()
}

/// The same letter without names in it.
fn without_names(mut letter: Vec<u8>) -> Vec<u8> {
    if let Ok(end) = Letter::read(&letter).map(|letter| letter.end_of_records()) {
        letter.truncate(end);
        letter.push(0);
    }
    letter
}
