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

# beside WHAT COMMAND…: a step beside those that follow, for a machine with a core to spare: one step at a time leaves it
# idle. What it says is heard at `joined`.
beside() {
    beside_title=$1
    shift
    beside_began=$(date +%s)
    "$@" </dev/null >target/test-beside.log 2>&1 &
    beside_pid=$!
    trap 'kill "$beside_pid" 2>/dev/null || :' EXIT
}

# joined: waits for the step beside.
joined() {
    say "$beside_title"
    outcome=0
    wait "$beside_pid" || outcome=$?
    trap - EXIT
    cat target/test-beside.log
    [ "$outcome" -eq 0 ] || fail "$beside_title" "see the lines above"
    say "$beside_title: $(($(date +%s) - beside_began)) s, beside others"
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
# The wasm is linked on one core. Its lints come behind the build, which bundles the files that the wasm takes in.
build_and_lint() {
    sh scripts/build.sh &&
        with_wasm_rust cargo clippy --quiet --lib --target wasm32-unknown-unknown -- -D warnings
}
beside "the Worker, and lints for wasm32" build_and_lint
run "lints" cargo clippy --quiet --all-targets -- -D warnings
run "unit tests" cargo test --quiet
run "fuzzing, for a moment" env SECONDS_EACH="${SECONDS_EACH:-5}" sh scripts/fuzz.sh
joined
bundle
# What a space does, it does wherever it is: some of the tests also with their spaces in the second of two databases. Both
# wait more than they work.
set --
for suite in attribution bot consumer decisions delivery destinations dry-run findings landing meaning mend postback receipt report; do set -- "$@" "tests/$suite.test.mjs"; done
beside "the same on a second database" \
    env XTRACKER_TEST_DATABASE=2 node --test --test-concurrency=1 --test-reporter=spec "$@"
run "the Worker on workerd and D1" node --test --test-concurrency=1 --test-reporter=spec "tests/*.test.mjs"
joined
run "the benchmark, in short" env BENCH=short sh scripts/bench.sh
run "faults, in short" env CHAOS=short sh scripts/chaos.sh
run "the dashboard in Chromium" node --test --test-concurrency=1 --test-reporter=spec "tests/browser/*.test.mjs"
