#!/bin/sh
# Fires a network's real behaviour at the deployment that `make dev` runs; see scripts/simulate.mjs.
set -eu
. "$(dirname -- "$0")/env.sh"
exec node scripts/simulate.mjs
