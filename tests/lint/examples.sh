#!/bin/sh
# The examples in the comments of the public headers compile: lines set in by six columns in a
# header's first comment, and elsewhere behind a line that ends
# with a colon; the first line of each holds a semicolon.
#   examples.sh CC
set -eu
cd "$(dirname "$0")/../../include"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/all.c" <<'EOF'
#include <dsbias/dsbias.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DSB(call)                         \
    do {                                  \
        if ((call) != DSB_OK) {           \
            puts(dsb_last_error());       \
            exit(1);                      \
        }                                 \
    } while (0)
void use(const uint8_t *images, const uint32_t *labels, uint64_t n);
/* what the examples take for granted */
extern dsb_runtime *rt;
extern dsb_model *model;
extern FILE *file;
extern const char *json;
extern uint8_t *images, *bytes;
extern uint32_t *labels;
extern float *x, *y, *dx, *dy, *weights, *bias, *dweights, *dbias, *logits, *dlogits, *losses, *targets, *gradient;
extern float *a, *b, *c;
extern double loss;
extern uint64_t i, m, n, k, size, classes, n_images;
EOF
for header in dsbias/*.h; do
    awk -v header="$header" '
        /^ \*      / && (inside || (/;/ && (first || before ~ /:$/))) {
            if (!inside) printf "int example_%d(void);\nint example_%d(void) /* %s, line %d */\n{\n", ++count + NR * 1000, count + NR * 1000, header, NR
            inside = 1
            print substr($0, 9)
            next
        }
        /^ \*$/ && inside { next } # an empty line in it
        { if (inside) print "return 0;\n}"; inside = 0; before = $0 }
        NR == 1 { first = 1 }
        /\*\/$/ { first = 0 }' "$header" | sed "s/example_/example_$(basename "$header" .h)_/g" >>"$work/all.c"
done
count=$(grep -c '^int example_.*(void);' "$work/all.c")
[ "$count" -ge 14 ] || { echo "only $count examples were found"; exit 1; }
$1 -std=c11 -I. -Wall -Wextra -Werror -Wno-unused -fsyntax-only "$work/all.c" || { grep -n '^int example_.*/\*' "$work/all.c"; exit 1; }
echo "$count examples compile"
