#!/bin/sh
# Builds build/index.js and its wasm from src/. wrangler calls this before each dev, deploy and dry run, so it
# does nothing when nothing changed.
set -eu
. "$(dirname -- "$0")/env.sh"

stamp=build/.built-from
started=target/build-started
# All that a compiler complains of is wanted.
lines_shown=1000

# sizes FILE [REMARK]: its size, plain and compressed as Cloudflare counts it.
sizes() {
    say "wasm $(($(wc -c <"$1") / 1024)) KiB, $(($(gzip -c "$1" | wc -c) / 1024)) KiB gzip${2:-}"
}

# Directories count too: a removed file changes nothing else.
if [ -e build/index.js ] && [ -e "$stamp" ] &&
    [ -z "$(find src assets migrations build.rs Cargo.toml Cargo.lock package-lock.json -newer "$stamp")" ]; then
    sizes build/index_bg.wasm ", up to date"
    exit 0
fi

if [ ! -x "$worker_build" ] || [ ! -x "$WASM_OPT_BIN" ] || [ ! -x "$ESBUILD_BIN" ] || [ -z "$(wasm_rust)" ] ||
    { [ -z "${WASM_BINDGEN_BIN:-}" ] && [ ! -e "$wasm_bindgen_dir/fetched-by-worker-build" ]; }; then
    fail "find the tools" "run make setup"
fi

# The stamp is as old as the build's start: what is saved while it runs is built by the next.
: >"$started"
# The dashboard's script with the one library that it uses, and its style: src/page/asset.rs takes them in.
step "the dashboard's script and style" "see the lines above" \
    "$ESBUILD_BIN" assets/app.js assets/app.css assets/favicon.svg --bundle --minify --format=esm \
    --target=es2022,chrome123,firefox120,safari17.5 --loader:.svg=copy --outdir=target/assets --log-level=warning
cat "$log" >&2
# The description of the API, checked and without its spaces: src/door/operator/openapi.rs takes it in.
step "the API's description" "see the lines above" \
    node scripts/minify_json.mjs assets/openapi.json target/assets/openapi.json
step "worker-build --release (a minute the first time, then 10 to 20 s)" "see the lines above" \
    with_wasm_rust "$worker_build" --release
# The functions' names are a fifth of the file, and every isolate loads them; a panic says its file and line anyway.
# worker-build optimizes for speed; -Oz takes another 20 KB. In the order of their names, functions that are alike
# stand side by side, which compresses better by another 4.
"$WASM_OPT_BIN" --all-features --reorder-functions-by-name --strip-debug -Oz build/index_bg.wasm -o target/stripped.wasm
mv target/stripped.wasm build/index_bg.wasm
mv "$started" "$stamp"
sizes build/index_bg.wasm
