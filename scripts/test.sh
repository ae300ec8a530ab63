#!/bin/sh
# Every test there is. What fails first ends it, and says what it was.
set -eu
. "$(dirname -- "$0")/env.sh"

# run WHAT COMMAND…: a step whose lines are seen as they come, and how long it took.
run() {
    title=$1
    shift
    say "$title"
    began=$(date +%s)
    "$@" </dev/null || fail "$title" "see the lines above"
    say "$title: $(($(date +%s) - began)) s"
}

# The README's commands are tests too, a test shows a wrong certificate, the API is tried by a program in Python, and
# the dashboard in a browser. What they need is on most machines; Debian's are had from its packages.
needs() {
    missing=
    for program in curl python3 openssl; do
        command -v "$program" >/dev/null 2>&1 || missing="$missing $program"
    done
    # Debian has the part of Python that makes environments in a package of its own.
    python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || missing="$missing python3-venv"
    has_chromium || missing="$missing chromium"
    [ -n "$missing" ] || return 0
    if command -v apt-get >/dev/null 2>&1; then
        # shellcheck disable=SC2086 # a list of words
        if as_root apt-get update -q && as_root apt-get install -y -q --no-install-recommends $missing; then
            return 0
        fi
    fi
    fail "find$missing" "install what is missing (Debian: apt-get install$missing)"
}

# The names that tests/browser/chromium.mjs looks for.
has_chromium() {
    [ -z "${CHROMIUM:-}" ] || return 0
    for program in chromium chromium-browser google-chrome-stable google-chrome; do
        ! command -v "$program" >/dev/null 2>&1 || return 0
    done
    return 1
}

run "programs that tests need" needs
run "set-up" sh scripts/setup.sh
run "schemathesis (half a minute the first time)" sh scripts/schemathesis.sh
# prettier goes by .editorconfig.
run "formatting" cargo fmt --check
run "formatting of .mjs" prettier --check --log-level=warn "**/*.mjs"
run "lints" cargo clippy --quiet --all-targets -- -D warnings
run "unit tests" cargo test --quiet
run "fuzzing, for a moment" env SECONDS_EACH="${SECONDS_EACH:-5}" sh scripts/fuzz.sh
run "the Worker" sh scripts/build.sh
# Behind the build, which bundles the files that the wasm takes in.
run "lints for wasm32" with_wasm_rust cargo clippy --quiet --lib --target wasm32-unknown-unknown -- -D warnings
bundle
run "the Worker on workerd and D1" node --test --test-concurrency=1 --test-reporter=spec "tests/*.test.mjs"
# What a space does, it does wherever it is: the same tests with their spaces in the second of two databases.
set --
for suite in attribution bot consumer decisions delivery destinations dry-run findings landing meaning mend postback receipt report; do set -- "$@" "tests/$suite.test.mjs"; done
run "the same on a second database" \
    env XTRACKER_TEST_DATABASE=2 node --test --test-concurrency=1 --test-reporter=spec "$@"
run "the benchmark, in short" env BENCH=short sh scripts/bench.sh
run "faults, in short" env CHAOS=short sh scripts/chaos.sh
run "the dashboard in Chromium" node --test --test-concurrency=1 --test-reporter=spec "tests/browser/*.test.mjs"
