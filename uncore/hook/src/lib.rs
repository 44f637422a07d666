//! Interposition of the malloc family: what every library needs that is preloaded
//! into a program to trace, or to answer, its allocations.
//!
//! A library of that kind is a `cdylib` with a type that implements [`Backend`], and
//! one line: `hook::export!(ThatType);`. Its build script calls [`link::arguments`].
//!
//! The way of a call: [`export!`] makes the C symbols of the one table of functions;
//! [`calls`] deals with what every back end would treat alike, and asks the back end,
//! which answers by itself or passes the call on ([`real`]). The real functions are
//! looked up at the first call; allocations that the loader makes meanwhile come from
//! a small pool ([`bootstrap`]). When the library is loaded the back end is started,
//! and from then on told of forks and of the end ([`lifecycle`]), and before the program
//! limits itself ([`limits`]). Descriptors of the back end's own stay out of the program's
//! way ([`descriptors`]), and faults in its mappings are not the program's ([`signals`]).
//!
//! The rest is what a back end must not do by libc inside of somebody else's call:
//! raw system calls ([`sys`]) and locks ([`lock`]), words of each thread ([`tls`]), values that a
//! forked child finds wiped ([`wiped`]), the [`environment`], [`errno`], lines on
//! stderr ([`message`]), and the mapping that a block lies in ([`mapping`]).
//!
//! Nothing here allocates, panics, takes a lock on the common path or touches
//! `errno`.
#![warn(missing_docs, clippy::undocumented_unsafe_blocks)]

mod stubs;
mod table;
mod vdso;

pub mod backend;
pub mod bootstrap;
#[doc(hidden)]
pub mod calls;
pub mod descriptors;
#[doc(hidden)]
pub mod detour;
pub mod environment;
pub mod errno;
pub mod glibc;
#[doc(hidden)]
pub mod lifecycle;
pub mod limits;
pub mod link;
pub mod loader;
pub mod lock;
pub mod mapping;
pub mod masks;
pub mod message;
pub mod real;
pub mod signals;
pub mod sys;
pub mod tls;
pub mod wiped;

pub use backend::{Answer, Backend, Release, Request, Resize};
#[doc(hidden)]
pub use libc;
#[doc(hidden)]
pub use stubs::parts;
pub use table::{NAMES, types};
