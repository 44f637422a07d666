//! Link options of the tracer.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RUSTC_LINKER");
    // Every symbol is bound when the library is loaded: the lazy binder would
    // otherwise run in the middle of a traced call, perhaps in a signal
    // handler or in the child of a vfork.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,now");
    // The library is never unloaded: exit handlers point into it.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    link_unwinder_statically();
}

/// Rust's runtime refers to an unwinder, which the tracer never calls. Where the
/// compiler has a static one, the library then needs nothing but libc, and no
/// traced program has another library loaded for its sake.
fn link_unwinder_statically() {
    let linker = std::env::var_os("RUSTC_LINKER").unwrap_or_else(|| "cc".into());
    let found = Command::new(linker)
        .arg("-print-file-name=libgcc_eh.a")
        .output();
    let Ok(output) = found else { return };
    let path = String::from_utf8_lossy(&output.stdout);
    let path = Path::new(path.trim());
    if let Some(folder) = path
        .parent()
        .filter(|_| path.is_absolute() && path.is_file())
    {
        println!("cargo::rustc-link-search=native={}", folder.display());
        println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
    }
}
