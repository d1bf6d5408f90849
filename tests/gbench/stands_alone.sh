#!/bin/sh
# Builds harness/gbench as a project of its own, from a copy that holds nothing else of mapmeter,
# and runs its tests there.
set -eu
cmake=$1
generator=$2
source=$3
work=$4

rm -rf "$work"
trap 'rm -rf "$work"' EXIT INT TERM
mkdir -p "$work/copy/harness" "$work/copy/tests" "$work/copy/ci"
cp -r "$source/harness/gbench" "$work/copy/harness/"
cp -r "$source/tests/gbench" "$work/copy/tests/"
cp -r "$source/ci/cmake" "$work/copy/ci/"

"$cmake" -S "$work/copy/harness/gbench" -B "$work/build" -G "$generator"
"$cmake" --build "$work/build"
ctest --test-dir "$work/build" --output-on-failure --no-tests=error
