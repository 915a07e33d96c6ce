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
for name in results.json models.csv classes.csv fits.csv pairs.csv groups.csv robustness.csv report.html; do
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

printf 'a,b,c\n1,1,0\n1,0,0\n1,1,1\n1,1,0\n0,1,0\n' >"$work/right.csv"
run stats cochran "$work/right.csv"
expect_code 0
expect_out "df                     2"
printf '2\n0\n' >"$work/two.csv"
run stats cochran "$work/two.csv"
expect_code 2
run stats apportion 200 15.5 20 3
expect_code 0
expect_out "seats                  80 104 16"
run stats cv 400 100 .9 .91 .89 .93 --json
expect_code 0
expect_json
expect_out "nadeau_bengio"
run stats folds 6 3 2
expect_out "iteration_1"
run stats paired-size 0.025 0.0012
expect_out "136263"
printf '0,0\n1,0\n0,1\n1,1\n0.5,0.2\n' >"$work/x.csv"
printf '5,5\n6,5\n5,6\n6,6\n5.5,5.2\n' >"$work/y.csv"
for test in c2st mmd frechet ks-outputs; do
    run stats $test "$work/x.csv" "$work/y.csv"
    expect_code 0
done
run stats c2st "$work/x.csv" "$work/right.csv"
expect_code 2
printf '50,5\n10,40\n' >"$work/confusion.csv"
printf '30\n70\n' >"$work/mu.csv"
run stats label-shift "$work/confusion.csv" "$work/mu.csv"
expect_code 0
expect_out "shares                 0.141025641025641"
run stats bowker "$work/confusion.csv"
expect_code 0
run stats bowker "$work/right.csv"
expect_code 2
run stats ladder "$work/right.csv"
expect_code 0

# two lines at a pivot, groups by a column, names of classes
printf 'model,orig,new\na,60,5\nb,65,8\nc,70,0\nd,75,20\ne,80,35\nf,85,50\n' >"$work/p.csv"
run shift --table "$work/p.csv" --pivot c --json --bootstrap 10
expect_code 0
expect_out '"above"'
run shift --table "$work/p.csv" --pivot zebra
expect_code 3
expect_err "there is no model 'zebra'"
printf 'label,kind\n0,x\n1,y\n2,x\n0,y\n1,x\n2,y\n' >"$work/kinds.csv"
run shift --orig "$work/kinds.csv:$work/old" --new "$work/new.json:$work/new" --group-by kind --json
expect_code 0
expect_out '"group": "kind=x"'
run shift --orig "$work/old.txt:$work/old" --new "$work/new.json:$work/new" --group-by kind
expect_code 3
run shift --orig "$work/old.txt:$work/old" --new "$work/new.json:$work/new" --classes cat,dog
expect_code 3
expect_err "old.txt: item 2: class 2, but there are 2 class names"

# names that are markup or no UTF-8 stay names
mkdir "$work/names"
cp "$work/new/a_predictions.json" "$work/names/<script>alert(1)<b>.json"
cp "$work/new/a_predictions.json" "$work/names/$(printf 'bad\377name').json"
run shift --orig "<img>=$work/new.json:$work/names" --new "b=$work/new.json:$work/names" --out "$work/n"
expect_code 0
grep -q '<script\|<img' "$work/n/report.html" && fail "a name became markup"
grep -q '&lt;script&gt;' "$work/n/report.html" || fail "the name is not shown"

# predict first: what is refused before anything is read, then real weights where they are
run shift --orig a --new b --model cifar_resnet20
expect_code 2
expect_err "1 --model, but 0 --weights"
run shift --table "$work/t.csv" --model cifar_resnet20 --weights "$work/none"
expect_code 2
run shift --orig "$work/none" --new "$work/none" --model cifar_resnet20 --weights "$work/none"
expect_code 3
shared="$(dirname "$0")/../../../shared/data"
if [ -r "$shared/weights/cifar10_resnet20.safetensors" ]; then
    images="$shared/weights/inputs_cifar10_lossless242.u8.npy?labels=$shared/weights/inputs_cifar10_lossless242.labels.npy"
    run shift --orig "old=$images" --new "new=$images" --json --bootstrap 0 \
        --model r20=cifar_resnet20 --weights "$shared/weights/cifar10_resnet20.safetensors"
    expect_code 0
    expect_json
    expect_out '"name": "r20"'
    expect_out '"n": 242'
    expect_out '"temperature"'
    expect_out '"gap": 0'
fi

finish
