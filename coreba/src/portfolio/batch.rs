//! Running a fixed list of tasks on several threads, with an answer that does
//! not depend on how many there are.
//!
//! Tasks are independent; results come back in the order of the tasks. When one
//! ends the search (it met the bound), only those behind it in the list are
//! dropped, so what is kept is the same on one thread as on many. The calling
//! thread works too, and alone talks to the listener.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use crate::options::Progress;

/// When to stop, and who may say so.
pub(crate) struct Control<'a> {
    progress: &'a mut dyn Progress,
    deadline: Option<Instant>,
    stop: AtomicBool,
    interrupted: bool,
}

impl<'a> Control<'a> {
    pub(crate) fn new(progress: &'a mut dyn Progress, deadline: Option<Instant>) -> Self {
        Control {
            progress,
            deadline,
            stop: AtomicBool::new(false),
            interrupted: false,
        }
    }

    pub(crate) fn progress(&mut self) -> &mut dyn Progress {
        self.progress
    }

    /// Whether the listener asked to stop.
    pub(crate) fn interrupted(&self) -> bool {
        self.interrupted
    }

    /// Whether the time is up or the listener asks to stop: then for good.
    pub(crate) fn should_stop(&mut self) -> bool {
        if !self.interrupted && self.progress.should_stop() {
            self.interrupted = true;
            self.stop.store(true, Ordering::Relaxed);
        }
        if late(self.deadline) {
            self.stop.store(true, Ordering::Relaxed);
        }
        self.stop.load(Ordering::Relaxed)
    }
}

fn late(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| Instant::now() >= deadline)
}

/// Runs `tasks` on up to `threads` threads. `run` gets a task and a question
/// to ask now and then: whether to give up. A result for which `ends` holds
/// drops the tasks behind its own. Unfinished tasks give `None`.
pub(crate) fn run<T: Sync, R: Send>(
    tasks: &[T],
    threads: usize,
    control: &mut Control<'_>,
    run: impl Fn(&T, &mut dyn FnMut() -> bool) -> Option<R> + Sync,
    ends: impl Fn(&R) -> bool + Sync,
) -> Vec<Option<R>> {
    let next = AtomicUsize::new(0);
    let ended = AtomicUsize::new(usize::MAX);
    let results: Vec<Mutex<Option<R>>> = tasks.iter().map(|_| Mutex::new(None)).collect();
    let Control {
        progress,
        deadline,
        stop,
        interrupted,
    } = control;
    let (stop, deadline) = (&*stop, *deadline);
    let work = |poll: &mut dyn FnMut()| {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(task) = tasks.get(index) else { return };
            let mut give_up = || {
                poll();
                if late(deadline) {
                    stop.store(true, Ordering::Relaxed);
                }
                stop.load(Ordering::Relaxed) || ended.load(Ordering::Relaxed) < index
            };
            if give_up() {
                return;
            }
            let Some(result) = run(task, &mut give_up) else {
                continue;
            };
            if ends(&result) {
                ended.fetch_min(index, Ordering::Relaxed);
            }
            *results[index]
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(result);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(tasks.len()) {
            scope.spawn(|| work(&mut || ()));
        }
        work(&mut || {
            if !*interrupted && progress.should_stop() {
                *interrupted = true;
                stop.store(true, Ordering::Relaxed);
            }
        });
    });
    let ended = ended.into_inner();
    results
        .into_iter()
        .enumerate()
        .map(|(index, result)| {
            let result = result
                .into_inner()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            // One behind the end may have finished: on another day it had not.
            result.filter(|_| index <= ended)
        })
        .collect()
}
