#!/bin/sh
# Brings the Worker to your Cloudflare account; see scripts/deploy.mjs. --dry-run prints the commands.
set -eu
. "$(dirname -- "$0")/env.sh"

[ "${1:-}" = --dry-run ] || sh scripts/setup.sh
exec node scripts/deploy.mjs "$@"
