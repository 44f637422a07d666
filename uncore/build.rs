//! Link options of the tracer.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Every symbol is bound when the library is loaded: the lazy binder would
    // otherwise run in the middle of a traced call, perhaps in a signal
    // handler or in the child of a vfork.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,now");
    // The library is never unloaded: exit handlers point into it.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
