//! Real programs run as untraced, and every trace that they leave is sound.

use std::process::Command;

use common::trace::wire::Call;
use tests::tracing::{Traced, installed, same_as_untraced};

fn shell(script: &'static str) -> Traced {
    let run = same_as_untraced(|| {
        let mut command = Command::new("sh");
        command.args(["-e", "-c", script]);
        command
    });
    assert!(run.output.status.success(), "{script}");
    run
}

/// Replays every trace of the run; returns how many there are, and their calls.
fn sound(run: &Traced) -> (usize, usize) {
    let mut calls = run.main().calls.len();
    let children = run.children();
    calls += children
        .iter()
        .map(|child| child.calls.len())
        .sum::<usize>();
    (children.len() + 1, calls)
}

#[test]
fn ls_is_traced() {
    let run = shell("exec ls -lR /usr/lib/locale /usr/share/doc | head -c 100000");
    assert!(sound(&run).1 > 100);
}

#[test]
fn sqlite3_is_traced() {
    if installed("sqlite3") {
        let run = shell(
            "exec sqlite3 :memory: \"create table t(a integer primary key, b text); with recursive \
             c(x) as (select 1 union all select x+1 from c where x<20000) insert into t select x, \
             'row '||x from c; select count(*), sum(a) from t where b like '%9%'\"",
        );
        assert!(sound(&run).1 > 20_000);
    }
}

#[test]
fn python3_is_traced_with_its_own_allocator_and_with_malloc() {
    if installed("python3") {
        let script = "exec $(python3 -c 'import sys; print(sys.executable)') -c '
import json
print(len(json.dumps([{str(i): [i] * 3} for i in range(20000)])))'";
        let run = shell(script);
        assert!(sound(&run).1 > 1000);
        let run = same_as_untraced(|| {
            let mut command = Command::new("sh");
            command
                .args(["-e", "-c", script])
                .env("PYTHONMALLOC", "malloc");
            command
        });
        assert!(run.output.status.success());
        assert!(sound(&run).1 > 100_000);
    }
}

#[test]
fn python3_with_multiprocessing_is_traced() {
    if installed("python3") {
        let run = shell(
            "exec $(python3 -c 'import sys; print(sys.executable)') -c '
import multiprocessing as m
if __name__ == \"__main__\":
    for method in (\"fork\", \"spawn\"):
        with m.get_context(method).Pool(3) as pool:
            print(pool.map(ascii, range(1000, 1010)))'",
        );
        assert!(sound(&run).0 > 6);
    }
}

#[test]
fn a_compile_of_cpp_has_the_driver_the_compiler_and_the_assembler() {
    if installed("g++") {
        let run = shell(
            "printf '#include <map>\\n#include <string>\\n#include <iostream>\\nint main() { \
             std::map<std::string, int> m; m[\"a\"] = 1; std::cout << m.size(); }\\n' | \
             g++ -x c++ -c -o /dev/null -",
        );
        let (traces, calls) = sound(&run);
        assert!(traces >= 3, "{traces}");
        assert!(calls > 10_000, "{calls}");
    }
}

#[test]
fn a_bash_pipeline_is_traced() {
    if installed("bash") {
        let run = shell(
            "exec bash -c 'set -o pipefail; for i in {1..20}; do echo line $i $(echo sub); done | \
             grep -v 7 | sort -r | while read a b c; do echo $b; done | wc -l'",
        );
        assert!(sound(&run).0 > 4);
    }
}

#[test]
fn git_is_traced() {
    if installed("git") {
        let run = shell(
            "d=$(mktemp -d); cd $d; git init -q -b main .; echo a > a; git add a; \
             GIT_AUTHOR_DATE='1000000000 +0000' GIT_COMMITTER_DATE='1000000000 +0000' git -c user.name=a -c user.email=a@b commit -q \
             -m a; git log --oneline --format=%s; git gc -q; git fsck; cd /; rm -r $d",
        );
        assert!(sound(&run).0 > 5);
    }
}

/// Debian's server is linked to jemalloc.
#[test]
fn a_redis_server_under_load_is_traced() {
    if !installed("redis-server") || !installed("redis-benchmark") {
        return;
    }
    let run = shell(
        "d=$(mktemp -d); s=$d/socket; redis-server --port 0 --unixsocket $s --save '' \
         >/dev/null & until redis-cli -s $s ping >/dev/null 2>&1; do sleep 0.02; done; \
         redis-benchmark -s $s -q -n 5000 -P 8 -r 1000 -t set,get,lpush,hset >/dev/null; \
         redis-cli -s $s shutdown nosave; wait; rm -r $d",
    );
    assert!(sound(&run).1 > 20_000);
}

/// Where another allocator stands behind the tracer, its blocks have none of
/// glibc's headers.
#[test]
fn other_allocators_behind_the_tracer_are_recorded() {
    for name in [
        "libjemalloc.so.2",
        "libmimalloc.so.2",
        "libtcmalloc_minimal.so.4",
    ] {
        let Some(library) = tests::tracing::allocator(name) else {
            continue;
        };
        for (program, arguments) in [
            ("calls", &[][..]),
            ("threads_exchange", &["8", "5000"]),
            ("processes", &["fork_exec"]),
        ] {
            let program = tests::tracing::Program::compile(program, &[]);
            let plain = program
                .command()
                .args(arguments)
                .env("LD_PRELOAD", &library)
                .output()
                .expect("the program starts");
            let folder = tempfile::TempDir::new().expect("a folder");
            let both = format!(
                "{}:{}",
                tests::tracing::library().display(),
                library.display()
            );
            let output = program
                .command()
                .args(arguments)
                .env("LD_PRELOAD", both)
                .env("TRACEFILE", folder.path().join("app.trc"))
                .output()
                .expect("the program starts");
            assert_eq!(output.stdout, plain.stdout, "{name}");
            assert_eq!(output.stderr, plain.stderr, "{name}");
            assert_eq!(output.status, plain.status, "{name}");
            let run = Traced { folder, output };
            assert!(sound(&run).1 > 20, "{name}");
            let bases = run.main().count(|call| match call {
                Call::Malloc { block, .. } => block.mapping_base == 0,
                _ => false,
            });
            assert_eq!(bases, 0, "{name}: blocks without a mapping");
        }
    }
}
