//! XLA's dumps: its placement, what it ties to one place, and when values are live.

use std::collections::HashMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use common::format::{self, Format};
use common::input::{self, Offsets};
use common::problem::Gate;
use common::row::{Row, Rows as _};
use common::xla::{self, Beside, Choice, Hlo, LiveRanges};
use proptest::prelude::*;
use tempfile::TempDir;
use tests::run_in;

use super::formats::{adapt, sample, sample_bytes, sound};

/// The text of a file, unpacked.
fn unpacked(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut file = format::open(path).expect("a dump");
    file.read_to_end(&mut bytes).expect("a sound file");
    bytes
}

/// Every buffer assignment that is there: the samples', and real ones in the folders
/// beside the workspace.
fn assignments() -> Vec<PathBuf> {
    let mut folders = vec![tests::workspace().join("tests/samples")];
    if let Some(data) = tests::oracle::data() {
        folders.push(data.join("xla"));
        folders.push(data.join("../cases/planner"));
    }
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().contains("-buffer-assignment.txt") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(found.len() >= 2, "the samples are there");
    found
}

/// The files of one dump.
struct Dump {
    name: String,
    assignment: Vec<u8>,
    live_ranges: Option<LiveRanges>,
    /// The module's text.
    text: Option<Vec<u8>>,
    proto: Option<Vec<u8>>,
}

impl Dump {
    fn of(path: &Path) -> Dump {
        let first = |paths: Vec<PathBuf>| paths.into_iter().find(|path| path.is_file());
        let assignment = unpacked(path);
        let beside = first(xla::live_range_beside(path)).map(|path| unpacked(&path));
        let ranges = beside.as_deref().unwrap_or(&assignment);
        let hlo = |end: &str| {
            let of_end = |path: &PathBuf| path.to_string_lossy().contains(end);
            let paths = xla::hlo_beside(path, false);
            first(paths.into_iter().filter(of_end).collect()).map(|path| unpacked(&path))
        };
        let (proto, text) = (hlo(".hlo.pb"), hlo(".txt"));
        Dump {
            name: path.display().to_string(),
            live_ranges: LiveRanges::find(ranges).expect("sound live ranges"),
            assignment,
            text,
            proto,
        }
    }

    /// The assignment up to what older versions write behind it.
    fn plain_assignment(&self) -> &[u8] {
        let text = std::str::from_utf8(&self.assignment).expect("text");
        let end = text
            .find("\nTotal bytes used")
            .map_or(text.len(), |at| at + 1);
        &self.assignment[..end]
    }

    fn hlo(&self) -> Option<Hlo> {
        let text = self.text.as_deref()?;
        Some(Hlo::read(text).unwrap_or_else(|error| panic!("{}: {error}", self.name)))
    }

    fn beside(&self) -> Beside {
        Beside {
            live_ranges: self.live_ranges.clone(),
            hlo: self.hlo(),
            platform: xla::Platform::of_path(Path::new(&self.name)),
        }
    }
}

/// The rows of a dump, or why there are none.
fn rows(assignment: &[u8], beside: &Beside, choice: Choice) -> Result<Vec<Row>, String> {
    let reader = xla::read(assignment, beside, choice);
    let mut reader = reader.map_err(|error| error.to_string())?;
    let mut rows = Vec::new();
    while let Some(row) = reader.next_row().expect("all is read at once") {
        rows.push(row);
    }
    Ok(rows)
}

/// Rows without the places where they stand.
fn anywhere(mut rows: Vec<Row>) -> Vec<Row> {
    for row in &mut rows {
        row.place = common::error::Place::Line(0);
    }
    rows
}

/// Of each value's name what it stays together with: its job's group, or its job.
fn together(rows: &[Row]) -> HashMap<&str, String> {
    let mut sets = HashMap::new();
    for row in rows {
        let set = row
            .job
            .group()
            .map_or_else(|| row.job.id.to_string(), str::to_owned);
        for name in row.unknown[0].split(' ') {
            sets.insert(name, set.clone());
        }
    }
    sets
}

#[test]
fn xlas_own_placement_of_every_dump_is_valid_and_as_high_as_its_allocation() {
    let mut checked = 0;
    for path in assignments() {
        let dump = Dump::of(&path);
        if dump.live_ranges.is_none() && dump.text.is_none() {
            continue;
        }
        for arguments in [&[][..], &["--allocation", "all"]] {
            let file = path.display().to_string();
            let folder = TempDir::new().expect("a folder");
            let all = [&[&file, "jobs.csv", "--offsets"], arguments].concat();
            let ran = run_in(folder.path(), "adapt", &all, b"");
            if ran.err.contains("no preallocated-temp allocation") {
                continue;
            }
            assert_eq!(ran.code, 0, "{file}: {}", ran.err);
            assert!(
                !ran.err.contains("its values end at"),
                "{file}: {}",
                ran.err
            );
            let report = run_in(folder.path(), "report", &["jobs.csv"], b"");
            assert_eq!(report.code, 0, "{file}: {}", report.out);
            assert!(
                report.out.contains("placement      valid"),
                "{file}: {}",
                report.out
            );
            checked += 1;
        }
    }
    assert!(checked >= 4);
}

/// What the text of a module says of its loops: the names of each one, of its initial
/// value, and of the parameters of its condition and body.
fn loops(text: &str) -> Vec<[String; 4]> {
    let mut parameters = HashMap::new();
    let (mut computation, mut found) = (String::new(), Vec::new());
    let bare = |name: &str| name.trim().trim_start_matches('%').to_owned();
    for line in text.lines() {
        if line.ends_with('{') && !line.starts_with(' ') {
            let name = line.strip_prefix("ENTRY ").unwrap_or(line);
            computation = bare(name.split([' ', '(']).next().expect("a name"));
        }
        let line = line.trim().trim_start_matches("ROOT ");
        let Some((name, rest)) = line.split_once(" = ") else {
            continue;
        };
        if rest.contains(" parameter(0)") {
            parameters.insert(computation.clone(), bare(name));
        }
        if let Some((_, rest)) = rest.split_once(" while(") {
            let of = |key: &str| {
                let behind = rest.split(key).nth(1).expect("a computation");
                bare(behind.split([',', ' ']).next().expect("a name"))
            };
            let begin = rest.split(')').next().expect("an operand");
            let begin = bare(begin.rsplit(' ').next().expect("a name"));
            found.push([bare(name), begin, of("condition="), of("body=")]);
        }
    }
    for [_, _, condition, body] in &mut found {
        for called in [condition, body] {
            *called = parameters[called].clone();
        }
    }
    found
}

#[test]
fn what_a_loop_carries_stays_together_in_every_dump() {
    let mut carried = 0;
    for path in assignments() {
        let dump = Dump::of(&path);
        let Some(text) = &dump.text else { continue };
        let text = std::str::from_utf8(text).expect("text");
        let Ok(rows) = rows(&dump.assignment, &dump.beside(), Choice::Temp) else {
            continue;
        };
        let sets = together(&rows);
        for names in loops(text) {
            // A tuple that a loop begins with is forwarded, element by element.
            for index in std::iter::once("{}".to_owned()).chain((0..99).map(|i| format!("{{{i}}}")))
            {
                let values = names.iter().map(|name| format!("{name}{index}"));
                let mut found = values.filter_map(|value| sets.get(value.as_str()));
                let Some(first) = found.next() else { continue };
                for other in found {
                    assert_eq!(first, other, "{}: {names:?}{index}", dump.name);
                    carried += 1;
                }
            }
        }
    }
    assert!(carried >= 20, "{carried}");
}

#[test]
fn a_better_placement_keeps_together_what_xla_must_and_is_no_higher() {
    for path in assignments() {
        let dump = Dump::of(&path);
        let Ok(rows) = rows(&dump.assignment, &dump.beside(), Choice::Temp) else {
            continue;
        };
        let xla = rows
            .iter()
            .map(|row| row.offset.expect("placed") + row.job.size)
            .max();
        let file = path.display().to_string();
        let folder = TempDir::new().expect("a folder");
        let ran = run_in(folder.path(), "adapt", &[&file, "x.csv"], b"");
        assert_eq!(ran.code, 0, "{}", ran.err);
        let solve = ["x.csv", "-o", "y.csv", "--iterations", "20"];
        let ran = run_in(folder.path(), "idealloc", &solve, b"");
        assert_eq!(ran.code, 0, "{file}: {}", ran.err);
        let solved = fs::read(folder.path().join("y.csv")).expect("a placement");
        let document = input::load(&solved[..], Format::Csv, Offsets::Placement);
        let document = document.expect("a sound placement");
        let placement = document.placement.expect("placed");
        let mut offsets = HashMap::new();
        let mut top = 0;
        for (job, (&offset, names)) in document
            .problem
            .jobs()
            .iter()
            .zip(placement.offsets.iter().zip(&document.unknown))
        {
            top = top.max(offset + job.size);
            for name in names[0].split(' ') {
                offsets.insert(name.to_owned(), offset);
            }
        }
        assert!(Some(top) <= xla, "{file}: {top}, not {xla:?}");
        if let Some(text) = dump.text {
            let text = String::from_utf8(text).expect("text");
            for [name, _, condition, body] in loops(&text) {
                for index in (0..99).map(|index| format!("{{{index}}}")) {
                    let of = |name: &String| offsets.get(&(name.clone() + &index));
                    let all = [&name, &condition, &body].map(of);
                    let mut all = all.iter().flatten();
                    if let Some(first) = all.next() {
                        assert!(all.all(|other| other == first), "{file}: {name}{index}");
                    }
                }
            }
        }
    }
}

#[test]
fn live_ranges_by_the_module_are_those_of_the_file() {
    let mut compared = 0;
    for path in assignments() {
        let dump = Dump::of(&path);
        if dump.live_ranges.is_none() || dump.text.is_none() {
            continue;
        }
        let mut beside = dump.beside();
        for choice in [Choice::Temp, Choice::All] {
            beside.live_ranges.clone_from(&dump.live_ranges);
            let told = rows(&dump.assignment, &beside, choice);
            beside.live_ranges = None;
            let derived = rows(dump.plain_assignment(), &beside, choice);
            match derived {
                Err(why) if why.contains("leaves get-tuple-element instructions out") => {}
                derived => {
                    assert_eq!(told, derived, "{}", dump.name);
                    compared += usize::from(told.is_ok());
                }
            }
        }
    }
    assert!(compared >= 2);
}

#[test]
fn a_protocol_buffer_gives_the_jobs_of_the_text() {
    let mut compared = 0;
    for path in assignments() {
        let dump = Dump::of(&path);
        let Some(proto) = &dump.proto else { continue };
        let mut alone = Beside {
            platform: dump.beside().platform,
            ..Beside::default()
        };
        for choice in [Choice::Temp, Choice::All, Choice::Number(2)] {
            let text = rows(&dump.assignment, &dump.beside(), choice).map(anywhere);
            let whole = rows(proto, &alone, choice).map(anywhere);
            assert_eq!(text.as_ref().ok(), whole.as_ref().ok(), "{}", dump.name);
            compared += usize::from(text.is_ok());
        }
        // Its module will do for the text, too.
        alone.hlo = Some(Hlo::read(&proto[..]).expect("a module"));
        let of_both = rows(dump.plain_assignment(), &alone, Choice::Temp);
        let text = rows(&dump.assignment, &dump.beside(), Choice::Temp);
        assert_eq!(of_both.ok(), text.ok(), "{}", dump.name);
    }
    assert!(compared >= 4);
}

#[test]
fn where_no_file_has_live_ranges_a_protocol_buffer_is_taken_before_a_text() {
    let proto = unpacked(&sample("scan.hlo.pb.gz"));
    let hidden = "HloModule m, is_scheduled=true\n\nENTRY %e {\n  %a = (f32[4]) parameter(0)\n  \
                  ROOT %b = f32[4] negate(%a#0)\n}\n";
    let name = "x-buffer-assignment.txt";
    let files = [
        (name, sample_bytes("scan-buffer-assignment.txt")),
        ("x.txt", hidden.as_bytes().to_vec()),
        ("x.hlo.pb", proto),
    ];
    let files = files.each_ref().map(|(name, bytes)| (*name, &bytes[..]));
    let ran = adapt(&files, &[name, "-", "--to", "csv", "--offsets"]);
    let file = sample("scan-buffer-assignment.txt").display().to_string();
    let whole = adapt(&[], &[&file, "-", "--to", "csv", "--offsets"]);
    assert_eq!(sound(&ran).problem, sound(&whole).problem);
}

#[test]
fn a_protocol_buffer_is_told_by_its_name_and_by_its_content() {
    let proto = unpacked(&sample("branches.hlo.pb.gz"));
    let csv = ["-", "--to", "csv"];
    let named = adapt(&[("m.hlo.pb", &proto)], &[&["m.hlo.pb"], &csv[..]].concat());
    let jobs = sound(&named).problem;
    assert!(jobs.len() > 10);
    let unnamed = adapt(&[("m", &proto)], &[&["m"], &csv[..]].concat());
    assert_eq!(sound(&unnamed).problem, jobs);
    let folder = TempDir::new().expect("a folder");
    let piped = run_in(folder.path(), "adapt", &[&["-"], &csv[..]].concat(), &proto);
    assert_eq!(sound(&piped).problem, jobs);
}

proptest! {
    #[test]
    fn a_dump_with_a_byte_changed_is_read_or_refused_without_a_panic(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let change = |mut bytes: Vec<u8>| {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes
        };
        let assignment = change(sample_bytes("scan-buffer-assignment.txt"));
        let live_ranges = LiveRanges::read(&change(sample_bytes("scan-live-range.txt"))[..]).ok();
        let hlo = Hlo::read(&change(unpacked(&sample("scan.txt.gz")))[..]).ok();
        let _ = rows(&change(unpacked(&sample("scan.hlo.pb.gz"))), &Beside::default(), Choice::All);
        let beside = Beside { live_ranges, hlo, platform: None };
        for mut row in rows(&assignment, &beside, Choice::All).unwrap_or_default() {
            let _ = Gate::default().admit(&mut row.job);
        }
    }
}
