#!/bin/sh
# Fails on an #include that reaches up: each layer may use itself and the layers it is allowed below.
#   base <- kernels <- tensor <- { image <- data, nn } <- train <- bias <- report,  { base, tensor } <- stats <- shift <- report
set -eu
cd "$(dirname "$0")/../../lib"

allowed() {
    case $1 in
    base) echo "base" ;;
    kernels) echo "base kernels" ;;
    tensor) echo "base kernels tensor" ;;
    image) echo "base kernels tensor image" ;;
    data) echo "base kernels tensor image data" ;;
    nn) echo "base kernels tensor nn" ;;
    train) echo "base kernels tensor image data nn stats train" ;; # eval_run.c gives intervals
    stats) echo "base kernels tensor stats" ;; # mmd.c and fit_bootstrap.c need the matrix product
    bias) echo "base kernels tensor image data nn train stats bias" ;;
    shift) echo "base stats shift" ;;
    report) echo "base report" ;; # reads records only
    esac
}

found=0
for layer in base kernels tensor image data nn train stats bias shift report; do
    ok=$(allowed $layer)
    for use in $(grep -rhoE '^#include "(base|kernels|tensor|image|data|nn|train|stats|bias|shift|report)/' "$layer" 2>/dev/null |
        sed 's/.*"//; s/\/$//' | sort -u); do
        case " $ok " in
        *" $use "*) ;;
        *)
            echo "lib/$layer may not include $use/:"
            grep -rnE "^#include \"$use/" "$layer"
            found=1
            ;;
        esac
    done
done

# intrinsics and #if on the architecture stay in lib/kernels (and the CPU check of lib/base)
if grep -rlE 'immintrin\.h|arm_neon\.h' --include='*.[ch]' . | grep -v '^./kernels/'; then
    echo "intrinsics outside lib/kernels (files above)"
    found=1
fi
# one allocator; a header of the C library for OpenBLAS in one file only
if grep -rnE '[^_a-z](malloc|calloc|realloc|strdup)\(' --include='*.c' . | grep -vE '^./base/(runtime|memory)\.c|/\* libjpeg|//'; then
    echo "allocation around dsbi_alloc (lines above)"
    found=1
fi
if grep -rlE 'cblas\.h' --include='*.[ch]' . | grep -vE '^./tensor/'; then
    echo "OpenBLAS outside lib/tensor (files above)"
    found=1
fi
if grep -rnE '[^a-z_](printf|puts|exit|abort)\(' --include='*.c' . | grep -vE 'snprintf|fprintf'; then
    echo "the library prints or exits (lines above)"
    found=1
fi
exit $found
