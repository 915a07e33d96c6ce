#!/bin/sh
# Makes docs/img/report.png, the picture of the report in the README, from a record:
#   sh docs/img/make.sh dsbias-demo/results.json [build/dev/examples/dsbias]
# Needs chromium (apt-get install chromium). The picture shows the top of the page.
set -eu
record=$1
program=${2:-build/dev/examples/dsbias}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$program" report "$record" --out "$work/report.html" >/dev/null
chromium --headless --no-sandbox --hide-scrollbars --disable-gpu --user-data-dir="$work/profile" \
    --window-size=1060,1320 --screenshot="$work/report.png" "file://$work/report.html" >/dev/null 2>&1
size=$(wc -c <"$work/report.png")
if [ "$size" -gt 204800 ]; then
    echo "docs/img/report.png would be $size bytes, more than 200 KiB" >&2
    exit 1
fi
cp "$work/report.png" "$here/report.png"
echo "$here/report.png: $size bytes"
