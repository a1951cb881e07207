//! The records that programs send.

use std::fmt;
use std::sync::{Arc, Mutex, Once, PoisonError};

use rohrpost::{Message, record};

use crate::program::{Alarm, Issue, Mail};
use crate::world::World;

/// What each planned panic says.
const PLANNED: &str = "a planned panic";

record!(Letter, "random.letter" => Reply, no_clone);
record!(Parcel, "random.parcel" => Reply, no_clone);
record!(Second, "random.second", no_clone);
record!(Reply, "random.reply");
record!(LetGo, "random.let-go");
record!(Tock, "random.tock");
record!(News, "random.news");

/// A script, on its way.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) mail: Arc<Mail>,
    _guard: Guard,
}

/// The same, too large for the place in a message.
#[derive(Debug)]
pub(crate) struct Parcel {
    letter: Letter,
    padding: [usize; 8],
}

/// A record behind the first one.
#[derive(Debug)]
pub(crate) struct Second(Guard);

/// The answer to the mail with this number.
#[derive(Clone, Debug)]
pub(crate) struct Reply(pub(crate) usize);

/// Asks a target to end all that it keeps.
#[derive(Clone, Debug)]
pub(crate) struct LetGo;

/// What a timer brings.
#[derive(Clone, Debug)]
pub(crate) struct Tock {
    pub(crate) alarm: Arc<Alarm>,
    _copy: Copy<true>,
}

/// What a topic brings.
#[derive(Clone, Debug)]
pub(crate) struct News {
    pub(crate) issue: Arc<Issue>,
    _copy: Copy<false>,
}

/// Tells the ledger how many copies there are of a record, of a timer's or of news.
struct Copy<const TIMER: bool> {
    world: Arc<World>,
    number: usize,
}

/// Tells the ledger that a record is there, and that it is dropped; panics then if that is planned.
struct Guard {
    world: Arc<World>,
    number: usize,
    piece: usize,
}

impl Letter {
    pub(crate) fn new(mail: &Arc<Mail>, world: &Arc<World>) -> Self {
        Self { mail: mail.clone(), _guard: Guard::new(mail, world, 0) }
    }

    /// The letter that a message carries. A parcel that was damaged on its way is none.
    pub(crate) fn of<'a>(message: &'a Message<'_>) -> Option<&'a Self> {
        let parcel = message.record::<Parcel>().filter(|parcel| parcel.padding == [parcel.letter.mail.number; 8]);
        message.record().or(parcel.map(|parcel| &parcel.letter))
    }
}

impl Parcel {
    pub(crate) fn new(mail: &Arc<Mail>, world: &Arc<World>) -> Self {
        Self { letter: Letter::new(mail, world), padding: [mail.number; 8] }
    }
}

impl Second {
    pub(crate) fn new(mail: &Mail, world: &Arc<World>) -> Self {
        Self(Guard::new(mail, world, 1))
    }

    pub(crate) const fn number(&self) -> usize {
        self.0.number
    }
}

impl Tock {
    pub(crate) fn new(alarm: &Arc<Alarm>, world: &Arc<World>) -> Self {
        Self { alarm: alarm.clone(), _copy: Copy::new(alarm.number, world) }
    }
}

impl News {
    pub(crate) fn new(issue: &Arc<Issue>, world: &Arc<World>) -> Self {
        Self { issue: issue.clone(), _copy: Copy::new(issue.number, world) }
    }
}

impl<const TIMER: bool> Copy<TIMER> {
    fn new(number: usize, world: &Arc<World>) -> Self {
        world.ledger.copied((TIMER, number), 1);
        Self { world: world.clone(), number }
    }
}

impl<const TIMER: bool> Clone for Copy<TIMER> {
    fn clone(&self) -> Self {
        Self::new(self.number, &self.world)
    }
}

impl<const TIMER: bool> Drop for Copy<TIMER> {
    fn drop(&mut self) {
        self.world.ledger.copied((TIMER, self.number), -1);
    }
}

impl<const TIMER: bool> fmt::Debug for Copy<TIMER> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.number)
    }
}

impl Guard {
    fn new(mail: &Mail, world: &Arc<World>, piece: usize) -> Self {
        world.ledger.made(mail.number, piece);
        Self { world: world.clone(), number: mail.number, piece }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.world.ledger.dropped(self.number, self.piece) {
            planned_panic();
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.number)
    }
}

pub(crate) fn planned_panic() -> ! {
    panic!("{PLANNED}")
}

/// Panics of workers' threads that nobody planned.
static UNPLANNED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Keeps planned panics from being printed, and notes the others.
pub(crate) fn watch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if panic.payload_as_str() == Some(PLANNED) {
                return;
            }
            if std::thread::current().name().is_some_and(|name| name.starts_with("home")) {
                UNPLANNED.lock().unwrap_or_else(PoisonError::into_inner).push(panic.to_string());
            }
            print(panic);
        }));
    });
}

/// The panics of workers' threads that nobody planned, since this was asked last.
pub(crate) fn unplanned_panics() -> Vec<String> {
    std::mem::take(&mut UNPLANNED.lock().unwrap_or_else(PoisonError::into_inner))
}
