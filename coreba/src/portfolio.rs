//! Many orders, each with first fit and best fit, on all threads; the best is
//! squeezed.
//!
//! The answer does not depend on the number of threads: of several methods
//! with the best makespan the first in the list wins, a method is cut off only
//! where its makespan passes the incumbent's, and when one meets the lower
//! bound only those behind it in the list are left undone.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use crate::fit::{Fit, Taken};
use crate::item::Items;
use crate::options::{Improvement, Options, Progress};
use crate::orders::Order;
use crate::pack::{self, Packing};

/// One way of packing.
#[derive(Clone, Copy, Debug)]
struct Method {
    order: Order,
    fit: Fit,
    name: &'static str,
}

const METHODS: [Method; 12] = {
    const fn method(order: Order, fit: Fit, name: &'static str) -> Method {
        Method { order, fit, name }
    }
    [
        method(Order::Area, Fit::First, "area, first fit"),
        method(Order::Lifetime, Fit::First, "lifetime, first fit"),
        method(
            Order::SizeThenLifetime,
            Fit::First,
            "size then lifetime, first fit",
        ),
        method(Order::Size, Fit::First, "size, first fit"),
        method(
            Order::Conflicts,
            Fit::First,
            "conflict-heavy sections, first fit",
        ),
        method(Order::Birth, Fit::First, "birth, first fit"),
        method(Order::Area, Fit::Best, "area, best fit"),
        method(Order::Lifetime, Fit::Best, "lifetime, best fit"),
        method(
            Order::SizeThenLifetime,
            Fit::Best,
            "size then lifetime, best fit",
        ),
        method(Order::Size, Fit::Best, "size, best fit"),
        method(
            Order::Conflicts,
            Fit::Best,
            "conflict-heavy sections, best fit",
        ),
        method(Order::Birth, Fit::Best, "birth, best fit"),
    ]
};

/// What came out.
pub(crate) struct Outcome {
    pub(crate) packing: Packing,
    pub(crate) method: &'static str,
    pub(crate) evaluations: u64,
    pub(crate) interrupted: bool,
}

/// What the threads share.
struct Shared<'a> {
    items: &'a Items,
    start: u64,
    lower_bound: u64,
    next: AtomicUsize,
    /// The best makespan so far: others are cut off above it.
    incumbent: AtomicU64,
    /// The first method in the list that met the lower bound.
    met_bound: AtomicUsize,
    stop: AtomicBool,
    evaluations: AtomicU64,
    best: Mutex<Option<(Packing, usize)>>,
}

/// Runs the portfolio. `items` must not be empty.
pub(crate) fn run(
    items: &Items,
    lower_bound: u64,
    load: u64,
    options: &Options,
    progress: &mut dyn Progress,
) -> Outcome {
    let shared = Shared {
        items,
        start: options.start,
        lower_bound,
        next: AtomicUsize::new(0),
        incumbent: AtomicU64::new(u64::MAX),
        met_bound: AtomicUsize::new(usize::MAX),
        stop: AtomicBool::new(false),
        evaluations: AtomicU64::new(0),
        best: Mutex::new(None),
    };
    let threads = options.threads.get().min(METHODS.len());
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..threads {
            let (shared, sender) = (&shared, sender.clone());
            scope.spawn(move || work(shared, &sender));
        }
        drop(sender);
        loop {
            match receiver.recv_timeout(Duration::from_millis(10)) {
                Ok((makespan, method)) => {
                    progress.improved(&Improvement {
                        makespan,
                        lower_bound,
                        load,
                        method,
                    });
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
            if progress.should_stop() {
                shared.stop.store(true, Ordering::Relaxed);
            }
        }
    });
    let interrupted = shared.stop.into_inner();
    let best = shared
        .best
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut taken = Taken::new(items.sections(), options.start);
    let evaluations = shared.evaluations.into_inner();
    let (mut packing, index) = best.unwrap_or_else(|| {
        // Interrupted before any method ended: one that is never interrupted.
        let method = &METHODS[0];
        let order = method.order.of(items);
        let packing = pack::in_order(items, &order, method.fit, &mut taken, u64::MAX, &mut || {
            false
        });
        (
            packing.expect("the gate leaves room for every job below 2^64"),
            0,
        )
    });
    if packing.makespan > lower_bound && !interrupted {
        pack::squeeze(items, &mut packing, &mut taken, &mut || {
            progress.should_stop()
        });
    }
    Outcome {
        packing,
        method: METHODS[index].name,
        evaluations,
        interrupted,
    }
}

fn work(shared: &Shared<'_>, improved: &mpsc::Sender<(u64, &'static str)>) {
    let mut taken = Taken::new(shared.items.sections(), shared.start);
    loop {
        let index = shared.next.fetch_add(1, Ordering::Relaxed);
        let stop = || {
            shared.stop.load(Ordering::Relaxed) || shared.met_bound.load(Ordering::Relaxed) < index
        };
        let Some(method) = METHODS.get(index) else {
            return;
        };
        if stop() {
            return;
        }
        let order = method.order.of(shared.items);
        let limit = shared.incumbent.load(Ordering::Relaxed);
        let packed = pack::in_order(shared.items, &order, method.fit, &mut taken, limit, &mut {
            stop
        });
        shared.evaluations.fetch_add(1, Ordering::Relaxed);
        let Some(packing) = packed else { continue };
        let makespan = packing.makespan;
        if makespan <= shared.lower_bound {
            shared.met_bound.fetch_min(index, Ordering::Relaxed);
        }
        shared.incumbent.fetch_min(makespan, Ordering::Relaxed);
        let mut best = shared
            .best
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let better = best
            .as_ref()
            .is_none_or(|(held, at)| (makespan, index) < (held.makespan, *at));
        if better {
            *best = Some((packing, index));
            // The listener only leaves when all workers have.
            let _ = improved.send((makespan, method.name));
        }
    }
}
