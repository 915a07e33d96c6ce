#!/bin/sh
# dsbias bench: every field is there and the numbers hang together; how fast is not asked.
. "$(dirname "$0")/common.sh"
small="--model convnext_7k --size 32 --batch 4 --classes 3 --repeats 3 --warmup 1"
for mode in train infer; do
    run bench $small --mode $mode --threads 2 --json --layers
    expect_code 0
    expect_json
    expect_out "\"mode\": \"$mode\""
    for field in images_per_second seconds_min seconds_median seconds_max share_of_peak \
        peak_gflops peak_memory_bytes planned_bytes macs_per_image layers name seconds_forward \
        seconds_backward operations_forward bytes_forward; do
        expect_out "\"$field\":"
    done
    command -v python3 >/dev/null && { python3 - "$work/out" <<'PY' || fail "the fields disagree"; }
import json, sys
b = json.load(open(sys.argv[1]))
assert 0 < b["seconds_min"] <= b["seconds_median"] <= b["seconds_max"]
assert abs(b["images_per_second"] * b["seconds_median"] - b["batch"]) < 1e-9 * b["batch"]
assert 0 < b["share_of_peak"] and b["threads"] == 2
forward = sum(l["operations_forward"] for l in b["layers"])
assert forward == 2 * b["batch"] * b["macs_per_image"]
backward = sum(l["operations_backward"] for l in b["layers"])
assert forward + backward == b["operations_per_step"]
# the gradient of the image is not worked out
assert (forward < backward < 2 * forward) if b["mode"] == "train" else backward == 0
assert b["planned_bytes"] == sum(b[k + "_bytes"] for k in
                                 ("activation", "parameter", "gradient", "optimiser"))
PY
done
run bench $small --layers --isa generic
expect_code 0
expect_out "stages.0.0.dwconv"
expect_out "generic"
# one state of momentum instead of AdamW's two
run bench $small --optimiser sgd --json
expect_code 0
expect_out '"optimiser": "sgd"'
command -v python3 >/dev/null && { python3 - "$work/out" <<'PY' || fail "SGD has other state"; }
import json, sys
b = json.load(open(sys.argv[1]))
assert b["optimiser_bytes"] == b["gradient_bytes"]
PY
# nothing is lost when it is interrupted: it ends at once, not after its thousand steps
line="dsbias bench interrupted"
code=0
timeout --preserve-status 1 "$dsbias" bench --model resnet50 --batch 4 --repeats 1000 \
    >"$work/out" 2>"$work/err" || code=$?
expect_code 143
expect_empty out
expect_empty err
run bench $small --mode sideways
expect_code 2
run bench --model no_such_net
expect_code 3
expect_err "no_such_net"
finish
