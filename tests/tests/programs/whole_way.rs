//! The whole way on real programs: traced, adapted, reported, solved.

use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use tests::{program, run_in, workspace};

/// Traces a command and takes its trace the whole way; returns the report of
/// the solved placement.
fn whole_way(command: &str, arguments: &[&str]) -> Option<Value> {
    let folder = TempDir::new().expect("a folder");
    let traced = Command::new(command)
        .args(arguments)
        .current_dir(folder.path())
        .env("LD_PRELOAD", tests::built().join("libuncore.so"))
        .env("TRACEFILE", folder.path().join("app.trc"))
        .output();
    let Ok(traced) = traced else {
        eprintln!("skipped: {command} is not installed");
        return None;
    };
    assert!(
        traced.status.success(),
        "{}",
        String::from_utf8_lossy(&traced.stderr)
    );
    let folder = folder.path();
    let ran = run_in(folder, "adapt", &["app.trc", "app.plc", "--strict"], b"");
    assert_eq!(ran.code, 0, "{}", ran.err);
    let ran = run_in(folder, "report", &["app.plc", "--svg", "traced.svg"], b"");
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("\nplacement      valid"), "{}", ran.out);
    let ran = run_in(folder, "idealloc", &["app.plc", "-o", "placement.csv"], b"");
    assert_eq!(ran.code, 0, "{}", ran.err);
    let ran = run_in(
        folder,
        "report",
        &["placement.csv", "--format", "json"],
        b"",
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    let svg = std::fs::read_to_string(folder.join("traced.svg")).expect("a picture");
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    Some(serde_json::from_str(&ran.out).expect("JSON"))
}

#[test]
fn sqlite_filling_a_table_goes_the_whole_way() {
    let sql = "create table t(a,b); with recursive n(i) as (select 1 union all select i+1 from n \
               where i<5000) insert into t select i, hex(randomblob(i%50)) from n; \
               create index x on t(b); select count(*), max(b) from t;";
    if let Some(report) = whole_way("sqlite3", &["app.db", sql]) {
        assert!(report["jobs"].as_u64().expect("a number") > 5000);
        assert_eq!(report["placement"]["valid"], true);
    }
}

#[test]
fn python_goes_the_whole_way() {
    let script = "d = {i: str(i) * (i % 9) for i in range(20000)}; print(len(d))";
    if let Some(report) = whole_way("python3", &["-c", script]) {
        assert_eq!(report["placement"]["valid"], true);
    }
}

#[test]
fn ls_goes_the_whole_way() {
    let report = whole_way("ls", &["-lR", "/usr/lib"]).expect("ls is there");
    assert_eq!(report["placement"]["valid"], true);
}

#[test]
fn a_pipeline_of_the_tools_says_the_same_as_files() {
    let folder = TempDir::new().expect("a folder");
    let csv = "id,lower,upper,size\n0,0,3,4\n1,2,5,8\n2,4,9,4\n";
    let plc = program("adapt")
        .args(["-", "-", "--from", "csv", "--to", "plc"])
        .stdin(stdin(csv.as_bytes()))
        .output()
        .expect("adapt runs")
        .stdout;
    assert_eq!(plc.len(), 3 * 64);
    let ran = run_in(folder.path(), "idealloc", &["-", "--from", "plc"], &plc);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.err.contains("optimal"),
        "the summary is on standard error: {}",
        ran.err
    );
    let ran = run_in(
        folder.path(),
        "report",
        &["-", "--from", "csv"],
        ran.out.as_bytes(),
    );
    assert!(ran.out.contains("fragmentation  0.0000 %"), "{}", ran.out);
}

/// A file that holds these bytes, opened for reading.
fn stdin(bytes: &[u8]) -> std::fs::File {
    use std::io::{Seek as _, Write as _};
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(bytes).expect("written");
    file.rewind().expect("rewound");
    file
}

#[test]
fn every_real_instance_gets_a_placement_that_the_independent_check_passes() {
    let Some(data) = tests::oracle::data() else {
        return;
    };
    let check = workspace()
        .parent()
        .expect("a parent")
        .join("shared/tools/check_placement.py");
    let mut instances: Vec<_> = std::fs::read_dir(&data)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "csv"))
        .collect();
    instances.sort();
    assert!(instances.len() >= 15);
    for instance in instances {
        let folder = TempDir::new().expect("a folder");
        let problem = instance.to_str().expect("text");
        let ran = run_in(
            folder.path(),
            "idealloc",
            &[problem, "-o", "p.csv", "--timeout", "300ms"],
            b"",
        );
        assert_eq!(ran.code, 0, "{problem}: {}", ran.err);
        let output = Command::new("python3")
            .arg(&check)
            .arg(problem)
            .arg(folder.path().join("p.csv"))
            .output();
        let Ok(output) = output else {
            eprintln!("skipped: python3 is not installed");
            return;
        };
        let verdict = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && verdict.contains("valid: True"),
            "{problem}: {verdict}"
        );
    }
}

#[test]
fn closed_pipes_and_devices_are_no_failure() {
    let folder = TempDir::new().expect("a folder");
    let jobs: String = (0..20_000)
        .map(|id| format!("{id},{id},{},8\n", id + 2))
        .collect();
    std::fs::write(
        folder.path().join("x.csv"),
        format!("id,lower,upper,size\n{jobs}"),
    )
    .expect("a file");
    for (name, arguments) in [
        ("adapt", &["x.csv", "-", "--to", "csv"][..]),
        ("adapt", &["x.csv", "-", "--to", "plc"]),
        ("idealloc", &["x.csv"]),
    ] {
        let mut child = program(name)
            .current_dir(folder.path())
            .args(arguments)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = [0; 10];
        let mut output = child.stdout.take().expect("a pipe");
        std::io::Read::read_exact(&mut output, &mut line).expect("some output");
        drop(output);
        let ended = child.wait_with_output().expect("it ends");
        let err = String::from_utf8_lossy(&ended.stderr);
        assert!(
            ended.status.success() && !err.contains("pipe"),
            "{name}: {err}"
        );
    }
    let ran = run_in(
        folder.path(),
        "idealloc",
        &["x.csv", "-o", "/dev/null", "--to", "csv"],
        b"",
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
}

#[test]
fn large_real_instances_come_close_to_load_with_little_work() {
    let Some(data) = tests::oracle::data() else {
        return;
    };
    for (file, most) in [("S_1.csv", 1.4), ("pangu_2.6B.csv", 0.9), ("G_1.csv", 0.0)] {
        let folder = TempDir::new().expect("a folder");
        let problem = data.join(file);
        let problem = problem.to_str().expect("text");
        let arguments = [
            problem,
            "-o",
            "p.csv",
            "--iterations",
            "400",
            "--format",
            "json",
        ];
        let ran = run_in(folder.path(), "idealloc", &arguments, b"");
        assert_eq!(ran.code, 0, "{file}: {}", ran.err);
        let summary: Value = serde_json::from_str(&ran.out).expect("JSON");
        let percent = 100.0 * summary["fragmentation"].as_f64().expect("a number");
        assert!(percent <= most, "{file}: {percent} %");
    }
}

#[test]
fn a_compile_goes_the_whole_way_process_by_process() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    std::fs::write(
        folder.join("a.cc"),
        "#include <vector>\nint main() { return std::vector<int>(3).size(); }\n",
    )
    .expect("a file");
    let traced = Command::new("g++")
        .args(["-c", "a.cc"])
        .current_dir(folder)
        .env("LD_PRELOAD", tests::built().join("libuncore.so"))
        .env("TRACEFILE", folder.join("app.trc"))
        .output();
    if !traced.is_ok_and(|traced| traced.status.success()) {
        eprintln!("skipped: g++ is not installed");
        return;
    }
    let traces: Vec<String> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("text")
        })
        .filter(|name| name.starts_with("app.trc"))
        .collect();
    assert!(traces.len() >= 3, "the driver, cc1plus and as: {traces:?}");
    for trace in traces {
        let ran = run_in(folder, "adapt", &[&trace, "x.plc", "--strict"], b"");
        assert_eq!(ran.code, 0, "{trace}: {}", ran.err);
        let ran = run_in(folder, "report", &["x.plc"], b"");
        assert_eq!(ran.code, 0, "{trace}: {}", ran.out);
        let ran = run_in(
            folder,
            "idealloc",
            &["x.plc", "-o", "p.csv", "--timeout", "1s"],
            b"",
        );
        assert_eq!(ran.code, 0, "{trace}: {}", ran.err);
    }
}

#[test]
fn a_traced_placement_is_valid_whatever_allocator_made_it() {
    for library in [
        "libjemalloc.so.2",
        "libmimalloc.so.2",
        "libtcmalloc_minimal.so.4",
    ] {
        let folder = TempDir::new().expect("a folder");
        let preload = format!(
            "{}:{library}",
            tests::built().join("libuncore.so").display()
        );
        let traced = Command::new("ls")
            .args(["-lR", "/etc"])
            .env("LD_PRELOAD", preload)
            .env("TRACEFILE", folder.path().join("app.trc"))
            .output()
            .expect("ls runs");
        if String::from_utf8_lossy(&traced.stderr).contains("cannot be preloaded") {
            eprintln!("skipped: {library} is not installed");
            continue;
        }
        let ran = run_in(folder.path(), "report", &["app.trc"], b"");
        assert_eq!(ran.code, 0, "{library}: {}", ran.out);
        run_in(folder.path(), "adapt", &["app.trc", "app.plc"], b"");
        let ran = run_in(
            folder.path(),
            "idealloc",
            &["app.plc", "--verify", "app.plc"],
            b"",
        );
        assert_eq!(ran.code, 0, "{library}: {}", ran.out);
    }
}
