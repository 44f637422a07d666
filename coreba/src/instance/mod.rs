//! What is solved: a problem as the searchers see it.
//!
//! In: a [`Problem`](common::problem::Problem), which the gate found sound, and
//! the start address. Out: [`Items`] in units of a [`Grid`](grid::Grid) over *sections*; the
//! core that [`peel`] leaves; the core as a [`Subproblem`] of rectangles, the
//! right way up or not ([`UpsideDown`]). Nothing here searches, and nothing
//! changes a problem: every placement of the items is one of the jobs.

mod core;
mod grid;
mod item;
mod items;
mod orientation;
pub(crate) mod peel;
mod sections;
mod subproblem;

pub(crate) use core::{Component, Core, components};
pub(crate) use item::Slab;
pub(crate) use items::{Items, NoCommonAlignment};
pub(crate) use orientation::UpsideDown;
pub(crate) use sections::{Maxima, Paint};
pub(crate) use subproblem::Subproblem;
