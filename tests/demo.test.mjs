// `make demo` against the built Worker: what it leaves, that a second run finds it there, and whom it refuses.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { apply, startWorker } from "./harness.mjs";

const ROOT = new URL("..", import.meta.url).pathname;
const DAY_MS = 24 * 3600 * 1000;
const run = promisify(execFile);

/** Runs it with few visitors, and other settings where they are given. */
const demo = (origin, settings) =>
  run("node", ["scripts/demo.mjs"], {
    cwd: ROOT,
    env: { ...process.env, ORIGIN: origin, VISITORS: "120", ...settings },
  });

let worker, origin;
before(async () => {
  worker = await startWorker();
  ({
    url: { origin },
  } = await worker.server.listen());
  await apply(worker.db, "scripts/seed.sql");
});
after(() => worker.stop());

const counted = () =>
  worker.rows(`
  SELECT event, currency, sum(events) AS events, sum(people) AS people, sum(units) AS units
  FROM counters WHERE event <> 'click' GROUP BY event, currency`);
const unattributed = () => worker.row("SELECT count(*) AS n FROM events WHERE link_id = 0");

test("traffic is there, attributed, and a second run adds visits alone", async () => {
  const { stdout } = await demo(origin);
  assert.match(stdout, /120 of 120 visitors/);
  const first = await counted();
  assert.ok(
    first.length >= 4 && first.every(({ events, people }) => events >= people && people > 0),
    JSON.stringify(first),
  );
  assert.deepEqual(await unattributed(), { n: 0 });
  const again = await demo(origin);
  assert.ok(!/postback queued/.test(again.stdout), again.stdout);
  assert.deepEqual(await counted(), first);
});

test("visits and events lie in the last 30 days, today among them, and it says so", async () => {
  const began = Date.now();
  const { stdout } = await demo(origin);
  const today = Math.floor(Date.now() / DAY_MS);
  const both = "events JOIN clicks USING (space_id, uid)";
  const daysOf = async (times) =>
    (await worker.rows(`SELECT DISTINCT ${times} / 86400000 AS day FROM ${both} ORDER BY day`)).map(({ day }) => day);
  for (const times of ["clicked_at_ms", "occurred_at_ms"]) {
    const days = await daysOf(times);
    assert.ok(
      days.length >= 25 && days[0] >= today - 30 && days.at(-1) <= today,
      `${times}: ${days.length} from ${days[0]}`,
    );
  }
  assert.deepEqual(await worker.row("SELECT count(*) AS n FROM clicks WHERE clicked_at_ms > ?", began), { n: 0 });
  assert.deepEqual(await worker.row(`SELECT count(*) AS n FROM ${both} WHERE clicked_at_ms > occurred_at_ms`), {
    n: 0,
  });
  assert.match(stdout, /30 days, \d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d\. .*clicks.* moved back in the local database/);
});

test("the counters are a recount of the clicks, wherever they were moved", async () => {
  const recount = await worker.rows(`
    SELECT space_id, clicked_at_ms / 900000 AS bucket, link_id, count(*) AS events, count(*) AS people
    FROM clicks GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`);
  const counters = await worker.rows(`
    SELECT space_id, bucket, link_id, events, people
    FROM counters WHERE event = 'click' AND (events <> 0 OR people <> 0) ORDER BY 1, 2, 3`);
  assert.ok(recount.length > 100);
  assert.deepEqual(counters, recount);
});

test("one day alone can be asked for", async () => {
  const { stdout } = await demo(origin, { DAYS: "1", DAYS_AGO: "100" });
  const day = Math.floor(Date.now() / DAY_MS) - 100;
  const { n } = await worker.row("SELECT count(*) AS n FROM clicks WHERE clicked_at_ms / 86400000 = ?", day);
  assert.ok(n >= 120, `${n} clicks`);
  assert.match(stdout, new RegExp(`1 day, ${new Date(day * DAY_MS).toISOString().slice(0, 10)}`));
});

test("an address that is not local is refused before anything is sent", async () => {
  for (const elsewhere of [
    "https://xtracker.example.workers.dev",
    "http://127.0.0.1.example.com",
    "http://192.168.0.1",
  ]) {
    await assert.rejects(demo(elsewhere), ({ code, stderr }) => code === 1 && /not local/.test(stderr));
  }
});
