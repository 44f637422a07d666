//! The solver: every answer against brute force, known optima and itself.

mod boxing;
mod deciding;
mod exact;
mod hints;
mod library;
mod optima;
// See its head: floating point.
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
mod recorded;
mod tiling;
