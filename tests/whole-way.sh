#!/bin/sh
# The whole way on a real program: builds everything, traces the program,
# adapts the trace, reports the traced placement, solves it, reports the solved
# placement, and leaves all files and a picture of each placement in a folder.
#
# usage: sh tests/whole-way.sh [-o FOLDER] [COMMAND [ARGUMENT...]]
#
# Without a command it traces the C compiler, at a small program.
# Needs Rust and a C compiler, nothing else.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
folder=traced
if [ "${1-}" = -o ]; then
    [ $# -ge 2 ] || { echo "whole-way: -o needs a folder" >&2; exit 2; }
    folder=$2
    shift 2
fi
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
if [ $# -eq 0 ]; then
    set -- cc -O2 -c "$here/tests/programs/moments.c" -o "$folder/moments.o"
fi
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

# From here on in the folder, so that names are short where they are told and drawn.
cd "$folder"
# A program with children leaves a trace a process: the largest goes on.
trace=$(ls -S app.trc app.trc.[0-9]* 2>/dev/null | head -n 1)
count=$(ls app.trc app.trc.[0-9]* 2>/dev/null | wc -l)
echo "$count process(es) traced; the largest trace is $trace"

step "adapt: from events to jobs"
"$bin/adapt" "$trace" app.plc

step "report: the placement that the allocator chose"
# Of the trace itself: jobs in bin-packing notation know neither threads nor notes.
"$bin/report" "$trace" --svg traced.svg

step "idealloc: the placement that it could have been"
"$bin/idealloc" app.plc -o placement.csv

step "report: the solved placement"
"$bin/report" placement.csv --svg solved.svg

step "left in $folder"
ls -l
