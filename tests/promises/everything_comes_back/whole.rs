//! What comes back is the message that was sent: its records, its request, its code and text.

use std::sync::mpsc::{Sender, channel};

use rohrpost::{Address, Code, Context, Failure, Message, Outcome, RequestId, Target};

use crate::probes::panic_quietly;
use crate::ways::{Large, Note, Query, Reply, Shelf, Way, World, hold_on};

/// What a sender can read off a message that came back.
#[derive(Debug, PartialEq, Eq)]
struct Back {
    code: Code,
    text: String,
    records: Vec<String>,
    large: Option<Large>,
    request: Option<RequestId>,
    from: Option<Address>,
    to: Option<Address>,
}

/// Sends what it is told and reports what comes back.
struct Reports {
    back: Sender<Back>,
    sent: Sender<Option<RequestId>>,
}

/// Tells [`Reports`] to send a message of three records.
#[derive(Clone, Debug)]
struct Send3 {
    to: Address,
    request: bool,
}
rohrpost::record!(Send3, "whole.send");

const SEVEN: [u64; 32] = [7; 32];

impl Target for Reports {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        let Some(&Send3 { to, request }) = message.record() else {
            return Outcome::NotHandled;
        };
        let new = if request { Message::request(to, Note(1)) } else { Message::notification(to, Note(1)) };
        self.sent.send(ctx.send(new.and(Large(2, SEVEN)).and(Query(3)))).unwrap();
        Outcome::Handled
    }

    fn answered(&mut self, answer: &mut Message<'_>, _ctx: &mut Context<'_>) {
        let back = Back {
            code: answer.code(),
            text: answer.text().to_owned(),
            records: answer.records().map(|record| record.kind().name().to_owned()).collect(),
            large: answer.record::<Large>().cloned(),
            request: answer.request_id(),
            from: answer.sender(),
            to: answer.receiver(),
        };
        assert!(answer.is_answer(), "expected it to say that it is on its way back");
        self.back.send(back).unwrap();
    }
}

#[test]
fn a_message_that_comes_back_has_its_records_its_request_its_code_and_its_text() {
    let failing: [(&str, Code, &str); 4] = [
        ("fail", Code::application(5), "out of paper"),
        ("panic", Code::EXCEPTION, "out of ink"),
        ("hold", Code::application(6), "out of order"),
        ("ignore", Code::NOT_HANDLED, ""),
    ];
    for way in Way::ALL {
        for (how, code, text) in failing {
            for request in [true, false] {
                for mut world in World::both() {
                    let shelf = Shelf::default();
                    let mut hold = hold_on(&shelf);
                    let route = world.route(
                        way,
                        Box::new(move |message, ctx| match how {
                            "fail" => {
                                message.fail(Failure::new(code, text));
                                Outcome::Handled
                            }
                            "panic" => panic_quietly(text),
                            "hold" => hold(message, ctx),
                            _ => Outcome::NotHandled,
                        }),
                    );
                    let (back, came_back) = channel();
                    let (sent, was_sent) = channel();
                    let reports = world.near.register(Reports { back, sent }).unwrap();
                    world.as_other(&route, reports, move |to| Send3 { to, request });
                    for held in shelf.take() {
                        held.fail(Failure::new(code, text));
                    }
                    world.settle();
                    let id = was_sent.try_recv().unwrap();
                    assert_eq!(id.is_some(), request, "expected an id for a request only");
                    let back: Vec<Back> = came_back.try_iter().collect();
                    let expected = Back {
                        code,
                        text: text.to_owned(),
                        records: ["promises.note", "promises.large", "promises.query"].map(str::to_owned).to_vec(),
                        large: Some(Large(2, SEVEN)),
                        request: id,
                        from: back.first().and_then(|back| back.from),
                        to: Some(reports),
                    };
                    assert_eq!(back, [expected], "expected the message as it was sent, by {way:?}, {how}");
                    let b = if way == Way::Named { world.near.resolve("b").unwrap_or(route.b) } else { route.b };
                    if way != Way::Named || how != "panic" {
                        assert_eq!(back[0].from, Some(b), "expected to read who sent it back, by {way:?}, {how}");
                    }
                    world.balanced();
                }
            }
        }
    }
}

#[test]
fn an_answer_has_the_id_of_its_request_whatever_is_answered_first() {
    for way in [Way::Direct, Way::OtherThread] {
        let mut world = World::driven();
        let shelf = Shelf::default();
        let route = world.route(way, hold_on(&shelf));
        let (sent, ids) = channel();
        world.along(&route, move |me, ctx, to| {
            for number in 0..3 {
                let request = ctx.request(to, Query(number));
                sent.send((number, request.id())).unwrap();
                let id = request.id();
                request.then_on(me, move |me, answer, _| me.log.note(format!("{id:?} {}", answer.unwrap().0)));
            }
        });
        for held in shelf.take().into_iter().rev() {
            let number = held.record::<Query>().unwrap().0;
            held.answer(Reply(number));
        }
        world.settle();
        let expected: Vec<String> = ids.try_iter().map(|(number, id)| format!("{id:?} {number}")).collect();
        let mut continued = world.log.of("RequestId");
        continued.reverse();
        assert_eq!(continued, expected, "expected each continuation to have its own answer, by {way:?}");
    }
}

#[test]
fn a_large_record_is_not_changed_on_any_way_there_or_back() {
    for way in Way::ALL {
        for mut world in World::both() {
            let (seen, there) = channel();
            let route = world.route(
                way,
                Box::new(move |message, _| {
                    seen.send(message.record::<Large>().cloned()).unwrap();
                    Outcome::NotHandled
                }),
            );
            let large = Large(1, std::array::from_fn(|index| index as u64 * 3));
            let (seen, back) = channel();
            let copy = large.clone();
            world.along(&route, move |me, ctx, to| {
                ctx.request(to, copy).then_on(me, move |_, answer, _| {
                    seen.send(answer.unwrap_err().take_record::<Large>()).unwrap();
                });
            });
            assert_eq!(there.try_recv(), Ok(Some(large.clone())), "expected it there as it was sent, by {way:?}");
            assert_eq!(back.try_recv(), Ok(Some(large)), "expected it back as it was sent, by {way:?}");
        }
    }
}

#[test]
fn a_record_is_dropped_exactly_once_wherever_it_ends() {
    use std::sync::Arc;

    #[derive(Debug)]
    struct Counted(#[expect(dead_code, reason = "what counts is that it is dropped")] Arc<()>);
    rohrpost::record!(Counted, "whole.counted", no_clone);

    for way in Way::ALL {
        for taken in [true, false] {
            let mut world = World::driven();
            let route = world.route(
                way,
                Box::new(move |message, _| {
                    if taken {
                        // A handler may take the record out and let the message go.
                        drop(message.take::<Counted>());
                    }
                    Outcome::NotHandled
                }),
            );
            let counted = Arc::new(());
            let copies = [counted.clone(), counted.clone(), counted.clone()];
            world.along(&route, move |_, ctx, to| {
                let [one, two, three] = copies;
                ctx.notify(to, Counted(one));
                let _ = ctx.request(to, Counted(two));
                let _ = ctx.send(Message::request(to, Note(1)).and(Counted(three)));
            });
            drop(world);
            assert_eq!(Arc::strong_count(&counted), 1, "expected every record to be dropped once, by {way:?}");
        }
    }
}
