#!/bin/sh
# Feeds the readers of strangers' texts with what a coverage-guided fuzzer makes up.
#
# Settings, from the environment:
#   SECONDS_EACH  how long each target runs (default 60)
#   TARGETS       which ones (default: all)
set -eu
. "$(dirname -- "$0")/env.sh"

host=$(rustc -vV | sed -n 's/^host: //p')
lines_shown=30
targets=${TARGETS:-postback amount macros template address landing}
# What libFuzzer watches; no sanitizer, since the crate has no unsafe code, so that a stable compiler will do.
flags="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
flags="$flags -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
flags="$flags -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"

say "building (a minute the first time)"
CARGO_TARGET_DIR=target/fuzz RUSTFLAGS=$flags cargo build --quiet --release --manifest-path fuzz/Cargo.toml --target "$host"

for target in $targets; do
    corpus=target/fuzz-corpus/$target
    mkdir -p "$corpus" "target/fuzz-findings"
    log=target/fuzz-$target.log
    if ! "target/fuzz/$host/release/$target" "$corpus" "fuzz/seeds/$target" -max_total_time="${SECONDS_EACH:-60}" \
        -max_len=2048 -timeout=10 -artifact_prefix="target/fuzz-findings/$target-" -print_final_stats=1 >"$log" 2>&1; then
        fail "$target: a finding" "its input is in target/fuzz-findings/; keep it as a test once it is fixed"
    fi
    say "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") texts, no finding"
done
