//! Programs of which few blocks are live at a time.

use common::job::Job;
use rand::{RngExt as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::shuffled;

/// How blocks of [`few_live`] are kept and replaced.
#[derive(Clone, Copy, Debug)]
pub struct Keeping {
    /// Threads in all; three run at a time.
    pub threads: usize,
    /// Blocks that a thread keeps.
    pub blocks: usize,
    /// Sizes that blocks have.
    pub classes: usize,
    /// Share of the replacements that meet one of the thread's first few
    /// blocks, which so live shortly.
    pub soon: f64,
}

impl Default for Keeping {
    fn default() -> Self {
        Keeping {
            threads: 8,
            blocks: 100,
            classes: 12,
            soon: 0.0,
        }
    }
}

/// Threads that run at a time.
const RUNNING: usize = 3;

/// Blocks of a thread that are replaced soon.
const SOON: usize = 8;

/// A thread that runs.
#[derive(Default)]
struct Thread {
    /// Which of the jobs it keeps.
    kept: Vec<usize>,
    /// Blocks that it has still to allocate.
    left: usize,
}

impl Thread {
    /// Keeps a new block, and says which one goes for it.
    fn replace(
        &mut self,
        new: usize,
        keeping: &Keeping,
        random: &mut Xoshiro256PlusPlus,
    ) -> Option<usize> {
        self.left -= 1;
        if self.kept.len() < keeping.blocks.max(1) {
            self.kept.push(new);
            return None;
        }
        let among = if random.random_bool(keeping.soon) {
            SOON.min(self.kept.len())
        } else {
            self.kept.len()
        };
        let place = random.random_range(0..among);
        Some(std::mem::replace(&mut self.kept[place], new))
    }
}

/// Threads that keep a few blocks each, replace one after another by one of
/// any size, and free all at their end. So few blocks are live that the
/// sizes of the moment decide how high the load is. Usable sizes and alignment
/// are glibc's.
pub fn few_live(keeping: Keeping, jobs: usize, seed: u64) -> Vec<Job> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let classes: Vec<u64> = (0..keeping.classes.max(1))
        .map(|_| 16 * random.random_range(2..128) + 8)
        .collect();
    let threads = keeping.threads.max(1);
    let share = |thread: usize| jobs * (thread + 1) / threads - jobs * thread / threads;
    let mut made: Vec<Job> = Vec::with_capacity(jobs);
    let mut running: Vec<Thread> = Vec::new();
    let (mut begun, mut clock) = (0, 0);
    while begun < threads || !running.is_empty() {
        if begun < threads && running.len() < RUNNING {
            running.push(Thread {
                left: share(begun),
                ..Thread::default()
            });
            begun += 1;
        }
        let turn = random.random_range(0..running.len());
        if running[turn].left == 0 {
            for block in running.swap_remove(turn).kept {
                made[block].death = clock;
            }
            continue;
        }
        if let Some(gone) = running[turn].replace(made.len(), &keeping, &mut random) {
            made[gone].death = clock;
        }
        let size = classes[random.random_range(0..classes.len())];
        made.push(Job::new(0, clock, u64::MAX, size).aligned(16));
        clock += size;
    }
    shuffled(made, &mut random)
}
