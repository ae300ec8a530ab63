#!/bin/sh
# The README's pictures of the built Worker.
set -eu
. "$(dirname -- "$0")/env.sh"

bundle
exec node scripts/screenshots.mjs
