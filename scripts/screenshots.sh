#!/bin/sh
# The README's pictures of the built Worker.
set -eu
. "$(dirname -- "$0")/env.sh"

wrangler deploy --dry-run --outdir dist >target/dry-run.log 2>&1 || {
    cat target/dry-run.log >&2
    exit 1
}
exec node scripts/screenshots.mjs
