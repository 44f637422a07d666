//! What the end-to-end tests share: where the built programs are, C programs
//! to trace, and inputs with a known answer.

pub mod tracing;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder of the workspace.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace")
}

/// The folder that holds the workspace's built programs and `libuncore.so`,
/// in the profile of this test run. The first call builds what is missing.
pub fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let exe = std::env::current_exe().expect("a test knows its own path");
        // target/<profile>/deps/<test>
        let profile = exe.ancestors().nth(2).expect("a test lies in target/<profile>/deps");
        let mut build = Command::new(env!("CARGO"));
        build.current_dir(workspace()).args(["build", "--quiet", "--offline"]);
        build.args(["-p", "uncore", "-p", "sanity", "-p", "coreba", "--target-dir"]);
        build.arg(profile.parent().expect("the target folder"));
        if profile.ends_with("release") {
            build.arg("--release");
        }
        let status = build.status().expect("cargo runs");
        assert!(status.success(), "the workspace's programs do not build");
        profile.to_path_buf()
    })
}

/// A command that runs one of the workspace's programs.
pub fn program(name: &str) -> Command {
    Command::new(built().join(name))
}
