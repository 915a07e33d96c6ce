#!/bin/sh
# The progress line: there on a terminal, gone with --quiet or TERM=dumb; colours on a terminal
# unless NO_COLOR.
. "$(dirname "$0")/common.sh"
command -v script >/dev/null || { echo "SKIPPED: script (util-linux) is not there"; exit 77; }
escape=$(printf '\033')

# on_terminal ENV COMMAND...: runs on a terminal of its own; what it shows is in $work/out
on_terminal() {
    line="on a terminal: $*"
    code=0
    env "$1" script -qec "'$dsbias' $2" /dev/null >"$work/out" 2>"$work/err" </dev/null || code=$?
}
data="data 'synthetic:phone?n=24' --threads 1"

on_terminal TERM=xterm "$data"
expect_code 0
expect_out "${escape}[K"
expect_out "24/24"
expect_out "${escape}[1m"
# the line is taken away again: the last thing drawn before the result clears it
tr '\r' '\n' <"$work/out" | grep -v '^ ' | grep -q "^$escape\[K.*phone" || fail "the progress line stays"

on_terminal TERM=xterm "$data --quiet"
expect_code 0
if grep -qF "${escape}[K" "$work/out"; then fail "progress with --quiet"; fi
on_terminal TERM=dumb "$data"
expect_code 0
if grep -qF "$escape" "$work/out"; then fail "escape sequences on a dumb terminal"; fi
on_terminal NO_COLOR=1 "$data --quiet"
expect_code 0
if grep -qF "${escape}[1m" "$work/out"; then fail "colours with NO_COLOR"; fi
run data "synthetic:phone?n=6"
expect_empty err
finish
