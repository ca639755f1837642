# SPDX-License-Identifier: Apache-2.0
# Shared by the scripts beside it, which source it: where things are, steps
# with visible progress, and out-of-tree builds.
#
# environment: TSN_CACHE  libopenvswitch and builds (default: ~/.cache/tsn)
#              TSN_BUILD  the builds of this source tree (default: a directory
#                         of its own in the cache)
set -euo pipefail
export PATH=/usr/bin:/usr/sbin:/bin:/sbin LC_ALL=C PYTHONDONTWRITEBYTECODE=1

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${TSN_CACHE:-${HOME:-/root}/.cache/tsn}
builds=${TSN_BUILD:-$cache/build/$(basename "$top")-$(cksum <<<"$top" \
    | cut -d' ' -f1)}
export PYTHONPATH=$top/tests/system:$top/tests/bench
jobs=$(nproc)

die() { echo "${0##*/}: $*" >&2; exit 1; }

# step WHAT LOG COMMAND...: runs the command with its output in LOG, and shows
# one line: what, the result, how long it took.
step() {
    local what=$1 log=$2 start status=0
    shift 2
    mkdir -p "$(dirname "$log")"
    printf '%-57s' "$what ..."
    start=$(date +%s%N)
    "$@" >"$log" 2>&1 </dev/null || status=$?
    local ms=$(( ($(date +%s%N) - start) / 1000000 ))
    if [ $status = 0 ]; then
        printf ' ok %6d.%02d s\n' $((ms / 1000)) $((ms % 1000 / 10))
    else
        printf ' FAILED %6d.%02d s\n' $((ms / 1000)) $((ms % 1000 / 10))
        printf '\nstep failed: %s (status %d), the end of %s:\n' "$what" \
            $status "$log"
        tail -n 20 "$log" | sed 's/^/  /'
    fi
    return $status
}

# build NAME ARGUMENT...: configures with the arguments, unless that has been
# done, and compiles.  The build is in $builds/NAME.
build() {
    local dir=$builds/$1 ovs args
    shift
    ovs=$("$top/scripts/setup" --print-ovs)
    args="$* $ovs"
    mkdir -p "$dir"
    if [ ! -x "$top/configure" ]; then
        step "generating configure" "$dir/autoreconf.log" \
            autoreconf -fi "$top" || return
    fi
    if [ ! -f "$dir/Makefile" ] \
        || [ "$args" != "$(cat "$dir/configured-with" 2>/dev/null)" ]; then
        # Objects compiled with other flags would stay.
        if [ -f "$dir/Makefile" ]; then
            step "cleaning" "$dir/clean.log" make -C "$dir" clean || return
        fi
        # shellcheck disable=SC2086
        step "configuring $*" "$dir/configure.log" \
            env -C "$dir" "$top/configure" -q "$@" $ovs || return
        echo "$args" >"$dir/configured-with"
    fi
    step "compiling" "$dir/make.log" make -C "$dir" -j"$jobs"
}

setup() {
    step "packages and libopenvswitch (first time: minutes)" \
        "$cache/setup.log" "$top/scripts/setup" "$@"
}

need_root() { [ "$(id -u)" = 0 ] || die "must be run as root"; }
