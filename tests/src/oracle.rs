//! Answers that are known without any solver: brute force on a few small jobs,
//! and strategies that make such problems.
//!
//! The oracle shares nothing with what it judges, not even the reading of a job. It
//! reads the words of the problem's CSV by itself, and asks of every byte at every
//! tick whether the job holds it. (Only ticks that the words name: nothing changes
//! between them.)

use common::csv::{Layout, Writer};
use common::job::Job;
use common::problem::Problem;
use proptest::prelude::*;

/// A job as its row of a CSV says.
struct Written {
    lower: u64,
    /// Exclusive.
    upper: u64,
    size: u64,
    alignment: u64,
    group: String,
    pin: Option<u64>,
    gaps: Vec<WrittenGap>,
}

/// Start, end (exclusive) and window.
type WrittenGap = (u64, u64, Option<(u64, u64)>);

impl Written {
    /// Reads the rows of a CSV.
    fn parse(text: &str) -> Vec<Written> {
        let mut lines = text.lines();
        let header: Vec<&str> = lines.next().expect("a header").split(',').collect();
        let is_inclusive = header.contains(&"end");
        let death = |word: &str| number(word) + u64::from(is_inclusive);
        let row = |line: &str| {
            let cells: Vec<&str> = line.split(',').collect();
            let cell = |names: &[&str]| {
                let column = header.iter().position(|name| names.contains(name));
                column.map_or("", |column| cells[column])
            };
            let span = |word: &str| {
                let (span, window) = word.split_once('@').map_or((word, None), |(span, window)| {
                    let (low, high) = window.split_once(':').expect("a window is low:high");
                    (span, Some((number(low), number(high))))
                });
                let (lower, upper) = span.split_once('-').expect("a gap is lower-upper");
                (number(lower), death(upper), window)
            };
            Written {
                lower: number(cell(&["lower", "start", "begin"])),
                upper: death(cell(&["upper", "end"])),
                size: number(cell(&["size"])),
                alignment: match cell(&["alignment"]) {
                    "" => 1,
                    word => number(word).max(1),
                },
                group: cell(&["group"]).to_owned(),
                pin: cell(&["offset"]).parse().ok(),
                gaps: cell(&["gaps"]).split_whitespace().map(span).collect(),
            }
        };
        lines.map(row).collect()
    }

    /// The words of some jobs, read again.
    fn of<'a>(jobs: impl Iterator<Item = &'a Job> + Clone) -> Vec<Written> {
        let mut text = Vec::new();
        let layout = Layout::for_jobs(jobs.clone()).with_offset();
        let mut writer = Writer::new(&mut text, layout).expect("memory takes all");
        for job in jobs {
            writer.write(job, job.pin(), &[]).expect("memory takes all");
        }
        writer.finish().expect("memory takes all");
        Written::parse(std::str::from_utf8(&text).expect("text"))
    }

    /// Whether the job holds a byte, counted from its offset, at a tick.
    fn holds(&self, tick: u64, byte: u64) -> bool {
        if tick < self.lower || self.upper <= tick || self.size <= byte {
            return false;
        }
        let mut gaps = self.gaps.iter();
        match gaps.find(|&&(lower, upper, _)| lower <= tick && tick < upper) {
            None => true,
            Some(&(_, _, None)) => false,
            Some(&(_, _, Some((low, high)))) => low <= byte && byte < high,
        }
    }

    /// The bytes that the job holds at a tick, as bits.
    fn bytes(&self, tick: u64) -> u128 {
        assert!(self.size <= 128, "bytes are bits");
        let held = (0..self.size).filter(|&byte| self.holds(tick, byte));
        held.fold(0, |bits, byte| bits | 1 << byte)
    }

    fn is_grouped_with(&self, other: &Written) -> bool {
        !self.group.is_empty() && self.group == other.group
    }
}

fn number(word: &str) -> u64 {
    word.parse()
        .unwrap_or_else(|_| panic!("{word:?} is no number"))
}

/// All ticks that the words name.
fn ticks(jobs: &[Written]) -> Vec<u64> {
    let named = jobs.iter().flat_map(|job| {
        let gaps = job
            .gaps
            .iter()
            .flat_map(|&(lower, upper, _)| [lower, upper]);
        gaps.chain([job.lower, job.upper])
    });
    let mut ticks: Vec<u64> = named.collect();
    ticks.sort_unstable();
    ticks.dedup();
    ticks
}

/// Whether two jobs, at these offsets, share a byte at some tick.
pub fn collide(a: (&Job, u64), b: (&Job, u64)) -> bool {
    let jobs = Written::of([a.0, b.0].into_iter());
    let [first, second] = &jobs[..] else {
        panic!("two jobs are two rows")
    };
    let (low, high) = if a.1 <= b.1 {
        ((first, a.1), (second, b.1))
    } else {
        ((second, b.1), (first, a.1))
    };
    !first.is_grouped_with(second) && {
        let apart = high.1 - low.1;
        let meet = |&tick: &u64| {
            (0..low.0.size).any(|byte| {
                low.0.holds(tick, byte) && byte >= apart && high.0.holds(tick, byte - apart)
            })
        };
        ticks(&jobs).iter().any(meet)
    }
}

/// The smallest makespan, by trying all offsets of all jobs; for at most eight
/// jobs with small sizes. `None` where fixed offsets and alignments leave no
/// placement within `enough`.
pub fn optimum(problem: &Problem, start: u64, enough: u64) -> Option<u64> {
    let force = Force::new(problem);
    let sizes = || force.jobs.iter().map(|job| job.size);
    let tallest = sizes().max().unwrap_or(0);
    (tallest..=enough).find(|&capacity| {
        let highest: Vec<u64> = sizes().map(|size| capacity - size).collect();
        force.is_placeable(start, &highest)
    })
}

/// Whether at most eight jobs can be placed such that no offset passes its
/// job's highest, which must be below 128: by trying all offsets of all jobs.
/// Offsets that collide with a placed job are struck out of what the others may
/// have, and the job with the fewest left comes next; nothing else is assumed.
pub fn is_placeable(problem: &Problem, start: u64, highest: &[u64]) -> bool {
    Force::new(problem).is_placeable(start, highest)
}

/// Brute force on a problem.
struct Force {
    jobs: Vec<Written>,
    /// By tick and job.
    bytes: Vec<Vec<u128>>,
    /// By job and other job: which distances of the other above it, and below it,
    /// make them collide, as bits.
    clashes: Vec<Vec<(u128, u128)>>,
}

impl Force {
    fn new(problem: &Problem) -> Force {
        let jobs = Written::of(problem.jobs().iter());
        assert!(jobs.len() <= 8, "brute force takes at most 8 jobs");
        let at = |&tick: &u64| jobs.iter().map(|job| job.bytes(tick)).collect();
        let bytes: Vec<Vec<u128>> = ticks(&jobs).iter().map(at).collect();
        let above = |a: usize, b: usize| {
            let meets = |apart: &u32| {
                let mut ticks = bytes.iter();
                ticks.any(|bytes| bytes[a] >> apart & bytes[b] != 0)
            };
            (0..128)
                .filter(meets)
                .fold(0, |bits, apart| bits | 1 << apart)
        };
        let clash = |a: usize, b: usize| match jobs[a].is_grouped_with(&jobs[b]) {
            // They share one offset, and no other.
            true => (!1, !1),
            false => (above(a, b), above(b, a)),
        };
        let all = 0..jobs.len();
        Force {
            clashes: all
                .clone()
                .map(|a| all.clone().map(|b| clash(a, b)).collect())
                .collect(),
            bytes,
            jobs,
        }
    }

    fn is_placeable(&self, start: u64, highest: &[u64]) -> bool {
        assert!(
            highest.iter().all(|&highest| highest < 128),
            "offsets are bits"
        );
        let domain = |(job, &highest): (&Written, &u64)| {
            let allowed = (0..=highest).filter(|&offset| {
                (start + offset).is_multiple_of(job.alignment)
                    && job.pin.is_none_or(|pin| pin == offset)
            });
            allowed.fold(0, |domain, offset| domain | 1u128 << offset)
        };
        let domains = self.jobs.iter().zip(highest).map(domain);
        let mut left: Vec<(usize, u128)> = domains.enumerate().collect();
        let ends = self.jobs.iter().zip(highest);
        let room = ends.map(|(job, highest)| highest + job.size).max();
        left.iter().all(|&(_, domain)| domain != 0)
            && self.has_room(room.unwrap_or(0))
            && self.extend(&mut left)
    }

    /// Whether at no tick the jobs without a group are more than there is room for.
    fn has_room(&self, room: u64) -> bool {
        self.bytes.iter().all(|bytes| {
            let jobs = self.jobs.iter().zip(bytes);
            let alone = jobs.filter(|(job, _)| job.group.is_empty());
            alone
                .map(|(_, bytes)| u64::from(bytes.count_ones()))
                .sum::<u64>()
                <= room
        })
    }

    /// Places the jobs that are left, each at one of the offsets in its domain.
    fn extend(&self, left: &mut Vec<(usize, u128)>) -> bool {
        let fewest = (0..left.len()).min_by_key(|&index| left[index].1.count_ones());
        let Some(fewest) = fewest else {
            return true;
        };
        let (job, mut domain) = left.swap_remove(fewest);
        let mut fewer: Vec<(usize, u128)> = Vec::with_capacity(left.len());
        while domain != 0 {
            let offset = domain.trailing_zeros();
            domain &= domain - 1;
            fewer.clear();
            fewer.extend(
                left.iter().map(|&(other, allowed)| {
                    (other, allowed & !self.struck_out(job, offset, other))
                }),
            );
            let is_open = fewer.iter().all(|&(_, allowed)| allowed != 0);
            if is_open && self.extend(&mut fewer) {
                return true;
            }
        }
        false
    }

    /// The offsets at which a job would collide with a placed one, or leave it alone
    /// in their group.
    fn struck_out(&self, placed: usize, at: u32, job: usize) -> u128 {
        let (above, below) = self.clashes[placed][job];
        // Bit k of what is below stands for the offset at - k.
        above << at | below.reverse_bits() >> (127 - at)
    }
}

/// What a generated problem may have beside sizes and lifetimes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Constraints {
    /// Alignments up to 8.
    pub alignments: bool,
    /// Gaps, half of them with windows.
    pub gaps: bool,
    /// Fixed offsets.
    pub pins: bool,
    /// Groups of jobs.
    pub groups: bool,
}

/// Everything at once.
pub const ALL: Constraints = Constraints {
    alignments: true,
    gaps: true,
    pins: true,
    groups: true,
};

/// Problems of up to `most` jobs with sizes up to 6; those whose
/// pins cannot be kept are left out.
pub fn small_problems(most: usize, constraints: Constraints) -> impl Strategy<Value = Problem> {
    let job = (0u64..12, 1u64..8, 1u64..=6, any::<[u8; 8]>());
    proptest::collection::vec(job, 1..=most).prop_filter_map(
        "pins that cannot be kept",
        move |jobs| {
            let jobs = jobs
                .into_iter()
                .enumerate()
                .map(|(id, (birth, length, size, dice))| {
                    constrained(
                        Job::new(id as u64, birth, birth + length, size),
                        dice,
                        constraints,
                    )
                })
                .collect();
            let problem = Problem::new(jobs).ok()?;
            // A group's pin binds members of other alignments too.
            let kept = problem
                .jobs()
                .iter()
                .zip(problem.pins())
                .all(|(job, pin)| pin.is_none_or(|pin| pin.is_multiple_of(job.alignment)));
            kept.then_some(problem)
        },
    )
}

fn constrained(mut job: Job, dice: [u8; 8], constraints: Constraints) -> Job {
    let length = job.death - job.birth;
    if constraints.alignments {
        job.alignment = [1, 1, 2, 3, 4, 8][usize::from(dice[0]) % 6];
    }
    if constraints.gaps && dice[1].is_multiple_of(3) && length >= 3 {
        let lower = job.birth + u64::from(dice[2]) % (length - 1);
        let upper = lower + 1 + u64::from(dice[3]) % (job.death - lower);
        let low = u64::from(dice[4]) % job.size;
        let high = low + u64::from(dice[5]) % (job.size - low + 1);
        let window = (dice[1].is_multiple_of(2)).then_some((low, high));
        let upper = upper.min(job.death);
        job.extras_mut().gaps.push(common::job::Gap {
            lower,
            upper,
            window,
        });
    }
    if constraints.groups && dice[6].is_multiple_of(4) {
        job.extras_mut().group = Some(["a", "b"][usize::from(dice[6] / 4) % 2].into());
    }
    if constraints.pins && dice[7].is_multiple_of(8) {
        job.extras_mut().pin = Some(job.alignment * (u64::from(dice[7] / 8) % 3));
    }
    job
}

/// The folder with real instances, where it is present.
pub fn data() -> Option<std::path::PathBuf> {
    let folder = crate::workspace().parent()?.join("shared/data");
    if !folder.is_dir() {
        eprintln!("skipped: no real instances at {}", folder.display());
        return None;
    }
    Some(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_csv_are_read_as_they_stand() {
        let jobs = Written::parse(
            "id,start,end,size,gaps,alignment,group,offset\n\
             a,2,9,4,3-4 6-7@1:3,8,,-1\n\
             b,0,0,1,,1,g,5\n",
        );
        // Ends are inclusive under `end`: those of gaps as well.
        let first = &jobs[0];
        let held = |tick| (0..6).filter(|&byte| first.holds(tick, byte)).count();
        let counts: Vec<usize> = (0..12).map(held).collect();
        assert_eq!(counts, [0, 0, 4, 0, 0, 4, 2, 2, 4, 4, 0, 0]);
        assert_eq!((jobs[0].alignment, jobs[0].pin), (8, None));
        assert_eq!((jobs[1].group.as_str(), jobs[1].pin), ("g", Some(5)));
        assert!(jobs[1].holds(0, 0) && !jobs[1].holds(1, 0));
    }

    proptest! {
        #[test]
        fn what_is_struck_out_is_what_collides(problem in small_problems(4, ALL)) {
            let (jobs, force) = (problem.jobs(), Force::new(&problem));
            for (first, (a, b)) in jobs.iter().zip(&jobs[1..]).enumerate() {
                for at in 0..20 {
                    let struck = force.struck_out(first, at, first + 1);
                    for offset in 0..40 {
                        let at = u64::from(at);
                        let grouped = a.group().is_some() && a.group() == b.group();
                        let collides = collide((a, at), (b, offset)) || grouped && at != offset;
                        prop_assert_eq!(struck >> offset & 1 == 1, collides);
                    }
                }
            }
        }

        /// The three readings of gaps: the oracle's, the verifier's and that of
        /// [`Job::pieces`], from which LOAD and the solver's items come.
        #[test]
        fn all_readings_of_gaps_agree(
            problem in small_problems(2, Constraints { gaps: true, ..Constraints::default() }),
            offsets in (0u64..8, 0u64..8),
        ) {
            for job in problem.jobs() {
                let written = &Written::of([job].into_iter())[0];
                for tick in 0..32 {
                    for byte in 0..8 {
                        let mut pieces = job.pieces();
                        let in_piece = pieces.any(|piece| {
                            (piece.birth..piece.death).contains(&tick)
                                && (piece.low..piece.high).contains(&byte)
                        });
                        prop_assert_eq!(written.holds(tick, byte), in_piece);
                    }
                }
            }
            if let [a, b] = problem.jobs() {
                let offsets = vec![offsets.0, offsets.1];
                let collides = collide((a, offsets[0]), (b, offsets[1]));
                let placement = common::placement::Placement { offsets };
                let verified = common::check::verify_overlaps(&problem, &placement);
                prop_assert_eq!(verified.is_err(), collides);
            }
        }
    }
}
