#!/bin/sh
# Faults of the real processes under load; see benches/chaos-move.mjs and benches/chaos.mjs.
#
# Settings, from the environment:
#   CHAOS=short  a few rounds, for CI
#   ROUNDS       how often it is killed (default 25)
#   MOVES        how often a space is moved meanwhile, of two databases (default 8)
set -eu
. "$(dirname -- "$0")/env.sh"

node --disable-warning=ExperimentalWarning benches/chaos-move.mjs

# A full disk needs a small file system: one that only this process and its children see.
set -- node --disable-warning=ExperimentalWarning benches/chaos.mjs
if unshare --user --map-root-user --mount true 2>/dev/null; then
    export CHAOS_MOUNTS=own
    exec unshare --user --map-root-user --mount "$@"
fi
exec "$@"
