//! Link options of the shared library.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The name by which programs look for it: Cargo gives it none. The number grows with
    // every release that breaks programs built against an older one. Structs may grow at
    // their ends without that: see `struct_size`.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libidealloc.so.0");
    // Threads that a call started may end after it has returned, and what they run must
    // still be there.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    // A fifth of the size; the table of symbols stays.
    println!("cargo::rustc-cdylib-link-arg=-Wl,--strip-debug");
}
