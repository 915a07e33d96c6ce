#!/bin/sh
# From a fresh checkout to a report: installs what is missing (Debian, as root or with sudo), builds,
# runs the main job on the built-in data, says where the report is.
#   quickstart.sh [OUT]      OUT: folder for images and report, default dsbias-demo
set -eu
cd "$(dirname "$0")/.."
out=${1:-dsbias-demo}
sh cmake/install-deps.sh build
cmake=/usr/bin/cmake
[ -x $cmake ] || cmake=cmake
echo "Building (about a minute) ..."
$cmake --preset release -G Ninja -DDSBIAS_TESTS=OFF >/dev/null
$cmake --build --preset release -j "$(nproc)" >/dev/null
build/release/examples/dsbias demo --out "$out"
