//! The example is a hook, too.

#[path = "src/link.rs"]
#[allow(dead_code, reason = "the other half is for libraries")]
mod link;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/link.rs");
    link::arguments("examples");
}
