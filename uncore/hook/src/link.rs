//! Link options of a hook, for its build script.

/// Has the linker called with the options that a hook needs; `target` is the kind of
/// artefact that is one: `cdylib` or `examples`.
pub fn arguments(target: &str) {
    // Every symbol is bound when the library is loaded: the lazy binder would
    // otherwise run in the middle of a hooked call, perhaps in a signal handler or in
    // the child of a vfork.
    println!("cargo::rustc-link-arg-{target}=-Wl,-z,now");
    // The library is never unloaded: exit handlers point into it.
    println!("cargo::rustc-link-arg-{target}=-Wl,-z,nodelete");
    // Debuggers call the program's malloc to have memory in it. With debug information
    // they would take ours for a Rust function, which they do not call; the table of
    // symbols stays.
    println!("cargo::rustc-link-arg-{target}=-Wl,--strip-debug");
}

/// Has the library linked to a static unwinder, where the compiler has one. Rust's
/// runtime refers to an unwinder, which a hook never calls: the library then needs
/// nothing but libc, and no program has another library loaded for its sake.
pub fn unwinder_statically() {
    println!("cargo::rerun-if-env-changed=RUSTC_LINKER");
    let linker = std::env::var_os("RUSTC_LINKER").unwrap_or_else(|| "cc".into());
    let found = std::process::Command::new(linker)
        .arg("-print-file-name=libgcc_eh.a")
        .output();
    let Ok(output) = found else { return };
    let path = String::from_utf8_lossy(&output.stdout);
    let path = std::path::Path::new(path.trim());
    if let Some(folder) = path
        .parent()
        .filter(|_| path.is_absolute() && path.is_file())
    {
        println!("cargo::rustc-link-search=native={}", folder.display());
        println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
    }
}
