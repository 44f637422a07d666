//! The version that the programs tell: the package's, and in a release build
//! the commit that it was built from.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    // A debug build does not tell its commit: it would be built anew, and with
    // it every test, whenever something is committed.
    let release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let version = match release.then(commit) {
        Some(Some(commit)) => format!("{version} ({commit})"),
        Some(None) => version,
        None => format!("{version} (debug)"),
    };
    println!("cargo::rustc-env=IDEALLOC_VERSION={version}");
}

/// The commit, short, and its date; of a package from a registry the commit only.
fn commit() -> Option<String> {
    let here = std::env::var("CARGO_MANIFEST_DIR").ok()?;
    let here = Path::new(&here);
    let packaged = here.join(".cargo_vcs_info.json");
    if let Ok(text) = std::fs::read_to_string(packaged) {
        let (_, rest) = text.split_once("\"sha1\": \"")?;
        return rest.get(..9).map(str::to_owned);
    }
    // Not the commit of a repository into which this one was copied.
    let workspace = here.parent()?.parent()?.canonicalize().ok()?;
    let top = git(here, &["rev-parse", "--show-toplevel"])?;
    if Path::new(&top).canonicalize().ok()? != workspace {
        return None;
    }
    // What changes with every commit and every checkout.
    for name in ["HEAD", "logs/HEAD"] {
        let path = here.join(git(here, &["rev-parse", "--git-path", name])?);
        if path.exists() {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    git(
        here,
        &["log", "-1", "--abbrev=9", "--format=%h %cd", "--date=short"],
    )
}

/// The one line that git answers; nothing where there is no git or no repository.
fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let ran = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .output()
        .ok()?;
    let line = String::from_utf8(ran.stdout).ok()?.trim().to_owned();
    (ran.status.success() && !line.is_empty()).then_some(line)
}
