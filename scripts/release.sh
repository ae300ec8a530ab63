#!/bin/sh
# Makes of the built Worker what others deploy without Rust; see scripts/release.mjs.
set -eu
. "$(dirname -- "$0")/env.sh"

step "the folder and its archive" "see the lines above" node scripts/release.mjs
cat "$log"
