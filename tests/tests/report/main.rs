//! `report`: its numbers, its pictures and its page.

mod metrics;
mod oracle;
mod page;
mod pictures;
