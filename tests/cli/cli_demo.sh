#!/bin/sh
# dsbias demo: folders of pictures, and a report whose numbers are right by construction.
. "$(dirname "$0")/common.sh"
run demo --images 10
expect_code 2
expect_err "from 60"
: >"$work/file"
run demo --out "$work/file/demo"
expect_code 4
expect_err "$work/file/demo"
run demo --out "$work/demo" --images 80 --time-limit 10s
expect_code 0
expect_out "report   $work/demo/report.html"
[ "$(find "$work/demo" -name '*.jpg' | wc -l)" -eq 240 ] || fail "there are not 3 x 80 pictures"
[ -s "$work/demo/results.json" ] || fail "no record"
# every camera is told apart by what its files are like
grep -q '"schema": "dsbias.classify/1"' "$work/demo/results.json" || fail "no record of classify"
finish
