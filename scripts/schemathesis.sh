#!/bin/sh
# schemathesis, which reads the API's description and tries whether it is true, with these arguments. Installed when
# it is missing, as tests/schemathesis.txt has it: a directory for each version of that file, for all clones of a user.
set -eu
. "$(dirname -- "$0")/env.sh"

list=$root/tests/schemathesis.txt
venv=$tools/schemathesis-$(cksum <"$list" | cut -d ' ' -f 1)
log=$venv.log

if [ ! -e "$venv/.installed" ]; then
    mkdir -p "$tools"
    rm -rf "$venv"
    if ! python3 -m venv "$venv" >"$log" 2>&1 ||
        ! "$venv/bin/pip" install --disable-pip-version-check --quiet --requirement "$list" >>"$log" 2>&1; then
        tail -n 15 "$log" | sed 's/^/    /' >&2
        echo "schemathesis: could not be installed (all of it is in $log)" >&2
        echo "schemathesis: it needs Python 3.10 or later with venv, and pip has to reach its index" >&2
        exit 1
    fi
    : >"$venv/.installed"
fi
[ $# -eq 0 ] || exec "$venv/bin/schemathesis" "$@"
