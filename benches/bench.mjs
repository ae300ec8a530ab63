// make bench: XTRACKER beside an empty Worker, a bare insert, its own statement alone and the common three calls, each
// on a workerd and D1 of its own, asked on workerd's own socket, in one run that takes turns; once with D1 as it is
// here, and once with D1 as in production. Prints one table and writes it to target/bench.json, and to
// target/bench.md as docs/scaling.md shows it.
// BENCH=short is the form for CI: it fails on a wrong answer, and on more round trips or rows written than promised,
// and says nothing about speed. BEFORE=<another checkout, built> has that one take turns too.
import { spawn } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { gzipSync } from "node:zlib";
import { createTestHarness } from "wrangler";
import { until } from "../tests/harness.mjs";
import { costs } from "./costs.mjs";
import { figures, load, turns } from "./load.mjs";
import * as peers from "./peers.mjs";
import { report } from "./report.mjs";
import { row, write } from "./table.mjs";
import { WASM_GZIP_KB, judge, verdict } from "./targets.mjs";

const ROOT = new URL("..", import.meta.url).pathname;
const SHORT = process.env.BENCH === "short";
const BEFORE = process.env.BEFORE ? [peers.before(process.env.BEFORE)] : [];
const ROUNDS = SHORT ? 1 : Number(process.env.ROUNDS ?? 9);
const CONNECTIONS = SHORT ? [16] : [1, 16, 64, 256];
/** D1 as in production: a write takes several milliseconds, and the next one waits for it. */
const HELD_MS = 5;
/** With D1 held, time goes by the clock and not by the machine's moods: half the rounds will do. */
const roundsOf = (heldMs) => (heldMs > 0 ? Math.ceil(ROUNDS / 2) : ROUNDS);
const FIGURES = SHORT ? ["rps"] : ["rps", "p50", "p99", "cpuMs"];

const NEW = {
  name: "new postbacks",
  path: peers.postback,
  isRight: (status, body) => status === 200 && body.includes('"queued"'),
  adds: true,
};
const KNOWN = {
  name: "duplicates",
  path: peers.known(),
  isRight: (status, body) => status === 200 && body.includes('"duplicate"'),
};
const LANDING = { name: "landings", path: peers.landing, isRight: (status) => status === 302 };

/** Every load with its results, for the report. */
const measured = [];

/** Turns of one load, with its figures, who left work for later, and its targets. */
async function measure(where, running, asked, connections, heldMs) {
  const results = await turns(running, asked, connections, roundsOf(heldMs), SHORT ? 32 : 100);
  measured.push({ asked: asked.name, where, heldMs, connections, results });
  const what = `${asked.name}, ${where}, ${connections} connections`;
  for (const figure of FIGURES) row(`${what}, ${figure}`, figures(results, figure));
  for (const [name, rounds] of Object.entries(results)) {
    const later = rounds.reduce((sum, round) => sum + round.later, 0);
    if (later > 0) row(`${what}, left to the queue`, { [name]: later });
  }
  if (!SHORT) {
    const busy = Math.max(...Object.values(results).flatMap((rounds) => rounds.map(({ generator }) => generator)));
    row(`${what}, the load's own CPU at most`, { cores: busy });
  }
  if (SHORT || asked === LANDING) return;
  for (const { what: target, value, note } of judge(heldMs, connections, results))
    row(`${what}: ${target}`, { xtracker: value }, note);
}

/** One after the other, so that each knows its own process; where no processor time is measured, at once. */
async function start(begins, running, heldMs) {
  if (SHORT) running.push(...(await Promise.all(begins.map((begin) => begin(heldMs)))));
  else for (const begin of begins) running.push(await begin(heldMs));
}

async function speed(heldMs) {
  const where = heldMs > 0 ? `D1 held ${heldMs} ms` : "D1 in process";
  const begins = [peers.xtracker, peers.floor, peers.statement, peers.threeCalls, peers.empty];
  const running = [];
  try {
    await start([...begins, ...peers.ungrouped(), ...BEFORE], running, heldMs);
    const [ours, bare, , three, empty] = running;
    for (const peer of running) await load(peer, NEW, 16, SHORT ? 16 : heldMs > 0 ? 100 : 500); // Warm.
    for (const connections of CONNECTIONS) await measure(where, running, NEW, connections, heldMs);
    const again = running.filter((peer) => peer !== empty && peer !== three);
    for (const peer of again) await load(peer, { ...NEW, path: peers.known() }, 1, peers.KNOWN);
    for (const connections of CONNECTIONS) await measure(where, again, KNOWN, connections, heldMs);
    for (const peer of running) await counted(peer);
    if (heldMs > 0) return;
    await measure(where, [ours, bare, three], LANDING, 16, heldMs);
    row("start-up to first answer, ms", Object.fromEntries(running.map(({ name, startMs }) => [name, startMs])));
    if (!SHORT) await local(empty);
    await replay(ours);
  } finally {
    await Promise.all(running.map((peer) => peer.stop()));
    for (const { name, said } of running)
      for (const [text, times] of said) console.log(`${name} said ${times} times: ${text}`);
  }
}

/** What was answered `queued` is there, once, with what went to the queue. */
async function counted({ name, fired, stored }) {
  if ((await stored()) === undefined) return;
  await until(`${name} has stored ${fired} postbacks`, async () => (await stored()) === fired, 30_000);
}

/** Beside it the empty Worker on wrangler's local server: what that would take of each request. */
async function local(empty) {
  const server = createTestHarness({
    root: ROOT,
    workers: [{ config: { name: "empty", main: "benches/empty.mjs", compatibility_date: "2026-11-01" } }],
  });
  try {
    const { origin } = (await server.listen()).url;
    const through = { ...empty, name: "wrangler's local server", origin, pids: [] };
    await load(through, NEW, 16, 500); // Warm.
    const own = { ...empty, name: "workerd's own socket" };
    for (const connections of [1, 64])
      row(
        `an empty Worker, ${connections} connections, rps`,
        figures(await turns([own, through], { ...NEW, adds: false }, connections, ROUNDS, 500), "rps"),
      );
  } finally {
    await server.close();
  }
}

/** The same with the state on a disk, quiet and then busy: what of the slowest answers is the disk's, ours or not. */
async function disk() {
  const memory = process.env.TMPDIR;
  process.env.TMPDIR = `${ROOT}target`;
  const running = [];
  let writer;
  try {
    await start([peers.xtracker, peers.floor], running, 0);
    for (const peer of running) await load(peer, NEW, 16, 500); // Warm.
    const ask = async (what) => {
      const results = await turns(running, NEW, 16, ROUNDS, 500);
      for (const figure of ["rps", "p50", "p99"]) row(`${what}, 16 connections, ${figure}`, figures(results, figure));
    };
    await ask("on disk");
    writer = spawn("sh", ["-c", `while :; do dd if=/dev/zero of=${ROOT}target/busy bs=1M count=200 conv=fsync; done`], {
      stdio: "ignore",
      detached: true,
    });
    await ask("on a busy disk");
  } finally {
    process.env.TMPDIR = memory;
    if (writer) process.kill(-writer.pid);
    rmSync(`${ROOT}target/busy`, { force: true });
    for (const peer of running) await peer.stop();
  }
}

/** Messages of the spill queue: a batch of a hundred, against as many batches of one. */
async function replay({ deliver }) {
  const time = async (batches, size) => {
    const bodies = Array.from({ length: batches }, () => Array.from({ length: size }, peers.message));
    const began = performance.now();
    for (const batch of bodies) await deliver("xtracker-postbacks", batch);
    return (batches * size) / ((performance.now() - began) / 1000);
  };
  await time(2, 100);
  const [hundreds, ones] = [await time(SHORT ? 2 : 20, 100), await time(SHORT ? 20 : 200, 1)];
  row(
    "replay of the spill queue, events/s",
    { "batches of 100": hundreds, "batches of 1": ones },
    `${(hundreds / ones).toFixed(1)} times`,
  );
}

const bytes = readFileSync(`${ROOT}build/index_bg.wasm`);
const gzip = gzipSync(bytes).length / 1000;
row("wasm, KB (thousand bytes)", { raw: bytes.length / 1000, gzip }, `gzip: ${verdict(gzip, WASM_GZIP_KB)}`);
await costs(SHORT ? 0 : ROUNDS);
await speed(0);
row(
  "D1 as in production",
  { "held, ms": HELD_MS },
  "one call at a time, a statement or a batch, each held so long on top of its own time, by the bench, for all alike",
);
await speed(HELD_MS);
if (!SHORT && tmpdir() === "/dev/shm") await disk();
write(`${ROOT}target/bench.json`);
writeFileSync(`${ROOT}target/bench.md`, report(measured));
console.log("bench: target/bench.json, and target/bench.md as docs/scaling.md shows it");
