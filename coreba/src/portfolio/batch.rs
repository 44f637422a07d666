//! Running a fixed list of tasks on several threads, with an answer that does
//! not depend on how many there are.
//!
//! Tasks are independent; results come back in the order of the tasks. When one
//! ends the search (it met the bound), only those behind it in the list are
//! dropped, so what is kept is the same on one thread as on many. The calling
//! thread works too, and alone talks to the listener.

use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::options::{Options, Progress};

/// No thread is started before a solve has worked for so long: starting one costs
/// some 50 us, and small problems are solved sooner. The answer does not depend
/// on the number of threads, so a clock may decide.
const ALONE: Duration = Duration::from_millis(1);

/// Who works on a solve, and who may end it: the threads, the listener, and the
/// deadline.
pub(crate) struct Crew<'a> {
    progress: &'a mut dyn Progress,
    deadline: Option<Instant>,
    stop: AtomicBool,
    interrupted: bool,
    threads: Threads,
}

/// The threads of a solve, which are started when there is work for them.
pub(crate) struct Threads {
    count: usize,
    begun: Instant,
    /// How long no thread is started.
    alone: Duration,
    pool: OnceLock<Option<ThreadPool>>,
}

impl Threads {
    fn new(count: usize) -> Threads {
        Threads {
            count,
            begun: Instant::now(),
            alone: ALONE,
            pool: OnceLock::new(),
        }
    }

    /// The pool, where there is to be one by now.
    fn pool(&self) -> Option<&ThreadPool> {
        if self.pool.get().is_none() && self.begun.elapsed() < self.alone {
            return None;
        }
        self.pool_at_once()
    }

    /// The pool, if there may be any. A system that refuses threads leaves the
    /// calling one.
    fn pool_at_once(&self) -> Option<&ThreadPool> {
        if self.count < 2 {
            return None;
        }
        let build = || {
            let builder = ThreadPoolBuilder::new().num_threads(self.count);
            builder.build().ok()
        };
        self.pool.get_or_init(build).as_ref()
    }

    /// Runs something that divides its own work where it is in a pool, with no more
    /// threads than the solve may use.
    pub(crate) fn within<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match self.pool() {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }

    /// Both; at the same time where `is_long` says that it pays.
    pub(crate) fn join<A: Send, B: Send>(
        &self,
        is_long: bool,
        a: impl FnOnce() -> A + Send,
        b: impl FnOnce() -> B + Send,
    ) -> (A, B) {
        match is_long.then(|| self.pool_at_once()).flatten() {
            Some(pool) => pool.install(|| rayon::join(a, b)),
            None => (a(), b()),
        }
    }

    /// The same work on up to `most` threads, the calling one among them.
    pub(crate) fn each<R: Send>(&self, most: usize, work: impl Fn() -> R + Sync) -> Vec<R> {
        let others = self.count.min(most).saturating_sub(1);
        let Some(pool) = self.pool().filter(|_| others > 0) else {
            return vec![work()];
        };
        let done = Mutex::new(Vec::with_capacity(others + 1));
        let keep = |result: R| {
            done.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(result);
        };
        pool.in_place_scope(|scope| {
            for _ in 0..others {
                scope.spawn(|_| keep(work()));
            }
            keep(work());
        });
        done.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Crew<'a> {
    pub(crate) fn new(options: &Options, progress: &'a mut dyn Progress) -> Self {
        Crew {
            progress,
            deadline: options.deadline,
            stop: AtomicBool::new(false),
            interrupted: false,
            threads: Threads::new(options.threads.get()),
        }
    }

    /// Starts its threads with the first tasks.
    #[cfg(test)]
    pub(crate) fn at_once(threads: usize, progress: &'a mut dyn Progress) -> Self {
        let options = Options {
            threads: threads.try_into().expect("not 0"),
            ..Options::default()
        };
        let mut crew = Crew::new(&options, progress);
        crew.threads.alone = Duration::ZERO;
        crew
    }

    /// Sets another deadline, and goes on if only the one before has passed.
    pub(crate) fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
        self.stop = AtomicBool::new(self.interrupted);
    }

    pub(crate) fn progress(&mut self) -> &mut dyn Progress {
        self.progress
    }

    pub(crate) fn threads(&self) -> &Threads {
        &self.threads
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

    /// Runs `tasks`. `run` gets a task and a question to ask now and then:
    /// whether to give up. A result for which `ends` holds drops the tasks behind
    /// its own. Unfinished tasks give `None`.
    pub(crate) fn run<T: Sync, R: Send>(
        &mut self,
        tasks: &[T],
        run: impl Fn(&T, &mut dyn FnMut() -> bool) -> Option<R> + Sync,
        ends: impl Fn(&R) -> bool + Sync,
    ) -> Vec<Option<R>> {
        let next = AtomicUsize::new(0);
        let ended = AtomicUsize::new(usize::MAX);
        let results: Vec<Mutex<Option<R>>> = tasks.iter().map(|_| Mutex::new(None)).collect();
        let Crew {
            progress,
            deadline,
            stop,
            interrupted,
            threads,
        } = self;
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
                    .unwrap_or_else(PoisonError::into_inner) = Some(result);
            }
        };
        let mut poll = || {
            if !*interrupted && progress.should_stop() {
                *interrupted = true;
                stop.store(true, Ordering::Relaxed);
            }
        };
        let others = threads.count.min(tasks.len()).saturating_sub(1);
        match threads.pool().filter(|_| others > 0) {
            Some(pool) => pool.in_place_scope(|scope| {
                for _ in 0..others {
                    scope.spawn(|_| work(&mut || ()));
                }
                work(&mut poll);
            }),
            None => work(&mut poll),
        }
        let ended = ended.into_inner();
        results
            .into_iter()
            .enumerate()
            .map(|(index, result)| {
                let result = result.into_inner().unwrap_or_else(PoisonError::into_inner);
                // One behind the end may have finished: on another day it had not.
                result.filter(|_| index <= ended)
            })
            .collect()
    }
}

fn late(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| Instant::now() >= deadline)
}
