// RETENTION_DAYS: each kind of old thing goes until it is done, in a bounded number of calls and rows.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startWorker, until } from "./harness.mjs";

const DAY_MS = 24 * 3600 * 1000;
const TEN_MINUTES_MS = 600_000;
/** A look, twelve steps, and what `tidy` does besides. */
const CALLS = 15;

let worker, now, old;
before(async () => {
  worker = await startWorker({ databaseDelayMs: 0, vars: { RETENTION_DAYS: "30", SUBREQUESTS: "1000" } });
  now = Math.ceil(Date.now() / TEN_MINUTES_MS) * TEN_MINUTES_MS;
  old = now - 31 * DAY_MS;
});
after(() => worker.stop());

/** The cron of one minute, and what the database did for it. */
async function cron(ms) {
  await worker.cost();
  await worker.server.getWorker().scheduled({ scheduledTime: new Date(ms), cron: "* * * * *" });
  return worker.cost();
}

/** The next run of the removal: its cost without that of the sweep before it. */
async function removal() {
  const sweep = await cron(now + 60_000);
  const run = await cron(now);
  now += TEN_MINUTES_MS;
  return {
    trips: run.trips - sweep.trips,
    rowsRead: run.rowsRead - sweep.rowsRead,
    rowsWritten: run.rowsWritten - sweep.rowsWritten,
  };
}

const clicks = (space, name, count, atMs) =>
  worker.db
    .prepare(
      `
  INSERT INTO clicks (space_id, uid, link_id, clicked_at_ms, fbclid, user_agent, ip, raw_query)
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?3)
  SELECT ?1, ?2 || (i * 7919 % 100003), 0, ?4 + i, 'IwAR', iif(i % 4 = 1, 'Mozilla', NULL),
    iif(i % 4 = 2, '203.0.113.7', NULL), iif(i % 4 = 3, 'fbclid=IwAR', '')
  FROM n`,
    )
    .bind(space.id, name, count, atMs)
    .run();
const events = (space, count, atMs) =>
  worker.db
    .prepare(
      `
  INSERT INTO events (space_id, seq, dedup, event, currency, occurred_at_ms, received_at_ms, link_id, first, receipt,
    raw)
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
  SELECT ?1, o.last + i, 'x=' || (o.last + i), 'contact', 'USD', ?3, ?3, 0, 0, 'r', 'event=contact'
  FROM n, (SELECT coalesce(max(seq), 0) AS last FROM events WHERE space_id = ?1) o`,
    )
    .bind(space.id, count, atMs)
    .run();
const held = (space, count, atMs) =>
  worker.db
    .prepare(
      `
  INSERT INTO held (space_id, seq, fingerprint, status, raw, received_at_ms, receipt)
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
  SELECT ?1, o.last + i, 'f' || (o.last + i), 'invalid_value', 'x', ?3, 'r'
  FROM n, (SELECT coalesce(max(seq), 0) AS last FROM held WHERE space_id = ?1) o`,
    )
    .bind(space.id, count, atMs)
    .run();
const deliveries = (space, state) =>
  worker.db
    .prepare(
      `
  INSERT INTO deliveries (space_id, seq, destination_id, target, state, due_at_ms)
  SELECT space_id, seq, 999, 't', ?2, ?3
  FROM events WHERE space_id = ?1`,
    )
    .bind(space.id, state, now * 2)
    .run();

/** Each of another event: those of old ones are themselves as old as they are said to be. */
const versions = (space, name, count, atMs) =>
  worker.db
    .prepare(
      `
  INSERT INTO versions (space_id, seq, what, currency, raw, received_at_ms, last_at_ms, times, decided)
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?3)
  SELECT ?1, i, ?2, 'USD', 'event=deposit', ?4, ?4, 1, 0 FROM n`,
    )
    .bind(space.id, name, count, atMs)
    .run();

const PERSONAL = "raw_query <> '' OR ip IS NOT NULL OR user_agent IS NOT NULL";
const left = async () => ({
  clicks: (
    await worker.row(`SELECT count(*) AS n FROM clicks WHERE clicked_at_ms < ? AND (${PERSONAL})`, now - 30 * DAY_MS)
  ).n,
  events: (
    await worker.row("SELECT count(*) AS n FROM events WHERE received_at_ms < ? AND raw <> ''", now - 30 * DAY_MS)
  ).n,
  deliveries: (
    await worker.row(
      `
      SELECT count(*) AS n FROM deliveries d JOIN events e USING (space_id, seq) WHERE e.received_at_ms < ?`,
      now - 30 * DAY_MS,
    )
  ).n,
  versions: (
    await worker.row("SELECT count(*) AS n FROM versions WHERE received_at_ms < ? AND raw <> ''", now - 30 * DAY_MS)
  ).n,
  held: (await worker.row("SELECT count(*) AS n FROM held WHERE received_at_ms < ?", now - 30 * DAY_MS)).n,
});
const NOTHING = { clicks: 0, events: 0, deliveries: 0, versions: 0, held: 0 };

test("old clicks, refused postbacks, deliveries and raw queries of all spaces go; new ones stay", async (t) => {
  const spaces = [];
  for (let at = 0; at < 5; at++) spaces.push(await worker.space(`Space ${at}`));
  for (const [at, space] of spaces.entries()) {
    await clicks(space, "old", 1_000 * (at + 1), old - DAY_MS * at);
    await clicks(space, "new", 700, now - DAY_MS);
    await events(space, 1_500 * (at + 1), old);
    await deliveries(space, at % 2 ? "sent" : "failed_permanently");
    await events(space, 100, now - DAY_MS);
    await held(space, 1_200 * (at + 1), old);
    await held(space, 50, now - DAY_MS);
    await versions(space, "old", 1_100, old);
    await versions(space, "new", 60, now - DAY_MS);
  }
  const newClicks = await worker.rows("SELECT * FROM clicks WHERE uid GLOB 'new*' ORDER BY space_id, uid");
  const newHeld = await worker.rows("SELECT * FROM held WHERE received_at_ms > ? ORDER BY space_id, seq", old);
  for (let run = 0; run < 2; run++) {
    const cost = await removal();
    t.diagnostic(`run ${run}: ${JSON.stringify(cost)}`);
    assert.ok(cost.trips <= CALLS, `${cost.trips} calls`);
  }
  assert.deepEqual(await left(), NOTHING);
  assert.deepEqual(await worker.rows("SELECT * FROM clicks WHERE uid GLOB 'new*' ORDER BY space_id, uid"), newClicks);
  assert.deepEqual(await worker.rows("SELECT * FROM held ORDER BY space_id, seq"), newHeld);
  const { n, kept } = await worker.row("SELECT count(*) AS n, sum(raw <> '') AS kept FROM events");
  assert.deepEqual([n, kept], [1_500 * 15 + 500, 500]);
  const cleaned = await worker.row(
    "SELECT count(*) AS n, sum(fbclid = 'IwAR') AS known FROM clicks WHERE uid GLOB 'old*'",
  );
  assert.deepEqual(cleaned, { n: 15_000, known: 15_000 });
});

test("a run that finds nothing to do reads a handful of rows, however many there are", async (t) => {
  const idle = await removal();
  t.diagnostic(JSON.stringify(idle));
  // Two looks of the removal, and three for ended keys, what nobody came to see, and sessions; the other minute's cron
  // looked for replays instead.
  assert.deepEqual([idle.trips, idle.rowsWritten], [5 - 1, 0]);
  assert.ok(idle.rowsRead <= 5 * 7 + 10, `${idle.rowsRead} rows read`);
});

test("what one run cannot finish goes on in the next, a bounded number of rows at a time", async (t) => {
  const { n: before } = await worker.row("SELECT count(*) AS n FROM clicks");
  const space = await worker.space("Large");
  await clicks(space, "large", 90_000, old);
  let { clicks: remaining } = await left();
  for (let run = 0; remaining > 0; run++) {
    const { trips, rowsRead } = await removal();
    const { clicks: after } = await left();
    t.diagnostic(`${remaining - after} cleaned, ${rowsRead} rows read, ${trips} calls`);
    assert.ok(trips <= CALLS && run < 3, `${trips} calls`);
    assert.ok(
      rowsRead <= (remaining - after) * 4 + 200,
      `${rowsRead} rows read for ${remaining - after} clicks among ${before}`,
    );
    remaining = after;
  }
});

test("no space waits until another is done", async () => {
  const large = await worker.space("Far behind");
  await events(large, 90_000, old - DAY_MS);
  const small = [];
  for (let at = 0; at < 20; at++) {
    small.push(await worker.space(`Small ${at}`));
    await events(small[at], 3, old);
    await held(small[at], 3, old);
    await clicks(small[at], "small", 3, old);
  }
  const ids = JSON.stringify(small.map(({ id }) => id));
  const waiting = async () =>
    (
      await worker.row(
        `
      SELECT count(DISTINCT space_id) AS n
      FROM events WHERE raw <> '' AND space_id IN (SELECT value FROM json_each(?))`,
        ids,
      )
    ).n;
  await removal();
  assert.equal((await left()).clicks, 0);
  assert.ok((await waiting()) <= 9, `${await waiting()} spaces wait`);
  await removal();
  assert.equal(await waiting(), 0);
  for (let run = 0; run < 2; run++) await removal();
  assert.deepEqual(await left(), NOTHING);
});

test("a visit costs one row for it, a reported click without anything of its visitor none", async () => {
  const space = await worker.space();
  await worker.link(space.id, "priced");
  await worker.fetch("/l/priced", { redirect: "manual" }); // Its counter and its link are known now.
  await until(
    "the click is stored",
    async () => (await worker.row("SELECT count(*) AS n FROM clicks WHERE space_id = ?", space.id)).n === 1,
  );
  await worker.cost();
  await worker.fetch("/l/priced?fbclid=IwAR", { redirect: "manual", headers: { "user-agent": "Mozilla" } });
  await until(
    "the click is stored",
    async () => (await worker.row("SELECT count(*) AS n FROM clicks WHERE space_id = ?", space.id)).n === 2,
  );
  assert.equal((await worker.cost()).rowsWritten, 3);
  const report = (body) =>
    worker.fire("/clicks", {
      method: "POST",
      headers: { authorization: `Bearer ${space.bearer}` },
      body: JSON.stringify(body),
    });
  await report({ uid: "first" }); // The key's use is noted with its first of an hour.
  assert.equal((await report({ uid: "bare" })).cost.written, 2);
  assert.equal((await report({ uid: "with-query", raw_query: "utm_term=broad" })).cost.written, 3);
});

test("on the free plan a run keeps within its calls, and leaves most rows to what arrives", async (context) => {
  const free = await startWorker({ entry: "fast-clock.mjs", vars: { TEST_SPEED: 1, RETENTION_DAYS: "30" } });
  context.after(() => free.stop());
  const usual = worker;
  worker = free;
  try {
    const space = await free.space();
    await clicks(space, "old", 300, old);
    await events(space, 300, old);
    await held(space, 300, old);
    const statements = async () => (await (await free.fetch("/test/statements")).json()).statements;
    const before = await left();
    const made = await statements();
    await free.server.getWorker().scheduled({ scheduledTime: new Date(now), cron: "* * * * *" });
    assert.ok((await statements()) - made <= 50, "more than the free plan allows");
    const after = await left();
    for (const kind of ["clicks", "events", "held"]) assert.equal(before[kind] - after[kind], 50, kind);
  } finally {
    worker = usual;
  }
});
