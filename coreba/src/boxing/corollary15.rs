//! Corollary 15: boxing jobs of many heights into boxes of one height.
//!
//! **Statement.** Let Z be jobs of heights at most H / (1 + e). Round each up to
//! a power of 1 + e, and let Theorem 2 box each class by itself, floor(H / h)
//! rows of a class of height h to a box. Then all boxes have the height H, and
//! at every time t, summed over the classes i of height h_i with
//! N_i = floor(H / h_i),
//!
//! ```text
//! load of the boxes at t  <=  sum of  H/N_i * ((1 + e + 2 e^2) * count of class i at t + 2 U_i + N_i)
//! ```
//!
//! where H / N_i <= h_i (1 + 1 / N_i) and h_i is less than 1 + e times any height
//! of its class: for heights far below H the load grows by a factor of
//! 1 + O(e), and by what Theorem 2 adds, once a class.
//!
//! **The practical variant.** A class is rounded up to its largest height, which
//! is at most the power. Restarts shift the powers by a common factor. Classes
//! know nothing of one another: they are boxed in parallel.

use rand::SeedableRng as _;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::jobs::Jobs;
use super::theorem2;
use crate::portfolio::batch::Crew;

/// How to box.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameters {
    /// H, in units.
    pub(crate) height: u64,
    pub(crate) e: f64,
    /// The classes end at (1 + e)^(i + shift), with a shift from 0 to 1.
    pub(crate) shift: f64,
    pub(crate) seed: u64,
}

/// Jobs whose heights round up to the same power.
#[derive(Clone, Debug)]
pub(crate) struct Class {
    /// The largest of the heights, in units.
    pub(crate) height: u64,
    pub(crate) jobs: Vec<u32>,
}

/// The classes of a set by height, the lowest first. O(n log n).
pub(crate) fn classes(jobs: &Jobs, mut set: Vec<u32>, e: f64, shift: f64) -> Vec<Class> {
    set.sort_unstable_by_key(|&job| (jobs.job(job).height, job));
    let mut classes: Vec<Class> = Vec::new();
    let mut power = 0.0;
    for job in set {
        let height = jobs.job(job).height;
        match classes.last_mut() {
            Some(class) if height as f64 <= power => {
                class.height = height;
                class.jobs.push(job);
            }
            _ => {
                let exponent = ((height as f64).ln() / (1.0 + e).ln() - shift).ceil();
                // Rounding must not leave a class without its first job.
                power = (1.0 + e).powf(exponent + shift).max(height as f64);
                classes.push(Class {
                    height,
                    jobs: vec![job],
                });
            }
        }
    }
    classes
}

/// Boxes a set into boxes of one height, which are added to `jobs`; gives their
/// numbers. `None` where `crew` ends the search.
pub(crate) fn boxes(
    jobs: &mut Jobs,
    set: Vec<u32>,
    parameters: Parameters,
    crew: &mut Crew<'_>,
) -> Option<Vec<u32>> {
    let Parameters {
        height,
        e,
        shift,
        seed,
    } = parameters;
    let classes = classes(jobs, set, e, shift);
    let all = jobs.all();
    let boxed = crew.run(
        &classes,
        |class, stop| {
            // The class's own chance, whatever the others do.
            let mut random = Xoshiro256PlusPlus::seed_from_u64(seed ^ class.height);
            let rows = usize::try_from(height / class.height).unwrap_or(usize::MAX);
            debug_assert!(rows >= 1, "Corollary 15: heights are at most H");
            theorem2::boxes(all, class.jobs.clone(), rows, e, &mut random, stop)
        },
        |_| false,
    );
    let boxed = boxed.into_iter().collect::<Option<Vec<_>>>()?;
    let mut numbers = Vec::new();
    for (class, boxed) in classes.iter().zip(boxed) {
        for members in boxed.boxes {
            numbers.push(jobs.add_box(&members, height, class.height));
        }
    }
    Some(numbers)
}
