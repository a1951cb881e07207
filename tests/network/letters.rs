//! Mail that its sender's worker has written: most of what a target sends in one turn. Only the letter is kept of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rohrpost::net::Joining;
use rohrpost::net::memory::Faults;
use rohrpost::{Address, Code, Context, Kernel, Message, Nid, Outcome, Target, handles, record};
use serde::{Deserialize, Serialize, Serializer};

use crate::world::{Load, Note, Scribe, World};

/// Has a courier send so many pages.
#[derive(Clone, Debug)]
struct Begin(u32);
record!(Begin, "letters.begin", local);

/// A numbered page, with something on it that does not travel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Page {
    number: u32,
    /// Whom it is about: a name that is told with it.
    about: Option<Address>,
    #[serde(skip)]
    pencil: u8,
}
record!(Page, "letters.page", wire);

/// Panics when it is written.
#[derive(Clone, Debug, Deserialize)]
struct Hot;
record!(Hot, "letters.hot", wire);

impl Serialize for Hot {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("too hot")
    }
}

/// Sends pages to an address, all in one turn, and notes what comes back.
struct Courier {
    to: Address,
    back: Back,
}

type Back = Arc<Mutex<Vec<(Code, Page)>>>;

impl Target for Courier {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        if let Some(&Begin(pages)) = message.record() {
            let about = Some(Address::service(Nid::name("letters-somebody")));
            (0..pages).for_each(|number| ctx.notify(self.to, Page { number, about, pencil: 7 }));
        }
        Outcome::Handled
    }

    fn answered(&mut self, answer: &mut Message<'_>, ctx: &mut Context<'_>) {
        assert_eq!(answer.sender(), Some(self.to), "expected to know where it was going");
        assert_eq!(answer.receiver(), Some(ctx.address()));
        let page = answer.record::<Page>().cloned().expect("a page");
        self.back.lock().unwrap().push((answer.code(), page));
    }
}

/// Notes the numbers of pages, and refuses every seventh.
#[derive(Clone, Default)]
struct Reader(Arc<Mutex<Vec<u32>>>);

impl rohrpost::Handle<Page> for Reader {
    fn handle(&mut self, page: &Page, _: &mut Context<'_>) -> Result<(), rohrpost::Failure> {
        self.0.lock().unwrap().push(page.number);
        if page.number % 7 == 3 { Err(Code::REJECTED.into()) } else { Ok(()) }
    }
}
handles!(Reader: Page);

/// Fails with the first number that is not the expected one.
fn expect(numbers: &[u32], expected: impl IntoIterator<Item = u32>) {
    let expected: Vec<u32> = expected.into_iter().collect();
    let wrong = numbers.iter().zip(&expected).find(|(number, expected)| number != expected);
    assert_eq!((wrong, numbers.len()), (None, expected.len()), "expected these numbers, and so many");
}

/// A courier on the first node of two, and a reader on the second.
struct Route {
    world: World,
    courier: Address,
    back: Back,
    reader: Reader,
}

impl Route {
    fn new(settings: &Joining) -> Self {
        let world = World::with(2, 0, settings);
        let (reader, back) = (Reader::default(), Back::default());
        let to = world.register(1, reader.clone());
        let courier = world.register(0, Courier { to, back: back.clone() });
        Self { world, courier, back, reader }
    }

    fn send(&self, pages: u32) {
        self.world.nodes[0].test.kernel().notify(self.courier, Begin(pages)).unwrap();
    }

    /// The numbers of the pages that have come back, each with this code and whole but for what does not travel.
    fn returned(&self, with: Code) -> Vec<u32> {
        let back = std::mem::take(&mut *self.back.lock().unwrap());
        back.into_iter()
            .map(|(code, page)| {
                assert_eq!(code, with, "for {page:?}");
                assert!(page.about.is_some(), "expected it to be whole: {page:?}");
                page.number
            })
            .collect()
    }

    fn read(&self) -> Vec<u32> {
        std::mem::take(&mut *self.reader.0.lock().unwrap())
    }
}

#[test]
fn all_that_is_sent_in_one_turn_arrives_in_order_and_what_fails_there_comes_back() {
    let mut route = Route::new(&Joining::new());
    for pages in [1, 7, 300, 900] {
        route.send(pages);
        route.world.rest();
        expect(&route.read(), 0..pages);
        expect(&route.returned(Code::REJECTED), (0..pages).filter(|page| page % 7 == 3));
    }
    route.world.check_counters();
}

#[test]
fn what_is_compressed_arrives_and_comes_back_as_well() {
    let mut world = World::with(2, 0, &Joining::new().compress(64));
    let (here, there) = world.ids(0, 1);
    let to = world.register(1, Scribe::default());
    let probe = world.nodes[0].probe.clone();
    let send = move |ctx: &Context<'_>| (0..30).for_each(|_| ctx.notify(to, Load(vec![7; 700])));
    probe.act(send);
    world.rest();
    (0..30).for_each(|_| assert_eq!(probe.expect_returned::<Load>(), Code::NOT_HANDLED));
    world.network.set_faults(here, there, Faults::new().cut());
    probe.act(send);
    world.run(20_000);
    (0..30).for_each(|_| assert_eq!(probe.expect_returned::<Load>(), Code::NODE_LOST));
    assert!(world.nodes[0].test.kernel().counters().is_balanced());
}

#[test]
fn what_goes_both_ways_at_once_is_counted_once() {
    let mut route = Route::new(&Joining::new());
    let (reader, back) = (Reader::default(), Back::default());
    let to = route.world.register(0, reader.clone());
    let courier = route.world.register(1, Courier { to, back });
    for pages in [1, 20, 5, 300] {
        route.send(pages);
        route.world.nodes[1].test.kernel().notify(courier, Begin(pages)).unwrap();
        route.world.rest();
        expect(&route.read(), 0..pages);
        expect(&std::mem::take(&mut *reader.0.lock().unwrap()), 0..pages);
        route.world.check_counters();
    }
}

#[test]
fn what_is_lost_comes_back_in_order_as_the_other_node_would_have_read_it() {
    let mut route = Route::new(&Joining::new());
    let (here, there) = route.world.ids(0, 1);
    route.world.network.set_faults(here, there, Faults::new().cut());
    route.send(500);
    route.world.rest();
    expect(&route.returned(Code::NODE_LOST), []);
    route.world.run(20_000);
    let pencil = route.back.lock().unwrap().iter().map(|(_, page)| page.pencil).min();
    assert_eq!(pencil, Some(0), "expected what does not travel to be lost with its message");
    expect(&route.returned(Code::NODE_LOST), 0..500);
    expect(&route.read(), []);
    route.world.check_counters();
}

#[test]
fn what_a_crash_finds_on_its_way_comes_back_once() {
    let mut route = Route::new(&Joining::new());
    let (here, there) = route.world.ids(0, 1);
    route.world.network.set_faults(here, there, Faults::new().delay(Duration::from_millis(3)));
    route.send(2000);
    route.world.rest();
    route.world.network.crash(there);
    route.world.rest();
    expect(&route.returned(Code::NODE_LOST), 0..2000);
    // Nobody is there any more.
    route.send(10);
    route.world.rest();
    expect(&route.returned(Code::NO_NODE), 0..10);
    assert!(route.world.nodes[0].test.kernel().counters().is_balanced());
}

#[test]
fn what_a_window_has_no_room_for_comes_back_busy_and_whole() {
    let mut route = Route::new(&Joining::new().window(100));
    route.send(300);
    route.world.rest();
    let (read, returned) = (route.read(), route.back.lock().unwrap().clone());
    let busy: Vec<u32> = returned.iter().filter(|(code, _)| *code == Code::BUSY).map(|(_, page)| page.number).collect();
    expect(&read, 0..100);
    expect(&busy, 100..300);
    route.world.check_counters();
}

#[test]
fn more_than_may_wait_comes_back_busy() {
    let mut route = Route::new(&Joining::new());
    route.send(100_000);
    route.world.rest();
    let back = route.back.lock().unwrap().clone();
    let busy = back.iter().filter(|(code, _)| *code == Code::BUSY).count();
    let read = route.read().len();
    assert!(busy > 0 && read > 0 && busy + read == 100_000, "expected all to be read or to come back: {read}, {busy}");
    route.world.check_counters();
}

#[test]
fn small_and_large_mail_and_what_cannot_be_written_keep_their_places() {
    let mut world = World::new(2);
    let scribe = Scribe::default();
    let to = world.register(1, scribe.clone());
    world.nodes[0].probe.act(move |ctx| {
        for number in 0..40 {
            ctx.notify(to, Note(2 * number));
            match number % 3 {
                0 => ctx.notify(to, Load(vec![7; 5000])),
                1 => ctx.notify(to, Hot),
                _ => {}
            }
            ctx.notify(to, Note(2 * number + 1));
        }
    });
    world.rest();
    assert_eq!(scribe.numbers(), (0..80).collect::<Vec<_>>());
    for _ in 0..14 {
        assert_eq!(world.nodes[0].probe.expect_returned::<Load>(), Code::NOT_HANDLED);
    }
    for _ in 0..13 {
        assert_eq!(world.nodes[0].probe.expect_returned::<Hot>(), Code::EXCEPTION);
    }
    world.check_counters();
}

#[test]
fn what_a_node_has_sent_before_it_stops_leaves_first() {
    let mut route = Route::new(&Joining::new());
    route.send(900);
    let kernel: Kernel = route.world.nodes[0].test.kernel().clone();
    while kernel.counters().sent < 901 {
        route.world.nodes[0].test.step().expect("something to do");
    }
    assert!(route.read().is_empty(), "expected them to be on their way");
    let _ = kernel.stop(Duration::from_secs(10));
    route.world.rest();
    expect(&route.read(), 0..900);
    assert!(kernel.counters().is_balanced(), "{:?}", kernel.counters());
}
