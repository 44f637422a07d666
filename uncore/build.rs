//! Link options of the tracer: those of any hook.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    hook::link::arguments("cdylib");
    hook::link::unwinder_statically();
}
