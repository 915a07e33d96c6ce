#!/bin/sh
# dsbias data: what is there, what is broken and why, duplicates.
. "$(dirname "$0")/common.sh"

run data
expect_code 2
expect_err "[NAME=]PATH"
run data "$work/none"
expect_code 3
expect_err "none"
expect_empty out
run data "$work" --headers-onyl
expect_code 2
expect_err "did you mean --headers-only?"
run data "synthetic:fone"
expect_code 3
expect_err "fone"

run data "a=synthetic:phone?n=6" "b=synthetic:webcam?n=6" --json
expect_code 0
expect_json
expect_empty err
expect_out '"dsbias.data/1"'
run data "synthetic:phone?n=6" --strict
expect_code 0
expect_empty err
expect_out "6 images, each decoded once"

# a folder with a broken file whose name is hostile, in a place with spaces
folder="$work/my photos"
mkdir "$folder"
printf 'not an image' >"$folder/$(printf 'a\033[31m <b>.jpg')"
: >"$folder/empty.png"
run data "$folder"
expect_code 0
expect_out "0 images"
expect_out "empty.png"
if grep -q "$(printf '\033')" "$work/out"; then fail "an escape sequence from a file name"; fi
run data "$folder" --strict
expect_code 1
run data "$folder" --list 1
expect_out "... and 1 more"

# neither do names in errors, of collections, or of classes reach the terminal
esc=$(printf 'x\033[2J\302\233m')
run data "$work/$esc"
expect_code 3
if grep -q "$(printf '\033')" "$work/err"; then fail "an escape sequence in an error"; fi
mkdir -p "$work/$esc/cat$esc" "$work/$esc/dog"
: >"$work/$esc/cat$esc/a.jpg"
for action in scan verify duplicates show; do
    run data $action "$work/$esc" --out "$work/sheet.jpg"
    if grep -q "$(printf '\033')" "$work/out" "$work/err"; then fail "an escape sequence from a folder"; fi
done

# nothing but zeros, packed a thousand times smaller
if command -v gzip >/dev/null; then
    head -c 80000000 /dev/zero | gzip -1 >"$work/bomb.tar.gz"
    head -c 80000000 /dev/zero | gzip -9 >"$work/bombs.tar.gz"
    run data "$work/bombs.tar.gz"
    expect_code 0
    expect_out "a bomb"
    printf '\000\000\010\003\000\000\000\001\000\000\000\002\000\000\000\003abcdef' >"$work/t-images-idx3-ubyte"
    mv "$work/bomb.tar.gz" "$work/t-labels-idx1-ubyte.gz"
    run data "$work/t-images-idx3-ubyte"
    expect_code 3
    expect_err "unpacks to more than"
fi

# actions
run data verify "$folder"
expect_code 1
expect_out "empty.png: empty"
if grep -q "$(printf '\033')" "$work/out"; then fail "an escape sequence from a file name"; fi
run data verify "$folder" --max-broken 2
expect_code 0
run data duplicates "a=synthetic:phone?n=6" "b=synthetic:phone?n=4" --decoded
expect_code 0
expect_out "4 groups of equal pixels, 4 of them across collections"
run data duplicates "synthetic:phone?n=6" --decoded --near
expect_code 2
expect_err "give one"
run data convert "p=synthetic:phone?n=12" "$work/shards" --to webdataset --per-shard 5
expect_code 0
expect_err "12 images of p written"
run data scan "$work/shards" --json
expect_code 0
expect_json
expect_out '"webdataset"'
tar -czf "$work/shards.tar.gz" -C "$work/shards" .
run data verify "$work/shards.tar.gz"
expect_code 0
run data verify "$work/shards.tar.gz" --max-unpacked-bytes 100
expect_code 1
expect_out "unpacks to more than 100 bytes"
run data convert "$work/shards" "$work/all_images.npy" --to npy --size 32
expect_code 0
run data convert "$work/all_images.npy?labels=none" "$work/c.bin" --to cifar
expect_code 0
run data convert "$work/shards"
expect_code 2
expect_err "where to write it"
run data convert "$work/shards" "$work/no/such/x.npy" --to npy --size 8
expect_code 3
run data duplicates "$work/shards" "p=synthetic:phone?n=12"
expect_code 0
expect_out "12 groups, 12 of them across collections"
run data duplicates --near "$work/all_images.npy" --json
expect_code 0
expect_json
expect_out '"dsbias.duplicates/1"'
run data bench "$work/shards" --batches 2 --size 32 --json
expect_code 0
expect_json
run data scan "$folder" "p=synthetic:phone?n=12" --html "$work/scan.html"
expect_code 0
expect_out "brightness"
grep -q '</html>' "$work/scan.html" || fail "no page was written"
if grep -q "<b>.jpg\|$(printf '\033')" "$work/scan.html"; then fail "a file name became markup"; fi
run data scan "p=synthetic:phone?n=12" --json --pixels 5
expect_code 0
expect_out '"n_images": 5'
cp "$work/out" "$work/results.json"
run report "$work/results.json" --out "$work/again.html"
expect_code 0
expect_out "12 images, each decoded once"
grep -q 'Light and colour' "$work/again.html" || fail "the page is not made from its record"
run data show "$work/shards" "p=synthetic:phone?n=12" --out "$work/sheet.jpg" --tile 32
expect_code 0
expect_out "row 2    p"
expect_out "20 images, 0 crossed out"
run data show "$folder" --out "$work/sheet.jpg" --json
expect_code 0
expect_json
expect_out '"dsbias.sheet/1"'
expect_out '"problem"'
run data show "$folder" --out "$work/sheet.gif"
expect_code 2
expect_err "ends with .png or .jpg"
run data show "$folder" --out "$work/no/such/sheet.jpg"
expect_code 3
run data scan
expect_code 2
run data "$work/shards?index=$work/x.dsbx"
expect_code 0
run data "$work/shards?index=$work/x.dsbx"
expect_code 0
expect_out "12 images"
finish
