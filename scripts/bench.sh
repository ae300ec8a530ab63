#!/bin/sh
# The benchmark of the built Worker, its state on a memory file system where there is one.
#
# Settings, from the environment:
#   BENCH=short  one round with few requests, for CI
#   BEFORE=path  another checkout, with its build and dist, that takes turns with this one
#   ROUNDS       rounds whose medians are shown (default 5)
set -eu
. "$(dirname -- "$0")/env.sh"

wrangler deploy --dry-run --outdir dist >target/dry-run.log 2>&1 || {
    cat target/dry-run.log >&2
    exit 1
}
[ ! -d /dev/shm ] || export TMPDIR=/dev/shm
exec node benches/bench.mjs
