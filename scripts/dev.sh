#!/bin/sh
# Runs the Worker locally with its own database, and prints postbacks to try once it answers. Ctrl-C ends it.
#
# Settings, from the environment:
#   PORT   where it listens on 127.0.0.1 (default 8787)
#   STATE  where the local database is kept (default .wrangler/state)
set -eu
. "$(dirname -- "$0")/env.sh"

port=${PORT:-8787}
state=${STATE:-.wrangler/state}
base=http://127.0.0.1:$port

sh scripts/setup.sh

# Now, since wrangler would only say so after the build, or silently take another port.
if ! node -e 'require("net").createServer().on("error", () => process.exit(1)).listen(+process.argv[1], "127.0.0.1", () => process.exit(0))' "$port"; then
    fail "listen on port $port, which is taken" "stop what listens there, or choose another: make dev PORT=$((port + 1))"
fi

sh scripts/build.sh

# Secrets of this machine only. Lines that are there stay as they are.
var() {
    grep -q "^$1=" .dev.vars 2>/dev/null || echo "$1=$2" >>.dev.vars
}
(umask 077 && touch .dev.vars)
var KEY_SECRET "$(node -p 'crypto.randomBytes(32).toString("hex")')"
var OPERATOR_TOKEN "$(node -p 'crypto.randomBytes(32).toString("hex")')"
var DESTINATION_KEY "$(node -p 'crypto.randomBytes(32).toString("hex")')"
var LOCAL true
chmod 600 .dev.vars

# Both may run again and again, but wrangler takes seconds for each: only when they changed.
stamp=$state/migrations-applied
databases=$(awk -F'"' '/^binding = "DB(_[0-9]+)?"/ { print $2 }' wrangler.toml)
sum=$( (cat migrations/*.sql scripts/seed.sql && echo "$databases") | cksum)
mkdir -p "$state"
if [ "$sum" != "$(cat "$stamp" 2>/dev/null)" ]; then
    for name in $databases; do
        step "migrate the local database $name" "see the lines above; nothing of the migration that failed was kept" \
            wrangler d1 migrations apply "$name" --local --persist-to "$state"
    done
    step "the demo space into the local database" "see the lines above" \
        wrangler d1 execute DB --local --persist-to "$state" --file scripts/seed.sql --yes
    echo "$sum" >"$stamp"
fi

: >"$log"
# In the background, for the wait below; without its key shortcuts, which would redraw over our lines.
wrangler dev --port "$port" --ip 127.0.0.1 --persist-to "$state" --show-interactive-dev-session=false </dev/null &
server=$!

# A shell's background command ignores Ctrl-C, so it is passed on as a termination. Waiting lets wrangler end
# workerd, and write out what the database holds.
stop() {
    trap - EXIT INT TERM
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    exit "$1"
}
trap 'stop 130' INT
trap 'stop 143' TERM
trap 'stop 1' EXIT

tries=0
until reaches "$base/"; do
    tries=$((tries + 1))
    if ! kill -0 "$server" 2>/dev/null || [ "$tries" -ge 300 ]; then
        fail "reach the Worker on $base" "see wrangler's lines above"
    fi
    sleep 0.2
done

now=$(date +%s)
cat <<END

The tracker answers on $base. Open it in a browser; the password is the operator's secret:

$(sed -n 's/^OPERATOR_TOKEN=//p' .dev.vars)

Postbacks to try, as a network would send them:

curl '$base/e?token=xt_in_local&event=registration&uid=demo-$now&eid=demo-$now-registration'
curl '$base/e?token=xt_in_local&event=deposit&uid=demo-$now&value=25.00&currency=USD&eid=demo-$now-deposit'

The operator's API opens with the same secret:

curl '$base/api/spaces' -H 'Authorization: Bearer $(sed -n 's/^OPERATOR_TOKEN=//p' .dev.vars)'

make demo fires 30 days of traffic. Ctrl-C ends it.
END

trap - EXIT
wait "$server"
