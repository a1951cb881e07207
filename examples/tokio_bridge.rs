//! Targets and tokio: tasks that await answers, and a target whose slow work runs on tokio's pool.
//!
//! Look at `reader`: an `ask` is a future of any executor; it can be given a timeout, raced, and dropped. Look at
//! `Library`: reading a book blocks, so its handler does not read. It takes the request out as a `Held<Read>`, moves
//! it to `spawn_blocking`, and the answer is sent from there; its own thread is free for the next message at once.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::error::Error;
use std::time::{Duration, Instant};

use rohrpost::{Address, Code, Context, Failure, Handle, Held, Kernel, Later, handles, record};
use tokio::runtime::Handle as Runtime;
use tokio::task::JoinSet;

#[derive(Clone, Debug)]
struct Read(&'static str);
#[derive(Clone, Debug)]
struct Text(String);
/// Asks how many books are being read at the moment.
#[derive(Clone, Debug)]
struct Lent;
#[derive(Clone, Debug)]
struct Count(usize);

record!(Read, "library.read" => Text);
record!(Text, "library.text");
record!(Lent, "library.lent" => Count);
record!(Count, "library.count");

const NO_SUCH_BOOK: Code = Code::application(0);

struct Library {
    pool: Runtime,
    lent: usize,
}

impl Later<Read> for Library {
    fn handle(&mut self, read: Held<Read>, _ctx: &mut Context<'_>) {
        self.lent += 1;
        self.pool.spawn_blocking(move || {
            std::thread::sleep(Duration::from_millis(200)); // what a disk, a database or a parser does
            match read.0 {
                "Moby-Dick" => read.answer(Text("Call me Ishmael.".to_owned())),
                "Peter Pan" => read.answer(Text("All children, except one, grow up.".to_owned())),
                title => {
                    let text = format!("there is no `{title}`");
                    read.fail(Failure::new(NO_SUCH_BOOK, text));
                }
            }
        });
    }
}

impl Handle<Lent> for Library {
    fn handle(&mut self, _lent: &Lent, _ctx: &mut Context<'_>) -> Result<Count, Failure> {
        Ok(Count(self.lent))
    }
}

handles!(Library: Lent; later Read);

/// A task that reads one book.
async fn reader(kernel: Kernel, library: Address, title: &'static str) -> (&'static str, Result<Text, Failure>) {
    (title, kernel.ask(library, Read(title)).timeout(Duration::from_secs(5)).await)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let kernel = Kernel::builder("town").start()?;
    let library = Library { pool: Runtime::current(), lent: 0 };
    let library = kernel.namespace("library").open()?.register(library)?;

    println!("three tasks ask for a book each; a book takes 200 ms");
    let start = Instant::now();
    let mut readers = JoinSet::new();
    for title in ["Moby-Dick", "Peter Pan", "Ulisses"] {
        readers.spawn(reader(kernel.clone(), library, title));
    }
    while kernel.ask(library, Lent).await?.0 < 3 {
        tokio::task::yield_now().await; // the last of the three has not asked yet
    }
    println!("  all three are being read, and the target still answers, after {} ms", start.elapsed().as_millis());
    while let Some(read) = readers.join_next().await {
        match read? {
            (title, Ok(Text(text))) => println!("  {title:<10} {text}"),
            (title, Err(failure)) => println!("  {title:<10} came back: {failure}"),
        }
    }
    println!("  everything is there after {} ms", start.elapsed().as_millis());

    println!("one task gives up after 20 ms, in two ways");
    let timeout = Duration::from_millis(20);
    if let Err(failure) = kernel.ask(library, Read("Moby-Dick")).timeout(timeout).await {
        println!("  with a timeout of the question's own: {failure}");
    }
    if tokio::time::timeout(timeout, kernel.ask(library, Read("Moby-Dick"))).await.is_err() {
        println!("  with tokio's: the question is dropped, its answer will be counted as late");
    }

    // Those two books are still being read. Stopping would say STOPPED to whoever waits; nobody does.
    let report = tokio::task::spawn_blocking({
        let kernel = kernel.clone();
        move || kernel.stop(Duration::from_secs(5))
    });
    println!("the kernel has stopped; threads that ended: {:?}", report.await?.ended);
    Ok(())
}
