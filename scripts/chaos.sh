#!/bin/sh
# Faults of the real processes under load; see benches/chaos.mjs.
#
# Settings, from the environment:
#   CHAOS=short  a few rounds, for CI
#   ROUNDS       how often it is killed (default 25)
set -eu
. "$(dirname -- "$0")/env.sh"

exec node --disable-warning=ExperimentalWarning benches/chaos.mjs
