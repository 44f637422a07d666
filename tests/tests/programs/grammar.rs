//! One of a thing is told as one: no program says "1 jobs".

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use tests::{run_in, traces};

/// A number of one before a plural.
fn one_of_many(text: &str) -> Option<String> {
    let lines = text.lines().map(|line| line.split_whitespace());
    lines
        .flat_map(|words| std::iter::zip(words.clone(), words.skip(1)))
        .map(|(number, noun)| (number, noun.trim_end_matches([',', ':', ';', ')'])))
        .find(|(number, noun)| {
            let is_plural = noun.ends_with('s') && noun.chars().all(|c| c.is_ascii_lowercase());
            *number == "1" && is_plural && *noun != "is"
        })
        .map(|(number, noun)| format!("{number} {noun}"))
}

fn says(folder: &Path, program: &str, arguments: &[&str], expected: &str) {
    let ran = run_in(folder, program, arguments, b"");
    let told = ran.out + &ran.err;
    assert_eq!(one_of_many(&told), None, "{told}");
    assert!(told.contains(expected), "{told}");
}

#[test]
fn one_of_a_thing_is_told_as_one() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    let write = |name: &str, content: &[u8]| {
        fs::write(folder.join(name), content).expect("a file");
    };
    write("a.trc", &traces::of([traces::malloc(1, 0x1010)]));
    write(
        "a.csv",
        b"id,lower,upper,size,requested,offset\n0,0,1,1,1,0\n",
    );
    write("b.csv", b"id,lower,upper,size,offset\n0,0,1,1,4096\n");
    write(
        "x.csv",
        b"id,lower,upper,size,gaps,group,hint\nx,0,9,8,1-2,g,4\n",
    );
    write("f.csv", b"id,lower,upper,size\n7\n");
    let nodes = r#"{"nodes": {"intervals": [[0,1],[1,1],[0,1]], "usages": [[8],[8],[0]]}}"#;
    write("n.json", nodes.as_bytes());

    says(
        folder,
        "adapt",
        &["a.trc", "a.plc"],
        "1 event, 1 job, 1 never freed",
    );
    says(folder, "adapt", &["a.csv", "o.csv"], "1 offset left out");
    says(folder, "adapt", &["b.csv", "b.plc"], "1 offset kept");
    says(
        folder,
        "adapt",
        &["a.trc", "m.plc", "--merge-heaps"],
        "1 offset left out",
    );
    says(
        folder,
        "adapt",
        &["x.csv", "x.plc", "--lossy"],
        "1 hint left out",
    );
    says(
        folder,
        "adapt",
        &["n.json", "n.csv"],
        "1 node with no usage",
    );
    says(folder, "adapt", &["f.csv", "y.csv"], "1 field, but");
    says(folder, "report", &["a.trc"], "1 job, 24 bytes");
    says(
        folder,
        "report",
        &["a.csv", "--svg", "a.svg"],
        "1 byte, 1 page",
    );
    says(
        folder,
        "report",
        &["a.csv", "--against", "b.csv"],
        "1 of 1 job",
    );
    says(
        folder,
        "idealloc",
        &["x.csv", "-o", "x.out.csv"],
        "of 1 job at theirs",
    );
    says(
        folder,
        "idealloc",
        &["a.csv", "-o", "o.csv"],
        "1 job kept where",
    );
    let question = ["x.csv", "--capacity", "7", "--explain"];
    says(folder, "idealloc", &question, "1 job together: x");
    let svg = fs::read_to_string(folder.join("a.svg")).expect("a picture");
    assert_eq!(one_of_many(&svg), None);
    assert!(svg.contains("1 job, 1 heap"), "{svg}");
}
