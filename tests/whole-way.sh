#!/bin/sh
# The whole way on a real program: builds everything, traces the program,
# adapts the trace, reports the traced placement, solves it, reports the solved
# placement, and leaves all files and a picture of each placement in a folder.
#
# usage: sh tests/whole-way.sh [-o FOLDER] [COMMAND [ARGUMENT...]]
#
# Without a command it traces `ls -lR` over the Rust toolchain's folder.
# Needs Rust and a C compiler, nothing else.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
folder=traced
if [ "${1-}" = -o ]; then
    [ $# -ge 2 ] || { echo "whole-way: -o needs a folder" >&2; exit 2; }
    folder=$2
    shift 2
fi
if [ $# -eq 0 ]; then
    set -- ls -lR "$(cd "$here" && rustc --print sysroot)"
fi
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
rm -f "$folder"/app.trc "$folder"/app.trc.[0-9]*

step() { printf '\n== %s\n' "$*"; }

step "building everything (release)"
# A traced program may be a cargo or a compiler: build before, untraced.
(cd "$here" && cargo build --release --locked --quiet -p idealloc-uncore -p idealloc-trace -p idealloc-sanity -p idealloc)
bin=$(cd "$here" && cd "${CARGO_TARGET_DIR:-target}/release" && pwd)

step "tracing: $*"
status=0
"$bin/idealloc-trace" --quiet -o "$folder/app.trc" -- "$@" >"$folder/app.out" || status=$?
echo "exit status $status; its output is in $folder/app.out"
if [ ! -s "$folder/app.trc" ]; then
    echo "whole-way: no trace was written" >&2
    exit 1
fi

# A program with children leaves a trace a process: the largest goes on.
trace=$(ls -S "$folder"/app.trc "$folder"/app.trc.[0-9]* 2>/dev/null | head -n 1)
count=$(ls "$folder"/app.trc "$folder"/app.trc.[0-9]* 2>/dev/null | wc -l)
echo "$count process(es) traced; the largest trace is $trace"

step "adapt: from events to jobs"
"$bin/adapt" "$trace" "$folder/app.plc"

step "report: the placement that the allocator chose"
"$bin/report" "$folder/app.plc" --svg "$folder/traced.svg"

step "idealloc: the placement that it could have been"
"$bin/idealloc" "$folder/app.plc" -o "$folder/placement.csv"

step "report: the solved placement"
"$bin/report" "$folder/placement.csv" --svg "$folder/solved.svg"

step "left in $folder"
ls -l "$folder"
