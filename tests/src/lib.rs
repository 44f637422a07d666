//! What the end-to-end tests share: where the built programs are, C programs
//! to trace, and inputs with a known answer.

pub mod fuzzing;
pub mod models;
pub mod oracle;
pub mod snapshots;
pub mod solving;
pub mod traces;
pub mod tracing;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

/// The folder of the workspace.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ lies in the workspace")
}

/// The folder that holds the workspace's built programs and `libuncore.so`,
/// in the profile of this test run. The first call builds what is missing.
pub fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let exe = std::env::current_exe().expect("a test knows its own path");
        // target/<profile>/deps/<test>
        let profile = exe
            .ancestors()
            .nth(2)
            .expect("a test lies in target/<profile>/deps");
        let mut build = Command::new(env!("CARGO"));
        build
            .current_dir(workspace())
            // Of some packages alone, features and so artefacts would differ.
            .args(["build", "--workspace", "--quiet", "--offline"])
            .arg("--target-dir")
            .arg(profile.parent().expect("the target folder"));
        if profile.ends_with("release") {
            build.arg("--release");
        }
        let status = build.status().expect("cargo runs");
        assert!(status.success(), "the workspace's programs do not build");
        profile.to_path_buf()
    })
}

/// A folder with these files.
pub fn folder(files: &[(&str, impl AsRef<[u8]>)]) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for (name, content) in files {
        fs::write(folder.path().join(name), content).expect("a file");
    }
    folder
}

/// What a program printed and how it ended.
#[derive(Debug)]
pub struct Ran {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs one of the workspace's programs in a folder, with an input.
pub fn run_in(folder: &Path, name: &str, arguments: &[&str], input: &[u8]) -> Ran {
    let mut child = program(name)
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("standard input is a pipe");
    let input = input.to_vec();
    // The program may end without reading its input.
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("the program ends");
    feeder.join().expect("the feeder ends");
    Ran {
        code: output.status.code().expect("no signal ends the program"),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}

/// A command that runs one of the workspace's programs. Nothing here outlives the system: no
/// test waits for a device that others keep busy.
pub fn program(name: &str) -> Command {
    let mut command = Command::new(built().join(name));
    command.env("IDEALLOC_NO_SYNC", "1");
    command
}

/// Runs a line of shell in a folder, the workspace's programs by their names,
/// with an empty standard input.
pub fn shell(folder: &Path, line: &str) -> Output {
    let path = std::env::var("PATH").unwrap_or_default();
    Command::new("sh")
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", built().display()))
        .env("IDEALLOC_NO_SYNC", "1")
        .args(["-c", line])
        .stdin(Stdio::null())
        .output()
        .expect("sh runs")
}

/// Whether there is a program of this name.
pub fn has(program: &str) -> bool {
    let line = format!("command -v {program}");
    shell(Path::new("/"), &line).status.success()
}
