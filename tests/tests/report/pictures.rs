//! The pictures and the page of `report`, as text: what they hold, and where
//! they go.

use tests::{folder, run_in};

const JOBS: &str = "\
id,lower,upper,size,offset
0,0,10,4096,0
1,0,4,1024,4096
2,2,6,32,5120
";

#[test]
fn a_picture_mixes_with_nothing_else() {
    let folder = folder(&[("one.csv", JOBS)]);
    for (arguments, expected) in [
        (&["--svg", "-"][..], "add --quiet"),
        (&["--html", "-", "--format", "json"], "add --quiet"),
        (&["--svg", "new", "--html", "./new"], "cannot be one file"),
    ] {
        let arguments = [&["one.csv"], arguments].concat();
        let ran = run_in(folder.path(), "report", &arguments, b"");
        assert_eq!((ran.code, &*ran.out), (2, ""), "{arguments:?}");
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
        assert!(ran.err.contains(expected), "{}", ran.err);
        assert!(!folder.path().join("new").exists());
    }
    let alone = ["one.csv", "--svg", "-", "--quiet"];
    let ran = run_in(folder.path(), "report", &alone, b"");
    assert_eq!((ran.code, &*ran.err), (0, ""));
    assert!(ran.out.starts_with("<svg"), "{:.80}", ran.out);
}

#[test]
fn no_jobs_and_one_job_are_reported_too() {
    for rows in ["", "0,5,6,1,0\n"] {
        let rows = format!("id,lower,upper,size,offset\n{rows}");
        let folder = folder(&[("a.csv", &rows)]);
        let arguments = [
            "a.csv", "--svg", "a.svg", "--html", "a.html", "--colour", "age",
        ];
        let ran = run_in(folder.path(), "report", &arguments, b"");
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(
            !ran.out.contains("NaN") && !ran.out.contains("inf"),
            "{}",
            ran.out
        );
        assert!(folder.path().join("a.html").exists() && folder.path().join("a.svg").exists());
        let svg = std::fs::read_to_string(folder.path().join("a.svg")).expect("a picture");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}

#[test]
fn bars_have_a_length_where_nothing_differs() {
    let folder = folder(&[("a.csv", JOBS)]);
    let arguments = ["a.csv", "--against", "a.csv", "--html", "a.html"];
    let ran = run_in(folder.path(), "report", &arguments, b"");
    assert_eq!(ran.code, 0, "{}", ran.err);
    let html = std::fs::read_to_string(folder.path().join("a.html")).expect("a page");
    let bars: Vec<f64> = html
        .split("--bar:")
        .skip(1)
        .filter_map(|rest| rest.split_once('%')?.0.parse().ok())
        .collect();
    assert!(bars.len() > 3, "{html}");
    assert!(
        bars.iter().all(|bar| (0.0..=100.0).contains(bar)),
        "{bars:?}"
    );
}

#[test]
fn ids_of_any_text_end_no_script_and_open_no_tag() {
    let evil = "</script><script>alert(1)</script>";
    let rows = format!(
        "id,lower,upper,size,offset\n\"{evil}\",0,9,100,0\n\"a&\"\"'b\u{1b}\",0,9,50,100\n"
    );
    let folder = folder(&[("<i>&.csv", &rows)]);
    let arguments = ["<i>&.csv", "--svg", "a.svg", "--html", "a.html"];
    let ran = run_in(folder.path(), "report", &arguments, b"");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(!ran.out.contains('\u{1b}'));
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("a file");
    let (svg, html) = (read("a.svg"), read("a.html"));
    for picture in [&svg, &html] {
        assert!(!picture.contains("<script>alert") && !picture.contains("<i>"));
        assert!(!picture.contains('\u{1b}'));
    }
    assert!(svg.contains("job &lt;/script&gt;"));
    assert!(html.contains("&lt;i&gt;&amp;.csv") && html.contains("\\u003ci>&.csv"));
    // One for each element of the page, and none of an id.
    assert_eq!(html.matches("</script>").count(), 3);
}

#[test]
fn a_picture_of_many_jobs_is_bounded_by_its_size() {
    let rows: String = (0..40_000u64)
        .map(|index| {
            let (column, row) = (index % 200, index / 200);
            format!(
                "{index},{},{},16,{}\n",
                3 * column,
                3 * column + 2,
                16 * row
            )
        })
        .collect();
    let rows = format!("id,lower,upper,size,offset\n{rows}");
    let few = folder(&[("a.csv", JOBS), ("b.csv", &*rows)]);
    for (file, colour) in [("a.csv", "size"), ("a.csv", "age"), ("b.csv", "size")] {
        let arguments = [file, "--svg", "x.svg", "--colour", colour];
        assert_eq!(run_in(few.path(), "report", &arguments, b"").code, 0);
        let svg = std::fs::read_to_string(few.path().join("x.svg")).expect("a picture");
        assert!(svg.len() < 4_000_000, "{}", svg.len());
        assert!(svg.contains("prefers-color-scheme:dark") && svg.contains("class=\"load\""));
        assert_eq!(
            svg.contains("<title>job 1: [0, 4), 1024 bytes"),
            file == "a.csv"
        );
    }
}
