#!/bin/sh
# Installs the Debian packages that are missing, and asks for nothing where none is.
#   install-deps.sh build         what building the library and the program needs
#   install-deps.sh build test    and the tests
set -eu
packages=""
for group in "$@"; do
    case $group in
    build) packages="$packages gcc libc6-dev cmake ninja-build pkg-config libopenblas-dev libjpeg62-turbo-dev libpng-dev libwebp-dev" ;;
    test) packages="$packages g++ check git python3-minimal valgrind clang-format-14" ;;
    *)
        echo "install-deps.sh: unknown group $group" >&2
        exit 2
        ;;
    esac
done

missing=""
for package in $packages; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "These packages are needed and this is not a Debian system:$missing" >&2
    exit 1
fi
as_root=""
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
        echo "Run as root, or install:$missing" >&2
        exit 1
    }
    as_root=sudo
fi
echo "Installing:$missing"
$as_root apt-get update -qq
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
