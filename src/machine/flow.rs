//! Plans of a table that is built at run time, with their functions at hand.
//!
//! The functions of a transition lie together in one object, so that taking it is one call by pointer which makes the
//! others, and no look-up. What it costs beyond the calls is what the processor guesses wrong about where they lead:
//!
//! - Whether there is anything to do is asked first. Of the calls by pointer that it has seen the processor remembers
//!   little; of the questions, much.
//! - From one place in the program it learns best where a call leads if it always leads there. So there is code for several
//!   *places*, the same but for where it lies, and transitions share them as little as possible.

use super::{
    Model, Step,
    core::Core,
    hooks::{Action, ActionBox},
    ids::NONE,
    plan::{Moved, Op, Route},
};

/// How many places there are for each number of actions.
const PLACES: usize = 8;

/// Everything that a plan without guards does.
pub(super) trait Course<M: Model>: Send + Sync {
    /// Does it, and moves to where it leads.
    fn take(&self, core: &mut Core, me: &mut M, ctx: &mut M::Context<'_>, step: &mut Step<'_, M::Event<'_>>);
}

/// The plan of one leaf and one event.
pub(super) struct Flow<M: Model> {
    course: Box<dyn Course<M>>,
    /// Whether there is something to do.
    acts: bool,
    /// What it comes to.
    moved: Moved,
}

impl<M: Model> Flow<M> {
    /// The flow of the plan that begins with `route`; `places` counts the places that have been given away.
    pub(super) fn of(route: &Route, ops: &[Op], actions: &[ActionBox<M>], places: &mut usize) -> Self {
        let ops = &ops[route.first as usize..][..usize::from(route.ops)];
        let own: Option<Vec<_>> = (ops.iter())
            .map(|op| match *op {
                Op::Act(at) => Some(&*actions[usize::from(at)]),
                _ => None,
            })
            .collect();
        let Some(own) = own.filter(|_| route.guard == NONE) else {
            return Self { course: Box::new(Idle), acts: false, moved: Moved::UNREAD };
        };
        let moved = route.moved;
        let course: Box<dyn Course<M>> = match own[..] {
            [] if moved.stays() => return Self { course: Box::new(Idle), acts: false, moved },
            [only] if moved.stays() => only.alone(),
            _ => {
                *places += 1;
                sequence(&own, moved, *places)
            }
        };
        Self { course, acts: true, moved }
    }

    /// Does what is planned, and moves to where it leads; or says that the plan has to be read.
    #[inline(always)]
    pub(super) fn take(
        &self,
        core: &mut Core,
        me: &mut M,
        ctx: &mut M::Context<'_>,
        step: &mut Step<'_, M::Event<'_>>,
    ) -> Moved {
        if self.acts {
            self.course.take(core, me, ctx, step);
        }
        self.moved
    }
}

/// Nothing to do.
struct Idle;

impl<M: Model> Course<M> for Idle {
    fn take(&self, _: &mut Core, _: &mut M, _: &mut M::Context<'_>, _: &mut Step<'_, M::Event<'_>>) {}
}

/// A few actions one after the other, and then where that leads.
#[repr(C)]
struct Short<M: Model, const PLACE: usize, const LEN: usize> {
    actions: [ActionBox<M>; LEN],
    /// Has what follows lie elsewhere for each place, or the compiler would see that the code is the same and make it once.
    place: [u32; PLACE],
    moved: Moved,
}

impl<M: Model, const PLACE: usize, const LEN: usize> Course<M> for Short<M, PLACE, LEN> {
    fn take(&self, core: &mut Core, me: &mut M, ctx: &mut M::Context<'_>, step: &mut Step<'_, M::Event<'_>>) {
        for action in &self.actions {
            action.run(me, ctx, step);
        }
        core.follow(self.moved);
    }
}

/// None, or many.
struct Long<M: Model> {
    actions: Box<[ActionBox<M>]>,
    moved: Moved,
}

impl<M: Model> Course<M> for Long<M> {
    fn take(&self, core: &mut Core, me: &mut M, ctx: &mut M::Context<'_>, step: &mut Step<'_, M::Event<'_>>) {
        for action in &self.actions {
            action.run(me, ctx, step);
        }
        core.follow(self.moved);
    }
}

/// The course of `own`, in a place of its own as far as there are any.
fn sequence<M: Model>(own: &[&dyn Action<M>], moved: Moved, place: usize) -> Box<dyn Course<M>> {
    macro_rules! short {
        ($actions:ident $len:literal; $($place:literal)*) => {{
            let actions = $actions.map(Action::again);
            match place % PLACES {
                $($place => Box::new(Short::<M, $place, $len> { actions, place: [0; _], moved }),)*
                _ => unreachable!("a remainder is less than what it was divided by"),
            }
        }};
    }
    macro_rules! lengths {
        ($($len:literal)*) => {
            match own.len() {
                $($len => {
                    let actions: [_; $len] = own.try_into().expect("it has this length");
                    short!(actions $len; 0 1 2 3 4 5 6 7)
                })*
                _ => Box::new(Long { actions: own.iter().map(|action| action.again()).collect(), moved }),
            }
        };
    }
    lengths!(1 2 3 4 5 6)
}
