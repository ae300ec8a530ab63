#!/bin/sh
# Moves a space to another database; see scripts/move.mjs.
set -eu
. "$(dirname -- "$0")/env.sh"
exec node scripts/move.mjs
