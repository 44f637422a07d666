//! The tracer: C programs and real programs, run with and without it.

mod allocators;
mod caller;
mod calls;
mod children;
mod confined;
mod descriptors;
mod ends;
mod faults;
mod hook;
mod launcher;
mod memory;
mod moments;
mod names;
mod notes;
mod places;
mod programs;
mod refusals;
mod threads;
mod truth;
