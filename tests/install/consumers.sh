#!/bin/sh
# Usage: consumers.sh CMAKE BUILD_DIR CC DSBIAS
set -eu
cmake=$1 build=$2 cc=$3 dsbias=$4
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

$cmake --install "$build" --prefix "$work/first" >/dev/null
mv "$work/first" "$work/moved"
prefix=$work/moved
pc=$(dirname "$(find "$prefix" -name dsbias.pc)")
lib=$(dirname "$pc")

"$dsbias" demo --images 60 --time-limit 10 --out "$work/demo" --quiet >/dev/null
set -- "$work"/demo/*/
run() {
    echo "== $*"
    LD_LIBRARY_PATH=$lib "$@"
}

# Only the new place may be used: nothing may point at the first prefix.
if grep -rl "$work/first" "$prefix"/lib* "$prefix"/include 2>/dev/null | grep -vE '\.(so|a)'; then
    echo "files name the first prefix"
    exit 1
fi

export PKG_CONFIG_PATH=$pc
cflags=$(pkg-config --cflags dsbias)
$cc -std=c11 -Wall -Wextra -Werror "$here/consumer.c" $cflags $(pkg-config --libs dsbias) -o "$work/c_shared"
$cc -std=c11 -Wall -Wextra -Werror "$here/consumer.c" $cflags "$lib/libdsbias.a" \
    $(pkg-config --static --libs-only-l dsbias | sed 's/-ldsbias//') -pthread -o "$work/c_static"
run "$work/c_shared" "$1" "$2"
run "$work/c_static" "$1" "$2"
if command -v c++ >/dev/null; then
    c++ -std=c++17 -Wall -Wextra -Werror "$here/consumer.cpp" $cflags $(pkg-config --libs dsbias) -o "$work/cpp_shared"
    run "$work/cpp_shared" "$1" "$2"
fi

for static in OFF ON; do
    $cmake -S "$here/project" -B "$work/project-$static" -G Ninja -Ddsbias_DIR="$lib/cmake/dsbias" \
        -DDSBIAS_USE_STATIC=$static -DCONSUMER_DIR="$here" >/dev/null
    $cmake --build "$work/project-$static" >/dev/null
    run "$work/project-$static/consumer_c" "$1" "$2"
    run "$work/project-$static/consumer_cpp" "$1" "$2"
done
