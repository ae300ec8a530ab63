// make chaos: the real workerd is killed at random moments under load and started again on the same state; its
// database is locked for a while, with the queue and without, while deliveries are sent, and so that a key is revoked
// while its postbacks wait; its disk is full for a while; a destination flaps; the cron's clock jumps. Prints what was
// asked and what came of it, and fails on a single lost or doubled event.
// CHAOS=short is the form for CI.
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { devServer, listen } from "../tests/dev-server.mjs";
import { until, writeConfig } from "../tests/harness.mjs";

const SHORT = process.env.CHAOS === "short";
const ROUNDS = Number(process.env.ROUNDS ?? (SHORT ? 3 : 25));
const SENDERS = 8;
const MINUTE_MS = 60_000;
const random = (below) => Math.floor(Math.random() * below);
/** How far the cron's clock jumps at most while the Worker is killed. A destination that failed then rests until five
 * minutes after that, so whatever has to find it awake runs later. */
const JUMP_MINUTES = 90;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const counts = {
  rounds: 0,
  kills: 0,
  requests: 0,
  answered: 0,
  "cut off": 0,
  "refused 503": 0,
  "stored later": 0,
  lost: 0,
  doubled: 0,
  "delivered again": 0,
};
/** Every eid that was answered `queued` or `duplicate`: a promise. */
const promised = new Set();

/**
 * Deliveries that may be in flight when the database is lost: six connections each of the cron's run and of those
 * behind batches of the two queues, of which several may go on at a time. In short, a run has the free plan's calls,
 * and so few connections.
 */
const IN_FLIGHT = SHORT ? 2 * 6 : 6 * 6;

/** A destination that takes every second call, and each event by its fifth try; what it took, by event. */
const received = new Map();
let isDown = false;
let isSound = false;
const refused = new Map();
const receiver = createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => {
    body += chunk;
  });
  request.on("end", () => {
    const { event_id: id, data, click } = JSON.parse(body);
    const before = refused.get(id) ?? 0;
    if (isDown || (!isSound && before < 4 && random(2))) {
      if (!isDown) refused.set(id, before + 1);
      return response.writeHead(503).end();
    }
    const calls = received.get(id) ?? received.set(id, []).get(id);
    calls.push(`${click.uid} ${data.value}`);
    response.end("ok");
  });
});
const hook = `http://127.0.0.1:${await listen(receiver)}/`;

/** Fires until told to stop. Some calls are fires again of what was fired before. */
async function sender(origin, token, tag, isOver) {
  for (let at = 0; !isOver(); at++) {
    const eid = at > 3 && random(5) === 0 ? `${tag}-${random(at)}` : `${tag}-${at}`;
    counts.requests += 1;
    try {
      const response = await fetch(`${origin}/e?token=${token}&event=deposit&uid=${eid}&eid=${eid}&value=1.25`);
      const answer = await response.json();
      if (response.status === 503) counts["refused 503"] += 1;
      else if (answer.ok) {
        promised.add(eid);
        counts.answered += 1;
      }
      if (response.headers.get("x-stored") === "later") counts["stored later"] += 1;
    } catch {
      counts["cut off"] += 1;
      await pause(5);
    }
  }
}

/** Load for as long as `work` takes. */
async function underLoad(server, token, tag, work) {
  let over = false;
  const senders = Array.from({ length: SENDERS }, (_, at) => sender(server.origin, token, `${tag}-${at}`, () => over));
  await work();
  over = true;
  await Promise.all(senders);
}

function database(state) {
  const folder = join(state, "v3/d1/miniflare-D1DatabaseObject");
  const file = readdirSync(folder).find((name) => name.endsWith(".sqlite") && name !== "metadata.sqlite");
  const db = new DatabaseSync(join(folder, file));
  db.exec("PRAGMA busy_timeout = 10000"); // workerd may be in the middle of a write.
  return db;
}

/** Another process holds the database: D1 refuses, and postbacks wait in the queue where there is one. */
async function locked(ms, atItsEnd = async () => {}) {
  const other = database(state);
  await pause(500);
  other.exec("BEGIN IMMEDIATE");
  await pause(ms);
  other.exec("COMMIT");
  other.close();
  await atItsEnd();
  await pause(500);
}

/** A space's ingest token is replaced, and the one before ends at once. Gives the new one. */
async function revoked(space) {
  const { key } = await server.operate("POST", `/${space}/keys/ingest`);
  await server.operate("DELETE", `/${space}/keys/ingest/previous`);
  return key;
}

/** A backlog is sent while the database is lost; what was in flight may come again, and nothing else. */
async function lostWhileSending(token, open) {
  isDown = true;
  await underLoad(server, token, "backlog", () => pause(SHORT ? 1500 : 4000));
  const waiting = open();
  isDown = false;
  isSound = true;
  const before = counts["delivered again"];
  const other = database(state);
  const taken = received.size;
  let ahead = JUMP_MINUTES + 10;
  const sending = server.cron(ahead * MINUTE_MS);
  await until("sending has begun", () => received.size > taken);
  other.exec("BEGIN IMMEDIATE");
  await pause(SHORT ? 4000 : 20_000);
  other.exec("COMMIT");
  other.close();
  await sending;
  for (; open() > 0 && ahead < 24 * 60; ahead += 2) await server.cron(ahead * MINUTE_MS);
  isSound = false;
  counts["waited to be sent"] = waiting;
  counts["delivered again"] = again();
  const doubled = counts["delivered again"] - before;
  if (doubled > IN_FLIGHT) throw new Error(`${doubled} of ${waiting} deliveries came again`);
}

const again = () => [...received.values()].reduce((sum, calls) => sum + calls.length - 1, 0);

/** The disk of the state has no byte left, then it has. */
async function full(ms) {
  const ballast = join(state, "ballast");
  const file = openSync(ballast, "w");
  const fill = () => {
    for (const size of [1 << 20, 1 << 12, 1]) {
      try {
        for (;;) writeSync(file, Buffer.alloc(size));
      } catch (error) {
        if (error.code !== "ENOSPC") throw error;
      }
    }
  };
  await pause(500);
  const before = counts["stored later"];
  const isUnnoticed = () => counts["stored later"] === before; // SQLite first writes over what its log has already.
  for (const end = Date.now() + ms; Date.now() < end || (isUnnoticed() && Date.now() < end + 30_000); await pause(50))
    fill();
  closeSync(file);
  rmSync(ballast);
  counts["later, disk full"] = counts["stored later"] - before;
  await pause(500);
  if (isUnnoticed()) throw new Error("the full disk was not noticed");
}

const folder = mkdtempSync(join(process.env.TMPDIR ?? tmpdir(), "xtracker-chaos-"));
const state = join(folder, "state");
mkdirSync(state);
// scripts/chaos.sh gives this process mounts of its own where the machine allows it; they end with it.
const isMounted = process.env.CHAOS_MOUNTS === "own";
if (isMounted) execFileSync("mount", ["-t", "tmpfs", "-o", "size=96m", "tmpfs", state]);
// The paid plan's calls: with the free plan's a run of the cron sends about ten, and in the long form thousands wait.
const more = SHORT ? {} : { SUBREQUESTS: "1000" };
const server = await devServer(state, "wrangler.toml", ["DB"], more);
try {
  await server.start();
  const created = await server.operate("POST", "", { name: "Chaos" });
  const space = created.id;
  let token = created.ingest_token;
  await server.operate("POST", `/${space}/destinations`, { kind: "webhook", name: "Flapping", url: hook });

  for (let round = 1; round <= ROUNDS; round++) {
    counts.rounds = round;
    await underLoad(server, token, `kill${round}`, async () => {
      await pause(200 + random(1500));
      if (random(3) === 0) await server.cron(random(JUMP_MINUTES) * MINUTE_MS).catch(() => {});
      await server.kill();
      counts.kills += 1;
    });
    await server.start();
    if (round % 5 === 0)
      console.log(`chaos: ${round} of ${ROUNDS} rounds, ${counts.requests} requests, ${promised.size} promises`);
  }

  await underLoad(server, token, "locked", () => locked(SHORT ? 2000 : 6000));
  if (isMounted) await underLoad(server, token, "full", () => full(SHORT ? 2000 : 6000));
  else console.log("chaos: full disk NOT tried: this machine does not let a process mount (unshare --user --mount)");

  const waited = counts["stored later"];
  let next;
  await underLoad(server, token, "revoked", () =>
    locked(SHORT ? 2000 : 6000, async () => {
      next = await revoked(space);
    }),
  );
  counts["later, key revoked"] = counts["stored later"] - waited;
  if (!next || counts["later, key revoked"] === 0) throw new Error("no postback waited while its key was revoked");
  token = next;

  const query = (sql) => {
    const db = database(state);
    try {
      return db.prepare(sql).all();
    } finally {
      db.close();
    }
  };
  const stored = () => query("SELECT eid FROM events").map(({ eid }) => eid);
  const open = () =>
    query("SELECT count(*) AS n FROM deliveries WHERE state NOT IN ('sent', 'failed_permanently')")[0].n;
  const isStored = () => promised.isSubsetOf(new Set(stored()));
  await until("what waited in the queue is stored", isStored, 60_000);
  counts["delivered again"] = again();
  await lostWhileSending(token, open);

  // No queue either: nobody may be told that it is safe.
  await server.kill();
  await server.start(
    writeConfig((toml) => toml.replace(/\[\[queues\.producers\]\]\nbinding = "POSTBACKS"\nqueue = .*\n/, "")),
  );
  const before = { later: counts["stored later"], refused: counts["refused 503"] };
  await underLoad(server, token, "queueless", () => locked(SHORT ? 1000 : 4000));
  if (counts["stored later"] > before.later || counts["refused 503"] === before.refused) {
    throw new Error("without database and queue a sender was not asked to come back");
  }
  await until("what was promised is stored", isStored, 60_000);
  let ahead = 0;
  for (; open() > 0 && ahead < 24 * 60; ahead += 6) await server.cron(ahead * MINUTE_MS);
  await server.kill();

  const eids = stored();
  const seen = new Set(eids);
  counts.doubled = eids.length - seen.size;
  counts.lost = [...promised].filter((eid) => !seen.has(eid)).length;
  const [sums] = query("SELECT total(events) AS events, total(units) AS units, total(micros) AS micros FROM counters");
  const [recount] = query("SELECT count(*) AS events, total(micros) AS micros FROM events");
  const isCounted = sums.events === recount.events && sums.units * 1e6 + sums.micros === recount.micros;
  const states = Object.fromEntries(
    query("SELECT state, count(*) AS n FROM deliveries GROUP BY state").map(({ state, n }) => [state, n]),
  );
  counts["delivered again"] = again();
  const isStable = received.size === eids.length && [...received.values()].every((calls) => new Set(calls).size === 1);
  for (const [what, count] of Object.entries(counts)) console.log(`${what.padEnd(18)} ${count}`);
  console.log(`counters           ${isCounted ? "equal a recount" : `differ: ${JSON.stringify({ sums, recount })}`}`);
  const ids = `${received.size} ids for ${eids.length} events${isStable ? ", each of one event" : ""}`;
  console.log(`deliveries         ${JSON.stringify(states)}, ${ids}`);
  if (counts.lost + counts.doubled > 0 || !isCounted || states.sent !== eids.length || !isStable) {
    console.error("chaos: something was lost, doubled, miscounted or not delivered");
    process.exitCode = 1;
  } else {
    console.log("chaos: nothing lost, nothing doubled");
  }
} finally {
  await server.kill().catch(() => {});
  receiver.closeAllConnections();
  receiver.close();
  if (isMounted) execFileSync("umount", ["--lazy", state]);
  rmSync(folder, { recursive: true, force: true });
}
