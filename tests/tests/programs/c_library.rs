//! The C library as its users meet it: installed, found by flags, pkg-config and
//! CMake, and called from C and C++.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use tempfile::TempDir;
use tests::{built, has, workspace};

const STRICT: [&str; 4] = ["-Wall", "-Wextra", "-Werror", "-pedantic"];

/// What the static library needs, as the page says.
const NATIVE: [&str; 7] = [
    "-lgcc_s",
    "-lutil",
    "-lrt",
    "-lpthread",
    "-lm",
    "-ldl",
    "-lc",
];

/// A compiler, the language that it takes a source for, and the standard.
const LANGUAGES: [(&str, &str, &str); 3] = [
    ("cc", "c", "-std=c99"),
    ("cc", "c", "-std=c11"),
    ("c++", "c++", "-std=c++11"),
];

/// A folder into which everything is installed once; moved, as its files go by
/// their own place. The system's cleaning takes it: statics are not dropped.
fn prefix() -> &'static Path {
    static PREFIX: OnceLock<PathBuf> = OnceLock::new();
    PREFIX.get_or_init(|| {
        let folder = built().join("c-library");
        // What an earlier run left.
        let _ = fs::remove_dir_all(&folder);
        let destination = folder.join("first place");
        let ran = Command::new("sh")
            .arg(workspace().join("common/cli/install.sh"))
            .args(["--prefix", "/usr", "--destdir"])
            .arg(&destination)
            .env("IDEALLOC_BUILT", built())
            .output();
        let ran = ran.expect("sh runs");
        assert!(ran.status.success(), "{ran:?}");
        let moved = folder.join("prefix");
        fs::rename(destination.join("usr"), &moved).expect("both are ours");
        moved
    })
}

fn library() -> PathBuf {
    prefix().join("lib")
}

/// The command's output, of which an exit code other than 0 fails the test.
fn succeed(command: &mut Command) -> Output {
    let ran = command.output();
    let ran = ran.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        ran.status.success(),
        "{command:?}\n{}{}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
    ran
}

fn text(output: Output) -> String {
    String::from_utf8(output.stdout).expect("text")
}

/// Whether there is a program; says so where the test needs it and it is missing.
fn installed(program: &str) -> bool {
    let is_installed = has(program);
    if !is_installed {
        eprintln!("SKIPPED: there is no {program}");
    }
    is_installed
}

fn fixture() -> PathBuf {
    workspace().join("tests/programs/c_library.c")
}

/// The first block of this language on the library's page.
fn of_the_page(language: &str) -> String {
    block("coreba/capi/README.md", language)
}

/// The first block of this language on a page.
fn block(page: &str, language: &str) -> String {
    let page = fs::read_to_string(workspace().join(page)).expect("there is the page");
    let start = format!("```{language}\n");
    let (_, rest) = page.split_once(&start).expect("the page has a block");
    let (block, _) = rest.split_once("```").expect("the block has an end");
    block.to_owned()
}

/// How a program is linked: arguments behind its source.
fn linked(shared: bool) -> Vec<String> {
    let library = library().display().to_string();
    if shared {
        let rpath = format!("-Wl,-rpath,{library}");
        return vec![format!("-L{library}"), "-lidealloc".into(), rpath];
    }
    let native = NATIVE.iter().map(|&flag| flag.to_owned());
    std::iter::once(format!("{library}/libidealloc.a"))
        .chain(native)
        .collect()
}

#[test]
fn strict_c_and_cxx_call_both_libraries_by_plain_flags() {
    let folder = TempDir::new().expect("a folder");
    let program = folder.path().join("program");
    for (compiler, language, standard) in LANGUAGES {
        if !installed(compiler) {
            continue;
        }
        for shared in [true, false] {
            let mut compile = Command::new(compiler);
            compile
                .args(STRICT)
                .args([standard, "-pthread", "-x", language])
                .arg(format!("-I{}", prefix().join("include").display()))
                .arg(fixture())
                .args(["-x", "none"])
                .args(linked(shared))
                .arg("-o")
                .arg(&program);
            succeed(&mut compile);
            let said = text(succeed(&mut Command::new(&program)));
            assert_eq!(said, "all holds\n", "{standard}, shared: {shared}");
        }
    }
}

#[test]
fn the_shared_library_has_a_version_and_exports_its_functions_only() {
    let real = library().join("libidealloc.so.0").canonicalize();
    let real = real.expect("the link leads to a library");
    let name = real.file_name().expect("a name").to_string_lossy();
    assert_eq!(
        name,
        format!("libidealloc.so.{}", env!("CARGO_PKG_VERSION"))
    );
    if installed("readelf") {
        let said = text(succeed(Command::new("readelf").arg("-d").arg(&real)));
        assert!(
            said.contains("Library soname: [libidealloc.so.0]"),
            "{said}"
        );
        assert!(said.contains("NODELETE"), "{said}");
    }
    if installed("nm") {
        let mut names = Command::new("nm");
        let said = text(succeed(names.args(["-D", "--defined-only"]).arg(&real)));
        let mut names: Vec<_> = said
            .lines()
            .filter_map(|line| line.split_whitespace().last())
            .collect();
        names.sort_unstable();
        assert_eq!(
            names,
            ["idealloc_solve", "idealloc_verify", "idealloc_version"]
        );
    }
}

#[test]
fn the_cxx_on_the_page_for_compilers_plans() {
    if !installed("c++") {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let (source, program) = (folder.path().join("main.cc"), folder.path().join("main"));
    let main = "int main() {\n    uint64_t arena = 0;\n    \
                std::vector<uint64_t> offsets = plan({0, 2, 3}, {3, 5, 6}, {64, 64, 64}, arena);\n    \
                return arena == 128 && offsets.size() == 3 ? 0 : 1;\n}\n";
    fs::write(&source, block("coreba/compilers.md", "cpp") + main).expect("a file");
    let mut compile = Command::new("c++");
    compile.args(STRICT).arg("-std=c++11");
    compile.arg(format!("-I{}", prefix().join("include").display()));
    succeed(
        compile
            .arg(source)
            .args(linked(true))
            .arg("-o")
            .arg(&program),
    );
    succeed(&mut Command::new(program));
}

#[test]
fn the_page_compiles_and_runs_by_pkg_config() {
    if !installed("pkg-config") {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("main.c"), of_the_page("c")).expect("a file");
    let prefix = prefix();
    // Both commands of the page, shared and static.
    let page = fs::read_to_string(workspace().join("coreba/capi/README.md"));
    let page = page.expect("the library has a page");
    let commands: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("cc main.c"))
        .collect();
    assert_eq!(commands.len(), 2);
    for command in commands {
        let line = format!("{command} -std=c99 {} && ./main", STRICT.join(" "));
        let mut shell = Command::new("sh");
        shell
            .current_dir(folder.path())
            .args(["-ec", &line])
            .env("PREFIX", prefix)
            .env("PKG_CONFIG_PATH", library().join("pkgconfig"))
            .env("LD_LIBRARY_PATH", library());
        assert_eq!(text(succeed(&mut shell)), "128 bytes\n", "{command}");
    }
}

#[test]
fn pkg_config_knows_the_version_and_what_static_linking_needs() {
    if !installed("pkg-config") {
        return;
    }
    let ask = |arguments: &[&str]| {
        let mut command = Command::new("pkg-config");
        command
            .args(arguments)
            .arg("idealloc")
            .env("PKG_CONFIG_PATH", library().join("pkgconfig"));
        text(succeed(&mut command)).trim().to_owned()
    };
    assert_eq!(ask(&["--modversion"]), env!("CARGO_PKG_VERSION"));
    let said = ask(&["--static", "--libs"]);
    for flag in NATIVE {
        assert!(said.split_whitespace().any(|word| word == flag), "{said}");
    }
}

#[test]
fn the_page_and_both_targets_build_by_cmake() {
    if !installed("cmake") {
        return;
    }
    let page = of_the_page("cmake");
    let all = format!(
        "{page}\nenable_language(CXX)\nset(CMAKE_CXX_STANDARD 11)\n\
         find_package(Threads REQUIRED)\nadd_compile_options({})\n\
         configure_file(\"{}\" in_cxx.cc COPYONLY)\n\
         add_executable(shared \"{1}\")\ntarget_link_libraries(shared idealloc::idealloc Threads::Threads)\n\
         add_executable(static \"{1}\")\ntarget_link_libraries(static idealloc::static Threads::Threads)\n\
         add_executable(in_cxx ${{CMAKE_BINARY_DIR}}/in_cxx.cc)\n\
         target_link_libraries(in_cxx idealloc::static Threads::Threads)\n",
        STRICT.join(" "),
        fixture().display()
    );
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("CMakeLists.txt"), all).expect("a file");
    fs::write(folder.path().join("main.c"), of_the_page("c")).expect("a file");
    let build = folder.path().join("build");
    let prefix_path = format!("-DCMAKE_PREFIX_PATH={}", prefix().display());
    let mut configure = Command::new("cmake");
    configure.arg("-S").arg(folder.path()).arg("-B").arg(&build);
    succeed(configure.arg(&prefix_path));
    succeed(Command::new("cmake").arg("--build").arg(&build));
    assert_eq!(
        text(succeed(&mut Command::new(build.join("main")))),
        "128 bytes\n"
    );
    for program in ["shared", "static", "in_cxx"] {
        let said = text(succeed(&mut Command::new(build.join(program))));
        assert_eq!(said, "all holds\n", "{program}");
    }
}

#[test]
fn cmake_refuses_another_series_of_versions() {
    if !installed("cmake") {
        return;
    }
    for (version, is_found) in [
        ("", true),
        ("0.1", true),
        ("0.1.0 EXACT", true),
        ("0.1.99", false),
        ("0.2", false),
        ("0.0.9", false),
        ("1.0", false),
    ] {
        let folder = TempDir::new().expect("a folder");
        let project = format!(
            "cmake_minimum_required(VERSION 3.10)\nproject(main NONE)\n\
             find_package(idealloc {version} REQUIRED)\n"
        );
        fs::write(folder.path().join("CMakeLists.txt"), project).expect("a file");
        let mut configure = Command::new("cmake");
        configure
            .current_dir(folder.path())
            .args(["-S", ".", "-B", "build"])
            .arg(format!("-DCMAKE_PREFIX_PATH={}", prefix().display()));
        let ran = configure.output().expect("cmake runs");
        assert_eq!(ran.status.success(), is_found, "{version:?}: {ran:?}");
    }
}

#[test]
fn the_planner_gives_aligned_offsets_apart() {
    let folder = TempDir::new().expect("a folder");
    let program = folder.path().join("planner");
    let mut compile = Command::new("cc");
    compile
        .args(STRICT)
        .arg("-std=c99")
        .arg(format!("-I{}", prefix().join("include").display()))
        .arg(workspace().join("coreba/capi/examples/mlir_planner.c"))
        .args(linked(true))
        .arg("-o")
        .arg(&program);
    succeed(&mut compile);
    let said = text(succeed(&mut Command::new(&program)));
    let last = |line: &str| -> u64 {
        let mut numbers = line.split(' ').filter_map(|word| word.parse().ok());
        numbers.next_back().expect("a number")
    };
    let (arena, offsets): (Vec<&str>, Vec<&str>) =
        said.lines().partition(|line| line.starts_with("arena"));
    let offsets: Vec<u64> = offsets.iter().map(|line| last(line)).collect();
    // By hand: the largest sum is that of operation 2, and is met.
    assert_eq!(last(&arena[0].replace(" bytes", "")), 2 * 401_408 + 903_168);
    assert!(offsets.iter().all(|offset| offset % 16 == 0), "{said}");
    assert_eq!(offsets.len(), 7);
}

#[test]
fn no_call_leaks_or_touches_what_is_not_its_own() {
    let folder = TempDir::new().expect("a folder");
    let compile = |name: &str, options: &[&str]| {
        let program = folder.path().join(name);
        let mut compile = Command::new("cc");
        compile
            .args(["-std=c99", "-g", "-pthread"])
            .args(options)
            .arg(format!("-I{}", prefix().join("include").display()))
            .arg(fixture())
            .args(linked(true))
            .arg("-o")
            .arg(&program);
        (compile, program)
    };
    let (mut compiler, program) = compile("plain", &[]);
    succeed(&mut compiler);
    if installed("valgrind") {
        let mut valgrind = Command::new("valgrind");
        valgrind
            .args(["--quiet", "--error-exitcode=9", "--leak-check=full"])
            .arg("--errors-for-leak-kinds=definite,indirect")
            .arg(&program);
        assert_eq!(text(succeed(&mut valgrind)), "all holds\n");
    }
    let (mut compiler, program) = compile("sanitized", &["-fsanitize=address,undefined"]);
    let compiled = compiler.output().expect("a compiler is installed");
    if compiled.status.success() {
        assert_eq!(text(succeed(&mut Command::new(&program))), "all holds\n");
    } else {
        eprintln!("SKIPPED: the compiler has no sanitizers");
    }
}
