//! The solver: every answer against brute force, known optima and itself.

mod boxing;
mod deciding;
mod exact;
mod hints;
mod library;
mod optima;
