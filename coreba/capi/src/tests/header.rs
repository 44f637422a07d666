//! `include/idealloc.h` says what the library does.

use std::fs;
use std::path::Path;

use crate::abi::{VERSION_MAJOR, VERSION_MINOR, VERSION_PATCH};

#[test]
fn the_header_is_what_the_sources_make() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(here.join("cbindgen.toml"));
    let bindings = cbindgen::Builder::new()
        .with_config(config.expect("a configuration"))
        .with_src(here.join("src/abi.rs"))
        .with_src(here.join("src/lib.rs"))
        .generate()
        .expect("the sources are Rust");
    let mut made = Vec::new();
    bindings.write(&mut made);
    let made = String::from_utf8(made).expect("text");
    let header = here.join("include/idealloc.h");
    if std::env::var_os("IDEALLOC_WRITE_HEADER").is_some() {
        fs::write(&header, &made).expect("the header is ours");
    }
    let kept = fs::read_to_string(&header).unwrap_or_default();
    assert!(
        made == kept,
        "IDEALLOC_WRITE_HEADER=1 cargo test -p idealloc-capi header makes {} anew",
        header.display()
    );
}

#[test]
fn the_version_of_the_header_is_that_of_the_package() {
    let version = format!("{VERSION_MAJOR}.{VERSION_MINOR}.{VERSION_PATCH}");
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
}
