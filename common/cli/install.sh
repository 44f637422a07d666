#!/bin/sh
# Builds the programs, the tracer and the C library, and installs them with manual
# pages, completions, and what pkg-config and CMake find the library by.
#
# usage: sh common/cli/install.sh [--prefix FOLDER] [--destdir FOLDER] [--uninstall]
#
# The prefix is ~/.local by default; DESTDIR in front of it is for packagers.
# Installed are, under the prefix: bin/{idealloc,idealloc-trace,adapt,report},
# lib/idealloc/libuncore.so, share/man/man1, share/bash-completion/completions,
# share/zsh/site-functions and share/fish/vendor_completions.d; and of the C library
# include/idealloc.h, lib/libidealloc.{a,so,so.0,so.VERSION}, lib/pkgconfig and
# lib/cmake/idealloc.
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

capi=$here/coreba/capi
# The C library's files that hold its version, each under the prefix.
described="lib/pkgconfig/idealloc.pc lib/cmake/idealloc/idealloc-config.cmake
    lib/cmake/idealloc/idealloc-config-version.cmake"

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
    for file in include/idealloc.h lib/libidealloc.a lib/libidealloc.so $described; do
        rm -f "$root/$file"
    done
    rm -f "$library" "$root/lib/libidealloc.so."*
    rmdir "$root/lib/idealloc" "$root/lib/cmake/idealloc" 2>/dev/null || true
    exit 0
fi

# IDEALLOC_BUILT names a folder of programs and libraries that are built already.
built=${IDEALLOC_BUILT-}
if [ -z "$built" ]; then
    (cd "$here" && cargo build --release --locked --quiet -p idealloc-uncore -p idealloc-trace -p idealloc-sanity -p idealloc)
    # By itself: of the solver it then holds no more than it needs.
    (cd "$here" && cargo build --release --locked --quiet -p idealloc-capi)
    built=$(cd "$here" && cd "${CARGO_TARGET_DIR:-target}/release" && pwd)
fi

# Puts a file somewhere, with a mode. What a living program uses is replaced, not
# overwritten.
put() {
    mkdir -p "$(dirname "$2")"
    cp "$1" "$2.new"
    chmod "$3" "$2.new"
    mv -f "$2.new" "$2"
}

put "$built/libuncore.so" "$library" 644
for program in $programs; do
    put "$built/$program" "$root/bin/$program" 755
    files "$program" | while read -r kind file; do
        mkdir -p "$(dirname "$file")"
        "$built/$program" --generate "$kind" >"$file"
    done
done

version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$here/Cargo.toml" | head -n 1)
put "$capi/include/idealloc.h" "$root/include/idealloc.h" 644
put "$built/libidealloc.a" "$root/lib/libidealloc.a" 644
put "$built/libidealloc.so" "$root/lib/libidealloc.so.$version" 644
# The first is the name that programs load it by, and the second that linkers do.
ln -sf "libidealloc.so.$version" "$root/lib/libidealloc.so.0"
ln -sf libidealloc.so.0 "$root/lib/libidealloc.so"
for file in $described; do
    mkdir -p "$(dirname "$root/$file")"
    sed "s/@VERSION@/$version/g" "$capi/$(basename "$file").in" >"$root/$file"
done
echo "installed in $root: $programs, the tracer's library in lib/idealloc, and the C library in lib and include"
case :${PATH-}: in
*:"$prefix/bin":*) ;;
*) echo "$prefix/bin is not in PATH: add it to use the programs by name" ;;
esac
