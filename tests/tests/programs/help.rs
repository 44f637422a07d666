//! What the tools tell of themselves: every example of `--help` does what it
//! says, manual pages and completions can be read by what they are for, and
//! colours come on a terminal only.

use std::path::Path;
use std::{fs, io};

use tempfile::TempDir;
use tests::{has, run_in, shell, traces};

const TOOLS: [&str; 4] = ["adapt", "report", "idealloc", "idealloc-trace"];

fn help(tool: &str) -> String {
    let ran = run_in(Path::new("/"), tool, &["--help"], b"");
    assert_eq!((ran.code, &*ran.err), (0, ""), "{tool}");
    ran.out
}

/// The commands under "Examples:", without what is said of them.
fn examples(help: &str) -> Vec<String> {
    let after = help.split("Examples:\n").nth(1).expect("examples");
    let lines = after.lines().take_while(|line| !line.is_empty());
    let commands = lines.map(|line| line.trim().split("   ").next().unwrap_or_default());
    commands.map(str::to_owned).collect()
}

fn trace() -> Vec<u8> {
    let pointers = (0x1000..0x9000).step_by(64);
    traces::of(pointers.map(|pointer| traces::malloc(50, pointer)))
}

/// The files that the examples are about.
fn prepare(folder: &Path) {
    let write = |name: &str, content: &[u8]| {
        fs::write(folder.join(name), content).expect("a file");
    };
    write("app.trc", &trace());
    write(
        "buffers.csv",
        b"id,lower,upper,size\n0,0,3,64\n1,2,5,64\n2,3,6,64\n",
    );
    let samples = tests::workspace().join("tests/samples");
    let copy = |from: &Path, to: &str| {
        fs::copy(from, folder.join(to)).expect("a file");
    };
    let model = tests::fuzzing::TARGETS
        .iter()
        .find(|target| target.name == "tflite");
    let model = (model.expect("a target").seeds)().swap_remove(0);
    write("model.tflite", &model);
    copy(&samples.join("contest.json"), "problem.json");
    copy(&samples.join("snapshot.pickle"), "snapshot.pickle");
    copy(&samples.join("layers-dump.mlir"), "dump.mlir");
    let module = "module.cpu_after_optimizations";
    for kind in ["buffer-assignment", "live-range"] {
        let sample = samples.join(format!("scan-{kind}.txt"));
        copy(&sample, &format!("{module}-{kind}.txt"));
    }
    let packed = fs::read(samples.join("scan.hlo.pb.gz")).expect("the sample");
    let mut unpacked = common::format::decompress(io::Cursor::new(packed)).expect("gzip");
    let mut whole = fs::File::create(folder.join(format!("{module}.hlo.pb"))).expect("a file");
    io::copy(&mut unpacked, &mut whole).expect("a sound sample");
    copy(Path::new("/bin/ls"), "app");
    for line in [
        "adapt app.trc app.plc",
        "idealloc app.plc -o placement.csv --iterations 1",
    ] {
        let ran = shell(folder, line);
        assert!(ran.status.success(), "{ran:?}");
    }
}

#[test]
fn every_example_of_the_help_runs() {
    for tool in TOOLS {
        let folder = TempDir::new().expect("a folder");
        prepare(folder.path());
        let examples = examples(&help(tool));
        assert!(examples.len() >= 3, "{tool}: {examples:?}");
        for line in examples {
            assert!(line.contains(tool), "{tool}: {line}");
            if line.contains("| jq") && !has("jq") {
                eprintln!("SKIPPED: {line}: no jq");
                continue;
            }
            let ran = shell(folder.path(), &line);
            assert_eq!(ran.status.code(), Some(0), "{line}: {ran:?}");
            // Where a picture, a trace or a placement was asked for, it is there.
            for name in line.split_whitespace().filter(|word| word.contains('.')) {
                let is_file = ["trc", "zst", "plc", "csv", "svg", "html"]
                    .iter()
                    .any(|kind| name.ends_with(&format!(".{kind}")));
                if is_file && !name.contains('=') {
                    assert!(folder.path().join(name).exists(), "{line}: no {name}");
                }
            }
        }
    }
}

#[test]
fn every_option_is_told_and_the_exit_codes_too() {
    for tool in TOOLS {
        let help = help(tool);
        assert!(help.contains("Exit code"), "{tool}");
        assert!(help.contains("--generate"), "{tool}");
        assert!(help.contains("-q, --quiet"), "{tool}");
        let short = run_in(Path::new("/"), tool, &["-h"], b"");
        assert!(short.out.len() <= help.len(), "{tool}");
        let version = run_in(Path::new("/"), tool, &["--version"], b"").out;
        let expected = format!("{tool} {}", env!("CARGO_PKG_VERSION"));
        assert!(version.starts_with(&expected), "{version}");
    }
}

#[test]
fn manual_pages_have_every_option_and_no_fault() {
    let folder = TempDir::new().expect("a folder");
    for tool in TOOLS {
        let ran = run_in(folder.path(), tool, &["--generate", "man"], b"");
        assert_eq!((ran.code, &*ran.err), (0, ""), "{tool}");
        let page = ran.out.replace("\\-", "-");
        let help = help(tool);
        let options = help.split_whitespace().filter_map(|word| {
            let name = word.strip_prefix("--")?;
            let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
            Some(&name[..end.unwrap_or(name.len())])
        });
        for option in options.filter(|option| !option.is_empty()) {
            assert!(page.contains(&format!("--{option}")), "{tool}: {option}");
        }
        for example in examples(&help) {
            assert!(page.contains(&example), "{tool}: {example}");
        }
        if has("man") {
            fs::write(folder.path().join("page.1"), &ran.out).expect("a file");
            let line = "man --warnings -E UTF-8 -l -Tutf8 ./page.1 >/dev/null";
            let ran = shell(folder.path(), line);
            assert!(ran.stderr.is_empty(), "{tool}: {ran:?}");
        } else {
            eprintln!("SKIPPED: reading {tool}'s manual page: no man");
        }
    }
}

#[test]
fn completions_are_read_by_their_shells() {
    let folder = TempDir::new().expect("a folder");
    for shell_name in ["bash", "zsh", "fish"] {
        for tool in TOOLS {
            let ran = run_in(folder.path(), tool, &["--generate", shell_name], b"");
            assert_eq!((ran.code, &*ran.err), (0, ""), "{tool}");
            assert!(ran.out.contains(tool) && ran.out.contains("quiet"));
            if !has(shell_name) {
                eprintln!("SKIPPED: {tool}'s completions: no {shell_name}");
                continue;
            }
            fs::write(folder.path().join("completions"), &ran.out).expect("a file");
            let line = format!("{shell_name} -n completions");
            let ran = shell(folder.path(), &line);
            assert!(ran.status.success(), "{tool}: {ran:?}");
        }
    }
}

#[test]
fn nothing_but_manuals_is_asked_for_beside_them() {
    for tool in TOOLS {
        let ran = run_in(Path::new("/"), tool, &["--generate", "man", "x"], b"");
        assert_eq!((ran.code, &*ran.out), (2, ""), "{tool}");
        let ran = run_in(Path::new("/"), tool, &["--generate", "tea"], b"");
        assert_eq!((ran.code, &*ran.out), (2, ""), "{tool}");
    }
}

#[test]
fn pipes_get_no_colours_and_no_progress() {
    let folder = TempDir::new().expect("a folder");
    prepare(folder.path());
    for line in [
        "adapt --help",
        "adapt --hlep",
        "report --help",
        "idealloc",
        "idealloc app.trc --timeout 500ms -o x.csv --max-fragmentation 0",
        "adapt app.trc y.plc",
        "idealloc-trace --help",
    ] {
        let ran = shell(folder.path(), line);
        let printed = [ran.stdout, ran.stderr].concat();
        assert!(!printed.contains(&0x1b), "{line}");
    }
}

#[test]
fn a_terminal_gets_colours_but_where_it_asks_for_none() {
    if !has("script") {
        eprintln!("SKIPPED: colours on a terminal: no script");
        return;
    }
    let on_terminal = |setting: &str| {
        let line = format!("{setting} script -qec 'idealloc --help' /dev/null");
        let ran = shell(Path::new("/"), &line).stdout;
        ran.contains(&0x1b)
    };
    assert!(on_terminal("env -u NO_COLOR TERM=xterm"));
    assert!(!on_terminal("env NO_COLOR=1 TERM=xterm"));
}

#[test]
fn quiet_tools_say_nothing() {
    let folder = TempDir::new().expect("a folder");
    prepare(folder.path());
    for line in [
        "adapt -q app.trc y.plc",
        "idealloc -q app.trc -o x.csv",
        "idealloc -q app.trc --verify x.csv",
        "report -q x.csv --svg x.svg",
        "idealloc-trace -q -o ls.trc ./app /dev/null >/dev/null",
    ] {
        let ran = shell(folder.path(), line);
        assert_eq!(ran.status.code(), Some(0), "{line}: {ran:?}");
        assert!(
            ran.stdout.is_empty() && ran.stderr.is_empty(),
            "{line}: {ran:?}"
        );
    }
    // The answer is in the exit code.
    fs::write(
        folder.path().join("bad.csv"),
        "id,lower,upper,size,offset\n0,0,2,8,0\n1,0,2,8,0\n",
    )
    .expect("a file");
    let ran = shell(folder.path(), "report -q bad.csv 2>/dev/null");
    assert_eq!((ran.status.code(), ran.stdout.len()), (Some(1), 0));
}
