//! CSVs as people have them: whatever separates the columns, stands between the rows,
//! or spells a number, the jobs are the same, and the line of each is told rightly.

use common::csv::{self, Ends, Layout, Names, Options, Reader};
use common::error::Place;
use common::format::Format;
use common::input::{self, Document, Offsets};
use common::job::Job;
use common::problem::Problem;
use common::row::{Row, Rows as _};
use proptest::prelude::*;
use tests::oracle::{self, ALL};

/// How a file is decorated.
#[derive(Clone, Debug)]
struct Decoration {
    delimiter: u8,
    line_end: &'static str,
    has_mark: bool,
    /// Before the header and each row in turn, without their ends.
    between: Vec<&'static str>,
    /// How names and numbers are spelled, in turn.
    spelling: Vec<u8>,
    has_last_end: bool,
}

fn decorations() -> impl Strategy<Value = Decoration> {
    let lines = prop::sample::select(vec![
        "# a comment, with \"quotes;\tand\" all",
        "#",
        "#,\"never closed",
        "# pool_offset=12",
        "",
        "  \t ",
        "\t\t\t\t\t\t\t\t\t",
    ]);
    (
        prop::sample::select(b",;\t".to_vec()),
        prop::sample::select(vec!["\n", "\r\n"]),
        any::<bool>(),
        prop::collection::vec(lines, 0..20),
        prop::collection::vec(0u8..6, 1..40),
        any::<bool>(),
    )
        .prop_map(
            |(delimiter, line_end, has_mark, between, spelling, has_last_end)| Decoration {
                delimiter,
                line_end,
                has_mark,
                between,
                spelling,
                has_last_end,
            },
        )
}

/// The same number in another way.
fn respelled(cell: &str, how: u8) -> String {
    let trimmed = cell.trim_end_matches('0');
    match how {
        1 => format!("{cell}.0"),
        2 => format!(" {cell} "),
        3 => format!("{cell}e0"),
        4 if !trimmed.is_empty() => format!("{trimmed}.000E+{}", cell.len() - trimmed.len()),
        5 => format!("{cell}00e-2"),
        _ => cell.to_owned(),
    }
}

/// The same name of a column in another way, where it is known.
fn recased(name: &str, how: u8) -> String {
    match how {
        1 => name.to_uppercase(),
        2 => format!(" {name}\u{a0}"),
        3 => name[..1].to_uppercase() + &name[1..],
        _ => name.to_owned(),
    }
}

/// A written file with its decoration, and the lines on which rows begin.
fn decorated(written: &[u8], how: &Decoration) -> (Vec<u8>, Vec<u64>) {
    let mut reader = ::csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(written);
    let mut spelling = how.spelling.iter().copied().cycle();
    let mut between = how.between.iter();
    let mut text = String::new();
    let mut starts = Vec::new();
    let mut header: Option<::csv::StringRecord> = None;
    for record in reader.records() {
        let record = record.expect("it was written");
        let lines = spelling.next().map_or(0, usize::from);
        for line in between.by_ref().take(lines) {
            text += line;
            text += how.line_end;
        }
        starts.push(1 + text.matches('\n').count() as u64);
        let cells = record.iter().enumerate().map(|(index, cell)| {
            let how = spelling.next().unwrap_or(0);
            match header.as_ref().map(|header| &header[index]) {
                None if cell != "#note" => recased(cell, how),
                Some("id" | "#note" | "group" | "gaps") | None => cell.to_owned(),
                Some(_) if cell.bytes().all(|byte| byte.is_ascii_digit()) => respelled(cell, how),
                Some(_) => cell.to_owned(),
            }
        });
        let mut writer = ::csv::WriterBuilder::new()
            .delimiter(how.delimiter)
            .comment(Some(b'#'))
            .from_writer(Vec::new());
        writer.write_record(cells).expect("memory");
        let line = writer.into_inner().expect("memory");
        text += String::from_utf8(line)
            .expect("text")
            .trim_end_matches('\n');
        text += how.line_end;
        header.get_or_insert(record);
    }
    let mark = if how.has_mark { "\u{feff}" } else { "" };
    if !how.has_last_end {
        text.truncate(text.len() - how.line_end.len());
    }
    ((mark.to_owned() + &text).into_bytes(), starts[1..].to_vec())
}

fn written(jobs: &[Job], notes: &[String], layout: Layout) -> Vec<u8> {
    let mut writer = csv::Writer::new(Vec::new(), layout).expect("memory");
    for (job, note) in jobs.iter().zip(notes) {
        let note = [note.as_str().into()];
        writer.write(job, job.pin(), &note).expect("memory");
    }
    writer.finish().expect("memory")
}

fn rows(bytes: &[u8]) -> (Vec<Row>, Layout) {
    let mut reader = Reader::new(bytes).expect("a header");
    let mut rows = Vec::new();
    while let Some(row) = reader.next_row().expect("a row") {
        rows.push(row);
    }
    (rows, reader.layout().expect("columns").clone())
}

fn load(bytes: &[u8], ends: Option<Ends>) -> Document {
    let options = Options {
        ends,
        allow_empty: false,
        names: Some(Names::COMMAND_LINE),
    };
    input::load_with(bytes, Format::Csv, Offsets::Pins, options).expect("a sound file")
}

/// What may stand in a cell that is kept.
fn notes() -> impl Strategy<Value = Vec<String>> {
    let note = "(#|\u{feff}|a|b|,|;|\t|\"| |\n|e){0,5}";
    prop::collection::vec(note, 8)
}

proptest! {
    #[test]
    fn a_decorated_file_has_the_same_rows_each_on_its_line(
        problem in oracle::small_problems(8, ALL),
        notes in notes(),
        ends in prop::sample::select(vec!["upper", "end"]),
        is_first in any::<bool>(),
        how in decorations(),
    ) {
        let mut names = vec!["id", "lower", ends, "size", "alignment", "gaps", "hint", "group", "offset"];
        names.insert(if is_first { 0 } else { 4 }, "#note");
        let plain = written(problem.jobs(), &notes, Layout::of(&names));
        let (plain_rows, layout) = rows(&plain);
        prop_assert_eq!(&layout, &Layout::of(&names));
        prop_assert_eq!(plain_rows.len(), problem.len());
        let (text, lines) = decorated(&plain, &how);
        let (decorated_rows, columns) = rows(&text);
        prop_assert_eq!(columns, layout, "{}", String::from_utf8_lossy(&text));
        prop_assert_eq!(decorated_rows.len(), plain_rows.len(), "{}", String::from_utf8_lossy(&text));
        for ((row, mut plain), line) in decorated_rows.into_iter().zip(plain_rows).zip(lines) {
            plain.place = Place::Line(line);
            prop_assert_eq!(row, plain, "{}", String::from_utf8_lossy(&text));
        }
    }

    #[test]
    fn an_end_read_as_half_open_is_an_upper_and_is_written_as_one(
        problem in oracle::small_problems(8, ALL),
        notes in notes(),
    ) {
        let names = |end| ["id", "lower", end, "size", "alignment", "gaps", "hint", "group", "offset", "note"];
        let upper = written(problem.jobs(), &notes, Layout::of(&names("upper")));
        let inclusive = written(problem.jobs(), &notes, Layout::of(&names("end")));
        let said = String::from_utf8(upper.clone()).expect("text");
        let half_open = said.replacen("upper", "End", 1);
        let read = load(half_open.as_bytes(), Some(Ends::HalfOpen));
        prop_assert_eq!(&read.problem, &problem);
        let layout = read.layout.expect("a CSV has columns");
        prop_assert_eq!(&written(read.problem.jobs(), &notes, layout), &upper);
        for ends in [None, Some(Ends::Inclusive)] {
            let read = load(&inclusive, ends);
            prop_assert_eq!(&read.problem, &problem);
            let layout = read.layout.expect("a CSV has columns");
            prop_assert_eq!(&written(read.problem.jobs(), &notes, layout), &inclusive);
        }
        for ends in [None, Some(Ends::HalfOpen)] {
            prop_assert_eq!(&load(&upper, ends).problem, &problem);
        }
    }
}

#[test]
fn the_format_is_told_by_the_header_behind_comments_in_any_case() {
    for text in [
        "id,lower,upper,size\n",
        "# pool_offset=7\r\nid,lower,upper,size\r\n",
        "\u{feff}\n#\n\nBuffer_ID; Start ;END;Size",
        "size\tid\tnote, or so\tbegin\tend\n1\ta\tb\t0\t3",
        "\"a\nb\";\"id\";\"lower\";\"upper\";\"size\"\n",
    ] {
        assert_eq!(
            Format::of_content(text.as_bytes()),
            Some(Format::Csv),
            "{text:?}"
        );
    }
    for text in [
        "# id,lower,upper,size\n",
        "id lower upper size\n",
        "id,lower;upper;size\n",
    ] {
        assert_eq!(Format::of_content(text.as_bytes()), None, "{text:?}");
    }
}

#[test]
fn a_file_of_commas_stays_one_whatever_its_unknown_names_hold() {
    let text = "id,lower,upper,size,id;start;end;size;alignment;hint\na,0,3,4,x\n";
    let document = load(text.as_bytes(), None);
    assert_eq!(document.unknown, [["x".into()]]);
}

#[test]
fn lines_that_end_in_cr_alone_have_no_comments() {
    let (rows, _) = rows(b"# old\rid,lower,upper,size\ra,0,3,4\r#b,1,3,4\r");
    let ids: Vec<String> = rows.iter().map(|row| row.job.id.to_string()).collect();
    assert_eq!(ids, ["a", "#b"]);
}

#[test]
fn an_empty_csv_is_an_error_unless_allowed_and_a_header_alone_is_no_jobs() {
    let allowed = Options {
        allow_empty: true,
        ..Options::default()
    };
    for (text, line) in [
        ("", 1),
        ("\n \n", 3),
        ("# nothing", 1),
        ("\u{feff}", 1),
        ("#\r\n#\r\n", 3),
    ] {
        let load =
            |options| input::load_with(text.as_bytes(), Format::Csv, Offsets::Placement, options);
        let error = load(Options::default()).expect_err("no header").to_string();
        assert!(
            error.starts_with(&format!("line {line}: empty")),
            "{text:?}: {error}"
        );
        assert_eq!(
            load(allowed).expect("allowed").problem,
            Problem::default(),
            "{text:?}"
        );
    }
    for text in ["id,lower,upper,size", "# a\nid;lower;upper;size\n\n#"] {
        assert_eq!(
            load(text.as_bytes(), None).problem,
            Problem::default(),
            "{text:?}"
        );
    }
}

fn notes_of(text: &str) -> Vec<String> {
    load(text.as_bytes(), None).notes
}

#[test]
fn unknown_columns_are_told_once_with_the_name_that_is_near() {
    for (name, known) in [
        ("align", "alignment"),
        ("alignement", "alignment"),
        ("Allignment", "alignment"),
        ("align_bytes", "alignment"),
        ("gap", "gaps"),
        ("hints", "hint"),
        ("groups", "group"),
        ("offsets", "offset"),
        ("heap_id", "heap"),
        ("requested_size", "requested"),
    ] {
        let notes = notes_of(&format!(
            "id,lower,upper,size,{name}\na,0,3,4,2\nb,0,3,4,2\n"
        ));
        let told =
            format!("unknown column, which changes nothing: {name:?} (did you mean {known:?}?)");
        assert_eq!(notes, [told]);
    }
    let notes = notes_of("id,lower,upper,size,kind,sizes,alignment,align\n");
    assert_eq!(
        notes,
        ["unknown columns, which change nothing: \"kind\", \"sizes\", \"align\""]
    );
    let many: String = (0..12).map(|index| format!(",x{index}")).collect();
    let notes = notes_of(&format!("id,lower,upper,size{many}\n"));
    assert!(notes[0].ends_with("\"x7\" and 4 more"), "{notes:?}");
    assert_eq!(notes_of("id,lower,upper,size,alignment\n"), [""; 0]);
}

#[test]
fn the_reading_of_an_end_is_told_where_nobody_says_it() {
    let text = b"id,start,end,size\na,0,3,4\n";
    let notes = load(text, None).notes;
    assert!(
        notes[0].contains("last instant") && notes[0].contains("--lifetimes half-open"),
        "{notes:?}"
    );
    for ends in [Ends::Inclusive, Ends::HalfOpen] {
        assert_eq!(load(text, Some(ends)).notes, [""; 0]);
    }
}

#[test]
fn what_nobody_can_ask_for_is_not_named() {
    let read = |text: &'static str| Reader::new(text.as_bytes());
    let reader = read("# pool_offset=64\nid,start,end,size\n").expect("a header");
    let mut told = reader.remarks();
    assert_eq!(told.len(), 2);
    told.push(read("").err().expect("no header").to_string());
    assert!(told.iter().all(|told| !told.contains("--")), "{told:?}");
}

#[test]
fn what_omnimalloc_writes_is_read_and_the_pool_is_told() {
    // Written by omnimalloc 1.0.0.
    let text = "# pool_offset=4096\r\nid,lower,upper,size,offset,kind\r\n\
                0,0,3,64,0,WEIGHT\r\nb,1,4,64,,\r\n";
    let document = load(text.as_bytes(), None);
    let pins: Vec<_> = document.problem.jobs().iter().map(Job::pin).collect();
    assert_eq!(pins, [Some(0), None]);
    assert_eq!(document.notes.len(), 2, "{:?}", document.notes);
    assert!(
        document.notes[0].contains("--start 4096"),
        "{:?}",
        document.notes
    );
}
