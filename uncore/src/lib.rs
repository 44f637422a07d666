//! `libuncore.so`: an `LD_PRELOAD` tracer of the malloc family.
//!
//! Every call that changes live memory is written as one `.trc` record (the
//! bytes have their home in `common::trace::wire`) to the file that the
//! environment variable `TRACEFILE` names. The traced program must not notice:
//! results, `errno`, signals, descriptors and exit status are as without the
//! tracer, and when tracing is impossible one line on stderr says why and the
//! program runs untraced.
//!
//! The way of a call: [`hook`] exports the C functions and asks its back end, which
//! passes every call on (`tracer`); `trace` says in which order record and call happen;
//! a slot of the output, of which a part is mapped, is reserved by one addition to a cursor
//! and filled in place (`slots`, `output`, `windows`, `file`); `threads` knows who is filling
//! one. Should the file be cut meanwhile, `guard` catches the fault, and a program that
//! confines itself is left alone (`confinement`). Everything a
//! process must not share with its forked child lies in one page that the kernel wipes
//! on fork (`state`); the child then makes a file of its own (`process`, `own_file`,
//! `claim`) and leaves the blocks that it inherited out of its trace (`known`). What the
//! trace tells beside the calls is in `notes` (and `sample`, which asks the kernel), what
//! the user asks for in `settings`.
//!
//! Nothing here allocates, panics, takes a lock on the common path or touches
//! `errno`.
#![warn(missing_docs, clippy::undocumented_unsafe_blocks)]

mod claim;
mod confinement;
mod file;
mod guard;
mod known;
mod message;
mod notes;
mod output;
mod own_file;
mod path;
mod process;
mod sample;
mod settings;
mod slots;
mod state;
mod threads;
mod toggle;
mod trace;
mod tracer;
mod windows;

hook::export!(tracer::Tracer);
