//! What signals do: an interrupted program leaves no unfinished file, a file
//! that may not grow is an error like any other, and so is a lack of memory.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use signal_hook::consts::{SIGABRT, SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use signal_hook::{flag, low_level};

use crate::output;

/// What an interruption sets instead of ending the program.
static STOP: Mutex<Option<Arc<AtomicBool>>> = Mutex::new(None);

/// From now on SIGINT, SIGTERM and SIGHUP only set this flag: the program ends
/// itself, soon.
pub fn stop_instead(flag: Arc<AtomicBool>) {
    *STOP.lock().unwrap_or_else(PoisonError::into_inner) = Some(flag);
}

/// Sets up what this module is for. Where the system refuses, signals do what
/// they do by default.
pub(crate) fn prepare(name: &'static str) {
    // With any handler, writing beyond the limit is an error of the write.
    let _ = flag::register(SIGXFSZ, Arc::default());
    // Rust's runtime says how much memory it could not get, and aborts.
    let always = Arc::new(AtomicBool::new(true));
    let _ = flag::register_conditional_shutdown(SIGABRT, 2, always);
    let ignored = ignored();
    let handled = [SIGINT, SIGTERM, SIGHUP].into_iter();
    // As under nohup, or in the background of a script.
    let handled = handled.filter(|&signal| ignored & (1 << (signal - 1)) == 0);
    let Ok(mut signals) = Signals::new(handled) else {
        return;
    };
    let wait = move || signals.forever().for_each(interrupted);
    let _ = thread::Builder::new().name(name.to_owned()).spawn(wait);
}

/// The signals that this process was started to ignore, a bit each from 1 on.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

fn interrupted(signal: i32) {
    if let Some(stop) = &*STOP.lock().unwrap_or_else(PoisonError::into_inner) {
        stop.store(true, Ordering::Relaxed);
        return;
    }
    // Held until the end of the process, so that nothing new is begun.
    let _held = output::remove_unfinished();
    // The parent sees which signal it was.
    let _ = low_level::emulate_default_handler(signal);
}
