//! Which transitions are taken.

use super::{Cause, Run, Taken};
use crate::machine::{Answer, Model, Policy, Query, Reach, Trace, TransitionId, Trigger, Verdict, Vertex, ids::NONE};

impl<M: Model, T: Trace> Run<'_, '_, '_, '_, M, T> {
    pub(super) fn clear(&mut self) {
        self.work.taken.clear();
        self.work.path.clear();
        self.work.goals.clear();
    }

    /// Finds the transitions that `cause` starts: for each active leaf the innermost, without those that conflict.
    pub(super) fn select(&mut self, cause: Cause) {
        self.clear();
        let chart = self.chart;
        for at in 0..self.rest.leaves.len() {
            let mut around = chart.outward(self.rest.leaves[at]);
            let _ = around.find(|&state| self.try_state(state, cause));
        }
        if self.work.taken.len() > 1 {
            self.resolve_conflicts();
        }
    }

    /// Whether `state` has a transition for `cause`, which is then among those taken.
    pub(super) fn try_state(&mut self, state: u16, cause: Cause) -> bool {
        self.chart.edges_from(state).any(|at| {
            let edge = self.chart.edge(at);
            let target = if edge.targets == 1 { self.chart.target(edge, 0) } else { NONE };
            if target != NONE && self.chart.node(target).vertex == Vertex::Join {
                return self.try_join(target, cause);
            }
            let starts = match (edge.trigger, cause) {
                (Trigger::Always, Cause::Always) | (Trigger::Done, Cause::Done) => true,
                (_, Cause::Event(event)) => edge.takes(event),
                _ => false,
            };
            starts && (self.is_taken(at) || self.try_edge(at))
        })
    }

    fn is_taken(&self, head: u16) -> bool {
        self.work.taken.iter().any(|taken| taken.head == head)
    }

    /// Whether the compound transition that starts with `edge` is enabled; it is then among those taken.
    pub(super) fn try_edge(&mut self, edge: u16) -> bool {
        let from = (self.work.path.len(), self.work.goals.len());
        if !self.resolve(edge) {
            self.work.path.truncate(from.0);
            self.work.goals.truncate(from.1);
            return false;
        }
        self.enlist(edge, self.chart.edge(edge).source, NONE, from);
        true
    }

    /// Follows `edge` through everything that only routes it on; what it passes and where it ends goes to the scratch.
    fn resolve(&mut self, edge: u16) -> bool {
        if !self.permits(edge) {
            return false;
        }
        let chart = self.chart;
        self.work.path.push(edge);
        chart.targets(chart.edge(edge)).iter().all(|&target| match chart.node(target).vertex {
            Vertex::Junction | Vertex::ExitPoint => chart.edges_from(target).any(|branch| {
                let from = (self.work.path.len(), self.work.goals.len());
                let open = self.resolve(branch);
                if !open {
                    self.work.path.truncate(from.0);
                    self.work.goals.truncate(from.1);
                }
                open
            }),
            Vertex::Fork => chart.edges_from(target).all(|branch| self.resolve(branch)),
            _ => {
                self.work.goals.push(target);
                true
            }
        })
    }

    /// Whether all that `join` waits for is there, and one of its ways out is open.
    fn try_join(&mut self, join: u16, cause: Cause) -> bool {
        let chart = self.chart;
        let leads_here = |edge: &u16| {
            let edge = chart.edge(*edge);
            edge.targets == 1 && chart.target(edge, 0) == join
        };
        let legs = (0..chart.edges.len() as u16).filter(leads_here);
        let ready = |leg: u16| {
            let source = chart.edge(leg).source;
            self.is_active(source) && self.is_complete(source)
        };
        if !legs.clone().all(ready) {
            return false;
        }
        let from = (self.work.path.len(), self.work.goals.len());
        chart.edges_from(join).any(|out| {
            let starts = match cause {
                Cause::Event(event) => chart.edge(out).takes(event),
                Cause::Done => chart.edge(out).trigger == Trigger::Arrival,
                Cause::Always => false,
            };
            if !starts {
                return false;
            }
            if self.is_taken(out) {
                return true;
            }
            self.work.path.extend(legs.clone());
            if !self.resolve(out) {
                self.work.path.truncate(from.0);
                self.work.goals.truncate(from.1);
                return false;
            }
            // All regions that meet here are left, and with them the state around them.
            let mut sources = legs.clone().map(|leg| chart.edge(leg).source);
            let first = sources.next().unwrap_or(0);
            let around = sources.fold(first, |around, source| chart.common(around, source));
            self.enlist(out, first, around, from);
            true
        })
    }

    /// Adds the transition whose segments and targets have just been written to the scratch.
    fn enlist(&mut self, head: u16, source: u16, left: u16, from: (usize, usize)) {
        let path = (from.0 as u16, self.work.path.len() as u16);
        let goals = (from.1 as u16, self.work.goals.len() as u16);
        let mut taken = Taken { head, source, domain: NONE, path, goals };
        taken.domain = self.domain(&taken, left);
        self.work.taken.push(taken);
    }

    /// The innermost state that is not left, or `NONE` if nothing is.
    fn domain(&self, taken: &Taken, left: u16) -> u16 {
        let chart = self.chart;
        let goals = &self.work.goals[usize::from(taken.goals.0)..usize::from(taken.goals.1)];
        let Some(&first) = goals.first() else {
            return NONE;
        };
        let head = chart.edge(taken.head);
        if head.reach == Reach::Internal {
            return NONE;
        }
        if goals.iter().all(|&goal| chart.stays_inside(head.reach, taken.source, goal)) {
            return taken.source;
        }
        let path = &self.work.path[usize::from(taken.path.0)..usize::from(taken.path.1)];
        let passed = path
            .iter()
            .flat_map(|&edge| chart.targets(chart.edge(edge)))
            .copied()
            .filter(|&target| chart.node(target).vertex == Vertex::ExitPoint);
        let source = if left == NONE { taken.source } else { left };
        let mut domain = chart.common(source, chart.border(first));
        for vertex in goals.iter().copied().chain(passed) {
            while domain != 0 && !chart.inside(chart.border(vertex), domain) {
                domain = chart.node(domain).parent;
            }
        }
        chart.settle_domain(domain)
    }

    /// Asks the guard of one segment.
    fn permits(&mut self, at: u16) -> bool {
        let guard = self.chart.edge(at).guard;
        if guard == NONE {
            return true;
        }
        let open = self.ask(guard);
        if T::ACTIVE {
            self.trace.asked(TransitionId(at), if open { Answer::Yes } else { Answer::No });
        }
        open
    }

    fn ask(&self, guard: u16) -> bool {
        let query = Query { event: self.step.event.as_deref(), nodes: self.chart.nodes, leaves: &self.rest.leaves };
        self.table.guards.ask(guard, self.me, self.ctx, &query)
    }

    /// What the rules of active states say about `event`, as far as no transition at or inside these states takes it.
    pub(super) fn ruling(&self, event: u16) -> Verdict {
        let chart = self.chart;
        let mut verdict = Verdict::Unhandled;
        if chart.rules.is_empty() {
            return verdict;
        }
        for &leaf in &self.rest.leaves {
            for state in chart.outward(leaf) {
                let node = chart.node(state);
                for rule in &chart.rules[usize::from(node.first_rule)..][..usize::from(node.rules)] {
                    let overridden = || self.work.taken.iter().any(|taken| chart.within(taken.source, state));
                    if !chart.covers(rule, event) || overridden() || (rule.guard != NONE && !self.ask(rule.guard)) {
                        continue;
                    }
                    verdict = match (rule.policy, verdict) {
                        (Policy::Defer, _) => return Verdict::Deferred,
                        (Policy::Reject, Verdict::Unhandled) => Verdict::Rejected,
                        (Policy::Drop, Verdict::Unhandled) => Verdict::Dropped,
                        (_, verdict) => verdict,
                    };
                }
            }
        }
        verdict
    }

    /// Of two transitions that would leave the same state, the inner one goes first, else the one that was found first.
    fn resolve_conflicts(&mut self) {
        let mut found = std::mem::take(&mut self.work.taken);
        let mut kept = std::mem::take(&mut self.work.spare);
        for &new in &found {
            let clash = |old: &Taken| self.conflict(old, &new);
            let inner = |old: &Taken| self.chart.inside(new.source, old.source);
            if kept.iter().any(|old| clash(old) && !inner(old)) {
                continue;
            }
            kept.retain(|old| !clash(old));
            kept.push(new);
        }
        found.clear();
        (self.work.taken, self.work.spare) = (kept, found);
    }

    fn conflict(&self, one: &Taken, other: &Taken) -> bool {
        let leaves_something = |taken: &Taken| {
            taken.domain != NONE && self.rest.leaves.iter().any(|&leaf| self.chart.inside(leaf, taken.domain))
        };
        leaves_something(one)
            && leaves_something(other)
            && (self.chart.within(one.domain, other.domain) || self.chart.within(other.domain, one.domain))
    }
}
