#!/bin/sh
# Fires demo traffic at the deployment that `make dev` runs; see scripts/demo.mjs.
set -eu
. "$(dirname -- "$0")/env.sh"
exec node scripts/demo.mjs
