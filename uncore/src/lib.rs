//! `libuncore.so`: an `LD_PRELOAD` tracer of the malloc family.
//!
//! Every call that changes live memory is written as one `.trc` record (the
//! bytes have their home in `common::trace::wire`) to the file that the
//! environment variable `TRACEFILE` names. The traced program must not notice:
//! results, `errno`, signals, descriptors and exit status are as without the
//! tracer, and when tracing is impossible one line on stderr says why and the
//! program runs untraced.
//!
//! The way of a call: `exports` (the C symbols) calls the function behind it
//! (`real`) and `trace` says in which order record and call happen; a slot
//! of the output, which is a shared mapping of the file, is reserved by one
//! addition to a cursor and filled in place (`sink`). Everything a process
//! must not share with its forked child lies in one page that the kernel wipes
//! on fork (`state`); the child then makes a file of its own (`config`, `claim`) and
//! leaves the blocks that it inherited out of its trace (`known`).
//!
//! Nothing here allocates, panics, takes a lock on the common path or touches
//! `errno`: system calls are made directly (`sys`).
#![warn(missing_docs, clippy::undocumented_unsafe_blocks)]

mod bootstrap;
mod claim;
mod config;
mod exit;
mod exports;
mod known;
mod mapping;
mod message;
mod path;
mod real;
mod sink;
mod state;
mod sys;
mod tls;
mod toggle;
mod trace;
