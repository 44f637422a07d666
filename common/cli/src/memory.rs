//! How much memory a program may take, as the command line says.

use anyhow::{Context as _, ensure};
use clap::Args;
use common::units::parse_bytes;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The memory of this process.
#[derive(Clone, Copy, Debug, Default, Args)]
#[group(skip)]
pub struct Options {
    /// Take at most this much memory, and end with an error where more is needed, such as 2GiB
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes)]
    max_memory: Option<u64>,
}

impl Options {
    /// Limits the memory of this process from here on, by the system's limit of a process's
    /// data (`RLIMIT_DATA`), in bytes. To be called before the work.
    ///
    /// # Errors
    /// Where the system refuses, as for a value beyond its hard limit.
    pub fn apply(self) -> anyhow::Result<()> {
        let Some(bytes) = self.max_memory else {
            return Ok(());
        };
        // The kernel takes 0 for no limit.
        ensure!(
            bytes > 0,
            "--max-memory 0: no program runs without memory, give more"
        );
        let hard = getrlimit(Resource::Data).maximum;
        let limit = Rlimit {
            current: Some(bytes.min(hard.unwrap_or(bytes))),
            maximum: hard,
        };
        setrlimit(Resource::Data, limit).context("--max-memory")
    }
}
