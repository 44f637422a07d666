//! What fuzzing found, each as the smallest input that showed it.

use std::io::{self, Read};

use common::check::verify_overlaps;
use common::csv;
use common::format::Format;
use common::input::{self, Offsets};
use common::job::{Gap, Job};
use common::placement::Placement;
use common::problem::Problem;
use coreba::{Method, Options, Status, explain, solve};

/// Gives what it holds, never of two parts in one read.
struct Parts(Vec<io::Result<&'static [u8]>>);

impl Read for Parts {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(Ok(part)) = self.0.first_mut() else {
            return if self.0.is_empty() {
                Ok(0)
            } else {
                self.0.remove(0).map(|part| part.len())
            };
        };
        let read = part.read(buffer)?;
        if part.is_empty() {
            drop(self.0.remove(0));
        }
        Ok(read)
    }
}

const BUFFERS: &[u8] = b"id,lower,upper,size\n0,0,3,4\n1,2,5,4\n";

fn jobs_of(parts: Parts) -> usize {
    let document = input::load(parts, Format::Csv, Offsets::Ignored);
    document.expect("the CSV is sound").problem.len()
}

#[test]
fn a_signal_while_a_csv_is_read_loses_nothing() {
    let interrupted = || Err(io::ErrorKind::Interrupted.into());
    let (head, tail) = BUFFERS.split_at(30);
    assert_eq!(
        jobs_of(Parts(vec![
            interrupted(),
            Ok(head),
            interrupted(),
            Ok(tail)
        ])),
        2
    );
}

#[test]
fn a_byte_order_mark_that_comes_alone_is_not_the_end_of_a_csv() {
    assert_eq!(jobs_of(Parts(vec![Ok(b"\xef\xbb\xbf"), Ok(BUFFERS)])), 2);
    assert_eq!(
        jobs_of(Parts(vec![Ok(b"\xef"), Ok(b"\xbb\xbf"), Ok(BUFFERS)])),
        2
    );
}

#[test]
fn members_of_a_group_in_several_heaps_are_verified_each_in_its_own() {
    let job = |id, birth, death, heap, group: Option<&str>| {
        let mut job = Job::new(id, birth, death, 8);
        job.heap = heap;
        job.extras_mut().group = group.map(Into::into);
        job
    };
    let verdict = |jobs: Vec<Job>| {
        let offsets = vec![0; jobs.len()];
        let problem = Problem::new(jobs).expect("sound");
        verify_overlaps(&problem, &Placement { offsets }).is_ok()
    };
    let members = [job(0, 0, 4, 1, Some("g")), job(1, 2, 8, 2, Some("g"))];
    let with = |other: Job| members.iter().cloned().chain([other]).collect();
    assert!(
        verdict(with(job(2, 4, 8, 1, None))),
        "the member in heap 1 is dead"
    );
    assert!(
        !verdict(with(job(2, 3, 4, 1, None))),
        "the member in heap 1 is live"
    );
    assert!(
        !verdict(with(job(2, 7, 8, 2, None))),
        "the member in heap 2 is live"
    );
}

#[test]
fn every_number_of_a_csv_may_have_spaces_around_it() {
    let text = b"id,lower,upper,size\n0, 0, 3, 4\n1,2 ,5 ,4 \n";
    assert_eq!(jobs_of(Parts(vec![Ok(text)])), 2);
    let inclusive = b"id,lower,end,size\n0, 0, 3, 4\n";
    let mut reader = csv::Reader::new(&inclusive[..]).expect("a header");
    let row = common::row::Rows::next_row(&mut reader).expect("a row");
    assert_eq!(row.expect("a row").job.death, 4);
}

#[test]
fn a_part_that_is_too_large_to_decide_does_not_end_an_explanation() {
    // Alone, the first is on a grid of its alignment, and its rounded size too large.
    let jobs = vec![Job::new(0, 0, 2, 1).aligned(1 << 62), Job::new(1, 0, 2, 1)];
    let problem = Problem::new(jobs).expect("sound");
    let mut options = Options::default();
    options.capacity = Some(1);
    let explained = explain(&problem, &options, &mut ()).expect("an explanation");
    let explained = explained.expect("two bytes are not within one");
    assert_eq!(explained.jobs, [0, 1]);
    assert!(
        !explained.irreducible,
        "what the first needs alone is not known"
    );
}

#[test]
fn jobs_that_are_all_glued_to_the_bottom_leave_no_tail_to_dive_into() {
    let mut job = Job::new(0, 9, 16, 5).aligned(8);
    // Of a group's alignment the bound knows nothing: the search goes on.
    job.extras_mut().group = Some("g".into());
    let problem = Problem::new(vec![job]).expect("sound");
    let mut options = Options::default();
    (options.start, options.seed, options.iterations) = (1, 1, Some(30));
    options.method = Method::Dive;
    let solution = solve(&problem, &options, &mut ()).expect("a placement");
    assert_eq!(solution.makespan, 7 + 5);
}

#[test]
fn a_job_taller_than_the_bound_does_not_hang_from_it() {
    // Of a job with a window the bound knows its load, and not its alignment.
    let mut job = Job::new(0, 0, 5, 5).aligned(4);
    job.extras_mut().gaps.push(Gap {
        lower: 2,
        upper: 5,
        window: Some((0, 0)),
    });
    let problem = Problem::new(vec![job]).expect("sound");
    for method in [Method::Auto, Method::Exact, Method::Dive] {
        let mut options = Options::default();
        (options.start, options.iterations, options.method) = (13, Some(100), method);
        let solution = solve(&problem, &options, &mut ()).expect("a placement");
        assert_eq!(solution.makespan, 3 + 5);
    }
}

#[test]
fn a_capacity_that_no_placement_reaches_is_met() {
    let problem = Problem::new(vec![Job::new(0, 3, 9, 32764)]).expect("sound");
    for method in [
        Method::Auto,
        Method::Exact,
        Method::Dive,
        Method::Fit,
        Method::Boxing,
    ] {
        let mut options = Options::default();
        (options.start, options.iterations, options.method) = (4, Some(1), method);
        options.capacity = Some(u64::MAX - 2);
        let solution = solve(&problem, &options, &mut ()).expect("a placement");
        assert_eq!(solution.status, Status::Optimal);
    }
}
