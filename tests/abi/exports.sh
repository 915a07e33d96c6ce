#!/bin/sh
# The exported names: header marks = cmake/dsbias.map = nm -D of the shared library.
#   exports.sh LIBRARY   checks all three, exit 1 with the difference
#   exports.sh --write   makes the map from the headers
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
map="$top/cmake/dsbias.map"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# every DSB_API declaration: the name in front of the first parenthesis
cat "$top"/include/dsbias/*.h | tr '\n' ' ' | grep -o 'DSB_API [^;(]*(' | grep -o 'dsb_[a-z0-9_]* *(' | tr -d ' (' |
    LC_ALL=C sort -u >"$work/headers"

if [ "${1:-}" = --write ]; then
    {
        echo "/* One node per release. Made by tests/abi/exports.sh --write from the DSB_API marks. */"
        echo "DSBIAS_0.1 {"
        echo "  global:"
        sed 's/.*/    &;/' "$work/headers"
        echo "  local: *;"
        echo "};"
    } >"$map"
    exit 0
fi

grep -o 'dsb_[a-z0-9_]*;' "$map" | tr -d ';' | LC_ALL=C sort -u >"$work/map"
nm -D --defined-only "$1" | awk '{print $3}' | sed 's/@.*//' | grep '^dsb_' | LC_ALL=C sort -u >"$work/library"
stray=$(nm -D --defined-only "$1" | awk '$2 != "A" {print $3}' | sed 's/@.*//' | grep -v '^dsb_' || true)
status=0
diff "$work/headers" "$work/map" >"$work/d1" || { echo "headers (<) and dsbias.map (>) differ:"; cat "$work/d1"; status=1; }
diff "$work/map" "$work/library" >"$work/d2" || { echo "dsbias.map (<) and the library (>) differ:"; cat "$work/d2"; status=1; }
[ -z "$stray" ] || { echo "stray exports: $stray"; status=1; }
exit $status
