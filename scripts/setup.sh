#!/bin/sh
# Brings what a build needs and is missing. What is there already is left alone, so a second run is quick.
#
# Settings, from the environment:
#   XTRACKER_TOOLS      where worker-build and wasm-bindgen go (default: xtracker-tools in cargo's home)
#   WASM_TARGET=debian  build the wasm with Debian's Rust even where the Rust in PATH could
set -eu
. "$(dirname -- "$0")/env.sh"

have() { command -v "$1" >/dev/null 2>&1; }

# limited SECONDS COMMAND…: gives up on a server that does not answer, where the system can.
limited() {
    if have timeout; then timeout "$@"; else shift && "$@"; fi
}

# 1. What a person installs, since each system has its own way.

need() {
    have "$1" || fail "find $1" "$2"
}
need cargo "install Rust 1.85 or later: https://rustup.rs, or Debian's packages cargo-web and rustc-web"
need rustc "install Rust 1.85 or later: https://rustup.rs, or Debian's packages cargo-web and rustc-web"
need node "install Node.js with npm, any version from 18 (the project brings the newer one it runs on)"
need npm "install npm, which comes with Node.js (Debian: apt-get install npm)"
need cc "install a C compiler (Debian: apt-get install build-essential; macOS: xcode-select --install)"

# 2. wrangler, Node, esbuild and binaryen, exactly as locked.

npm_stamp=node_modules/.installed-lock
if ! cmp -s package-lock.json "$npm_stamp"; then
    step "npm ci (wrangler, Node 22, esbuild, binaryen; half a minute)" \
        "check that npm reaches its registry (npm ping), then run make setup again" \
        npm ci --no-audit --no-fund --loglevel=error
    # The package `node` fetches its binary in an install script, which npm may be told not to run.
    node_modules/.bin/node --version >"$log" 2>&1 ||
        fail "run the Node of node_modules" "let npm run install scripts (npm config get ignore-scripts), remove node_modules, run make setup again"
    cp package-lock.json "$npm_stamp"
fi

# 3. The wasm32 target: from rustup, or built once with Debian's Rust where rustup cannot fetch it.

debian_packages="cargo-web rustc-web rust-web-src rust-web-llvm rust-web-clippy libstd-rust-web-dev lld-22"

debian_packages_missing() {
    # shellcheck disable=SC2086 # a list of words
    [ "$(dpkg-query -W -f '${db:Status-Abbrev}\n' $debian_packages 2>/dev/null | grep -c '^ii')" -ne \
        "$(echo $debian_packages | wc -w)" ]
}

install_debian_packages() {
    # shellcheck disable=SC2086 # a list of words
    as_root apt-get update -q &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $debian_packages
}

# Debian ships the library's source but not its wasm32 build, so an empty crate is built with it and the
# library's parts are put where that rustc looks for them.
build_debian_std() {
    crate=$root/target/std-for-wasm32 &&
        rm -rf "$crate" && mkdir -p "$crate/src" && : >"$crate/src/lib.rs" &&
        printf '[package]\nname = "empty"\nedition = "2021"\n[workspace]\n' >"$crate/Cargo.toml" &&
        (
            cd "$crate" &&
                PATH=/usr/bin:$PATH RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$crate/out cargo build --release \
                    -Z build-std=std,panic_abort --target wasm32-unknown-unknown
        ) &&
        rm -f "$crate"/out/wasm32-unknown-unknown/release/deps/libempty-* &&
        mkdir "$crate/lib" && cp "$crate"/out/wasm32-unknown-unknown/release/deps/*.rlib "$crate/lib" &&
        /usr/bin/rustc -V >"$crate/lib/built-by" &&
        lib=$(/usr/bin/rustc --print target-libdir --target wasm32-unknown-unknown) &&
        as_root mkdir -p "${lib%/*}" && as_root rm -rf "$lib" "$lib.new" &&
        as_root cp -r "$crate/lib" "$lib.new" && as_root mv "$lib.new" "$lib" &&
        rm -rf "$crate"
}

if [ -z "$(wasm_rust)" ]; then
    if [ "${WASM_TARGET:-}" != debian ] && have rustup; then
        say "rustup target add wasm32-unknown-unknown (up to half a minute)"
        limited 90 rustup target add wasm32-unknown-unknown >"$log" 2>&1 </dev/null ||
            say "rustup could not fetch it: $(tail -n 1 "$log")"
    fi
fi
if [ -z "$(wasm_rust)" ]; then
    have apt-get && have dpkg-query || fail "add the wasm32 target" \
        "run 'rustup target add wasm32-unknown-unknown' where rustup reaches its server; without rustup, install your system's Rust library for wasm32-unknown-unknown"
    if debian_packages_missing; then
        step "apt-get install Debian's Rust, to build the wasm32 library (a minute)" \
            "as root: apt-get update && apt-get install $debian_packages" \
            install_debian_packages
    fi
    step "build the wasm32 library with Debian's Rust (a minute)" \
        "see that /usr/bin/cargo and /usr/bin/rustc are of one version, and that this user is root or may use sudo -n" \
        build_debian_std
    [ -n "$(wasm_rust)" ] || fail "use the wasm32 library just built" "report it with the output of /usr/bin/rustc -vV"
fi

# 4. worker-build, of the version of the crate `worker`, and the wasm-bindgen command line, of the version of
# the crate: a pair of unlike versions refuses to work. A debug build of a tool is quicker to have than to use.

if [ ! -x "$worker_build" ]; then
    step "cargo install worker-build $(locked_version worker) (four minutes)" \
        "check that cargo reaches its registry, then run make setup again" \
        cargo install worker-build --version "=$(locked_version worker)" --debug --locked --root "$worker_build_dir"
fi
if [ ! -x "$wasm_bindgen_dir/bin/wasm-bindgen" ] && [ ! -e "$wasm_bindgen_dir/fetched-by-worker-build" ]; then
    if reaches https://github.com; then
        mkdir -p "$wasm_bindgen_dir" && : >"$wasm_bindgen_dir/fetched-by-worker-build"
    else
        step "cargo install wasm-bindgen-cli $(locked_version wasm-bindgen) (three minutes)" \
            "check that cargo reaches its registry, then run make setup again" \
            cargo install wasm-bindgen-cli --version "=$(locked_version wasm-bindgen)" --debug --no-default-features \
            --bin wasm-bindgen --root "$wasm_bindgen_dir"
    fi
fi
