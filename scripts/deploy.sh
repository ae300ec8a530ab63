#!/bin/sh
# Brings the Worker to your Cloudflare account: creates what is missing, changes nothing that is there.
# --dry-run prints the commands and runs none of them.
#
# Settings, from the environment:
#   WRANGLER   the wrangler to call (default: the project's own)
set -eu
. "$(dirname -- "$0")/env.sh"

wrangler=${WRANGLER:-wrangler}
dry_run=
[ "${1:-}" != --dry-run ] || dry_run=yes
database=$(awk -F'"' '/^database_name = / { print $2; exit }' wrangler.toml)
queues=$(awk -F'"' '/^queue = / { print $2 }' wrangler.toml | sort -u)
secrets="KEY_SECRET OPERATOR_TOKEN DESTINATION_KEY"
log=target/deploy.log
mkdir -p target

# step WHAT REMEDY COMMAND…: says what it does, and if that fails why and what to do.
step() {
    what=$1 remedy=$2
    shift 2
    echo "deploy: $what"
    if [ -n "$dry_run" ]; then
        echo "    $*"
        return 0
    fi
    "$@" >"$log" 2>&1 </dev/null || {
        tail -n 15 "$log" | sed 's/^/    /' >&2
        echo "deploy: this step failed: $what" >&2
        echo "deploy: what to do: $remedy" >&2
        exit 1
    }
}

# there COMMAND…: whether Cloudflare has it; a dry run supposes that it has nothing.
there() {
    [ -z "$dry_run" ] && "$wrangler" "$@" >"$log" 2>&1 </dev/null
}

if [ -z "$dry_run" ]; then
    sh scripts/setup.sh
    if ! "$wrangler" whoami >"$log" 2>&1 </dev/null || grep -q 'not authenticated' "$log"; then
        echo "deploy: log in to Cloudflare"
        "$wrangler" login || {
            echo "deploy: not logged in. On a machine without a browser set CLOUDFLARE_API_TOKEN" >&2
            exit 1
        }
    fi
fi

there d1 info "$database" ||
    step "create the database $database" "see that the account may have one more D1 database (free plan: 10)" \
        "$wrangler" d1 create "$database"
for queue in $queues; do
    there queues info "$queue" ||
        step "create the queue $queue" "see that Queues are switched on for the account" "$wrangler" queues create "$queue"
done
step "apply schema.sql" "run make deploy again; the schema may be applied any number of times" \
    "$wrangler" d1 execute "$database" --remote --yes --file schema.sql

# Secrets that are set already stay: keys are checked with KEY_SECRET, and a new one would not know the old keys.
new=$(mktemp)
chmod 600 "$new"
trap 'rm -f "$new"' EXIT
: >"$log"
there secret list --format json || true
known=$(cat "$log")
operator_token=
echo "{" >"$new"
for name in $secrets; do
    case $known in *"\"$name\""*) continue ;; esac
    value=
    if [ -t 0 ] && [ -z "$dry_run" ]; then
        printf 'deploy: %s is not set. Type one, or press Enter to have it made up: ' "$name"
        stty -echo
        read -r value || true
        stty echo
        echo
    fi
    [ -n "$value" ] || value=$(node -p 'crypto.randomBytes(32).toString("hex")')
    [ "$name" != OPERATOR_TOKEN ] || operator_token=$value
    [ "$(wc -c <"$new")" -le 2 ] || echo "," >>"$new"
    VALUE=$value node -p "JSON.stringify('$name') + ':' + JSON.stringify(process.env.VALUE)" >>"$new"
done
echo "}" >>"$new"

step "build and deploy" "see the lines above; make build says more about the build" "$wrangler" deploy --secrets-file "$new"

[ -z "$dry_run" ] || exit 0
origin=$(grep -oE 'https://[^ ]+\.workers\.dev' "$log" | head -n 1 || true)
echo
echo "The tracker is at ${origin:-the address that your Cloudflare dashboard shows}."
if [ -n "$operator_token" ]; then
    echo "Its operator's secret, shown this once, is the password of the dashboard. Keep it:"
    echo
    echo "    $operator_token"
    echo
fi
echo "Next, open it in a browser, sign in with the operator's secret and create your first space."
