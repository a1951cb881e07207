//! Lists that are either part of the program or on the heap.
//!
//! A table made by `hsm!` lies in the program; one made by the builder owns its memory. Both are the same type, and after
//! the first look the processor knows which of the two it has.

use super::{
    Model, Query, Step,
    hooks::{ActionBox, GuardBox},
    model::{ActionFn, GuardFn},
};

/// A list of plain data.
#[derive(Debug)]
pub(super) enum List<T: 'static> {
    Static(&'static [T]),
    Owned(Box<[T]>),
}

impl<T> List<T> {
    #[inline]
    pub(super) const fn all(&self) -> &[T] {
        match self {
            Self::Static(list) => list,
            Self::Owned(list) => list,
        }
    }
}

/// A list of names.
#[derive(Debug)]
pub(super) enum Names {
    Static(&'static [&'static str]),
    Owned(Box<[Box<str>]>),
}

impl Names {
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        match self {
            Self::Static(list) => list.iter().position(|own| *own == name),
            Self::Owned(list) => list.iter().position(|own| **own == *name),
        }
    }

    pub(super) fn at(&self, index: usize) -> Option<&str> {
        match self {
            Self::Static(list) => list.get(index).copied(),
            Self::Owned(list) => list.get(index).map(|name| &**name),
        }
    }

    pub(super) const fn len(&self) -> usize {
        match self {
            Self::Static(list) => list.len(),
            Self::Owned(list) => list.len(),
        }
    }
}

/// The entry, exit and effect functions of a table.
pub(super) enum Actions<M: Model> {
    Static(&'static [ActionFn<M>]),
    Owned(Box<[ActionBox<M>]>),
}

impl<M: Model> Actions<M> {
    #[inline]
    pub(super) fn run(&self, at: u16, me: &mut M, ctx: &mut M::Context<'_>, step: &mut Step<'_, M::Event<'_>>) {
        match self {
            Self::Static(list) => list[usize::from(at)](me, ctx, step),
            Self::Owned(list) => list[usize::from(at)].run(me, ctx, step),
        }
    }
}

/// The guard functions of a table.
pub(super) enum Guards<M: Model> {
    Static(&'static [GuardFn<M>]),
    Owned(Box<[GuardBox<M>]>),
}

impl<M: Model> Guards<M> {
    #[inline]
    pub(super) fn ask(&self, at: u16, me: &M, ctx: &M::Context<'_>, query: &Query<'_, M::Event<'_>>) -> bool {
        match self {
            Self::Static(list) => list[usize::from(at)](me, ctx, query),
            Self::Owned(list) => list[usize::from(at)].ask(me, ctx, query),
        }
    }
}
