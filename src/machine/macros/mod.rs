//! The front end that makes a table part of the program.
//!
//! The macros only read: they turn the text of a chart into one tree of literals. All thinking is done by the constant
//! functions of [`fixed`](super::fixed), so that a chart means the same whichever way it was written.

mod read;

/// Makes a type of no size that is a [`Chart`](crate::machine::Chart): a table in the program, checked by the compiler.
///
/// A chart begins with its name and its model, then names its events; the pattern after an event tells how it is known.
/// The chart of a [`MachineTarget`](crate::MachineTarget) has `messages` instead (see [below](#messages)). What follows
/// is the inside of the root: transitions and states, which contain transitions and states. The type of the events is
/// as public as the chart.
///
/// ```
/// use rohrpost::{hsm, machine::{Engine, Model, Step}};
/// use std::time::Duration;
///
/// hsm! {
///     /// The states of a door.
///     pub chart DoorChart for Door;
///
///     /// What happens to a door.
///     events DoorEvent by (|event| *event) {
///         Push = "push",
///         Kick = "kick" | "smash",
///         Alarm,
///     }
///
///     initial Closed;
///
///     state Closed {
///         on Push if |door, _, _| !door.locked => Open / Door::squeak;
///         on Kick => Open / |_, _, step| step.raise(DoorEvent::Alarm);
///     }
///
///     state Open {
///         initial Quiet;
///         on Push => Closed / Door::squeak;
///         after Duration::from_secs(30) => Closed;
///
///         state Quiet {
///             on Alarm => Ringing;
///         }
///         state Ringing {
///             defer Push;
///         }
///     }
/// }
///
/// #[derive(Default)]
/// pub struct Door {
///     locked: bool,
///     squeaks: u32,
/// }
///
/// impl Model for Door {
///     type Event<'e> = &'e str;
///     type Context<'c> = ();
/// }
///
/// impl Door {
///     fn squeak(&mut self, _: &mut (), _: &mut Step<'_, &str>) {
///         self.squeaks += 1;
///     }
/// }
///
/// let mut door = Door::default();
/// let mut engine = Engine::new(DoorChart);
/// engine.start(&mut door, &mut ());
/// engine.handle(&mut "push", &mut door, &mut ());
/// assert!(engine.is_in(DoorChart::Quiet));
/// engine.handle(&mut "push", &mut door, &mut ());
/// engine.handle(&mut "smash", &mut door, &mut ());
/// assert!(engine.is_in(DoorChart::Ringing));
/// assert_eq!(size_of_val(&engine), 16);
/// ```
///
/// # What can be written
///
/// | inside a state | |
/// |---|---|
/// | `entry f;` `exit f;` | what is done on entry and on exit |
/// | `initial T;` `initial T / f;` | where entering by default leads; `T` may be deep inside |
/// | `on E => T;` `on E if g => T / f;` | a transition, with guard and effect if you like |
/// | `on E => local T;` | one that does not leave its source |
/// | `on E / f;` `on E if g => internal / f;` | one that leaves nothing |
/// | `on E => A, B;` | one into several regions |
/// | `on any ..` `always ..` `done ..` | the same for any event, for none, and for completion |
/// | `after d => T;` `after d, if g => T;` | the same for when the state has been active for that long |
/// | `defer E, F;` `defer E if g;` `reject E;` `drop E;` | what is done with events that nobody takes |
/// | `modal defer;` `modal defer except E, F;` | the same for all, or all but some: `defer`, `reject` or `drop` |
/// | `state S { .. }` `parallel S { .. }` `last S { .. }` | states inside: plain, of regions, final |
/// | `history H;` `deep_history H => T;` | what was active last, with a default if you like |
/// | `choice C { if g => T / f; => U; }`, `junction J { .. }` | branches, in order |
/// | `entry_point P => T;` `exit_point P => T;` `fork F => A, B;` | borders and forks; all take branches in braces too |
/// | `join J => T;` `join J on E => T;` | reached by `done => J;` from each region |
/// | `terminate X;` | the end |
///
/// A hook is a path or a closure: `fn(&mut Model, &mut Context<'_>, &mut Step<'_, Event<'_>>)`, and for a guard
/// `fn(&Model, &Context<'_>, &Query<'_, Event<'_>>) -> bool`. The type made has a constant for each state.
///
/// # Messages
///
/// A chart with `messages` is about a target: its events are messages, and the model is made a
/// [`Model`](crate::machine::Model) whose context is [`Context`](crate::Context).
///
/// | in the list | the event |
/// |---|---|
/// | `Pay` | a message with the record `Pay` |
/// | `Pay = of shop::Pay` | the same under a name of its own |
/// | `Paid = answer Receipt` | an answer that is a `Receipt` |
/// | `Refused = returned Charge` | a message with a `Charge` that this machine has sent and that came back |
/// | `Ticked = observed Tick` | a copy of a message with a `Tick` to a service that this machine observes |
///
/// [`effect!`](crate::effect) and [`guard!`](crate::guard) make hooks of methods that take the record.
///
/// # Mistakes
///
/// A chart with faults does not compile, and the message names all of them:
///
/// ```compile_fail
/// use rohrpost::{hsm, machine::Model};
///
/// struct Door;
/// impl Model for Door {
///     type Event<'e> = u32;
///     type Context<'c> = ();
/// }
///
/// hsm! {
///     chart DoorChart for Door;
///     events DoorEvent { Push = 1 }
///     initial Closed;
///     state Closed {
///         on Push => Opne; // error: `Closed` has a transition to an unknown state `Opne`
///     }
///     state Open {}
/// }
/// # fn main() {}
/// ```
///
/// A chart with very many states and transitions may need a larger `recursion_limit` than the compiler's own.
#[macro_export]
macro_rules! hsm {
    (
        $(#[$attribute:meta])*
        $vis:vis chart $chart:ident for $model:ty;

        $(#[$events_attribute:meta])*
        events $events:ident $(by (|$event:ident| $key:expr))? {
            $($(#[$event_attribute:meta])* $name:ident $(= $pattern:pat)?),* $(,)?
        }

        $($body:tt)*
    ) => {
        $crate::__hsm! {
            [$(#[$attribute])*] $vis $chart $model;
            [$(#[$events_attribute])*] $events { $($(#[$event_attribute])* $name,)* }
            identify (event) {
                let key = event;
                $(let $event = event; let key = $key;)?
                match key {
                    $($($pattern => $events::$name.into(),)?)*
                    _ => $crate::machine::EventId::OTHER,
                }
            }
            $($body)*
        }
    };
    (
        $(#[$attribute:meta])*
        $vis:vis chart $chart:ident for $model:ty;

        $(#[$events_attribute:meta])*
        messages $events:ident {
            $($(#[$event_attribute:meta])* $name:ident $(= $way:ident $record:ty)?),* $(,)?
        }

        $($body:tt)*
    ) => {
        impl $crate::machine::Model for $model {
            type Event<'e> = $crate::Message<'e>;
            type Context<'c> = $crate::Context<'c>;
        }

        $crate::__hsm! {
            [$(#[$attribute])*] $vis $chart $model;
            [$(#[$events_attribute])*] $events { $($(#[$event_attribute])* $name,)* }
            identify (message) {
                $(if $crate::__arrival!(message $name $($way $record)?) {
                    return $events::$name.into();
                })*
                $crate::machine::EventId::OTHER
            }
            $($body)*
        }
    };
}

/// Whether a message is the one that is named.
#[doc(hidden)]
#[macro_export]
macro_rules! __arrival {
    ($message:ident $name:ident) => {
        $crate::__private::is_received::<$name>($message)
    };
    ($message:ident $name:ident of $record:ty) => {
        $crate::__private::is_received::<$record>($message)
    };
    ($message:ident $name:ident answer $record:ty) => {
        $crate::__private::is_answer::<$record>($message)
    };
    ($message:ident $name:ident returned $record:ty) => {
        $crate::__private::is_returned::<$record>($message)
    };
    ($message:ident $name:ident observed $record:ty) => {
        $crate::__private::is_observed::<$record>($message)
    };
    ($message:ident $name:ident $way:ident $record:ty) => {
        ::core::compile_error!(::core::concat!(
            "`",
            ::core::stringify!($way),
            "` is no way of a message; write `of`, `answer`, `returned` or `observed`"
        ))
    };
}

/// What [`hsm!`](crate::hsm) makes of a chart, once it is known how events are told from each other.
#[doc(hidden)]
#[macro_export]
macro_rules! __hsm {
    (
        [$(#[$attribute:meta])*] $vis:vis $chart:ident $model:ty;
        [$(#[$events_attribute:meta])*] $events:ident { $($(#[$event_attribute:meta])* $name:ident,)* }
        identify ($input:ident) { $($identify:tt)* }
        $($body:tt)*
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Default, Debug)]
        $vis struct $chart;

        $(#[$events_attribute])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        $vis enum $events {
            $($(#[$event_attribute])* $name,)*
        }

        const _: () = {
            // Names here are long so that they hide nothing that hooks mean.
            const __CHART_ROOT: $crate::machine::fixed::StateSpec<$model> =
                $crate::__chart!(@items (spec $events State $chart)
                    (::std::option::Option::None) (::std::option::Option::None) [] [] []; $($body)*);
            const __CHART_SIZE: $crate::machine::fixed::Size = $crate::machine::fixed::Size::of(&__CHART_ROOT);
            static __CHART_FLAT: $crate::machine::fixed::Flat<
                $model,
                { __CHART_SIZE.states },
                { __CHART_SIZE.edges },
                { __CHART_SIZE.rules },
                { __CHART_SIZE.actions },
                { __CHART_SIZE.guards },
            > = $crate::machine::fixed::Flat::of(&__CHART_ROOT, &[$(stringify!($name)),*]);
            static __CHART_RESOLVED: $crate::machine::fixed::Resolved<
                { __CHART_SIZE.states },
                { __CHART_SIZE.edges },
                { __CHART_SIZE.rules },
                { __CHART_FLAT.words() },
            > = $crate::machine::fixed::Resolved::of(&__CHART_FLAT);
            const __CHART_USED: $crate::machine::fixed::Used = __CHART_RESOLVED.plans();
            static __CHART_PLANS: $crate::machine::fixed::Plans<
                { __CHART_FLAT.cells() },
                { __CHART_USED.routes },
                { __CHART_USED.ops },
            > = $crate::machine::fixed::Plans::of(&__CHART_RESOLVED);
            static __CHART_TABLE: $crate::machine::Table<$model> =
                $crate::machine::Table::fixed(&__CHART_FLAT, &__CHART_RESOLVED, &__CHART_PLANS);

            impl $crate::machine::Chart for $chart {
                type Model = $model;

                #[inline]
                fn table(&self) -> &$crate::machine::Table<$model> {
                    &__CHART_TABLE
                }

                #[inline]
                #[allow(unreachable_patterns, unused_variables)]
                fn identify(&self, $input: &<$model as $crate::machine::Model>::Event<'_>) -> $crate::machine::EventId {
                    $($identify)*
                }

                #[inline(always)]
                fn react(
                    &self,
                    event: $crate::machine::fixed::Incoming,
                    core: &mut $crate::machine::fixed::Core,
                    me: &mut $model,
                    ctx: &mut <$model as $crate::machine::Model>::Context<'_>,
                    payload: &mut <$model as $crate::machine::Model>::Event<'_>,
                ) -> $crate::machine::Outcome {
                    let event = event.id(self, payload);
                    let leaf = core.leaf();
                    $crate::__chart! { @items (rows ($chart $events [$($name)*] (leaf event core me ctx payload)))
                        () () [] [] []; $($body)* }
                    // Only a machine that has not started, or has been terminated, gets here.
                    $crate::machine::fixed::NOWHERE
                }
            }

            impl $crate::machine::fixed::Fixed for $chart {
                const TABLE: &'static $crate::machine::Table<$model> = &__CHART_TABLE;
            }

            impl ::std::convert::From<$events> for $crate::machine::EventId {
                #[inline]
                fn from(event: $events) -> Self {
                    Self::new(event as u16)
                }
            }

            #[allow(non_upper_case_globals, dead_code, missing_docs)]
            impl $chart {
                $crate::__chart! { @items (ids $vis) () () [] [] []; $($body)* }
            }
        };
    };
}
