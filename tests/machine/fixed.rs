//! Tables that are part of the program.

use rohrpost::{
    hsm,
    machine::{Chart, Engine, EventId, Machine, Model, Step, Table, Untraced, Verdict, Vertex},
};
use std::{sync::Arc, time::Duration};

#[derive(Default)]
pub(crate) struct Player {
    log: Vec<&'static str>,
    broken: bool,
}

impl Model for Player {
    type Event<'e> = char;
    type Context<'c> = ();
}

fn note<const WHICH: usize>(player: &mut Player, (): &mut (), _: &mut Step<'_, char>) {
    player.log.push(["spin", "brake", "skip", "eject"][WHICH]);
}

hsm! {
    /// A player with everything that a chart can have.
    #[derive(PartialEq)]
    pub(crate) chart PlayerChart for Player;

    /// The buttons.
    events Button {
        Play = 'p',
        Stop = 's',
        Next = 'n' | 'N',
        Eject = 'e',
        Broken,
    }

    initial Stopped;
    on Eject if |player, _, _| player.broken => Off;
    on Eject => Gate;

    state Stopped {
        on Play => Resume;
        defer Next;
    }

    state Playing {
        entry note::<0>;
        exit note::<1>;
        initial Song / |player, _, _| player.log.push("first");
        on Stop => Stopped;
        on Broken => local Noise;
        done => Stopped / note::<3>;

        history Resume;
        state Song {
            on Next => Pick / note::<2>;
            after Duration::from_secs(200) => Last;
        }
        state Second {
            on Next / |_, _, step| step.raise(Button::Broken);
            on Play => internal / note::<2>;
        }
        state Noise {
            modal reject except Stop, Eject;
        }
        choice Pick {
            if |player, _, _| player.broken => Noise;
            => Second;
        }
        last Last;
    }

    junction Gate {
        if |_, _, query| query.is_in(PlayerChart::Playing) => Stopped;
        => Split / note::<3>;
    }
    fork Split { => LeftOpen; => RightOpen; }
    parallel Tray {
        entry_point Slot => LeftOpen;
        state Left {
            initial LeftOpen;
            state LeftOpen { on Next => LeftShut; }
            state LeftShut { done => Meet; }
        }
        state Right {
            initial RightOpen;
            state RightOpen { on Next => RightShut; on Play => Slot; }
            state RightShut { done => Meet; }
            last RightEnd;
        }
        exit_point Out => Stopped;
        on Stop => Out;
    }
    join Meet => Stopped / note::<0>;
    terminate Off;
    on Broken => RightEnd;
}

fn play(buttons: &str) -> (Vec<&'static str>, Vec<&'static str>) {
    let mut machine = Machine::new(PlayerChart, Player::default());
    machine.start(Duration::ZERO, &mut ());
    for button in buttons.chars() {
        machine.handle(button, Duration::ZERO, &mut ()).expect("few events are deferred");
    }
    let table = PlayerChart.table();
    let leaves = machine.engine().leaves().map(|leaf| static_name(table, leaf)).collect();
    (leaves, machine.model().log.clone())
}

fn static_name(table: &Table<Player>, state: rohrpost::machine::StateId) -> &'static str {
    let names = ["Stopped", "Song", "Second", "Noise", "LeftOpen", "RightOpen", "Off"];
    names.into_iter().find(|name| *name == table.name_of(state)).unwrap_or("another")
}

#[test]
fn everything_that_can_be_written_means_what_it_says() {
    assert_eq!(play(""), (vec!["Stopped"], vec![]));
    assert_eq!(play("p"), (vec!["Song"], vec!["spin", "first"]));
    assert_eq!(play("pN"), (vec!["Second"], vec!["spin", "first", "skip"]));
    assert_eq!(play("pnsp"), (vec!["Second"], vec!["spin", "first", "skip", "brake", "spin"]));
    assert_eq!(play("np"), (vec!["Second"], vec!["spin", "first", "skip"]));
    assert_eq!(play("pnn"), (vec!["Noise"], vec!["spin", "first", "skip"]));
    assert_eq!(play("pnnp").0, ["Noise"]);
    assert_eq!(play("pnns").0, ["Stopped"]);
    assert_eq!(play("e"), (vec!["LeftOpen", "RightOpen"], vec!["eject"]));
    assert_eq!(play("en"), (vec!["Stopped"], vec!["eject", "spin"]));
    assert_eq!(play("es").0, ["Stopped"]);
    assert_eq!(play("ep").0, ["LeftOpen", "RightOpen"]);
    assert_eq!(play("pe"), (vec!["Stopped"], vec!["spin", "first", "brake"]));
}

#[test]
fn a_timeout_of_a_fixed_machine_runs() {
    let mut machine = Machine::new(PlayerChart, Player::default());
    machine.start(Duration::ZERO, &mut ());
    machine.handle('p', Duration::ZERO, &mut ()).expect("playing is not deferred");
    assert_eq!(machine.next_deadline(), Some(Duration::from_secs(200)));
    machine.advance(Duration::from_secs(200), &mut ());
    assert!(machine.is_in(PlayerChart::Stopped));
    assert_eq!(machine.model().log, ["spin", "first", "brake", "eject"]);
}

#[test]
fn a_modal_state_of_a_fixed_machine_rejects() {
    let mut player = Player { broken: true, ..Player::default() };
    let mut engine = Engine::new(PlayerChart);
    let _ = engine.start(&mut player, &mut ());
    for button in ['p', 'n'] {
        let _ = engine.handle(&mut { button }, &mut player, &mut ());
    }
    assert_eq!(engine.state(), PlayerChart::Noise);
    assert_eq!(engine.handle(&mut 'p', &mut player, &mut ()).verdict(), Verdict::Rejected);
    assert_eq!(engine.handle(&mut 'x', &mut player, &mut ()).verdict(), Verdict::Rejected);
    assert_eq!(engine.handle(&mut 'e', &mut player, &mut ()).verdict(), Verdict::Handled);
    assert!(engine.is_done());
    assert_eq!(engine.handle(&mut 'p', &mut player, &mut ()).verdict(), Verdict::Unhandled);
}

#[test]
fn names_ids_and_events_of_a_fixed_table_fit_together() {
    let table = PlayerChart.table();
    assert_eq!(table.state("Second"), Some(PlayerChart::Second));
    assert_eq!(table.name_of(PlayerChart::Tray), "Tray");
    assert_eq!(table.vertex(PlayerChart::Pick), Vertex::Choice);
    assert_eq!(table.parent(PlayerChart::Song), Some(PlayerChart::Playing));
    assert_eq!(table.event("Eject"), Some(EventId::from(Button::Eject)));
    assert_eq!(PlayerChart.identify(&'N'), Button::Next.into());
    assert_eq!(PlayerChart.identify(&'?'), EventId::OTHER);
}

#[test]
fn a_machine_is_small() {
    assert_eq!(size_of::<Engine<PlayerChart>>(), 16);
    assert_eq!(size_of::<Engine<Arc<Table<Player>>>>(), 24);
    assert_eq!(size_of::<Engine<PlayerChart, Untraced>>(), 16);
}

struct Siege;

impl Model for Siege {
    type Event<'e> = char;
    type Context<'c> = ();
}

hsm! {
    chart SiegeChart for Siege;
    events SiegeEvent { Left = 'l', Right = 'r', Up = 'u', End = 'x' }

    initial Tower;
    terminate Ruin;
    state Gate {
        on Right => Hall;
        on End => Ruin;
    }
    state Keep {
        initial Hall;
        on End => Ruin;
        on Up => Tower;
        state Cellar { on Up => Hall; }
        state Hall {
            initial Throne;
            on Left => Gate;
            state Throne { on Right => Stairs; }
            state Stairs { on Right => Cellar; }
        }
        state Tower { on Left => Cellar; on Right => Stairs; }
    }
    state Moat {}
    on Up => Moat;
}

#[test]
fn each_leaf_has_its_own_transitions_however_deep_it_lies() {
    let walk = |events: &str| {
        let mut engine = Engine::new(SiegeChart);
        engine.start(&mut Siege, &mut ());
        let handled =
            events.chars().map(|mut event| u8::from(engine.handle(&mut event, &mut Siege, &mut ()).is_handled()));
        let handled: Vec<u8> = handled.collect();
        (engine.table().name_of(engine.state()).to_owned(), handled)
    };
    assert_eq!(walk("?"), ("Tower".to_owned(), vec![0]));
    assert_eq!(walk("lu"), ("Throne".to_owned(), vec![1, 1]));
    assert_eq!(walk("lll"), ("Cellar".to_owned(), vec![1, 0, 0]));
    assert_eq!(walk("rlr"), ("Throne".to_owned(), vec![1, 1, 1]));
    assert_eq!(walk("rrlu"), ("Throne".to_owned(), vec![1, 1, 0, 1]));
    assert_eq!(walk("rluu"), ("Moat".to_owned(), vec![1, 1, 1, 1]));
    assert_eq!(walk("ru"), ("Tower".to_owned(), vec![1, 1]));
}

#[test]
fn a_fixed_machine_that_has_ended_or_not_started_handles_nothing() {
    let mut engine = Engine::new(SiegeChart);
    let takes_any = "lrux?".chars().any(|mut event| engine.handle(&mut event, &mut Siege, &mut ()).is_handled());
    assert!(!takes_any, "expected nothing before the start");
    engine.start(&mut Siege, &mut ());
    assert!(engine.handle(&mut 'x', &mut Siege, &mut ()).is_handled());
    assert!(engine.is_done());
    let takes_any = "lrux?".chars().any(|mut event| engine.handle(&mut event, &mut Siege, &mut ()).is_handled());
    assert!(!takes_any, "expected nothing after the end");
}

#[test]
fn a_fixed_table_that_is_borrowed_does_the_same_as_its_chart() {
    let fixed = PlayerChart;
    let events = "pnnNsepp?esnpe";
    let (mut one, mut two) = (Player::default(), Player::default());
    let (mut by_chart, mut by_table) = (Engine::new(fixed), Engine::new(fixed.table()));
    by_chart.start(&mut one, &mut ());
    by_table.start(&mut two, &mut ());
    for mut event in events.chars() {
        let id = fixed.identify(&event);
        let expected = by_chart.dispatch(id, &mut event, &mut one, &mut ());
        assert_eq!(by_table.dispatch(id, &mut event, &mut two, &mut ()), expected, "for {event}");
        assert_eq!(by_table.state(), by_chart.state(), "after {event}");
    }
    assert_eq!(two.log, one.log);
}

struct Digits;

impl Model for Digits {
    type Event<'e> = u8;
    type Context<'c> = ();
}

hsm! {
    chart DigitChart for Digits;
    events Digit {
        D0 = 0, D1 = 1, D2 = 2, D3 = 3, D4 = 4, D5 = 5, D6 = 6, D7 = 7, D8 = 8, D9 = 9,
    }

    initial Few;
    on D0 => Few;
    on D1 => Few;
    on D2 => Few;
    on D3 => Few;
    on D4 => Few;
    on D5 => Few;
    on D6 => Few;
    on D9 => Many;

    state Few {}
    state Many {
        on D7 => Few;
        on D8 => Few;
    }
}

#[test]
fn a_leaf_tells_its_events_apart_however_many_it_takes() {
    for (start, taken) in [("Few", vec![0, 1, 2, 3, 4, 5, 6, 9]), ("Many", vec![0, 1, 2, 3, 4, 5, 6, 7, 8, 9])] {
        let takes = |mut event: u8| {
            let mut engine = Engine::new(DigitChart);
            engine.start(&mut Digits, &mut ());
            if start == "Many" {
                let _ = engine.handle(&mut 9, &mut Digits, &mut ());
            }
            let handled = engine.handle(&mut event, &mut Digits, &mut ()).is_handled();
            let end = if event == 9 || !handled && start == "Many" { "Many" } else { "Few" };
            assert_eq!(engine.table().name_of(engine.state()), end, "after {event} in `{start}`");
            handled
        };
        assert_eq!((0..20).filter(|&event| takes(event)).collect::<Vec<u8>>(), taken, "expected these in `{start}`");
    }
}
