//! Listening to a solve: Ctrl-C ends it, and on a terminal one live line shows
//! where it is.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use coreba::{Improvement, Progress};

/// How often the line is drawn anew.
const EVERY: Duration = Duration::from_millis(100);

/// What the process hears and shows while it solves.
pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    terminal: bool,
    begun: Instant,
    deadline: Option<Instant>,
    best: Option<Improvement>,
    drawn: Option<Instant>,
}

impl Watch {
    /// Takes over Ctrl-C (and SIGTERM) for the rest of the process: they ask
    /// the solve to stop.
    pub(crate) fn new(begun: Instant, deadline: Option<Instant>, quiet: bool) -> Watch {
        let stop = Arc::new(AtomicBool::new(false));
        cli::stop_instead(Arc::clone(&stop));
        let dumb = std::env::var_os("TERM").is_some_and(|name| name == "dumb");
        let terminal = std::io::stderr().is_terminal() && !dumb && !quiet;
        Watch {
            stop,
            terminal,
            begun,
            deadline,
            best: None,
            drawn: None,
        }
    }

    /// Takes the live line away.
    pub(crate) fn clear(&mut self) {
        if self.drawn.take().is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }

    fn draw(&mut self) {
        if !self.terminal {
            return;
        }
        let now = Instant::now();
        if self
            .drawn
            .is_some_and(|drawn| now.duration_since(drawn) < EVERY)
        {
            return;
        }
        // Nothing is shown of what is over before anyone could read it.
        if now.duration_since(self.begun) < 3 * EVERY {
            return;
        }
        self.drawn = Some(now);
        let left = match self.deadline {
            Some(deadline) => {
                format!(
                    "{:.1} s left",
                    deadline.saturating_duration_since(now).as_secs_f64()
                )
            }
            None => format!("{:.1} s", now.duration_since(self.begun).as_secs_f64()),
        };
        let line = match &self.best {
            None => format!("idealloc: searching, {left}"),
            Some(best) => {
                let over = |bytes: u64| {
                    100.0 * (bytes as f64 - best.load as f64) / (best.load as f64).max(1.0)
                };
                format!(
                    "idealloc: fragmentation {:.4} % (bound {:.4} %), {}, {} tried, {left}",
                    over(best.makespan),
                    over(best.lower_bound),
                    best.found_by,
                    best.evaluations,
                )
            }
        };
        let _ = write!(std::io::stderr(), "\r\x1b[K{line}");
    }
}

impl Progress for Watch {
    fn improved(&mut self, improvement: &Improvement) {
        self.best = Some(*improvement);
    }

    fn evaluated(&mut self, evaluations: u64) {
        if let Some(best) = &mut self.best {
            best.evaluations = evaluations;
        }
    }

    fn should_stop(&mut self) -> bool {
        self.draw();
        self.stop.load(Ordering::Relaxed)
    }
}
