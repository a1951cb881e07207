//! One machine in several styles, in one run: nanoseconds per event, medians of interleaved rounds.
//!
//! Each event is one call of a function that is not inlined and gets the machine by reference, as a machine in a program is
//! reached; a loop over a local machine would let the compiler keep all of it in registers.
//!
//! ```text
//! ./layouts build 7 && ./layouts run 7                               the table at several layouts of the program
//! cargo run --release                                                  hooks that cost next to nothing
//! cargo run --release --features calls                                 hooks that are calls
//! RUSTFLAGS="--cfg rohrpost_bare_machines" cargo run --release         rohrpost without regions and trace
//! valgrind --tool=callgrind target/release/compare-machines STYLE      instructions of one style, by its number below
//! ```

mod by_hand;
mod flat;
mod in_target;
mod rohrpost_styles;
mod statig_style;
mod work;

use std::{collections::BTreeMap, hint::black_box, time::Instant};
use work::{Event, Log};

/// Events per measurement.
const LENGTH: usize = 1 << 16;
/// Measurements of one style on one path; the median counts.
const ROUNDS: usize = 7;
/// How often the events are gone through in one measurement.
const REPEATS: usize = 10;

/// One way to write the machine.
struct Style {
    name: &'static str,
    /// Sends the events and tells what has been done.
    run: fn(&[Event], usize) -> Log,
}

const STYLES: [Style; 6] = [
    Style { name: "nested match by hand", run: by_hand::run },
    Style { name: "hsm!", run: rohrpost_styles::run_fixed },
    Style { name: "runtime builder", run: rohrpost_styles::run_built },
    Style { name: "runtime builder, general algorithm", run: rohrpost_styles::run_general },
    Style { name: "statig 0.4", run: statig_style::run },
    Style { name: "smlang 0.8 (flat)", run: flat::run },
];

fn main() {
    let mixed = mixed();
    let regular: Vec<Event> = mixed[..64].iter().copied().cycle().take(LENGTH).collect();
    let internal: Vec<Event> = vec![Event::Tick; LENGTH];
    // One style alone, for a tool that counts instructions.
    if let Some(style) = std::env::args().nth(1).and_then(|at| STYLES.get(at.parse::<usize>().ok()?)) {
        let path = if std::env::args().nth(2).is_some() { &internal } else { &regular };
        black_box((style.run)(path, 1));
        return;
    }
    for (path, events) in
        [("mixed events", &mixed), ("mixed events, short cycle", &regular), ("internal event, one level up", &internal)]
    {
        let expected = (STYLES[0].run)(events, 1);
        for style in &STYLES {
            assert_eq!((style.run)(events, 1), expected, "{} does the same as the others", style.name);
        }
        let mut times: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        for _ in 0..ROUNDS {
            for (at, style) in STYLES.iter().enumerate() {
                let start = Instant::now();
                black_box((style.run)(black_box(events), REPEATS));
                let nanos = start.elapsed().as_nanos() as f64 / (LENGTH * REPEATS) as f64;
                times.entry(at).or_default().push(nanos);
            }
        }
        print(path, &mut times);
    }
    in_target::measure();
    println!("bytes per instance: hsm! {}, builder {}", rohrpost_styles::FIXED_SIZE, rohrpost_styles::BUILT_SIZE);
}

fn print(path: &str, times: &mut BTreeMap<usize, Vec<f64>>) {
    let medians: Vec<f64> = times
        .values_mut()
        .map(|times| {
            times.sort_by(f64::total_cmp);
            times[ROUNDS / 2]
        })
        .collect();
    let (by_hand, fixed, statig) = (medians[0], medians[1], medians[4]);
    println!("{path:<36} {:>9} {:>9} {:>9} {:>9}   of {ROUNDS} rounds", "ns/event", "x hand", "x hsm!", "x statig");
    for ((style, median), times) in STYLES.iter().zip(&medians).zip(times.values()) {
        println!(
            "  {:<34} {median:>9.2} {:>9.2} {:>9.2} {:>9.2}   {:.2} to {:.2}",
            style.name,
            median / by_hand,
            median / fixed,
            median / statig,
            times[0],
            times[ROUNDS - 1]
        );
    }
}

/// Events in an order without pattern, the same in every run.
fn mixed() -> Vec<Event> {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let all = [Event::Tick, Event::Next, Event::Side, Event::Leave, Event::Check, Event::Noise];
    (0..LENGTH).map(|_| all[(next() >> 33) as usize % all.len()]).collect()
}
