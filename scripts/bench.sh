#!/bin/sh
# The benchmark of the built Worker, its state on a memory file system where there is one.
#
# Settings, from the environment:
#   BENCH=short  one round with few requests, for CI
#   BEFORE=path  another checkout, with its build and dist, that takes turns with this one
#   ROUNDS       rounds whose medians are shown (default 9; half as many with D1 held)
set -eu
. "$(dirname -- "$0")/env.sh"

bundle
[ ! -d /dev/shm ] || export TMPDIR=/dev/shm
exec node benches/bench.mjs
