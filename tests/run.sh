#!/bin/sh
# Installs what is missing (Debian, as root or with sudo), builds, runs the tests.
#   tests/run.sh            everything
#   tests/run.sh --quick    the quick tests only
set -eu
cd "$(dirname "$0")/.."
sh cmake/install-deps.sh build test
jobs=$(nproc)
# Debian's own CMake, not one that happens to come first on PATH
cmake=/usr/bin/cmake
[ -x $cmake ] || cmake=cmake
ctest=$(dirname $cmake)/ctest
[ -x "$ctest" ] || ctest=ctest
$cmake --preset dev -G Ninja
$cmake --build --preset dev -j "$jobs"
preset=full
[ "${1:-}" != --quick ] || preset=dev
$ctest --preset $preset -j "$jobs"
