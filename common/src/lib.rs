//! The job model, the independent verifier and the file formats that every
//! idealloc tool shares.
#![cfg_attr(not(feature = "std"), no_std)]

pub mod trace;
