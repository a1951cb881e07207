//! What a plan does, as an object whose function is at hand.
//!
//! A `Box<dyn Course>` has its function in a table of the type, and the processor that has guessed wrong where an event
//! leads learns better only when it has gone there. Here the function lies beside the object, one step less: a twentieth of
//! what an event in an order without pattern costs (`benches/compare-machines`, runtime builder, mixed events).
#![expect(unsafe_code, reason = "a function that lies beside its object knows the type, the compiler does not")]

use super::{
    Model, Outcome,
    flow::{Course, End, Occasion},
};
use std::{any::Any, ptr};

/// Some [`Course`].
pub(super) struct AnyCourse<M: Model> {
    take: TakeFn<M>,
    /// Where it leads.
    end: End,
    /// Of the type that `take` was made for.
    object: Box<dyn Any + Send + Sync>,
}

type TakeFn<M> = fn(
    &AnyCourse<M>,
    &mut M,
    &mut <M as Model>::Context<'_>,
    &mut <M as Model>::Event<'_>,
    &mut Occasion<'_, M>,
) -> Outcome;

impl<M: Model> AnyCourse<M> {
    pub(super) fn new<C: Course<M> + 'static>(course: C, end: End) -> Self {
        Self { take: take::<M, C>, end, object: Box::new(course) }
    }

    /// Does what the course does.
    #[inline(always)]
    pub(super) fn take(
        &self,
        me: &mut M,
        ctx: &mut M::Context<'_>,
        event: &mut M::Event<'_>,
        occasion: &mut Occasion<'_, M>,
    ) -> Outcome {
        (self.take)(self, me, ctx, event, occasion)
    }
}

fn take<M: Model, C: Course<M> + 'static>(
    this: &AnyCourse<M>,
    me: &mut M,
    ctx: &mut M::Context<'_>,
    event: &mut M::Event<'_>,
    occasion: &mut Occasion<'_, M>,
) -> Outcome {
    debug_assert!(this.object.is::<C>(), "a course is made together with its function");
    let object = ptr::from_ref::<dyn Any>(&*this.object).cast::<C>();
    // SAFETY: only `AnyCourse::new` writes the function and the object, and it takes this function for an object of type `C`.
    let course = unsafe { &*object };
    course.take(&this.end, me, ctx, event, occasion)
}

#[cfg(test)]
mod tests {
    use super::{AnyCourse, Course, End, Model, Occasion, Outcome};
    use crate::machine::{Engine, EventId, State, Table, Transition, Verdict, core::Core};
    use std::{array, sync::Arc};

    struct Counter(usize);

    impl Model for Counter {
        type Event<'e> = u8;
        type Context<'c> = ();
    }

    /// A course that owns something.
    struct Count(Arc<[usize]>);

    impl Course<Counter> for Count {
        fn take(
            &self,
            _: &End,
            me: &mut Counter,
            (): &mut (),
            event: &mut u8,
            _: &mut Occasion<'_, Counter>,
        ) -> Outcome {
            me.0 += self.0.len() + usize::from(*event);
            Outcome { verdict: Verdict::Handled, recall: false }
        }
    }

    fn table(held: &Arc<[usize]>) -> Table<Counter> {
        let mut builder = Table::<Counter>::builder();
        let (go, stay, ask) = (builder.event("go"), builder.event("stay"), builder.event("ask"));
        let [a, b, c, d, e, f]: [Arc<[usize]>; 6] = array::from_fn(|_| held.clone());
        builder
            .initial(Transition::to("a"))
            .state(
                State::<Counter>::new("a")
                    .entry(move |me, _, _| me.0 += a.len())
                    .exit(move |me, _, _| me.0 += b.len())
                    .on(go, Transition::<Counter>::to("a").effect(move |me, _, _| me.0 += c.len()))
                    .on(stay, Transition::<Counter>::internal().effect(move |me, _, _| me.0 += d.len()))
                    .on(
                        ask,
                        Transition::<Counter>::internal()
                            .when(move |me, _, _| me.0 > e.len())
                            .effect(move |me, _, _| me.0 += f.len()),
                    ),
            )
            .build()
            .expect("the chart has no faults")
    }

    #[test]
    fn a_course_gets_the_object_that_it_was_made_of_and_drops_it() {
        let held: Arc<[usize]> = [1, 2, 3].into();
        let table = table(&[].into());
        let course = AnyCourse::new(Count(held.clone()), End::INSIDE);
        let mut counter = Counter(0);
        let mut core = Core::default();
        let mut occasion = Occasion { table: &table, core: &mut core };
        assert!(course.take(&mut counter, &mut (), &mut 4, &mut occasion).is_handled());
        assert_eq!(counter.0, 7, "expected three of the object and four of the event");
        drop(course);
        assert_eq!(Arc::strong_count(&held), 1, "expected the object to be gone with its course");
    }

    #[test]
    fn closures_of_a_table_are_called_with_what_they_hold_and_dropped_with_it() {
        let held: Arc<[usize]> = [1].into();
        let table = table(&held);
        let mut counter = Counter(0);
        let mut engine = Engine::new(&table);
        engine.start(&mut counter, &mut ());
        assert_eq!(counter.0, 1, "expected the entry");
        let verdict = |event, engine: &mut Engine<_>, counter: &mut Counter| {
            engine.dispatch(EventId::new(event), &mut 0, counter, &mut ()).is_handled()
        };
        assert!(!verdict(2, &mut engine, &mut counter), "expected the guard to refuse");
        assert!(verdict(0, &mut engine, &mut counter));
        assert_eq!(counter.0, 4, "expected exit, effect and entry");
        assert!(verdict(1, &mut engine, &mut counter));
        assert!(verdict(2, &mut engine, &mut counter));
        assert_eq!(counter.0, 6, "expected two effects");
        assert!(!verdict(3, &mut engine, &mut counter), "expected an event without a name to be left alone");
        drop(table);
        assert_eq!(Arc::strong_count(&held), 1, "expected the closures to be gone with the table");
    }
}
