#!/bin/sh
# File names are unique in the tree; marks of unfinished work are not committed.
set -eu
cd "$(dirname "$0")/../.."
found=0
twice=$(find lib examples -name '*.c' -exec basename {} \; | sort | uniq -d)
[ -z "$twice" ] || { echo "file names used twice: $twice"; found=1; }
if grep -rnE 'TODO|FIXME|XXX|#if 0' lib include examples cmake; then
    echo "unfinished marks (lines above)"
    found=1
fi
# every global symbol of the static library carries a prefix of ours, AddressSanitizer's twins too
if [ -n "${1:-}" ]; then
    stray=$(nm -g --defined-only "$1" 2>/dev/null | awk 'NF == 3 {print $3}' | grep -vE '^(__odr_asan\.)?dsbi?_' || true)
    [ -z "$stray" ] || { echo "symbols without our prefix: $stray"; found=1; }
fi
exit $found
