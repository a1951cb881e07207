//! What surrounds a plan: finding it, and what it leaves to be done.

use super::{
    EventId, Model, Outcome, Query, Step, Table, Untraced, Verdict,
    core::{Core, NEAR},
    flow::Flow,
    ids::NONE,
    plan::{Moved, Op, Route},
    run::{self, Call},
};

impl<M: Model> Table<M> {
    /// Handles `event` and everything that it sets off.
    #[inline(always)]
    pub(super) fn react(
        &self,
        event: EventId,
        core: &mut Core,
        me: &mut M,
        ctx: &mut M::Context<'_>,
        payload: &mut M::Event<'_>,
    ) -> Outcome {
        if usize::from(event.0) < NEAR {
            if core.ignores(event) {
                return Moved::NOWHERE.outcome();
            }
            // Rows whose length has to be read from the table would be found later, and the jump would wait for it.
            if let Some(row) = self.rows.all().get(usize::from(core.leaf())) {
                return row[usize::from(event.0)].start(self, core, me, ctx, payload);
            }
        }
        self.react_to_far(event, core, me, ctx, payload)
    }

    /// Handles an event that is not near, or that of a table without flows.
    #[inline(never)]
    fn react_to_far(
        &self,
        event: EventId,
        core: &mut Core,
        me: &mut M,
        ctx: &mut M::Context<'_>,
        payload: &mut M::Event<'_>,
    ) -> Outcome {
        if let Some(flow) = self.far_flow(core.leaf(), event) {
            return flow.start(self, core, me, ctx, payload);
        }
        let mut step = Step::new(payload);
        let moved = self.read(self.plan_for(core.leaf(), event), core, me, ctx, &mut step);
        core.follow(moved);
        if moved.is_undecided() {
            return self.decide(event, core, me, ctx, &mut step);
        }
        self.finish(moved, core, me, ctx, &mut step)
    }

    /// The flow of an event that is not near, or has no name.
    fn far_flow(&self, leaf: u16, event: EventId) -> Option<&Flow<M>> {
        let named = self.event_names.len();
        let event = usize::from(event.0).min(named);
        if event < NEAR {
            return self.rows.all().get(usize::from(leaf)).map(|row| &row[event]);
        }
        self.far.all().get(usize::from(leaf) * (named + 1 - NEAR) + event - NEAR)
    }

    /// Ends a step whose plan has been followed.
    #[inline(always)]
    pub(super) fn finish(
        &self,
        moved: Moved,
        core: &mut Core,
        me: &mut M,
        ctx: &mut M::Context<'_>,
        step: &mut Step<'_, M::Event<'_>>,
    ) -> Outcome {
        if moved.is_plain() && step.queue.is_untouched() {
            return moved.outcome();
        }
        self.settle(moved, core, me, ctx, step)
    }

    /// Does what a course leaves to be done, and ends its step.
    #[cold]
    #[inline(never)]
    pub(super) fn settle_last(
        &self,
        moved: Moved,
        core: &mut Core,
        me: &mut M,
        ctx: &mut M::Context<'_>,
        mut step: Step<'_, M::Event<'_>>,
    ) -> Outcome {
        self.settle(moved, core, me, ctx, &mut step)
    }

    /// Works out at run time what becomes of `event`.
    #[cold]
    #[inline(never)]
    pub(super) fn decide(
        &self,
        event: EventId,
        core: &mut Core,
        me: &mut M,
        ctx: &mut M::Context<'_>,
        step: &mut Step<'_, M::Event<'_>>,
    ) -> Outcome {
        // Without regions and trace there is nothing to work out; a benchmark is built that way to see what they cost.
        if cfg!(rohrpost_bare_machines) {
            return Moved::NOWHERE.outcome();
        }
        self.run(Call::Event(event), core, me, ctx, step)
    }

    /// Does what a plan leaves to be done.
    #[cold]
    #[inline(never)]
    pub(super) fn settle(
        &self,
        moved: Moved,
        core: &mut Core,
        me: &mut M,
        ctx: &mut M::Context<'_>,
        step: &mut Step<'_, M::Event<'_>>,
    ) -> Outcome {
        if moved.follows() || !step.queue.is_untouched() || (moved.recalls() && core.rest.is_some()) {
            return self.go_on(moved, core, me, ctx, step);
        }
        Outcome { verdict: moved.verdict(), recall: moved.recalls() }
    }

    /// Goes on after a plan: completions, transitions without trigger, raised events. For the latter there are plans again,
    /// which are read: the straight code of a fixed table is made once, for events from outside.
    fn go_on(
        &self,
        mut moved: Moved,
        core: &mut Core,
        me: &mut M,
        ctx: &mut M::Context<'_>,
        step: &mut Step<'_, M::Event<'_>>,
    ) -> Outcome {
        let mut recall = false;
        let verdict = moved.verdict();
        for _ in 0..run::PATIENCE {
            recall |= moved.recalls();
            if moved.recalls()
                && let Some(kept) = core.kept()
            {
                step.queue.put_first(kept);
            }
            if moved.follows() {
                let call = if moved.completes() { Call::Arrived } else { Call::Settle };
                let outcome = self.run(call, core, me, ctx, step);
                return Outcome { recall: recall || outcome.recall, ..outcome };
            }
            let Some(event) = step.queue.pop() else {
                return Outcome { verdict, recall };
            };
            step.event = None;
            moved = self.read(self.plan_for(core.leaf(), event), core, me, ctx, step);
            if moved.is_undecided() {
                let outcome = self.run(Call::Event(event), core, me, ctx, step);
                recall |= outcome.recall;
                if outcome.verdict == Verdict::Endless {
                    return Outcome { recall, ..outcome };
                }
                if outcome.verdict == Verdict::Deferred {
                    core.keep(self, event);
                }
                moved = Moved::NOWHERE;
            }
            if moved.verdict() == Verdict::Deferred {
                core.keep(self, event);
            }
            core.follow(moved);
        }
        Outcome { verdict: Verdict::Endless, recall }
    }

    fn run(
        &self,
        call: Call,
        core: &mut Core,
        me: &mut M,
        ctx: &mut M::Context<'_>,
        step: &mut Step<'_, M::Event<'_>>,
    ) -> Outcome {
        run::run(call, self, core, me, ctx, step, &mut Untraced)
    }

    /// Does what is planned by reading the plan that begins at `at`.
    #[inline(never)]
    pub(super) fn read(
        &self,
        at: u32,
        core: &mut Core,
        me: &mut M,
        ctx: &mut M::Context<'_>,
        step: &mut Step<'_, M::Event<'_>>,
    ) -> Moved {
        let mut route = self.route_at(at);
        if route.guard != NONE {
            route = self.first_open(at, core.leaf(), me, ctx, step);
        }
        for &op in &self.ops.all()[route.first as usize..][..usize::from(route.ops)] {
            match op {
                Op::Act(action) => self.actions.run(action, me, ctx, step),
                op => core.attend(self, op),
            }
        }
        route.moved
    }

    /// What would become of `event` while `leaf` is active, as far as it is planned.
    pub(super) fn foresee(
        &self,
        event: EventId,
        leaf: u16,
        me: &M,
        ctx: &M::Context<'_>,
        step: &Step<'_, M::Event<'_>>,
    ) -> Option<Verdict> {
        let moved = self.first_open(self.plan_for(leaf, event), leaf, me, ctx, step).moved;
        (!moved.is_undecided()).then(|| moved.verdict())
    }

    /// The first route of a plan whose guard holds; the last one has none.
    fn first_open(
        &self,
        mut at: u32,
        leaf: u16,
        me: &M,
        ctx: &M::Context<'_>,
        step: &Step<'_, M::Event<'_>>,
    ) -> &Route {
        let query = Query { event: step.event.as_deref(), nodes: self.nodes.all(), leaves: &[leaf] };
        loop {
            let route = self.route_at(at);
            if route.guard == NONE || self.guards.ask(route.guard, me, ctx, &query) {
                return route;
            }
            at += 1;
        }
    }
}
