#!/bin/sh
# Each public header compiles alone, as C11 and as C++17, with every warning an error.
#   headers.sh CC CXX
set -eu
cd "$(dirname "$0")/../../include"
for header in dsbias/*.h; do
    printf "#include \"%s\"\ntypedef int unit;\n" "$header" | $1 -std=c11 -I. -Wall -Wextra -Wpedantic -Wpadded -Wstrict-prototypes -Werror -x c -fsyntax-only -
    if command -v "$2" >/dev/null; then
        printf "#include \"%s\"\ntypedef int unit;\n" "$header" | $2 -std=c++17 -I. -Wall -Wextra -Wpedantic -Wpadded -Werror -x c++ -fsyntax-only -
    fi
done
