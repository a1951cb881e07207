//! How the inside of a chart is read.

/// Reads the inside of a chart, one item at a time.
///
/// `@items` keeps what it has read in groups (entry, exit, transitions, rules, children) and hands them on at the end: to
/// literals, or to constants for the names. The other rules each write one literal.
#[doc(hidden)]
#[macro_export]
macro_rules! __chart {
    // The end of a body.
    (@items (spec $events:ident $vertex:ident $name:ident) ($entry:expr) ($exit:expr)
        [$($edge:tt)*] [$($rule:tt)*] [$($child:tt)*];) => {
        $crate::machine::fixed::StateSpec {
            name: stringify!($name),
            vertex: $crate::machine::Vertex::$vertex,
            entry: $entry,
            exit: $exit,
            edges: &[$($crate::__chart!(@edge $events $edge)),*],
            rules: &[$($crate::__chart!(@rule $events $rule)),*],
            children: &[$($crate::__chart!(@child $events $child)),*],
        }
    };
    (@items (ids $vis:vis) $entry:tt $exit:tt $edges:tt $rules:tt [$($child:tt)*];) => {
        $($crate::__chart! { @id ($vis) $child })*
    };

    (@items (rows $rows:tt) $entry:tt $exit:tt $edges:tt $rules:tt [$($child:tt)*];) => {
        $($crate::__chart! { @row $rows $child })*
    };

    // Entry and exit, once each.
    (@items $head:tt (::std::option::Option::Some($first:expr)) $exit:tt $edges:tt $rules:tt $children:tt;
        entry $action:expr; $($rest:tt)*) => {
        $crate::__chart! { @wrong $head "a state has one `entry`; put both into one function" }
    };
    (@items $head:tt $entry:tt (::std::option::Option::Some($first:expr)) $edges:tt $rules:tt $children:tt;
        exit $action:expr; $($rest:tt)*) => {
        $crate::__chart! { @wrong $head "a state has one `exit`; put both into one function" }
    };
    (@items $head:tt $entry:tt $exit:tt $edges:tt $rules:tt $children:tt; entry $action:expr; $($rest:tt)*) => {
        $crate::__chart! { @items $head (::std::option::Option::Some($action)) $exit $edges $rules $children; $($rest)* }
    };
    (@items $head:tt $entry:tt $exit:tt $edges:tt $rules:tt $children:tt; exit $action:expr; $($rest:tt)*) => {
        $crate::__chart! { @items $head $entry (::std::option::Option::Some($action)) $edges $rules $children; $($rest)* }
    };

    // Transitions: what starts them, then where they lead.
    (@items $head:tt $entry:tt $exit:tt $edges:tt $rules:tt $children:tt;
        initial $($rest:tt)*) => {
        $crate::__chart! { @to $head $entry $exit $edges $rules $children (initial); => $($rest)* }
    };
    (@items $head:tt $entry:tt $exit:tt $edges:tt $rules:tt $children:tt;
        on any $($rest:tt)*) => {
        $crate::__chart! { @to $head $entry $exit $edges $rules $children (any); $($rest)* }
    };
    (@items $head:tt $entry:tt $exit:tt $edges:tt $rules:tt $children:tt;
        on $event:ident $($rest:tt)*) => {
        $crate::__chart! { @to $head $entry $exit $edges $rules $children (on $event); $($rest)* }
    };
    (@items $head:tt $entry:tt $exit:tt $edges:tt $rules:tt $children:tt;
        always $($rest:tt)*) => {
        $crate::__chart! { @to $head $entry $exit $edges $rules $children (always); $($rest)* }
    };
    (@items $head:tt $entry:tt $exit:tt $edges:tt $rules:tt $children:tt;
        done $($rest:tt)*) => {
        $crate::__chart! { @to $head $entry $exit $edges $rules $children (done); $($rest)* }
    };
    (@items $head:tt $entry:tt $exit:tt $edges:tt $rules:tt $children:tt;
        after $delay:expr => $($rest:tt)*) => {
        $crate::__chart! { @to $head $entry $exit $edges $rules $children (after $delay); => $($rest)* }
    };
    (@items $head:tt $entry:tt $exit:tt $edges:tt $rules:tt $children:tt;
        after $delay:expr, $($rest:tt)*) => {
        $crate::__chart! { @to $head $entry $exit $edges $rules $children (after $delay); $($rest)* }
    };
    (@to $head:tt $entry:tt $exit:tt [$($edge:tt)*] $rules:tt $children:tt $trigger:tt;
        $(if $guard:expr)? => local $target:ident $(/ $effect:expr)?; $($rest:tt)*) => {
        $crate::__chart! { @items $head $entry $exit
            [$($edge)* ($trigger Local [$target] [$($guard)?] [$($effect)?])] $rules $children; $($rest)* }
    };
    (@to $head:tt $entry:tt $exit:tt [$($edge:tt)*] $rules:tt $children:tt $trigger:tt;
        $(if $guard:expr)? => internal $(/ $effect:expr)?; $($rest:tt)*) => {
        $crate::__chart! { @items $head $entry $exit
            [$($edge)* ($trigger Internal [] [$($guard)?] [$($effect)?])] $rules $children; $($rest)* }
    };
    (@to $head:tt $entry:tt $exit:tt [$($edge:tt)*] $rules:tt $children:tt $trigger:tt;
        $(if $guard:expr)? => $($target:ident),+ $(/ $effect:expr)?; $($rest:tt)*) => {
        $crate::__chart! { @items $head $entry $exit
            [$($edge)* ($trigger External [$($target)+] [$($guard)?] [$($effect)?])] $rules $children; $($rest)* }
    };
    (@to $head:tt $entry:tt $exit:tt [$($edge:tt)*] $rules:tt $children:tt $trigger:tt;
        $(/ $effect:expr)?; $($rest:tt)*) => {
        $crate::__chart! { @items $head $entry $exit
            [$($edge)* ($trigger Internal [] [] [$($effect)?])] $rules $children; $($rest)* }
    };

    // What is done with events that nobody takes.
    (@items $head:tt $entry:tt $exit:tt $edges:tt [$($rule:tt)*] $children:tt;
        defer $($event:ident),+ $(if $guard:expr)?; $($rest:tt)*) => {
        $crate::__chart! { @items $head $entry $exit $edges
            [$($rule)* (Defer Only [$($event)+] [$($guard)?])] $children; $($rest)* }
    };
    (@items $head:tt $entry:tt $exit:tt $edges:tt [$($rule:tt)*] $children:tt;
        reject $($event:ident),+ $(if $guard:expr)?; $($rest:tt)*) => {
        $crate::__chart! { @items $head $entry $exit $edges
            [$($rule)* (Reject Only [$($event)+] [$($guard)?])] $children; $($rest)* }
    };
    (@items $head:tt $entry:tt $exit:tt $edges:tt [$($rule:tt)*] $children:tt;
        drop $($event:ident),+ $(if $guard:expr)?; $($rest:tt)*) => {
        $crate::__chart! { @items $head $entry $exit $edges
            [$($rule)* (Drop Only [$($event)+] [$($guard)?])] $children; $($rest)* }
    };
    (@items $head:tt $entry:tt $exit:tt $edges:tt [$($rule:tt)*] $children:tt;
        modal defer $(except $($event:ident),+)?; $($rest:tt)*) => {
        $crate::__chart! { @items $head $entry $exit $edges
            [$($rule)* (Defer AllBut [$($($event)+)?] [])] $children; $($rest)* }
    };
    (@items $head:tt $entry:tt $exit:tt $edges:tt [$($rule:tt)*] $children:tt;
        modal reject $(except $($event:ident),+)?; $($rest:tt)*) => {
        $crate::__chart! { @items $head $entry $exit $edges
            [$($rule)* (Reject AllBut [$($($event)+)?] [])] $children; $($rest)* }
    };
    (@items $head:tt $entry:tt $exit:tt $edges:tt [$($rule:tt)*] $children:tt;
        modal drop $(except $($event:ident),+)?; $($rest:tt)*) => {
        $crate::__chart! { @items $head $entry $exit $edges
            [$($rule)* (Drop AllBut [$($($event)+)?] [])] $children; $($rest)* }
    };

    // What is inside.
    (@items $head:tt $entry:tt $exit:tt $edges:tt $rules:tt [$($child:tt)*];
        state $name:ident { $($body:tt)* } $($rest:tt)*) => {
        $crate::__chart! { @items $head $entry $exit $edges $rules
            [$($child)* (State $name { $($body)* })]; $($rest)* }
    };
    (@items $head:tt $entry:tt $exit:tt $edges:tt $rules:tt [$($child:tt)*];
        parallel $name:ident { $($body:tt)* } $($rest:tt)*) => {
        $crate::__chart! { @items $head $entry $exit $edges $rules
            [$($child)* (Parallel $name { $($body)* })]; $($rest)* }
    };
    (@items $head:tt $entry:tt $exit:tt $edges:tt $rules:tt [$($child:tt)*];
        last $name:ident { $($body:tt)* } $($rest:tt)*) => {
        $crate::__chart! { @items $head $entry $exit $edges $rules
            [$($child)* (Final $name { $($body)* })]; $($rest)* }
    };
    (@items $head:tt $entry:tt $exit:tt $edges:tt $rules:tt [$($child:tt)*];
        last $name:ident; $($rest:tt)*) => {
        $crate::__chart! { @items $head $entry $exit $edges $rules
            [$($child)* (Final $name {})]; $($rest)* }
    };
    (@items $head:tt $entry:tt $exit:tt $edges:tt $rules:tt [$($child:tt)*];
        join $name:ident on $event:ident => $($target:ident),+ $(/ $effect:expr)?; $($rest:tt)*) => {
        $crate::__chart! { @items $head $entry $exit $edges $rules
            [$($child)* (pseudo join $name [((on $event) External [$($target)+] [] [$($effect)?])])]; $($rest)* }
    };
    (@items $head:tt $entry:tt $exit:tt $edges:tt $rules:tt [$($child:tt)*];
        $kind:ident $name:ident; $($rest:tt)*) => {
        $crate::__chart! { @items $head $entry $exit $edges $rules
            [$($child)* (pseudo $kind $name [])]; $($rest)* }
    };
    (@items $head:tt $entry:tt $exit:tt $edges:tt $rules:tt [$($child:tt)*];
        $kind:ident $name:ident => $($target:ident),+ $(/ $effect:expr)?; $($rest:tt)*) => {
        $crate::__chart! { @items $head $entry $exit $edges $rules
            [$($child)* (pseudo $kind $name [((branch) External [$($target)+] [] [$($effect)?])])]; $($rest)* }
    };
    (@items $head:tt $entry:tt $exit:tt $edges:tt $rules:tt [$($child:tt)*];
        $kind:ident $name:ident { $($(if $guard:expr)? => $($target:ident),+ $(/ $effect:expr)?;)* } $($rest:tt)*) => {
        $crate::__chart! { @items $head $entry $exit $edges $rules
            [$($child)* (pseudo $kind $name [
                $(((branch) External [$($target)+] [$($guard)?] [$($effect)?]))*
            ])]; $($rest)* }
    };

    // What cannot be read. The same text is read several times, but it is told once.
    (@items $head:tt $entry:tt $exit:tt $edges:tt $rules:tt $children:tt; $first:tt $($rest:tt)*) => {
        $crate::__chart! { @wrong $head "cannot read this from `" $first "` on; the documentation of `hsm!` has a table of \
            what can be written inside a state" }
    };
    (@to $head:tt $entry:tt $exit:tt $edges:tt $rules:tt $children:tt ($trigger:ident $($what:tt)?); $($rest:tt)*) => {
        $crate::__chart! { @wrong $head "cannot read the transition `" $trigger "`; it is `=> Target`, `/ effect` or both, \
            perhaps behind `if guard`" }
    };
    (@wrong (spec $($head:tt)*) $($part:tt)*) => {
        ::core::compile_error!(::core::concat!($($crate::__chart!(@say $part)),*))
    };
    (@wrong $head:tt $($part:tt)*) => {};
    (@say $text:literal) => { $text };
    (@say $token:tt) => { ::core::stringify!($token) };

    // The constants for the names.
    (@id ($vis:vis) (pseudo $kind:ident $name:ident $edges:tt)) => {
        $crate::__chart! { @id ($vis) ($kind $name {}) }
    };
    (@id ($vis:vis) ($vertex:ident $name:ident { $($body:tt)* })) => {
        $vis const $name: $crate::machine::StateId = __CHART_FLAT.id(stringify!($name));
        $crate::__chart! { @items (ids $vis) () () [] [] []; $($body)* }
    };

    // The comparisons that find the code for a leaf and an event.
    (@row $rows:tt (pseudo $kind:ident $name:ident $edges:tt)) => {};
    (@row ($chart:ident $events:ident $names:tt $locals:tt) ($vertex:ident $name:ident { $($body:tt)* })) => {
        $crate::__chart! { @cells $chart $events $names $locals $name {
            $crate::__chart! { @items (rows ($chart $events $names $locals)) () () [] [] []; $($body)* }
        } }
    };
    (@cells $chart:ident $events:ident [$($event:ident)*] (
        $leaf:ident $input:ident $core:ident $me:ident $ctx:ident $payload:ident) $name:ident $inside:tt) => {
        if $crate::machine::fixed::is_for::<$chart, { $chart::$name.index() }>($leaf) {
            if $leaf == const { $chart::$name.index() } {
                $(if const { $crate::machine::fixed::is_special::<$chart>($chart::$name, $events::$event as u16) }
                    && $crate::machine::fixed::is_event::<
                        $chart, { $chart::$name.index() }, { $events::$event as u16 },
                    >($input)
                {
                    return $crate::machine::fixed::cell::<
                        $chart, { $chart::$name.index() }, { $events::$event as u16 },
                    >($input, $core, $me, $ctx, $payload);
                })*
                return $crate::machine::fixed::cell::<
                    $chart, { $chart::$name.index() }, { $crate::machine::EventId::OTHER.index() },
                >($input, $core, $me, $ctx, $payload);
            }
            $inside
            return $crate::machine::fixed::NOWHERE;
        }
    };

    // The literals.
    (@child $events:ident (pseudo $kind:ident $name:ident [$($edge:tt)*])) => {
        $crate::machine::fixed::StateSpec {
            name: stringify!($name),
            vertex: $crate::__chart!(@vertex $kind),
            entry: ::std::option::Option::None,
            exit: ::std::option::Option::None,
            edges: &[$($crate::__chart!(@edge $events $edge)),*],
            rules: &[],
            children: &[],
        }
    };
    (@child $events:ident ($vertex:ident $name:ident { $($body:tt)* })) => {
        $crate::__chart!(@items (spec $events $vertex $name) (::std::option::Option::None) (::std::option::Option::None) [] [] []; $($body)*)
    };
    (@edge $events:ident ($trigger:tt $reach:ident [$($target:ident)*] [$($guard:expr)?] [$($effect:expr)?])) => {
        $crate::machine::fixed::EdgeSpec {
            trigger: $crate::__chart!(@trigger $events $trigger),
            reach: $crate::machine::Reach::$reach,
            targets: &[$(stringify!($target)),*],
            guard: $crate::__chart!(@option $($guard)?),
            effect: $crate::__chart!(@option $($effect)?),
        }
    };
    (@rule $events:ident ($policy:ident $scope:ident [$($event:ident)*] [$($guard:expr)?])) => {
        $crate::machine::fixed::RuleSpec {
            policy: $crate::machine::Policy::$policy,
            scope: $crate::machine::Scope::$scope,
            events: &[$($crate::machine::EventId::new($events::$event as u16)),*],
            guard: $crate::__chart!(@option $($guard)?),
        }
    };
    (@option) => { ::std::option::Option::None };
    (@option $hook:expr) => { ::std::option::Option::Some($hook) };

    (@trigger $events:ident (on $event:ident)) => {
        $crate::machine::Trigger::Event($crate::machine::EventId::new($events::$event as u16))
    };
    (@trigger $events:ident (any)) => { $crate::machine::Trigger::Any };
    (@trigger $events:ident (always)) => { $crate::machine::Trigger::Always };
    (@trigger $events:ident (done)) => { $crate::machine::Trigger::Done };
    (@trigger $events:ident (after $delay:expr)) => { $crate::machine::Trigger::After($delay) };
    (@trigger $events:ident (initial)) => { $crate::machine::Trigger::Initial };
    (@trigger $events:ident (branch)) => { $crate::machine::Trigger::Arrival };

    (@vertex history) => { $crate::machine::Vertex::ShallowHistory };
    (@vertex deep_history) => { $crate::machine::Vertex::DeepHistory };
    (@vertex choice) => { $crate::machine::Vertex::Choice };
    (@vertex junction) => { $crate::machine::Vertex::Junction };
    (@vertex entry_point) => { $crate::machine::Vertex::EntryPoint };
    (@vertex exit_point) => { $crate::machine::Vertex::ExitPoint };
    (@vertex fork) => { $crate::machine::Vertex::Fork };
    (@vertex join) => { $crate::machine::Vertex::Join };
    (@vertex terminate) => { $crate::machine::Vertex::Terminate };
    (@vertex $other:ident) => {
        ::core::compile_error!(::core::concat!(
            "`", ::core::stringify!($other), "` begins nothing that can stand in a state; the documentation of `hsm!` has a table of what can"
        ))
    };
}
