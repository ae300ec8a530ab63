# shellcheck shell=sh
# Sourced by the other scripts: where the repository and the tools are, how wrangler behaves, and how a step is
# announced and fails.
# Every script lives in scripts/, so the caller's $0 leads to the root.

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"

# wrangler starts `node` by name: ours (node_modules/.bin/node) must come before an older one of the machine.
PATH=$root/node_modules/.bin:$PATH
export PATH

# Quiet, no usage reports, no fetch of a sample request's location, and no files outside the repository.
export WRANGLER_SEND_METRICS=false CLOUDFLARE_CF_FETCH_ENABLED=false WRANGLER_HIDE_BANNER=true
export WRANGLER_LOG_PATH="$root/.wrangler/logs" WRANGLER_REGISTRY_PATH="$root/.wrangler/registry"

# locked_version CRATE: the version in Cargo.lock, the one place that says it.
locked_version() {
    awk -F'"' -v crate="$1" '$1 == "name = " { hit = $2 == crate } hit && $1 == "version = " { print $2; exit }' Cargo.lock
}

# Command line tools made from crates. A directory for each version, shared by all clones of a user.
tools=${XTRACKER_TOOLS:-${CARGO_HOME:-$HOME/.cargo}/xtracker-tools}
worker_build_dir=$tools/worker-build-$(locked_version worker)
wasm_bindgen_dir=$tools/wasm-bindgen-$(locked_version wasm-bindgen)
worker_build=$worker_build_dir/bin/worker-build

# worker-build takes these instead of fetching its own.
export WASM_OPT_BIN="$root/node_modules/.bin/wasm-opt" ESBUILD_BIN="$root/node_modules/.bin/esbuild"
if [ -x "$wasm_bindgen_dir/bin/wasm-bindgen" ]; then
    export WASM_BINDGEN_BIN="$wasm_bindgen_dir/bin/wasm-bindgen"
fi

# has_wasm32 RUSTC: it has a standard library for wasm32 that it can use.
has_wasm32() {
    lib=$("$1" --print target-libdir --target wasm32-unknown-unknown 2>/dev/null) || return 1
    ls "$lib"/libcore-*.rlib >/dev/null 2>&1 || return 1
    # One built on this machine (setup.sh leaves `built-by`) serves only the rustc that built it.
    [ ! -e "$lib/built-by" ] || [ "$(cat "$lib/built-by")" = "$("$1" -V)" ]
}

# Which Rust builds the wasm: the one in PATH ("own"), or Debian's in /usr/bin ("debian") where the
# one in PATH cannot get the target. WASM_TARGET=debian asks for Debian's all the same.
wasm_rust() {
    if [ "${WASM_TARGET:-}" != debian ] && has_wasm32 rustc; then
        echo own
    elif [ -x /usr/bin/rustc ] && has_wasm32 /usr/bin/rustc; then
        echo debian
    fi
}

# with_wasm_rust COMMAND…: runs it with that Rust. The two keep their files apart, since neither can
# use what the other compiled.
with_wasm_rust() {
    if [ "$(wasm_rust)" = debian ]; then
        PATH=$root/node_modules/.bin:/usr/bin:$PATH CARGO_TARGET_DIR=$root/target/debian "$@"
    else
        "$@"
    fi
}

# What a script says begins with its name, and what its commands say goes to its log.
script=$(basename -- "$0" .sh)
log=target/$script.log
lines_shown=15
mkdir -p target
: >"$log"

say() {
    echo "$script: $*"
}

# step WHAT REMEDY COMMAND…: says what it does, and if that fails why and what to do.
step() {
    what=$1 remedy=$2
    shift 2
    say "$what"
    "$@" >"$log" 2>&1 </dev/null || fail "$what" "$remedy"
}

# fail WHAT REMEDY: ends the script with the last lines of its log, what failed, and what to do.
fail() {
    {
        if [ -s "$log" ]; then
            say "the last lines of $log:"
            grep -v '^ *\(Compiling\|Downloaded\|Downloading\) ' "$log" | tail -n "$lines_shown" | sed 's/^/    /'
        fi
        say "this step failed: $1"
        say "what to do: $2"
    } >&2
    exit 1
}

# bundle: dist/, the Worker as wrangler would upload it. Tests and benchmarks run that.
bundle() {
    step "wrangler deploy --dry-run, into dist/" "see the lines above; make build says more about the build" \
        wrangler deploy --dry-run --outdir dist
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

# reaches URL: whether it answers, with whatever status, within five seconds.
reaches() {
    node -e 'fetch(process.argv[1], { method: "HEAD", signal: AbortSignal.timeout(5000) }).then(() => process.exit(0), () => process.exit(1))' "$1"
}
