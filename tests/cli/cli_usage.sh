#!/bin/sh
# Help, version, suggestions, exit codes, and which stream says what.
. "$(dirname "$0")/common.sh"

run
expect_code 2
expect_empty out
expect_err "Usage: dsbias SUBCOMMAND"
run --help
expect_code 0
expect_empty err
expect_out "Exit codes:"
commands=$(sed -n '/^Subcommands:/,/^$/s/^  \([a-z][a-z_]*\) .*/\1/p' "$work/out")
run --version
expect_code 0
expect_out "dsbias "

for command in $commands; do
    run "$command" --help
    expect_code 0
    expect_empty err
    expect_out "Usage: dsbias $command"
    for flag in json quiet threads help; do expect_out "  --$flag"; done
    awk 'length($0) > 100 {exit 1}' "$work/out" || fail "a line of the help is longer than 100"
    # every flag is one line of its own with a sentence
    run help "$command"
    expect_code 0
    run "$command" --thread 2
    expect_code 2
    expect_empty out
    expect_err "did you mean --threads?"
    run "$command" --threads
    expect_code 2
    expect_err "needs a value"
    run "$command" --threads=two
    expect_code 2
    expect_err "not 'two'"
    run "$command" --threads 65
    expect_code 2
    run "$command" --quiet=yes
    expect_code 2
    expect_err "takes no value"
    run "$command" -x
    expect_code 2
    expect_err "two dashes"
done

run clasify
expect_code 2
run inof
expect_code 2
expect_err "did you mean 'info'?"
run zzzzzzzz
expect_code 2
expect_err "there is no subcommand"
run info --json
expect_code 0
expect_json
expect_empty err
run info extra
expect_code 2
expect_err "takes flags only"
run info --threads=3 --json
expect_out '"threads": 3'

if [ -w /dev/full ]; then
    line="dsbias info >/dev/full"
    code=0
    "$dsbias" info >/dev/full 2>"$work/err" || code=$?
    expect_code 4
    expect_err "standard output"
fi
finish
