#!/bin/sh
# Brings the Worker to your Cloudflare account: creates what is missing, changes nothing that is there.
# --dry-run prints the commands and runs none of them.
#
# Settings, from the environment:
#   DATABASES  how many databases there are to be at least (default: those that there are, else one)
#   WRANGLER   the wrangler to call (default: the project's own)
set -eu
. "$(dirname -- "$0")/env.sh"

wrangler=${WRANGLER:-wrangler}
dry_run=
[ "${1:-}" != --dry-run ] || dry_run=yes
database=$(awk -F'"' '/^database_name = / { print $2; exit }' wrangler.toml)
queues=$(awk -F'"' '/^queue = / { print $2 }' wrangler.toml | sort -u)
worker=$(awk -F'"' '/^name = / { print $2; exit }' wrangler.toml)
secrets="KEY_SECRET OPERATOR_TOKEN DESTINATION_KEY"
answer=target/deploy.answer

# change WHAT REMEDY COMMAND…: a step, which a dry run prints instead.
change() {
    if [ -z "$dry_run" ]; then
        step "$@"
        return 0
    fi
    say "$1"
    shift 2
    echo "    $*"
}

# there WHAT ABSENT COMMAND…: whether Cloudflare has it, with the answer in $answer. That it has not is believed
# only where wrangler says so in the words ABSENT: anything else that fails, a lost connection or a token without
# the right, says nothing about what is there, and must not have it made anew. A dry run supposes that nothing is.
there() {
    what=$1 absent=$2
    shift 2
    [ -z "$dry_run" ] || return 1
    if "$wrangler" "$@" >"$answer" 2>"$log" </dev/null; then return 0; fi
    cat "$answer" >>"$log"
    if grep -qE -e "$absent" "$log"; then return 1; fi
    fail "see whether there is $what" \
        "see the lines above; nothing was changed. Check the connection and what the login may do ($wrangler whoami), then run make deploy again"
}

if [ -z "$dry_run" ]; then
    sh scripts/setup.sh
    if ! "$wrangler" whoami >"$log" 2>&1 </dev/null || grep -q 'not authenticated' "$log"; then
        say "log in to Cloudflare"
        "$wrangler" login || fail "log in" "on a machine without a browser set CLOUDFLARE_API_TOKEN"
    fi
fi

# Secrets that are set already stay: destinations' secrets open with DESTINATION_KEY alone, and keys are checked
# with KEY_SECRET. So they are asked for before anything is changed.
known=
if there "the Worker with its secrets" "Worker \"$worker\" not found|\[code: (10007|10090)\]" secret list --format json; then
    known=$(node scripts/secrets.mjs names <"$answer" 2>/dev/null) || {
        cat "$answer" >>"$log"
        fail "read which secrets are set" "see the lines above, which should be a JSON list; nothing was changed. Run make deploy again"
    }
fi

# bind NUMBER: has wrangler.toml bind a further database.
bind() {
    if grep -q -x -F -e "binding = \"DB_$1\"" wrangler.toml; then return 0; fi
    say "bind the database $database-$1 as DB_$1, in wrangler.toml: keep that file"
    [ -z "$dry_run" ] || return 0
    printf '\n[[d1_databases]]\nbinding = "DB_%s"\ndatabase_name = "%s"\n' "$1" "$database-$1" >>wrangler.toml
}

# Those of an earlier deployment are bound again, whatever DATABASES and a fresh wrangler.toml say: their spaces
# would else wait for them in vain.
count=${DATABASES:-1}
case $count in *[!0-9]* | '') fail "read DATABASES=$count" "write a number, such as make deploy DATABASES=2" ;; esac
if there "the account's databases" "no such list" d1 list --json; then
    for number in $(sed -n "s/.*\"name\": *\"$database-\([0-9]*\)\".*/\1/p" "$answer"); do
        [ "$number" -le "$count" ] || count=$number
    done
fi
databases=$database
number=2
while [ "$number" -le "$count" ] || grep -q -x -F -e "binding = \"DB_$number\"" wrangler.toml; do
    bind "$number"
    databases="$databases $database-$number"
    number=$((number + 1))
done

for name in $databases; do
    there "the database $name" "Couldn't find an? .*D1 DB" d1 info "$name" ||
        change "create the database $name" "see that the account may have one more D1 database (free plan: 10)" \
            "$wrangler" d1 create "$name"
done
for queue in $queues; do
    there "the queue $queue" "Queue \"$queue\" does not exist" queues info "$queue" ||
        change "create the queue $queue" "see that Queues are switched on for the account" "$wrangler" queues create "$queue"
done
for name in $databases; do
    change "apply schema.sql to $name" "run make deploy again; the schema may be applied any number of times" \
        "$wrangler" d1 execute "$name" --remote --yes --file schema.sql
done

new=$(mktemp)
chmod 600 "$new"
trap 'rm -f "$new"' EXIT
operator_token=
made=
for name in $secrets; do
    if printf '%s\n' "$known" | grep -qx -e "$name"; then continue; fi
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
    made="$made$name=$value
"
done
# Through a pipe: what is an argument or in the environment can be read by others.
printf '%s' "$made" | node scripts/secrets.mjs json >"$new"

change "build and deploy" "see the lines above; make build says more about the build" "$wrangler" deploy --secrets-file "$new"

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
