#!/bin/sh
# Builds libmarray for Windows and runs its tests there, or in what stands for it.
# usage: run.sh SOURCE_FOLDER
set -eu
source=$1
export PATH="$PATH:/usr/lib/wine"
command -v x86_64-w64-mingw32-gcc >/dev/null ||
    { echo "skipped: no cross compiler (package gcc-mingw-w64-x86-64)"; exit 77; }
command -v wine64 >/dev/null || { echo "skipped: no wine64 (package wine64)"; exit 77; }

work=$(mktemp -d "${TMPDIR:-/var/tmp}/windows-XXXXXX")
export WINEPREFIX="$work/prefix" WINEDEBUG=-all
cleanup() {
    # The server outlives the last program for some seconds, and writes into its folder.
    wineserver64 -k 2>/dev/null || :
    rm -rf "$work"
}
trap cleanup EXIT

build() {
    cmake -S "$source" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
        -DCMAKE_TOOLCHAIN_FILE="$source/ci/cmake/mingw-w64.cmake" && cmake --build "$work/build"
}
if ! build >"$work/log" 2>&1; then
    cat "$work/log"
    exit 1
fi

cd "$work/build"
# The first start makes the prefix, which takes some seconds and says so.
for linked in static shared; do
    mkdir -p "$work/files/$linked"
    wine64 "./test_windows_$linked.exe" "$work/files/$linked"
done

# Of the library for others, no more than the header says is to be seen.
x86_64-w64-mingw32-objdump -p libmarray.dll >"$work/exports"
if grep -qE '\] (\+base\[ *[0-9]+\] )?.*marray_(os|windows)_' "$work/exports"; then
    echo "the DLL exports what is not in marray.h:"
    grep -E 'marray_(os|windows)_' "$work/exports"
    exit 1
fi
grep -q 'marray_open_npy' "$work/exports" || { echo "the DLL exports no marray_open_npy"; exit 1; }
