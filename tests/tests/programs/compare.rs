//! The comparison with peers believes nobody: every answer passes the verifier,
//! or is a failure.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use benches::compare::{self, Minimalloc, Peer, Settings};
use tempfile::TempDir;
use tests::built;

/// A program with minimalloc's options that answers by idealloc.
fn stand_in(folder: &Path, then: &str) -> PathBuf {
    let path = folder.join("minimalloc");
    let script = format!(
        "#!/bin/sh\nfor option; do case $option in\n\
         --capacity=*) capacity=${{option#*=}};;\n--input=*) input=${{option#*=}};;\n\
         --output=*) output=${{option#*=}};;\n--timeout=*ms) ;;\n*) exit 9;;\nesac; done\n\
         '{}' \"$input\" -o \"$output\" --capacity \"$capacity\" -q || exit\n{then}\n",
        built().join("idealloc").display()
    );
    fs::write(&path, script).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
    path
}

fn small() -> compare::Instance {
    let mut classes = compare::classes().into_iter();
    let found = classes.find(|class| class.name == "guillotine 200");
    found.expect("a class of this name")
}

#[test]
fn minimalloc_is_asked_in_its_own_words() {
    let folder = TempDir::new().expect("a folder");
    let program = stand_in(folder.path(), "");
    let ready = small().make().expect("jobs");
    let peer = Minimalloc { program: &program };
    let answer = peer.run(&ready, Some(Duration::from_secs(60)), 0);
    let (makespan, seconds) = answer.and_then(|a| a.verified(&ready)).expect("valid");
    assert!(makespan > 0 && seconds > 0.0);
}

#[test]
fn an_answer_that_is_not_valid_is_a_failure() {
    let folder = TempDir::new().expect("a folder");
    // Everything at the bottom.
    let lie = "sed -i '1!s/,[0-9]*$/,0/' \"$output\"";
    let program = stand_in(folder.path(), lie);
    let ready = small().make().expect("jobs");
    let peer = Minimalloc { program: &program };
    let answer = peer.run(&ready, Some(Duration::from_secs(60)), 0);
    let answer = answer.expect("it is an answer");
    assert!(answer.verified(&ready).is_err());
    // One that cannot be run is a failure, too, not the end of the comparison.
    let missing = folder.path().join("missing");
    let peer = Minimalloc { program: &missing };
    assert!(peer.run(&ready, Some(Duration::from_secs(1)), 0).is_err());
}

#[test]
fn a_comparison_gives_rows_a_table_and_a_picture() {
    let folder = TempDir::new().expect("a folder");
    let program = stand_in(folder.path(), "");
    let settings = Settings {
        folders: Vec::new(),
        timeouts: vec![Duration::from_secs(1)],
        seeds: 1,
        idealloc: built().join("idealloc"),
        methods: vec!["fit".to_owned()],
        with_curves: true,
        python: None,
        minimalloc: Some(program),
        only: Some("guillotine 200".to_owned()),
        peer_limit: 1000,
    };
    let mut csv = Vec::new();
    let comparison = compare::compare(&settings, &mut csv).expect("it ends");
    let who: Vec<&str> = comparison.rows.iter().map(|row| &*row.who).collect();
    assert_eq!(who, ["idealloc", "idealloc fit", "minimalloc"]);
    for row in &comparison.rows {
        assert!(row.result.is_ok(), "{row:?}");
    }
    assert_eq!(String::from_utf8(csv).expect("text").lines().count(), 4);
    let table = compare::table(&comparison.rows);
    assert_eq!(table.lines().count(), 3);
    let drawing = compare::svg(&comparison.curves, &comparison.rows).expect("memory");
    // A line for each technique and a dot for the peer, each in its own colour; the
    // dot again in the legend.
    let drawn = |what: &str| {
        drawing
            .lines()
            .filter(|line| line.starts_with(what))
            .count()
    };
    for (colour, lines) in [("#0072B2", 1), ("#D55E00", 1), ("#009E73", 0)] {
        let line = format!("<polyline fill=\"none\" opacity=\"1\" stroke=\"{colour}\"");
        assert_eq!(drawn(&line), lines, "{drawing}");
    }
    assert_eq!(drawn("<circle"), 2, "{drawing}");
    assert_eq!(drawing.matches("fill=\"#009E73\"").count(), 2, "{drawing}");
}
