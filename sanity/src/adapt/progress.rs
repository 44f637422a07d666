//! A line on a terminal that tells how far the reading is; off a terminal,
//! nothing.

use std::path::Path;
use std::time::Duration;

use common::format;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The line; gone once this is dropped.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Progress on reading `input`, in bytes as they lie in the file.
    pub fn new(input: &Path, quiet: bool) -> Progress {
        let length = std::fs::metadata(input)
            .ok()
            .filter(|file| file.is_file() && !format::is_standard(input))
            .map(|file| file.len());
        let target = if quiet {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(length, target);
        let template = match length {
            Some(_) => "{bytes} of {total_bytes}{msg}, {bytes_per_sec}, {eta} left",
            None => "{bytes}{msg}, {bytes_per_sec}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        // Where reading stalls, as on a pipe, the line still shows the time.
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Progress { bar }
    }

    /// To be called with how many bytes each read gave.
    pub fn reader(&self) -> impl FnMut(u64) + 'static {
        let bar = self.bar.clone();
        move |bytes| bar.inc(bytes)
    }

    /// Tells how many jobs were written so far.
    pub fn jobs(&self, jobs: u64) {
        if !self.bar.is_hidden() {
            self.bar.set_message(format!(", {jobs} jobs"));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
