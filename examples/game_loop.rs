//! Six seconds of a ball game, drawn as text, in a loop that is the program's own.
//!
//! Look at `main`: the namespace is driven. It has no thread; its targets run when the loop says so, sixty times a
//! second, and share the field with the loop through an `Rc`. Look at `Ball`: it asks a paddle with `call`, which is
//! answered before it returns, and the player with `request`, which may take many frames, or never be answered. Then
//! the deadline answers, in the game's own time: the clock goes on by a frame at a time, as fast as the machine can.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rohrpost::{Address, Clock, Context, Failure, Handle, Held, Kernel, Later, ManualClock, handles, record};

const FRAME: Duration = Duration::from_nanos(1_000_000_000 / 60);
const FRAMES: u32 = 6 * 60;
const WIDTH: f32 = 40.0;
/// Cells a second.
const SPEED: f32 = 60.0;
/// How long the player may think before the ball serves itself.
const PATIENCE: Duration = Duration::from_secs(1);

/// The loop has come to the next frame.
#[derive(Clone, Debug)]
struct Tick;
/// The player has pressed the key.
#[derive(Clone, Debug)]
struct Key;
/// The ball is coming: does the paddle hit it?
#[derive(Clone, Debug)]
struct Incoming;
#[derive(Clone, Debug)]
struct Hit(bool);
/// Asks the player to serve.
#[derive(Clone, Debug)]
struct Serve;

record!(Tick, "game.tick");
record!(Key, "game.key");
record!(Incoming, "game.incoming" => Hit);
record!(Hit, "game.hit");
record!(Serve, "game.serve");

/// What the loop draws and the ball changes.
#[derive(Default)]
struct Field {
    ball: Cell<f32>,
    score: Cell<(u32, u32)>,
    /// What was called out since it was drawn last.
    call: RefCell<String>,
}

struct Ball {
    field: Rc<Field>,
    velocity: f32,
    left: Address,
    right: Address,
    player: Address,
}

impl Ball {
    fn miss(&mut self, ctx: &Context<'_>) {
        let (left, right) = self.field.score.get();
        self.field.score.set(if self.velocity > 0.0 { (left + 1, right) } else { (left, right + 1) });
        self.field.call.replace("out!".to_owned());
        self.field.ball.set(WIDTH / 2.0);
        let direction = -self.velocity;
        self.velocity = 0.0;
        ctx.within(PATIENCE).request(self.player, Serve).then_on(self, move |ball, answer, _ctx| {
            ball.velocity = direction;
            ball.field.call.replace(match answer {
                Ok(()) => "the player serves".to_owned(),
                Err(failure) => format!("the ball serves itself: {failure}"),
            });
        });
    }
}

impl Handle<Tick> for Ball {
    fn handle(&mut self, _tick: &Tick, ctx: &mut Context<'_>) -> Result<(), Failure> {
        let ball = self.field.ball.get() + self.velocity * FRAME.as_secs_f32();
        self.field.ball.set(ball.clamp(0.0, WIDTH));
        let paddle = match ball {
            ball if ball <= 0.0 => self.left,
            ball if ball >= WIDTH => self.right,
            _ => return Ok(()),
        };
        let Hit(hit) = ctx.call(paddle, Incoming)?;
        if hit {
            self.velocity = -self.velocity;
        } else {
            self.miss(ctx);
        }
        Ok(())
    }
}

handles!(Ball: Tick);

/// Hits so many balls, then misses one.
struct Paddle {
    hits: u32,
    left: u32,
}

impl Handle<Incoming> for Paddle {
    fn handle(&mut self, _incoming: &Incoming, _ctx: &mut Context<'_>) -> Result<Hit, Failure> {
        let hit = self.left > 0;
        self.left = if hit { self.left - 1 } else { self.hits };
        Ok(Hit(hit))
    }
}

handles!(Paddle: Incoming);

/// Keeps the question whether to serve until a key is pressed.
#[derive(Default)]
struct Player(Option<Held<Serve>>);

impl Later<Serve> for Player {
    fn handle(&mut self, serve: Held<Serve>, _ctx: &mut Context<'_>) {
        self.0 = Some(serve);
    }
}

impl Handle<Key> for Player {
    fn handle(&mut self, _key: &Key, _ctx: &mut Context<'_>) -> Result<(), Failure> {
        if let Some(serve) = self.0.take() {
            serve.answer(());
        }
        Ok(())
    }
}

handles!(Player: Key; later Serve);

fn draw(now: Duration, field: &Field, wait: Option<Duration>) {
    let (left, right) = field.score.get();
    let mut line = vec![' '; WIDTH as usize + 1];
    line[field.ball.get() as usize] = 'o';
    let line: String = line.into_iter().collect();
    let call = field.call.take();
    let wait = wait.map_or_else(String::new, |wait| format!("{:.2} s left to serve", wait.as_secs_f32()));
    let line = format!("{:5.2} s  [{line}]  {left} : {right}  {call:<6}{wait}", now.as_secs_f32());
    println!("{}", line.trim_end());
}

fn main() -> Result<(), Box<dyn Error>> {
    let clock = Arc::new(ManualClock::new());
    let kernel = Kernel::builder("arcade").clock(clock.clone()).start()?;
    let (game, mut worker) = kernel.namespace("game").driven()?;

    let left = game.register(Paddle { hits: 2, left: 2 })?;
    let right = game.register(Paddle { hits: 1, left: 1 })?;
    let player = game.register(Player::default())?;
    let field = Rc::new(Field::default());
    field.ball.set(WIDTH / 2.0);
    let ball = Ball { field: field.clone(), velocity: SPEED, left, right, player };
    let ball = worker.build(|thread| thread.register(ball))?;

    let start = clock.now();
    for frame in 1..=FRAMES {
        clock.advance(FRAME);
        if frame == 310 {
            kernel.notify(player, Key)?;
        }
        kernel.notify(ball, Tick)?;
        worker.run_until_idle();
        if frame % 12 == 0 || !field.call.borrow().is_empty() {
            let wait = worker.next_deadline().map(|deadline| deadline.since(clock.now()));
            draw(clock.now().since(start), &field, wait);
        }
    }
    println!("{FRAMES} frames, {} messages", kernel.counters().sent);
    Ok(())
}
