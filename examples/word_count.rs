//! Counts words: `cargo run --release --example word_count FILE...`, by default in the sources of this crate.
//!
//! Look at `Mailer::send`: each line is one message, and a hand-off is bounded. One that is full gives the line back at
//! once, in the error, and the line goes to the next counter; nobody blocks, and nothing piles up. Mail of one sender
//! stays in order, so the question for the result, sent last, is answered when all lines have been counted. In the end
//! the result is compared with a count without any messages: no line is lost, and none is counted twice. That count is
//! quick, too: to count a line is about as much work as to send it, so a program in a hurry would send whole pages.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::collections::HashMap;
use std::error::Error;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rohrpost::{Address, Code, Context, Failure, Handle, Kernel, SendError, handles, record};

const THREADS: usize = 3;
/// Lines that a hand-off takes before it is full.
const CAPACITY: usize = 256;

type Words = HashMap<String, u64>;

#[derive(Clone, Debug)]
struct Line(String);
/// Asks for the words so far, which the counter gives away.
#[derive(Clone, Debug)]
struct Finish;
/// A large thing that should not be copied by accident.
#[derive(Debug)]
struct Counted(Words);

record!(Line, "words.line");
record!(Finish, "words.finish" => Counted);
record!(Counted, "words.counted", no_clone);

#[derive(Default)]
struct Counter(Words);

impl Handle<Line> for Counter {
    fn handle(&mut self, line: &Line, _ctx: &mut Context<'_>) -> Result<(), Failure> {
        count(&mut self.0, &line.0);
        Ok(())
    }
}

impl Handle<Finish> for Counter {
    fn handle(&mut self, _finish: &Finish, _ctx: &mut Context<'_>) -> Result<Counted, Failure> {
        Ok(Counted(std::mem::take(&mut self.0)))
    }
}

handles!(Counter: Line, Finish);

fn count(words: &mut Words, line: &str) {
    for word in line.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let word = word.to_lowercase();
        *words.entry(word).or_default() += 1;
    }
}

/// Deals lines out to the counters.
struct Mailer {
    kernel: Kernel,
    counters: Vec<Address>,
    next: usize,
    sent: usize,
    /// How often a hand-off was full.
    busy: usize,
}

impl Mailer {
    /// Sends `line` to the next counter that has room for it.
    fn send(&mut self, line: &str) -> Result<(), SendError> {
        let mut line = Line(line.to_owned());
        let mut refusals = 0;
        loop {
            self.next = (self.next + 1) % self.counters.len();
            let Err(refused) = self.kernel.notify(self.counters[self.next], line) else {
                self.sent += 1;
                return Ok(());
            };
            if refused.code() != Code::BUSY {
                return Err(refused);
            }
            self.busy += 1;
            refusals += 1;
            if refusals == self.counters.len() {
                refusals = 0;
                std::thread::yield_now(); // no counter has room; this thread may wait, a handler would not
            }
            line = refused.into_message().take().expect("a refused message has its record");
        }
    }
}

/// The files under `folder`, in order.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries = folder.read_dir()?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut files: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if files.is_empty() {
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        for folder in ["src", "examples"] {
            sources(&home.join(folder), &mut files)?;
        }
    }
    let texts = files.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;

    let kernel = Kernel::builder("desk").start()?;
    let words = kernel.namespace("words").threads(THREADS).capacity(CAPACITY).open()?;
    let counters =
        (0..THREADS).map(|thread| words.register_on(thread, Counter::default())).collect::<Result<_, _>>()?;
    let mut mailer = Mailer { kernel: kernel.clone(), counters, next: 0, sent: 0, busy: 0 };

    let lines: usize = texts.iter().map(|text| text.lines().count()).sum();
    println!("{} files, {lines} lines, {THREADS} threads", files.len());
    let steps = if std::io::stdout().is_terminal() { 50 } else { 5 };
    let mut shown = 0;
    let start = Instant::now();
    for line in texts.iter().flat_map(|text| text.lines()) {
        mailer.send(line)?;
        if mailer.sent * steps / lines > shown {
            shown = mailer.sent * steps / lines;
            show_progress(shown, steps, &mailer);
        }
    }
    let mut total = Words::new();
    for &counter in &mailer.counters {
        let Counted(words) = ask_when_there_is_room(&kernel, counter)?;
        for (word, times) in words {
            *total.entry(word).or_default() += times;
        }
    }
    let elapsed = start.elapsed();

    let start = Instant::now();
    let mut expected = Words::new();
    texts.iter().flat_map(|text| text.lines()).for_each(|line| count(&mut expected, line));
    let alone = start.elapsed();
    if total != expected {
        return Err("the words counted by message are not those counted without".into());
    }

    let mut commonest: Vec<_> = total.iter().collect();
    commonest.sort_by(|(word, times), (other, others)| others.cmp(times).then(word.cmp(other)));
    println!("\nthe commonest of {} words, of which {} differ:", total.values().sum::<u64>(), total.len());
    for (word, times) in commonest.iter().take(10) {
        println!("{times:8}  {word}");
    }
    let messages = kernel.counters().sent;
    let rate = messages as f64 / elapsed.as_secs_f64();
    println!("\n{messages} messages in {elapsed:.1?}: {rate:.0} a second, with the counting of the words");
    println!("one thread without messages, in {alone:.1?}, has counted the same: nothing was lost");
    Ok(())
}

/// Asks for a counter's words; its hand-off may be full of lines.
fn ask_when_there_is_room(kernel: &Kernel, counter: Address) -> Result<Counted, Failure> {
    loop {
        match kernel.ask(counter, Finish).timeout(Duration::from_secs(60)).wait() {
            Err(failure) if failure.code() == Code::BUSY => std::thread::yield_now(),
            end => return end,
        }
    }
}

fn show_progress(step: usize, steps: usize, mailer: &Mailer) {
    let (done, open) = ("#".repeat(step), ".".repeat(steps - step));
    let (start, end) = if std::io::stdout().is_terminal() { ("\r", "") } else { ("", "\n") };
    print!("{start}[{done}{open}] {} lines sent, {} times a full hand-off{end}", mailer.sent, mailer.busy);
    // If nobody can see the progress, the count goes on all the same.
    let _ = std::io::stdout().flush();
}
