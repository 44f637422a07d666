#!/bin/sh
# Builds the programs and the tracer, and installs them with their manual pages
# and completions.
#
# usage: sh common/cli/install.sh [--prefix FOLDER] [--destdir FOLDER] [--uninstall]
#
# The prefix is ~/.local by default; DESTDIR in front of it is for packagers.
# Installed are, under the prefix: bin/{idealloc,idealloc-trace,adapt,report},
# lib/idealloc/libuncore.so, share/man/man1, share/bash-completion/completions,
# share/zsh/site-functions and share/fish/vendor_completions.d.
set -eu

here=$(cd "$(dirname "$0")/../.." && pwd)
prefix=${HOME:-/usr}/.local
destdir=${DESTDIR-}
remove=
die() {
    echo "install: $*" >&2
    exit 2
}
while [ $# -gt 0 ]; do
    case $1 in
    --prefix | --destdir) [ $# -ge 2 ] || die "$1 needs a folder" ;;
    esac
    case $1 in
    --prefix) prefix=$2 && shift 2 ;;
    --prefix=*) prefix=${1#*=} && shift ;;
    --destdir) destdir=$2 && shift 2 ;;
    --destdir=*) destdir=${1#*=} && shift ;;
    --uninstall) remove=yes && shift ;;
    -h | --help)
        sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | sed '/^set/d'
        exit 0
        ;;
    *) die "$1 is no option: see --help" ;;
    esac
done
case $prefix in
/*) ;;
*) prefix=$(pwd)/$prefix ;;
esac
root=$destdir$prefix
library=$root/lib/idealloc/libuncore.so
programs="idealloc idealloc-trace adapt report"

# What belongs to a program, as `KIND FILE`.
files() {
    echo "man $root/share/man/man1/$1.1"
    echo "bash $root/share/bash-completion/completions/$1"
    echo "zsh $root/share/zsh/site-functions/_$1"
    echo "fish $root/share/fish/vendor_completions.d/$1.fish"
}

if [ -n "$remove" ]; then
    for program in $programs; do
        rm -f "$root/bin/$program"
        files "$program" | while read -r _ file; do rm -f "$file"; done
    done
    rm -f "$library"
    rmdir "$root/lib/idealloc" 2>/dev/null || true
    exit 0
fi

# IDEALLOC_BUILT names a folder of programs that are built already.
built=${IDEALLOC_BUILT-}
if [ -z "$built" ]; then
    (cd "$here" && cargo build --release --locked --quiet -p idealloc-uncore -p idealloc-trace -p idealloc-sanity -p idealloc)
    built=$(cd "$here" && cd "${CARGO_TARGET_DIR:-target}/release" && pwd)
fi

mkdir -p "$root/bin" "$root/lib/idealloc"
# A library that traces a living program is replaced, not overwritten.
cp "$built/libuncore.so" "$library.new"
chmod 644 "$library.new"
mv -f "$library.new" "$library"
for program in $programs; do
    cp "$built/$program" "$root/bin/$program.new"
    chmod 755 "$root/bin/$program.new"
    mv -f "$root/bin/$program.new" "$root/bin/$program"
    files "$program" | while read -r kind file; do
        mkdir -p "$(dirname "$file")"
        "$built/$program" --generate "$kind" >"$file"
    done
done
echo "installed in $root: $programs, and the tracer's library in lib/idealloc"
case :${PATH-}: in
*:"$prefix/bin":*) ;;
*) echo "$prefix/bin is not in PATH: add it to use the programs by name" ;;
esac
