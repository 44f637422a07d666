//! `report`: its numbers, its pictures and its page.

mod metrics;
mod opened;
mod oracle;
mod page;
mod partial;
mod pictures;
mod tools;
