#!/bin/sh
# Installs what is missing (Debian, as root or with sudo), builds, runs the tests.
#   tests/run.sh            everything
#   tests/run.sh --quick    the quick tests only
#   tests/run.sh --isa L    everything as on a CPU of level L: generic (no SIMD at all) or avx2
set -eu
cd "$(dirname "$0")/.."
sh cmake/install-deps.sh build test
jobs=$(nproc)
# Debian's own CMake, not one that happens to come first on PATH
cmake=/usr/bin/cmake
[ -x $cmake ] || cmake=cmake
ctest=$(dirname $cmake)/ctest
[ -x "$ctest" ] || ctest=ctest
build=dev preset=full
case "${1:-}" in
"") ;;
--quick) preset=dev ;;
--isa) build=$2 preset=$2 ;;
*)
    echo "usage: tests/run.sh [--quick | --isa generic|avx2]" >&2
    exit 2
    ;;
esac
$cmake --preset $build -G Ninja
$cmake --build --preset $build -j "$jobs"
$ctest --preset $preset -j "$jobs"
