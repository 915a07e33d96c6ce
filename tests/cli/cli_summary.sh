#!/bin/sh
# dsbias summary: the table, its totals, JSON, wrong command lines.
. "$(dirname "$0")/common.sh"

run summary --model nothing
expect_code 3
expect_err "no model is called"
run summary --model convnext_7k --batch 0
expect_code 2
run summary --model convnext:depth=3
expect_code 2
expect_err "no option"
run summary --model convnext_7k --size 64 --batch 2 more
expect_code 2

run summary --model convnext_7k --size 64 --batch 2 --classes 3
expect_code 0
expect_empty err
expect_out "stages.2.0.pwconv1"
expect_out "folded"
expect_out "parameters 7373,"
expect_out "batch 2: training"

run summary --model convnext_7k --size 64 --batch 2 --classes 3 --json
expect_code 0
expect_json
expect_out '"parameters": 7373,'
expect_out '"output": [16, 16, 10]'

# size and classes are the model's own unless given; names do not depend on case, - and _
run summary --model cifar_resnet56
expect_out "cifar_resnet56, 32 px"
expect_out "parameters 853018 "
run summary --model CIFAR-ResNet56
expect_out "parameters 853018 "
run summary --model densenet:blocks=16-16-16,growth=12,stem=conv
expect_out "32 px"
run summary --model densenet121
expect_out "224 px"
expect_out "parameters 7978856 "
finish
