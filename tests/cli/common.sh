# Sourced by the cli tests: runs the program, keeps what it wrote, compares.
#   run ARGS...          runs it; $code, $work/out, $work/err afterwards
#   expect_code N        expect_out TEXT   expect_err TEXT   expect_empty out|err   expect_json
set -u
dsbias=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$dsbias" --version >/dev/null || { echo "$dsbias does not run"; exit 1; }
failures=0
line=""

run() {
    line="dsbias $*"
    code=0
    "$dsbias" "$@" >"$work/out" 2>"$work/err" </dev/null || code=$?
}
fail() {
    echo "FAILED: $line: $*"
    sed 's/^/    out: /' "$work/out" | head -20
    sed 's/^/    err: /' "$work/err" | head -20
    failures=$((failures + 1))
}
expect_code() { [ "$code" -eq "$1" ] || fail "exit code $code, expected $1"; }
expect_out() { grep -qF -- "$1" "$work/out" || fail "stdout does not say: $1"; }
expect_err() { grep -qF -- "$1" "$work/err" || fail "stderr does not say: $1"; }
expect_empty() { [ ! -s "$work/$1" ] || fail "$1 is not empty"; }
expect_json() {
    command -v python3 >/dev/null || return 0
    python3 -m json.tool <"$work/out" >/dev/null || fail "stdout is not JSON"
}
finish() { [ "$failures" -eq 0 ] && echo "all as expected"; exit $((failures > 0)); }
