#!/bin/sh
# dsbias eval: figures, files, wrong command lines, weights that do not fit, stopping.
. "$(dirname "$0")/common.sh"
golden=$(dirname "$0")/../golden/weights
model="convnext:depths=1-1-2-1,dims=4-6-8-10"
weights="$work/weights.safetensors"

# a file without the images and logits that the golden one carries beside its weights
command -v python3 >/dev/null || { echo "SKIPPED: no python3"; exit 77; }
python3 - "$golden/timm_convnext.safetensors" "$weights" "$work" <<'EOF'
import json, struct, sys
data = open(sys.argv[1], "rb").read()
n = struct.unpack("<Q", data[:8])[0]
header, body = json.loads(data[8:8 + n]), data[8 + n:]
out, blob = {}, b""
for name, t in sorted(header.items()):
    if name in ("images", "logits", "__metadata__"):
        continue
    piece = body[slice(*t["data_offsets"])]
    out[name] = {**t, "data_offsets": [len(blob), len(blob) + len(piece)]}
    blob += piece
text = json.dumps(out).encode()
open(sys.argv[2], "wb").write(struct.pack("<Q", len(text)) + text + blob)
images = bytes((i * 37 % 251) ^ (i >> 9 & 255) for i in range(60 * 32 * 32 * 3))
head = b"{'descr': '|u1', 'fortran_order': False, 'shape': (60, 32, 32, 3), }".ljust(117) + b"\n"
open(sys.argv[3] + "/images.npy", "wb").write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + images)
many = b"{'descr': '|u1', 'fortran_order': False, 'shape': (20000, 8, 8, 3), }".ljust(117) + b"\n"
open(sys.argv[3] + "/many.npy", "wb").write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(many)) + many + bytes(20000 * 8 * 8 * 3))
open(sys.argv[3] + "/many.txt", "w").write("".join(f"{i % 5}\n" for i in range(20000)))
open(sys.argv[3] + "/labels.txt", "w").write("".join(f"{i % 5}\n" for i in range(60)))
open(sys.argv[3] + "/names.txt", "w").write("ant\nbee\ncow\ndog\nemu\n")
EOF
data="$work/images.npy?labels=$work/labels.txt"

# wrong command lines
run eval "$data"
expect_code 2
expect_err "--model is needed"
run eval --model "$model" "$data"
expect_code 2
expect_err "--weights is needed"
run eval --model "$model" --weights "$weights"
expect_code 2
run eval --model "$model" --weights "$weights" --mean 1,2 "$data"
expect_code 2
expect_err "R,G,B, not '1,2'"
run eval --model "$model" --weights "$weights" --size 64 --resize 32 "$data"
expect_code 2
expect_err "resize is 32"

# files that cannot be used
run eval --model "$model" --weights "$work/none" "$data"
expect_code 3
expect_err "$work/none"
run eval --model "$model" --weights "$weights" "$work/none.npy"
expect_code 3
printf 'PK\003\004....archive/data.pkl....' >"$work/model.pth"
run eval --model "$model" --weights "$work/model.pth" "$data"
expect_code 3
expect_err "import torch"
expect_err "d)); st.save_file(" # on one line, to be copied
run eval --model convnext_7k --weights "$weights" "$data"
expect_code 3
expect_err "misshapen"
run eval --model resnet18 --weights "$weights" "$data" # which has no layer of that name
expect_code 3
expect_err "missing: conv1.weight, bn1.weight"
expect_err "extra: "
run eval --model "$model" --weights "$weights" --keymap "$work/labels.txt" "$data"
expect_code 3
expect_err "labels.txt"

# a run
run eval --model "$model" --weights "$weights" --mean 0 --std 1 --top5 --out "$work/o" "$data"
expect_code 0
expect_empty err
expect_out "accuracy"
expect_out "of 60"
expect_out "top 5     100.00 %"
expect_out "confusion"
for file in logits.npy predictions.npy predictions.csv predictions.json labels.npy confusion.csv eval.json; do
    [ -s "$work/o/$file" ] || fail "$file was not written"
done
cp "$work/o/logits.npy" "$work/logits1.npy"

# the same numbers for any number of threads and any batch; another name for the same normalisation
run eval --model "$model" --weights "$weights" --mean 0,0,0 --std 255/255,1,1 --json --threads 1 --batch 7 --out "$work/o" "$data"
expect_code 0
expect_json
expect_out '"n": 60,'
expect_out '"correct": '
expect_out '"ci95": ['
cmp "$work/o/logits.npy" "$work/logits1.npy" || fail "logits differ"

# what is broken is counted and named; names that tell no class; images without labels
mkdir -p "$work/f/ant" "$work/f/bee"
python3 - "$work/f/ant/a.ppm" <<'EOF'
import sys
open(sys.argv[1], "wb").write(b"P6 32 32 255\n" + bytes(i % 251 for i in range(3072)))
EOF
cp "$work/f/ant/a.ppm" "$work/f/bee/b.ppm"
: >"$work/f/bee/none.png"
head -c 1000 "$work/f/ant/a.ppm" >"$work/f/bee/half.ppm"
run eval --model "$model" --weights "$weights" --classes "$work/names.txt" "$work/f"
expect_code 0
expect_out "of 2"
expect_out "broken    1 left out"
expect_out "failed    1 images could not be decoded"
expect_err "bee/half.ppm"
run eval --model "$model" --weights "$weights" --classes "$work/names.txt" --json "$work/f"
expect_code 0
expect_json
expect_out '"failed": 1,'
expect_out '"broken_total": 1,'
expect_out '"path": "bee/none.png"'
expect_out '"cause": "empty"'
printf 'ant\nbee\nant\ndog\nemu\n' >"$work/twice.txt"
run eval --model "$model" --weights "$weights" --classes "$work/twice.txt" "$work/f"
expect_code 3
expect_err "class 'ant' is the name of outputs 0 and 2"
run eval --model "$model" --weights "$weights" "$work/images.npy"
expect_code 3
expect_err "no labels"

# classes by name; an output folder that cannot be
run eval --model "$model" --weights "$weights" --classes "$work/names.txt" "$data&classes=$work/names.txt"
expect_code 0
expect_out "emu"
: >"$work/file"
run eval --model "$model" --weights "$weights" --out "$work/file/x" "$data"
expect_code 4
expect_err "Not a directory"
expect_empty out # told before the run

# Ctrl-C: what was scored until then is shown and written, marked as partial. How long it takes until
# the first batch is scored depends on the machine.
for seconds in 0.5 2 8 30; do
    line="dsbias eval stopped after $seconds s"
    code=0
    timeout --preserve-status -s INT $seconds "$dsbias" eval --model "$model" --weights "$weights" --size 512 \
        --batch 1 --threads 1 --out "$work/stopped" "$work/many.npy?labels=$work/many.txt" >"$work/out" 2>"$work/err" || code=$?
    [ ! -s "$work/out" ] || break
done
expect_code 130
expect_out "PARTIAL: stopped after"
expect_out "accuracy"
expect_err "stopped"
grep -q '"partial": true' "$work/stopped/eval.json" || fail "the record of a stopped run does not say so"
finish
