#!/bin/sh
# clang-format 14 clean; skipped (77) where it is not installed.
set -eu
cd "$(dirname "$0")/../.."
command -v clang-format-14 >/dev/null || exit 77
find lib include examples tests -name '*.[ch]' -print0 | xargs -0 clang-format-14 --dry-run -Werror
