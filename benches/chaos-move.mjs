// make chaos, with two databases: the real workerd is killed at random moments and started again on the same state,
// while postbacks come in for a space of each, and one of them is moved to the other's database and back. Prints what
// was asked and what came of it, and fails on a single lost or doubled event.
// Local queues are in memory alone: what waited in one when it was killed is fired again, as a network would that was
// not answered. CHAOS=short is the form for CI.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { devServer, listen } from "../tests/dev-server.mjs";
import { until, withDatabases, writeConfig } from "../tests/harness.mjs";

const SHORT = process.env.CHAOS === "short";
const MOVES = Number(process.env.MOVES ?? (SHORT ? 2 : 8));
const SENDERS = 3;
const random = (below) => Math.floor(Math.random() * below);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const counts = { moves: 0, kills: 0, answered: 0, "stored later": 0, "cut off": 0, lost: 0, doubled: 0 };
/** Every eid that was answered, by space: a promise. Those that waited in a queue are fired again at the end. */
const promised = new Map();
const waited = [];

/** What a destination of the moving space got, by event. */
const received = new Map();
const receiver = createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => (body += chunk));
  request.on("end", () => {
    const { event_id: id, data } = JSON.parse(body);
    received.set(id, [...(received.get(id) ?? []), data.value]);
    response.end("ok");
  });
});

async function fire(space, eid) {
  const query = `token=${space.ingest_token}&event=deposit&uid=${eid}&eid=${eid}&value=1.25`;
  const response = await fetch(`${server.origin}/e?${query}`);
  const answer = await response.json();
  if (!answer.ok) throw new Error(`${response.status} ${JSON.stringify(answer)}`);
  return response.headers.get("x-stored") === "later";
}

async function sender(space, tag, isOver) {
  for (let at = 0; !isOver(); at++) {
    const eid = `${tag}-${at}`;
    try {
      if (await fire(space, eid)) {
        counts["stored later"] += 1;
        waited.push([space, eid]);
      } else {
        counts.answered += 1;
        promised.get(space.id).add(eid);
      }
      await pause(20);
    } catch {
      counts["cut off"] += 1;
      await pause(50);
    }
  }
}

/** Goes on with a move until it is done, however often the deployment dies meanwhile. */
async function move(space, to) {
  for (let calls = 0; calls < 2000; calls++) {
    try {
      const answer = await server.operate("POST", `/${space.id}/move`, { to });
      if (answer.done) return;
      if (answer.status && answer.status !== "unavailable") throw new TypeError(JSON.stringify(answer));
    } catch (reason) {
      if (reason instanceof TypeError && reason.message.startsWith("{")) throw reason;
    }
    await pause(50);
  }
  throw new Error("a move does not end");
}

/** Kills it again and again until it is told to stop. */
async function killer(isOver) {
  while (!isOver()) {
    await pause(150 + random(1200));
    await server.kill();
    counts.kills += 1;
    await server.start(config);
    await pause(300);
  }
}

/** Both databases' answers to a question, one after the other's. */
function rows(sql) {
  const folder = join(state, "v3/d1/miniflare-D1DatabaseObject");
  const files = readdirSync(folder).filter((name) => name.endsWith(".sqlite") && name !== "metadata.sqlite");
  return files.flatMap((file) => {
    const db = new DatabaseSync(join(folder, file));
    try {
      db.exec("PRAGMA busy_timeout = 10000");
      return db.prepare(sql).all();
    } finally {
      db.close();
    }
  });
}

const folder = mkdtempSync(join(process.env.TMPDIR ?? tmpdir(), "xtracker-chaos-move-"));
const state = join(folder, "state");
const config = writeConfig(withDatabases(2));
const server = await devServer(state, config, ["DB", "DB_2"]);
try {
  const hook = `http://127.0.0.1:${await listen(receiver)}/`;
  await server.start(config);
  const moving = await server.operate("POST", "", { name: "Moving", database: "DB" });
  const staying = await server.operate("POST", "", { name: "Staying", database: "DB_2" });
  await server.operate("POST", `/${moving.id}/destinations`, { kind: "webhook", name: "Hook", url: hook });
  const spaces = [moving, staying];
  for (const space of spaces) promised.set(space.id, new Set());

  for (let at = 1; at <= MOVES; at++) {
    let over = false;
    const isOver = () => over;
    const senders = spaces.flatMap((space) =>
      Array.from({ length: SENDERS }, (_, lane) => sender(space, `m${at}-${space.id}-${lane}`, isOver)),
    );
    await pause(1000);
    const kills = killer(isOver);
    await move(moving, at % 2 ? "DB_2" : "DB");
    counts.moves = at;
    over = true;
    await Promise.all([...senders, kills]);
    console.log(`chaos: ${at} of ${MOVES} moves, ${counts.kills} kills, ${counts.answered} promises`);
  }

  for (const [space, eid] of waited) {
    await fire(space, eid);
    promised.get(space.id).add(eid);
  }
  const open = () =>
    rows("SELECT count(*) AS n FROM deliveries WHERE state NOT IN ('sent', 'failed_permanently')").some(
      ({ n }) => n > 0,
    );
  await until(
    "all is sent",
    async () => {
      await server.cron(120_000);
      return !open();
    },
    120_000,
  );
  await server.kill();

  const events = rows("SELECT space_id, seq, eid FROM events");
  for (const space of spaces) {
    const own = events.filter(({ space_id }) => space_id === space.id);
    const seen = new Set(own.map(({ eid }) => eid));
    counts.doubled += own.length - seen.size;
    counts.lost += [...promised.get(space.id)].filter((eid) => !seen.has(eid)).length;
    if (Math.max(...own.map(({ seq }) => seq)) !== own.length) throw new Error("numbers have a gap");
  }
  const sums = rows(
    "SELECT space_id, sum(events) AS events, sum(units) * 1000000 + sum(micros) AS micros FROM counters GROUP BY 1",
  );
  const recount = rows("SELECT space_id, count(*) AS events, sum(micros) AS micros FROM events GROUP BY 1");
  const text = (list) => JSON.stringify(list.toSorted((one, other) => one.space_id - other.space_id));
  const isCounted = text(sums) === text(recount);
  const ofMoving = events.filter(({ space_id }) => space_id === moving.id).length;
  const again = [...received.values()].reduce((sum, calls) => sum + calls.length - 1, 0);
  for (const [what, count] of Object.entries(counts)) console.log(`${what.padEnd(18)} ${count}`);
  console.log(`counters           ${isCounted ? "equal a recount" : `differ: ${text(sums)} ${text(recount)}`}`);
  console.log(`deliveries         ${received.size} ids for ${ofMoving} events, ${again} of them again`);
  const isMoved = rows("SELECT * FROM moves WHERE state NOT IN ('left', 'arrived')").length === 0;
  if (counts.lost + counts.doubled > 0 || !isCounted || !isMoved || received.size !== ofMoving) {
    console.error("chaos: something was lost, doubled, miscounted or not delivered");
    process.exitCode = 1;
  } else {
    console.log("chaos: nothing lost, nothing doubled");
  }
} finally {
  await server.kill().catch(() => {});
  receiver.closeAllConnections();
  receiver.close();
  rmSync(folder, { recursive: true, force: true });
}
