#!/bin/sh
# dsbias classify on built-in pictures: files, streams, options, stopping.
. "$(dirname "$0")/common.sh"
a="synthetic:phone?n=60"
b="synthetic:webcam?n=60"

# wrong command lines
run classify
expect_code 2
expect_err "[NAME=]PATH"
run classify "$a"
expect_code 2
run classify "$a" "$b" --tset 20
expect_code 2
expect_err "did you mean --test?"
run classify "$a" "$b" --model patchs
expect_code 2
expect_err "did you mean 'patches'?"
run classify "$a" "$b" --model convnext_7l
expect_code 2
expect_err "did you mean 'convnext_7k'?"
run classify "$a" "$b" --augment some
expect_code 2
expect_err "none|crop|randaug|full"
run classify "$a" "$b" --samples-seen 100 --epochs 3
expect_code 2
expect_err "give one"
run classify "$a" "$b" --lr -1
expect_code 2
run classify "$a" "$b" --size 4
expect_code 2
expect_err "from 8 to 512"

# more broken files than allowed
mkdir "$work/hurt"
printf 'no image' > "$work/hurt/a.jpg"
run classify "$work/hurt" "$b" --max-broken 0 --out "$work/o"
expect_code 3
expect_err "1 image files cannot be used, at most 0"

# data that are not there, or too few
run classify "$work/none" "$b" --out "$work/o"
expect_code 3
expect_err "none"
expect_empty out
mkdir "$work/empty"
run classify "$work/empty" "$b" --out "$work/o"
expect_code 3
run classify "$a" "$b" --replay "$work/none.json" --out "$work/o"
expect_code 3

# a run
run classify "$a" "$b" --model meancolor --out "$work/o" --seed 3
expect_code 0
expect_empty err # no progress where stderr is no terminal
expect_out "accuracy"
expect_out "report   $work/o/report.html"
for file in results.json scores.csv log.jsonl report.html; do
    [ -s "$work/o/$file" ] || fail "$file was not written"
done
cp "$work/o/scores.csv" "$work/scores1.csv"
run report "$work/o/results.json"
expect_code 0

# the record on stdout; the same run again; another number of threads
run classify "$a" "$b" --model=meancolor --out="$work/o" --seed=3 --json --threads 1 --quiet
expect_code 0
expect_json
expect_empty err
cmp -s "$work/o/scores.csv" "$work/scores1.csv" || fail "scores differ between runs"
run classify "$a" "$b" --model meancolor --out "$work/o" --seed 4 --quiet
expect_code 0
if cmp -s "$work/o/scores.csv" "$work/scores1.csv"; then fail "another seed gives the same scores"; fi

# an output directory that cannot be
: >"$work/file"
run classify "$a" "$b" --model meancolor --out "$work/file/x"
expect_code 4
expect_empty out # told before the run

# Ctrl-C: what is known is written, the code says it
line="dsbias classify, interrupted"
code=0
"$dsbias" classify "synthetic:phone?n=400" "synthetic:webcam?n=400" --model auto --time-limit 10m \
    --out "$work/stopped" >"$work/out" 2>"$work/err" &
child=$!
sleep 2
kill -INT $child
wait $child || code=$?
expect_code 130
expect_err "stopped"

# a network by name: the same bits for any number of threads
for threads in 1 2; do
    run classify "$a" "$b" --model convnext_7k --size 32 --epochs 2 --no-null-control --threads $threads --out "$work/net$threads"
    expect_code 0
done
cmp "$work/net1/model.safetensors" "$work/net2/model.safetensors"
cmp "$work/net1/scores.csv" "$work/net2/scores.csv"
finish
