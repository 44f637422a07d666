//! How a CSV is read, as the command line says.

use clap::{Args, ValueEnum};
use common::csv::{self, Ends};

/// What a CSV leaves open.
#[derive(Clone, Copy, Debug, Default, Args)]
#[group(skip)]
pub struct Options {
    /// CSV: what a column "end" is: the last instant of a lifetime (the default), or the first after it;
    /// so are the ends of gaps
    #[arg(long, value_enum, value_name = "WHICH")]
    lifetimes: Option<Lifetimes>,
    /// CSV: take an empty file for no jobs, where it is an error otherwise
    #[arg(long)]
    allow_empty: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Lifetimes {
    HalfOpen,
    Inclusive,
}

impl Options {
    /// What they are to the library.
    pub fn options(self) -> csv::Options {
        csv::Options {
            ends: self.lifetimes.map(|lifetimes| match lifetimes {
                Lifetimes::HalfOpen => Ends::HalfOpen,
                Lifetimes::Inclusive => Ends::Inclusive,
            }),
            allow_empty: self.allow_empty,
            names: Some(csv::Names::COMMAND_LINE),
        }
    }

    /// The first option that was given, as it is typed.
    pub fn given(self) -> Option<&'static str> {
        match self {
            Options {
                lifetimes: Some(_), ..
            } => Some("--lifetimes"),
            Options {
                allow_empty: true, ..
            } => Some("--allow-empty"),
            _ => None,
        }
    }
}
