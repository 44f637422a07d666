//! The installation in one step, into a folder of its own and out of it again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use tests::{built, workspace};

fn install(arguments: &[&str], destination: &Path) -> std::process::Output {
    Command::new("sh")
        .arg(workspace().join("common/cli/install.sh"))
        .args(arguments)
        .env("IDEALLOC_BUILT", built())
        .env("DESTDIR", destination)
        .output()
        .expect("sh runs")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn programs_manuals_and_completions_come_and_go_in_one_step() {
    let folder = TempDir::new().expect("a folder");
    let ran = install(&["--prefix", "/opt/with spaces"], folder.path());
    assert!(ran.status.success(), "{ran:?}");
    let root = folder.path().join("opt/with spaces");
    let mut expected = vec![root.join("lib/idealloc/libuncore.so")];
    for tool in ["adapt", "idealloc", "idealloc-trace", "report"] {
        expected.extend([
            root.join("bin").join(tool),
            root.join("share/man/man1").join(format!("{tool}.1")),
            root.join("share/bash-completion/completions").join(tool),
            root.join("share/zsh/site-functions")
                .join(format!("_{tool}")),
            root.join("share/fish/vendor_completions.d")
                .join(format!("{tool}.fish")),
        ]);
    }
    expected.extend(
        [
            "include/idealloc.h".to_owned(),
            "lib/cmake/idealloc/idealloc-config-version.cmake".to_owned(),
            "lib/cmake/idealloc/idealloc-config.cmake".to_owned(),
            "lib/libidealloc.a".to_owned(),
            "lib/libidealloc.so".to_owned(),
            "lib/libidealloc.so.0".to_owned(),
            concat!("lib/libidealloc.so.", env!("CARGO_PKG_VERSION")).to_owned(),
            "lib/pkgconfig/idealloc.pc".to_owned(),
        ]
        .map(|file| root.join(file)),
    );
    expected.sort();
    assert_eq!(files(folder.path()), expected);
    let ran = install(&["--prefix=/opt/with spaces", "--uninstall"], folder.path());
    assert!(ran.status.success(), "{ran:?}");
    assert!(files(folder.path()).is_empty());
}

#[test]
fn the_installed_tracer_finds_its_library() {
    let folder = TempDir::new().expect("a folder");
    let none = TempDir::new().expect("a folder");
    let prefix = folder.path().canonicalize().expect("a path");
    let ran = install(
        &["--prefix", &prefix.display().to_string(), "--destdir", ""],
        none.path(),
    );
    assert!(ran.status.success(), "{ran:?}");
    let trace = prefix.join("bin/idealloc-trace");
    let ran = Command::new(&trace).arg("--print-library").output();
    let ran = ran.expect("the tracer runs");
    let library = prefix.join("lib/idealloc/libuncore.so");
    let printed = String::from_utf8(ran.stdout).expect("text");
    assert_eq!(printed, format!("{}\n", library.display()));
    let traced = Command::new(&trace)
        .current_dir(&prefix)
        .args(["-o", "ls.trc", "ls"])
        .output()
        .expect("the tracer runs");
    assert!(traced.status.success(), "{traced:?}");
    assert!(fs::metadata(prefix.join("ls.trc")).expect("a trace").len() > 0);
    // Elsewhere, by name.
    let moved = prefix.join("moved.so");
    fs::rename(&library, &moved).expect("it is ours");
    let ran = Command::new(&trace).arg("--print-library").output();
    let ran = ran.expect("the tracer runs");
    let err = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(
        (ran.status.code(), err.lines().count()),
        (Some(2), 1),
        "{err}"
    );
    assert!(
        err.contains("cargo build --release -p idealloc-uncore"),
        "{err}"
    );
    let ran = Command::new(&trace)
        .arg("--print-library")
        .env("IDEALLOC_LIBRARY", &moved)
        .output()
        .expect("the tracer runs");
    let printed = String::from_utf8(ran.stdout).expect("text");
    assert_eq!(printed, format!("{}\n", moved.display()));
}

#[test]
fn what_the_installer_does_not_know_is_refused() {
    let folder = TempDir::new().expect("a folder");
    for arguments in [&["--prefx", "/x"][..], &["--prefix"]] {
        let ran = install(arguments, folder.path());
        assert_eq!(ran.status.code(), Some(2), "{ran:?}");
        assert!(files(folder.path()).is_empty());
    }
}
