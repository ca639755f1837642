#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks that the pipeline and the headers of copies are fit for BPF: that
# clang makes a program of them, none of whose functions needs more stack than
# leaves room for a program's own.  Part of "make check"; skipped without
# clang.
set -eu

limit=300                       # Of the 512 octets that a program has.
clang=${BPF_CLANG:-clang}
object=$(mktemp)
trap 'rm -f "$object"' EXIT

if ! command -v "$clang" >/dev/null; then
    echo "no clang, which makes BPF programs"
    exit 77
fi
cd "$srcdir"
"$clang" -target bpf -O2 -g -Wall -Werror -Wframe-larger-than=$limit \
    -I. -idirafter "/usr/include/$(uname -m)-linux-gnu" \
    -c tests/unit/fwd-pipeline.bpf.c -o "$object"
test -s "$object"
