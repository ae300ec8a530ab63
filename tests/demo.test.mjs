// `make demo` against the built Worker: what it leaves, that a second run finds it there, and whom it refuses.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { apply, startWorker, until } from "./harness.mjs";

const ROOT = new URL("..", import.meta.url).pathname;
const run = promisify(execFile);
const demo = (origin) => run("node", ["scripts/demo.mjs"], { cwd: ROOT, env: { ...process.env, ORIGIN: origin, VISITORS: "120" } });

let worker, origin;
before(async () => {
  worker = await startWorker();
  ({ url: { origin } } = await worker.server.listen());
  await apply(worker.db, "scripts/seed.sql");
});
after(() => worker.stop());

const counted = () => worker.rows("SELECT event, currency, sum(events) AS events, sum(people) AS people, sum(units) AS units FROM counters WHERE event <> 'click' GROUP BY event, currency");

test("a day of traffic is there, attributed, and a second run adds visits alone", async () => {
  const { stdout } = await demo(origin);
  assert.match(stdout, /120 of 120 visitors/);
  const first = await counted();
  assert.ok(first.length >= 4 && first.every(({ events, people }) => events >= people && people > 0), JSON.stringify(first));
  await until("the visits are stored", async () =>
    (await worker.row("SELECT count(*) AS n FROM events WHERE link_id = 0")).n === 0);
  const again = await demo(origin);
  assert.ok(!/postback queued/.test(again.stdout), again.stdout);
  assert.deepEqual(await counted(), first);
});

test("an address that is not local is refused before anything is sent", async () => {
  for (const elsewhere of ["https://xtracker.example.workers.dev", "http://127.0.0.1.example.com", "http://192.168.0.1"]) {
    await assert.rejects(demo(elsewhere), ({ code, stderr }) => code === 1 && /not local/.test(stderr));
  }
});
