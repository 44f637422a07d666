//! Reports on whatever loads, and the verifier against a look at every pair.

use common::check::{verify, verify_overlaps};
use common::format::Format;
use common::input::{self, Document, Offsets};
use common::job::Job;
use common::load;
use common::placement::Placement;
use common::problem::Problem;
use sanity::report::{self as measure, Colour, History, Other, Page, PinnedBy, Report};

use super::convert::FORMATS;
use super::dice::Dice;

/// One byte that says which format, one for the start address, and then any
/// bytes.
pub fn report(bytes: &[u8]) {
    let [from, start, bytes @ ..] = bytes else {
        return;
    };
    let from = FORMATS[usize::from(*from) % FORMATS.len()];
    if let Ok(document) = input::load(bytes, from, Offsets::Placement) {
        measured(
            &document,
            [0, 1, 4096, i64::MAX as u64][usize::from(start % 4)],
        );
    }
}

/// Jobs of any numbers, with offsets of any numbers, in several heaps.
pub fn placements(bytes: &[u8]) {
    let mut dice = Dice::new(bytes);
    let start = dice.pick(&[0, 1, 4096, i64::MAX as u64]);
    let wild = dice.one_in(3);
    let (mut jobs, mut offsets) = (Vec::new(), Vec::new());
    while !dice.is_empty() && jobs.len() < 30 {
        let id = jobs.len() as u64;
        let mut job = if wild {
            dice.wild_job(id)
        } else {
            dice.small_job(id)
        };
        // A pin would have to be kept by all that follows.
        if let Some(extras) = &mut job.extras {
            extras.pin = None;
        }
        job.heap = dice.pick(&[0, 0, 0, 1, 4096, u64::MAX]);
        offsets.push(if wild { dice.number() } else { dice.below(24) });
        jobs.push(job);
    }
    let Ok(problem) = Problem::new(jobs) else {
        return;
    };
    let document = Document {
        placed: problem.len(),
        problem,
        placement: Some(Placement { offsets }),
        ..Document::default()
    };
    measured(&document, start);
}

fn measured(document: &Document, start: u64) {
    let jobs = document.problem.jobs();
    let mut report = Report::new(document, start);
    assert_eq!(report.load.bytes, load::load(jobs).peak);
    assert_eq!(report.jobs, jobs.len());
    if let (Some(placed), Some(placement)) = (&report.placement, &document.placement) {
        assert_eq!(placed.valid, placed.violation.is_none());
        assert!(placed.fragmentation.is_finite());
        same_verdict(&document.problem, placement, start);
    }
    let before = report.clone();
    let other = Other {
        name: "<itself> & \"more\"",
        document,
        report: &before,
    };
    let compared = report.compare(document, &other).is_ok();
    assert_eq!(compared, document.placement.is_some());
    let text = measure::text(&report);
    assert!(!text.contains("NaN") && !text.contains("inf "), "{text}");
    let json = report.json().expect("every field can be said");
    let _: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    drawn(document, &report, compared.then_some(other));
}

fn drawn(document: &Document, report: &Report, other: Option<Other<'_>>) {
    let pins = vec![PinnedBy {
        label: "</script>".to_owned(),
        blocks: 1,
        bytes: u64::MAX,
    }];
    let mut page = Page::new("<title> & \"quotes\"", document, report);
    page.other = other;
    page.verdict = Some("<b>".to_owned());
    page.history = History {
        seconds: vec![(0, 0), (5, 1_000_000), (u64::MAX, u64::MAX)],
        resident: vec![(0, 4096), (3, u64::MAX)],
        least: Some(1),
        pins,
    };
    for colour in [Colour::Size, Colour::Age] {
        page.colour = colour;
        let picture = measure::svg(&page);
        let drawable = document.placement.is_some() || document.problem.is_empty();
        assert_eq!(picture.is_some(), drawable);
        if let Some(picture) = picture {
            assert!(!picture.contains("NaN") && !picture.contains("\"inf"));
            assert!(picture.trim_end().ends_with("</svg>"));
        }
    }
    let mut html = Vec::new();
    measure::html(&mut html, &page).expect("memory takes all");
}

/// The verifier finds a fault where looking at every job and pair finds one.
fn same_verdict(problem: &Problem, placement: &Placement, start: u64) {
    if problem.len() > 60 {
        return;
    }
    let placed: Vec<(&Job, u64)> = problem
        .jobs()
        .iter()
        .zip(placement.offsets.iter().copied())
        .collect();
    let apart = overlaps_nowhere(&placed);
    assert_eq!(
        verify_overlaps(problem, placement).is_ok(),
        apart,
        "{placed:?}"
    );
    // Heaps in the first mebibyte are numbers of pools, not addresses.
    let pools = placed
        .iter()
        .any(|(job, _)| (1..1 << 20).contains(&job.heap));
    let kept = placed.iter().all(|&(job, offset)| {
        let heap = if pools { 0 } else { job.heap };
        let address = u128::from(start) + u128::from(heap) + u128::from(offset);
        address.is_multiple_of(u128::from(job.alignment))
            && job.pin().is_none_or(|pin| pin == offset)
    });
    let tied = placed.iter().all(|a| {
        let shares = |b: &&(&Job, u64)| a.0.group().is_some() && a.0.group() == b.0.group();
        placed.iter().filter(shares).all(|b| a.1 == b.1)
    });
    assert_eq!(
        verify(problem, placement, start).is_ok(),
        apart && kept && tied,
        "{placed:?}"
    );
}

fn overlaps_nowhere(placed: &[(&Job, u64)]) -> bool {
    let wide = |job: &Job, offset: u64| -> Vec<(u64, u64, u128, u128)> {
        let from = u128::from(offset);
        let of_piece = |piece: common::job::Piece| {
            let (low, high) = (u128::from(piece.low), u128::from(piece.high));
            (piece.birth, piece.death, from + low, from + high)
        };
        job.pieces().map(of_piece).collect()
    };
    let meet = |a: &(&Job, u64), b: &(&Job, u64)| {
        if a.0.heap != b.0.heap || a.0.group().is_some() && a.0.group() == b.0.group() {
            return false;
        }
        let others = wide(b.0, b.1);
        wide(a.0, a.1).iter().any(|p| {
            let meets =
                |q: &(u64, u64, u128, u128)| p.0 < q.1 && q.0 < p.1 && p.2 < q.3 && q.2 < p.3;
            others.iter().any(meets)
        })
    };
    let fits = |&(job, offset): &(&Job, u64)| {
        wide(job, offset)
            .iter()
            .all(|piece| piece.3 <= u128::from(u64::MAX))
    };
    let apart = |(index, a): (usize, &(&Job, u64))| !placed[..index].iter().any(|b| meet(a, b));
    placed.iter().all(fits) && placed.iter().enumerate().all(apart)
}

/// The format of a first byte, for the seeds.
pub(super) fn first_byte(format: Format) -> u8 {
    let place = FORMATS.iter().position(|&other| other == format);
    place.unwrap_or(0) as u8
}
