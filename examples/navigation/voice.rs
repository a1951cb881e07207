//! The voice: says one thing at a time, takes its time for that, and does not say what comes too late.

use std::collections::VecDeque;
use std::time::Duration;

use rohrpost::{Code, Context, Failure, Handle, Held, Later, Started, handles, record};

use crate::log::log;
use crate::services::Say;

/// How long it takes to be ready.
const BOOT: Duration = Duration::from_secs(6);
/// How long it takes to say a letter.
const LETTER: Duration = Duration::from_millis(60);

/// It is ready to speak.
#[derive(Clone, Debug)]
struct Booted;
/// It has said what it had to.
#[derive(Clone, Debug)]
struct Said;
record!(Booted, "voice.booted");
record!(Said, "voice.said");

#[derive(Default)]
pub(crate) struct Voice {
    /// What is to be said; the first is being said. Whoever asked for it waits.
    speech: VecDeque<Held<Say>>,
}

impl Voice {
    fn speak(&mut self, ctx: &Context<'_>) {
        while let Some(say) = self.speech.front() {
            let text = say.message().record().map_or("", |Say(text)| text);
            let late = say.message().expires().is_some_and(|deadline| deadline <= ctx.now());
            if !late && ctx.timer(Said).after(LETTER * text.len() as u32).is_ok() {
                return log(ctx.now(), "voice", &format!("\"{text}\""));
            }
            // Whoever asked has been told already that it was not said in time.
            self.speech.pop_front();
        }
    }
}

impl Started for Voice {
    fn started(&mut self, ctx: &mut Context<'_>) {
        if let Err(error) = ctx.timer(Booted).after(BOOT) {
            log(ctx.now(), "voice", &format!("stays silent: {error}"));
        }
    }
}

impl Handle<Booted> for Voice {
    fn handle(&mut self, _booted: &Booted, ctx: &mut Context<'_>) -> Result<(), Failure> {
        ctx.serve::<Say>().map_err(|error| Failure::new(Code::DENIED, error.to_string()))
    }
}

impl Later<Say> for Voice {
    fn handle(&mut self, say: Held<Say>, ctx: &mut Context<'_>) {
        self.speech.push_back(say);
        if self.speech.len() == 1 {
            self.speak(ctx);
        }
    }
}

impl Handle<Said> for Voice {
    fn handle(&mut self, _said: &Said, ctx: &mut Context<'_>) -> Result<(), Failure> {
        if let Some(said) = self.speech.pop_front() {
            said.answer(());
        }
        self.speak(ctx);
        Ok(())
    }
}

handles!(Voice: Booted, Said; later Say; hooks started);
