//! Which threads are writing a record at this moment.
//!
//! A window of the output is unmapped once nobody can write into it any more ([`windows`]
//! (crate::windows)). So each thread has a word of its own in which it says that it is about
//! to reserve a slot, and that it has filled it: two plain stores, as nobody else writes
//! there. Who wants to unmap notes, thread by thread, up to which byte of the output all
//! its slots are filled: up to the cursor at a moment at which it was writing nothing.
//!
//! The words lie in chunks that are never given back. The place of a thread that has ended is
//! found free when another is needed.

use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use hook::{masks, sys, tls};

use crate::confinement;
use crate::state::State;

/// What a thread says of itself, on a cache line of its own. Zeros: nobody's.
#[repr(C, align(64))]
pub(crate) struct Thread {
    /// Not 0 while it is filling a slot: where its stack ended when it began. A signal handler
    /// that comes in between puts back what it found, and so does what happens while a
    /// `realloc` is under way.
    filling: AtomicUsize,
    /// The kernel's id; 0 where the place is free.
    id: AtomicU32,
    /// Up to this byte of the output its slots are filled.
    filled: AtomicU64,
}

impl Thread {
    const fn new() -> Thread {
        Thread {
            filling: AtomicUsize::new(0),
            id: AtomicU32::new(0),
            filled: AtomicU64::new(0),
        }
    }

    /// Before a slot is reserved; returns what is to be put back.
    #[inline(always)]
    pub(crate) fn begin(&self) -> usize {
        let before = self.filling.load(Ordering::Relaxed);
        // The reservation, which comes next, lets nothing pass to behind it.
        self.filling.store(stack_end(), Ordering::Relaxed);
        before
    }

    /// After it was filled, or refused. Who begins last ends first.
    #[inline(always)]
    pub(crate) fn end(&self, before: usize) {
        self.filling.store(before, Ordering::Release);
    }

    fn is_filling(&self) -> bool {
        self.filling.load(Ordering::Acquire) != 0
    }

    /// In the thread itself: forgets a slot that is never filled, as the program has left the
    /// call by a jump out of a signal handler. The stack of a call that goes on ends above the
    /// frame of the handler that came in between.
    fn forget_left(&self) {
        const NEAR: usize = 1 << 20;
        let (began, now) = (self.filling.load(Ordering::Relaxed), stack_end());
        let is_left = began < now + LEAST_FRAME && now.abs_diff(began) < NEAR;
        if began != 0 && is_left && !sys::is_on_signal_stack() {
            self.filling.store(0, Ordering::Release);
        }
    }
}

/// Bytes that the kernel puts on the stack for a signal handler, at least: the registers of
/// floating point alone have 512. What the tracer itself has there is less.
const LEAST_FRAME: usize = 1 << 10;

/// Where the stack of the function that is compiled here ends.
#[inline(always)]
fn stack_end() -> usize {
    let end;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: reads a register.
    unsafe {
        core::arch::asm!("mov {}, rsp", out(reg) end, options(nomem, nostack, preserves_flags));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: reads a register.
    unsafe {
        core::arch::asm!("mov {}, sp", out(reg) end, options(nomem, nostack, preserves_flags));
    }
    end
}

const THREADS: usize = 63;

#[repr(C)]
struct Chunk {
    threads: [Thread; THREADS],
    next: AtomicPtr<Chunk>,
}

const _: () = assert!(size_of::<Chunk>() == 4096);

/// Not wiped on fork: a child finds its own place, in which the slots that a signal handler
/// forked in the middle of are counted.
static FIRST: Chunk = Chunk {
    threads: [const { Thread::new() }; THREADS],
    next: AtomicPtr::new(null_mut()),
};

/// Of threads that have no place of their own.
static OTHERS: Thread = Thread::new();
/// There is such a thread: nothing is known of what is filled.
static UNKNOWN: AtomicBool = AtomicBool::new(false);

/// The word of the thread's own that points to its place.
const WORD: usize = 2;

/// The place of the calling thread, which gets one if it has none.
pub(crate) fn mine(state: &State) -> &'static Thread {
    id(state);
    present()
}

/// The place of the calling thread, or the one of those that have none.
fn present() -> &'static Thread {
    let place = tls::block().backend[WORD].get() as *const Thread;
    if place.is_null() {
        return &OTHERS;
    }
    // SAFETY: the word holds the address of a place, and no place ever goes away.
    unsafe { &*place }
}

/// The kernel's id of this thread and its place, if they are known in a process that was not
/// forked from a traced one.
#[inline(always)]
pub(crate) fn known() -> Option<(u64, &'static Thread)> {
    let thread = tls::block();
    // SAFETY: the word holds the address of a place, or 0, and no place ever goes away.
    let place = unsafe { (thread.backend[WORD].get() as *const Thread).as_ref() }?;
    Some((u64::from(thread.thread_id()), place))
}

/// The kernel's id of this thread; 0 where a system call that asks for it may not be made.
pub(crate) fn id(state: &State) -> u64 {
    let identity = state.identity.load(Ordering::Relaxed);
    match tls::block().known_thread_id(identity) {
        Some(id) => u64::from(id),
        None => ask(state),
    }
}

#[cold]
#[inline(never)]
fn ask(state: &State) -> u64 {
    let identity = state.identity.load(Ordering::Relaxed);
    let thread = tls::block();
    let place = &thread.backend[WORD];
    if confinement::is_filtered() {
        UNKNOWN.store(true, Ordering::Relaxed);
        let id = thread.set_thread_id(identity, 0);
        place.set(core::ptr::from_ref(present()) as usize);
        return u64::from(id);
    }
    masks::open_here();
    let id = sys::thread_id();
    let mut own = present();
    // A place that a forked child inherits is marked as free, and is its own.
    if place.get() == 0
        || own
            .id
            .compare_exchange(0, id, Ordering::AcqRel, Ordering::Relaxed)
            != Ok(0)
    {
        own = find(id).unwrap_or_else(|| {
            UNKNOWN.store(true, Ordering::Relaxed);
            &OTHERS
        });
        own.filling.store(0, Ordering::Relaxed);
    }
    own.filled.store(state.cursor.reserved(), Ordering::Release);
    // Who sees the place sees the id.
    let id = thread.set_thread_id(identity, id);
    place.set(core::ptr::from_ref(own) as usize);
    u64::from(id)
}

/// A free place, which is the thread's from now on.
fn find(id: u32) -> Option<&'static Thread> {
    let take = |from: u32| {
        move |thread: &&'static Thread| {
            thread
                .id
                .compare_exchange(from, id, Ordering::AcqRel, Ordering::Relaxed)
                == Ok(from)
        }
    };
    // One of this id is that of a thread that has ended.
    if let Some(thread) = all().find(|thread| take(id)(thread) || take(0)(thread)) {
        return Some(thread);
    }
    let process_id = sys::process_id();
    let mut found = None;
    let mut places = 0;
    let mut ended = 0;
    for thread in all() {
        places += 1;
        let other = thread.id.load(Ordering::Relaxed);
        if other != 0 && !sys::is_thread(process_id, other) {
            ended += 1;
            let new = if found.is_none() { id } else { 0 };
            if thread
                .id
                .compare_exchange(other, new, Ordering::AcqRel, Ordering::Relaxed)
                == Ok(other)
                && new == id
            {
                found = Some(thread);
            }
        }
    }
    // So that what is searched for in all places is found in many of them.
    if ended * 4 < places || found.is_none() {
        add_chunk();
    }
    found.or_else(|| all().find(take(0)))
}

fn add_chunk() {
    let Ok(made) = sys::map(size_of::<Chunk>()) else {
        return;
    };
    let made = made as *mut Chunk;
    let mut last = &FIRST;
    loop {
        match last
            .next
            .compare_exchange(null_mut(), made, Ordering::AcqRel, Ordering::Acquire)
        {
            Ok(_) => return,
            // SAFETY: a chunk never goes away.
            Err(next) => last = unsafe { &*next },
        }
    }
}

/// All places.
fn all() -> impl Iterator<Item = &'static Thread> {
    let chunks = core::iter::successors(Some(&FIRST), |chunk: &&'static Chunk| {
        // SAFETY: null, or a chunk, which never goes away.
        unsafe { chunk.next.load(Ordering::Acquire).as_ref() }
    });
    chunks.flat_map(|chunk| &chunk.threads)
}

/// With the state's lock held: up to which byte of the output all slots are filled, as far
/// as is known, where `cursor` bytes were reserved before this call.
pub(crate) fn filled(cursor: u64) -> u64 {
    if UNKNOWN.load(Ordering::Relaxed) {
        return 0;
    }
    present().forget_left();
    let mut least = cursor;
    for thread in all() {
        let id = thread.id.load(Ordering::Acquire);
        if id == 0 {
            continue;
        }
        // A thread that has ended fills nothing.
        if !thread.is_filling() || !sys::is_thread(sys::process_id(), id) {
            thread.filled.store(cursor, Ordering::Relaxed);
        }
        least = least.min(thread.filled.load(Ordering::Relaxed));
    }
    least
}

/// In a forked child, whose only thread this is: forgets the parent's. Says whether the
/// thread is in the middle of a record, of which a signal handler made the child.
pub(crate) fn forget_parents() -> bool {
    UNKNOWN.store(false, Ordering::Relaxed);
    let own = present();
    for thread in all() {
        thread.id.store(0, Ordering::Relaxed);
        if !core::ptr::eq(thread, own) {
            thread.filling.store(0, Ordering::Relaxed);
        }
    }
    own.is_filling()
}
