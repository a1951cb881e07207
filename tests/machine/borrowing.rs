//! Events and contexts that borrow from the caller's stack, as messages and contexts of targets do.

use rohrpost::{
    hsm,
    machine::{Engine, Model, Query, State, Step, Table, Transition},
};

/// A message that borrows its text and can be answered in place.
pub(crate) struct Message<'e> {
    text: &'e str,
    answer: &'e mut Option<String>,
}

/// A context that borrows where things are sent.
pub(crate) struct Context<'c> {
    outbox: &'c mut Vec<String>,
    name: &'c str,
}

#[derive(Default)]
pub(crate) struct Greeter {
    greeted: usize,
}

impl Model for Greeter {
    type Event<'e> = Message<'e>;
    type Context<'c> = Context<'c>;
}

impl Greeter {
    fn greet(&mut self, ctx: &mut Context<'_>, step: &mut Step<'_, Message<'_>>) {
        self.greeted += 1;
        if let Some(message) = step.event() {
            *message.answer = Some(format!("hello {}", message.text));
            ctx.outbox.push(format!("{} greeted {}", ctx.name, message.text));
        }
    }

    fn leave(&mut self, ctx: &mut Context<'_>, _: &mut Step<'_, Message<'_>>) {
        ctx.outbox.push(format!("{} left", ctx.name));
    }

    fn is_polite(&self, ctx: &Context<'_>, query: &Query<'_, Message<'_>>) -> bool {
        ctx.name != "rude" && query.event().is_some_and(|message| !message.text.is_empty())
    }
}

hsm! {
    chart GreeterChart for Greeter;

    events Input by (|message| message.text.is_empty()) {
        Text = false,
        Silence = true,
    }

    initial Here;
    state Here {
        exit Greeter::leave;
        on Text if Greeter::is_polite => Here / Greeter::greet;
        on Silence => Gone / |_, ctx, _| ctx.outbox.push("silence".to_owned());
    }
    state Gone {}
}

fn talk<C: rohrpost::machine::Chart<Model = Greeter>>(chart: C) {
    let mut greeter = Greeter::default();
    let mut engine = Engine::new(chart);
    let mut outbox = Vec::new();
    let name = String::from("ada");
    let _ = engine.start(&mut greeter, &mut Context { outbox: &mut outbox, name: &name });
    {
        let text = String::from("bob");
        let mut answer = None;
        let mut message = Message { text: &text, answer: &mut answer };
        let mut ctx = Context { outbox: &mut outbox, name: &name };
        assert!(engine.handle(&mut message, &mut greeter, &mut ctx).is_handled());
        ctx.outbox.push("and the context is still usable".to_owned());
        assert_eq!(answer.as_deref(), Some("hello bob"));
    }
    let mut none = None;
    let mut silence = Message { text: "", answer: &mut none };
    let _ = engine.handle(&mut silence, &mut greeter, &mut Context { outbox: &mut outbox, name: &name });
    assert_eq!(greeter.greeted, 1);
    assert_eq!(outbox, ["ada left", "ada greeted bob", "and the context is still usable", "ada left", "silence"]);
}

#[test]
fn a_fixed_machine_takes_events_and_contexts_that_borrow() {
    talk(GreeterChart);
}

#[test]
fn a_built_machine_takes_events_and_contexts_that_borrow() {
    let mut builder = Table::<Greeter>::builder();
    let (text, silence) = (builder.event("text"), builder.event("silence"));
    let table = builder
        .identify(move |message| if message.text.is_empty() { silence } else { text })
        .initial(Transition::to("here"))
        .state(
            State::<Greeter>::new("here")
                .exit(Greeter::leave)
                .on(text, Transition::to("here").when(Greeter::is_polite).effect(Greeter::greet))
                .on(
                    silence,
                    Transition::<Greeter>::to("gone").effect(|_, ctx, _| ctx.outbox.push("silence".to_owned())),
                ),
        )
        .state(State::new("gone"))
        .build()
        .expect("the chart has no faults");
    talk(&table);
}
