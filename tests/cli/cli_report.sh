#!/bin/sh
# dsbias report: the page and the summary from a record; what happens when the record is none.
. "$(dirname "$0")/common.sh"
record=$(dirname "$0")/../golden/report/classify.json

cp "$record" "$work/results.json"
run report "$work/results.json"
expect_code 0
expect_empty err
expect_out "accuracy 84.3 %"
expect_out "report   $work/report.html"
[ "$(awk 'length($0) > 100' "$work/out" | wc -l)" -eq 0 ] || fail "a line is longer than 100"
grep -q '</html>' "$work/report.html" || fail "no page was written"
if grep -qi '<script\|http://\|https://' "$work/report.html"; then fail "the page loads or runs something"; fi
# no escape sequences where stdout is no terminal
if grep -q "$(printf '\033')" "$work/out"; then fail "colours in a file"; fi

run report "$work/results.json" --out="$work/other.html" --json
expect_code 0
expect_json
[ -s "$work/other.html" ] || fail "--out is not written"

run report "$work/none.json"
expect_code 3
expect_empty out
expect_err "none.json: No such file or directory"
run report "$work"
expect_code 3
expect_err "Is a directory"
echo '{"a": 1,}' >"$work/bad.json"
run report "$work/bad.json"
expect_code 3
expect_err "bad.json: "
echo '{}' >"$work/other.json"
run report "$work/other.json"
expect_code 3
expect_err 'record: its schema is'
[ ! -e "$work/report.html.tmp" ] || fail "a temporary file stays"
run report "$work/results.json" --out "$work/no/such/dir.html"
expect_code 4
# a link to a file leads to it, one to a device is written to as it is
if [ -c /dev/full ]; then
    ln -s /dev/full "$work/full"
    run report "$work/results.json" --out "$work/full"
    expect_code 4
    expect_err "full: No space left"
    [ -L "$work/full" ] && [ -c /dev/full ] || fail "a device was replaced by a file"
fi
ln -s linked.html "$work/link.html"
: >"$work/linked.html"
run report "$work/results.json" --out "$work/link.html"
expect_code 0
[ -L "$work/link.html" ] && [ -s "$work/linked.html" ] || fail "the link was replaced and not its file"
run report
expect_code 2
expect_err "RESULTS.json"
run report "$work/results.json" second
expect_code 2
finish
