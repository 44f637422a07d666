//! What survives a conversion, what is refused, and what `--lossy` gives up.

use std::fs;

use common::csv::{self, Layout};
use common::format::Format;
use common::input::{self, Offsets};
use common::job::{Job, JobId};
use common::load::load;
use common::problem::Problem;
use common::text::counted;
use proptest::prelude::*;
use sanity::adapt::{Options, Summary, adapt};
use tempfile::TempDir;
use tests::oracle::{self, ALL};
use tests::run_in;

fn convert(bytes: &[u8], from: Format, to: Format, lossy: bool) -> (Vec<u8>, Summary) {
    let options = Options {
        offsets: true,
        lossy,
        ..Options::default()
    };
    let mut output = Vec::new();
    let summary = adapt(bytes, from, &mut output, to, &options, &mut |_| ());
    (output, summary.expect("a conversion"))
}

fn refused(text: &str) -> String {
    let options = Options::default();
    let (from, to) = (Format::Csv, Format::Plc);
    adapt(text.as_bytes(), from, Vec::new(), to, &options, &mut |_| ())
        .expect_err(text)
        .to_string()
}

fn write(jobs: &[Job], offsets: &[Option<u64>]) -> Vec<u8> {
    let layout = Layout::for_jobs(jobs).with_offset();
    let mut writer = csv::Writer::new(Vec::new(), layout).expect("memory");
    for (job, &offset) in jobs.iter().zip(offsets) {
        writer.write(job, offset, &[]).expect("memory");
    }
    writer.finish().expect("memory")
}

fn read(bytes: &[u8], format: Format) -> Problem {
    input::load(bytes, format, Offsets::Pins)
        .expect("sound")
        .problem
}

/// Everything that both a CSV and a `.plc` say.
fn plain_jobs() -> impl Strategy<Value = (Vec<Job>, Vec<Option<u64>>)> {
    let job = (
        0u64..1000,
        1u64..1000,
        1u64..1000,
        0u64..1000,
        1u64..100,
        any::<u64>(),
    );
    let offset = proptest::option::of(1u64..1 << 60);
    proptest::collection::vec((job, offset), 0..20).prop_map(|all| {
        all.into_iter()
            .enumerate()
            .map(
                |(id, ((birth, length, requested, more, alignment, heap), offset))| {
                    let mut job = Job::new(7 * id as u64, birth, birth + length, requested + more);
                    (job.requested, job.alignment, job.heap) = (requested, alignment, heap);
                    (job, offset)
                },
            )
            .unzip()
    })
}

proptest! {
    #[test]
    fn csv_to_plc_to_csv_loses_nothing_that_both_can_say((jobs, offsets) in plain_jobs()) {
        let before = write(&jobs, &offsets);
        let (plc, _) = convert(&before, Format::Csv, Format::Plc, false);
        let (after, _) = convert(&plc, Format::Plc, Format::Csv, false);
        let rows = |bytes: &[u8]| {
            let document = input::load(bytes, Format::Csv, Offsets::Placement).expect("sound");
            (document.problem, document.placed, document.placement)
        };
        prop_assert_eq!(rows(&after), rows(&before));
        // Row by row: the columns are the same but for their presence.
        let (again, _) = convert(&after, Format::Csv, Format::Plc, false);
        prop_assert_eq!(again, plc);
    }

    #[test]
    fn losses_add_conflicts_and_take_none_away(problem in oracle::small_problems(8, ALL)) {
        let jobs = problem.jobs();
        let csv = write(jobs, &vec![None; jobs.len()]);
        let (plc, summary) = convert(&csv, Format::Csv, Format::Plc, true);
        let after = read(&plc, Format::Plc);
        prop_assert!(load(after.jobs()).peak >= load(jobs).peak);
        let lifetime = |job: &Job| (job.birth, job.death, job.size, job.alignment);
        for (a, b) in jobs.iter().zip(after.jobs()) {
            prop_assert_eq!(lifetime(a), lifetime(b));
        }
        // What was given up is told, kind by kind.
        let uses = |uses: fn(&Job) -> bool| jobs.iter().filter(|job| uses(job)).count();
        for (count, what) in [
            (uses(|job| !job.gaps().is_empty()), "with memory in the gaps too"),
            (uses(|job| job.group().is_some()), "of groups without shared memory"),
            (uses(|job| job.hint().is_some()), "left out"),
        ] {
            let told = summary.notes.iter().any(|note| note.contains(what));
            prop_assert_eq!(told, count > 0, "{} {}: {:?}", count, what, summary.notes);
        }
    }

    #[test]
    fn lossy_ids_are_unique_and_numbers_keep_themselves_where_they_can(
        ids in proptest::collection::hash_set("[0-9]|[0-9a-c]{2}", 1..20),
    ) {
        let rows: String = ids.iter().map(|id| format!("{id},0,1,8\n")).collect();
        let csv = format!("id,lower,upper,size\n{rows}");
        let (plc, summary) = convert(csv.as_bytes(), Format::Csv, Format::Plc, true);
        // The gate refuses duplicates.
        let after = read(&plc, Format::Plc);
        prop_assert_eq!(after.len(), ids.len());
        let parsed: Vec<JobId> = ids.iter().map(|id| JobId::parse(id)).collect();
        let changed = std::iter::zip(&parsed, after.jobs()).filter(|(id, job)| **id != job.id);
        let changed = changed.count();
        let texts = parsed.iter().filter(|id| matches!(id, JobId::Text(_))).count();
        prop_assert!(changed >= texts);
        prop_assert_eq!(summary.notes.contains(&(counted(changed, "id") + " renumbered")), changed > 0);
        if texts == 0 {
            prop_assert_eq!(changed, 0);
        }
    }
}

#[test]
fn what_a_plc_cannot_say_is_an_error_that_names_it_and_the_remedy() {
    for (text, what) in [
        ("id,lower,upper,size\nx,0,3,4\n", "an id that is no number"),
        ("id,lower,upper,size,gaps\n0,0,3,4,1-2\n", "gaps"),
        ("id,lower,upper,size,group\n0,0,3,4,g\n", "a group"),
        ("id,lower,upper,size,hint\n0,0,3,4,64\n", "a hint"),
        (
            "id,lower,upper,size,note\n0,0,3,4,hello\n",
            "the column \"note\"",
        ),
    ] {
        let error = refused(text);
        assert!(error.starts_with("line 2: job "), "{error}");
        assert!(error.contains(what) && error.contains("--lossy"), "{error}");
    }
}

#[test]
fn a_placement_all_at_0_is_refused_as_a_plc_would_have_it_for_none() {
    let text = "id,lower,upper,size,offset\n0,0,3,4,0\n1,2,5,4,0\n";
    assert!(refused(text).contains("not placed"), "{}", refused(text));
    let (_, summary) = convert(text.as_bytes(), Format::Csv, Format::Plc, true);
    assert!(summary.notes[0].contains("the placement is left out"));
    // One job alone is placed at 0, so may those be of which no two live at once, and jobs that
    // are free are not.
    for (text, placed) in [
        ("id,lower,upper,size,offset\n0,0,3,4,0\n", 1),
        ("id,lower,upper,size,offset\n0,3,5,4,0\n1,0,3,4,0\n", 2),
        ("id,lower,upper,size,offset\n0,0,3,4,0\n1,3,5,4,-1\n", 1),
    ] {
        let (plc, _) = convert(text.as_bytes(), Format::Csv, Format::Plc, false);
        let document = input::load(&plc[..], Format::Plc, Offsets::Placement).expect("sound");
        assert_eq!(document.placed, placed, "{text}");
    }
}

#[test]
fn offsets_that_change_their_meaning_or_go_are_told() {
    let folder = TempDir::new().expect("a folder");
    let text = "id,lower,upper,size,offset\n0,0,3,4,0\n1,0,3,4,4\n";
    fs::write(folder.path().join("x.csv"), text).expect("a file");
    let ran = run_in(folder.path(), "adapt", &["x.csv", "x.plc"], b"");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.err.contains("2 offsets kept as a placement"),
        "{}",
        ran.err
    );
    let ran = run_in(folder.path(), "adapt", &["x.csv", "-", "--to", "csv"], b"");
    assert!(ran.err.contains("2 offsets left out"), "{}", ran.err);
}

#[test]
fn lossy_gives_up_what_it_must_and_nothing_else() {
    let text = "id,lower,upper,size,alignment,heap,requested,note\nx,0,3,8,4,9,5,hello\n";
    let (plc, summary) = convert(text.as_bytes(), Format::Csv, Format::Plc, true);
    let job = &read(&plc, Format::Plc)[0];
    assert_eq!(
        (job.size, job.alignment, job.heap, job.requested),
        (8, 4, 9, 5)
    );
    assert_eq!(summary.notes, ["1 id renumbered", "columns left out: note"]);
}
