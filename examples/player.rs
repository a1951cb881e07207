//! A music player: states inside states, a history, and states that end by themselves.
//!
//! Look at `Playing`: the song is a composite state whose parts follow each other by `after`, and `Resume` is a history, so
//! that `Play` goes on where `Pause` left off. Look at `Lamp`: it is a region beside the music, with a life of its own.
//! Then look at `main`: a machine on its own has no clock, it is told the time, so a song of minutes takes no time here.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::error::Error;
use std::time::Duration;

use rohrpost::hsm;
use rohrpost::machine::{Machine, Model, Step};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

hsm! {
    chart PlayerChart for Player;

    events Key by (|key| *key) {
        Play = "play",
        Pause = "pause",
        Next = "next",
        Off = "off",
    }

    initial Idle;
    on Off => Idle;

    state Idle {
        entry |player, _, _| player.say("goes to sleep");
        on Play => On;
    }

    parallel On {
        entry |player, _, _| player.say("wakes up");

        state Music {
            initial Playing;

            state Playing {
                initial Intro;
                history Resume;
                exit |player, _, _| player.say("falls silent");
                on Pause => Paused;
                on Next => Playing;
                done => Playing / |player, _, _| player.say("begins the next song");

                state Intro {
                    entry |player, _, _| player.say("plays the intro");
                    after seconds(10) => Verse;
                }
                state Verse {
                    entry |player, _, _| player.say("plays the verse");
                    after seconds(40) => Chorus;
                }
                state Chorus {
                    entry |player, _, _| player.say("plays the chorus");
                    after seconds(20) => Over;
                }
                last Over;
            }
            state Paused {
                on Play => Resume;
                after seconds(300) => Idle;
            }
        }
        state Lamp {
            initial Bright;

            state Bright { after seconds(15) => Dim; }
            state Dim {
                entry |player, _, _| player.say("dims its lamp");
                on Play => Bright / Player::brighten;
                on Pause => Bright / Player::brighten;
                on Next => Bright / Player::brighten;
            }
        }
    }
}

/// What the chart is about. A real one would have a sound card.
#[derive(Default)]
struct Player {
    said: Vec<&'static str>,
}

impl Model for Player {
    type Event<'e> = &'static str;
    type Context<'c> = ();
}

impl Player {
    fn say(&mut self, what: &'static str) {
        self.said.push(what);
    }

    fn brighten(&mut self, _: &mut (), _: &mut Step<'_, &'static str>) {
        self.say("brightens its lamp");
    }
}

fn show(now: Duration, cause: &str, machine: &mut Machine<PlayerChart, &'static str>) {
    let said = std::mem::take(&mut machine.model_mut().said).join(", ");
    let active = machine.engine().save().active.join(" + ");
    println!("{:>4} s  {cause:<7} {said:<62} {active}", now.as_secs());
}

fn main() -> Result<(), Box<dyn Error>> {
    let keys = [
        (seconds(5), "play"),
        (seconds(30), "pause"),
        (seconds(60), "play"),
        (seconds(85), "next"),
        (seconds(170), "pause"),
        (seconds(480), "play"),
        (seconds(485), "off"),
    ];
    let mut machine = Machine::new(PlayerChart, Player::default());
    machine.start(Duration::ZERO, &mut ());
    show(Duration::ZERO, "", &mut machine);

    for (at, key) in keys {
        // Whatever is due before the key is pressed.
        while let Some(due) = machine.next_deadline().filter(|&due| due <= at) {
            machine.advance(due, &mut ());
            show(due, "", &mut machine);
        }
        machine.handle(key, at, &mut ())?;
        show(at, key, &mut machine);
    }
    Ok(())
}
