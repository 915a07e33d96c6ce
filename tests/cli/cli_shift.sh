#!/bin/sh
# dsbias shift and stats: results, files, the condition for CI, exit codes.
. "$(dirname "$0")/common.sh"

mkdir "$work/old" "$work/new"
echo '[0, 1, 2, 0, 1, 1]' >"$work/old/a_predictions.json"
echo '[0, 1, 1, 0, 0, 1]' >"$work/old/b_predictions.json"
echo '[0, 1, 1, 0]' >"$work/new/a_predictions.json"
echo '[0, 0, 1, 0]' >"$work/new/b_predictions.json"
printf '0\n1\n2\n0\n1\n2\n' >"$work/old.txt"
echo '[0, 1, 2, 0]' >"$work/new.json"
printf 'model,original,new\na,98,95\nb,90,80\nc,95,89\n' >"$work/t.csv"

run shift --orig "$work/old.txt:$work/old" --new "fresh=$work/new.json:$work/new" --out "$work/r" --bootstrap 100
expect_code 0
expect_out "fresh against old, 2 models"
for name in results.json models.csv classes.csv fits.csv pairs.csv groups.csv report.html; do
    [ -s "$work/r/$name" ] || fail "$name is not there"
done
grep -q '<script' "$work/r/report.html" && fail "the report runs scripts"
run shift --table "$work/t.csv" --json --bootstrap 100
expect_code 0
expect_json
expect_out '"delta_rank": 0'
run shift --table "$work/t.csv" --fail-if 'gap > 0.05' --bootstrap 100
expect_code 1
expect_err "gap is 0.06"
run shift --table "$work/t.csv" --fail-if 'max(gap) > 20%' --bootstrap 100
expect_code 0
run shift --table "$work/t.csv" --fail-if 'gap >'
expect_code 2
expect_empty out
run shift --table "$work/t.csv" --baseline '('
expect_code 2
run shift
expect_code 2
run shift --orig "$work/old.txt:$work/old"
expect_code 2
run shift --orig nocolon --new x:y
expect_code 2
run shift --orig "$work/old.txt:$work/new" --new "$work/new.json:$work/new"
expect_code 3
expect_empty out
expect_err "a_predictions.json: model 'a': 4 predictions for 6 labels"
run shift --table "$work/none.csv"
expect_code 3
run shift --table "$work/t.csv" --out /dev/null/x
expect_code 4

run stats interval 1879 2021
expect_code 0
expect_out "clopper_pearson        [0.91771129813119"
run stats mcnemar 131 119 --json
expect_code 0
expect_json
expect_out '"exact_p": 0.48669184748411'
run stats sample-size 0.5 0.01
expect_out "15455"
run stats fit "$work/t.csv" --column original --against new --bootstrap 100
expect_code 0
expect_out "slope"
run stats interval 5 3
expect_code 2
run stats interval 5
expect_code 2
run stats nothing 5
expect_code 2
run stats ks "$work/none.csv" "$work/none.csv"
expect_code 3

finish
