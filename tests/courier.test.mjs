// The courier's runs: what one may spend, and a backlog with a database that is lost in between
// (docs/destinations.md, How it is sent). A clock that runs faster, real workerd and D1.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { OPERATOR_TOKEN, startWorker } from "./harness.mjs";

const SPEED = 12;
const MINUTE_MS = 60_000;
const CONNECTIONS = 6;
const realFetch = globalThis.fetch;
/** Lets time of the Worker's clock pass. */
const pass = (ms) => new Promise((resolve) => setTimeout(resolve, ms / SPEED));

let answer = () => new Response("ok");
before(() => {
  globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const { hostname } = new URL(request.url);
    if (!hostname.endsWith(".example")) return realFetch(input, init);
    return answer(hostname, request);
  };
});
after(() => {
  globalThis.fetch = realFetch;
});

/** A Worker for one test, with `speed` times the clock. */
async function start(context, speed, vars = {}) {
  const worker = await startWorker({ entry: "fast-clock.mjs", vars: { TEST_SPEED: speed, ...vars } });
  context.after(() => worker.stop());
  worker.told = async (path) => (await worker.fetch(`/test/${path}`)).json();
  worker.cron = (minute) =>
    worker.server.getWorker().scheduled({ cron: "* * * * *", scheduledTime: new Date(minute * MINUTE_MS) });
  worker.open = async () => (await worker.row("SELECT count(*) AS n FROM deliveries WHERE state <> 'sent'")).n;
  await worker.told("statements"); // Sets the speed.
  return worker;
}

/** A webhook that gets one kind of event, and so many of them that are due. */
async function backlog(worker, space, host, event, count) {
  const events = { contact: null, subscribed: null, registration: null, deposit: null, [event]: "Event" };
  const draft = { kind: "webhook", name: host, url: `https://${host}/`, events };
  const { code } = await worker.fire(`/api/spaces/${space.id}/destinations`, {
    method: "POST",
    headers: { authorization: `Bearer ${OPERATOR_TOKEN}` },
    body: JSON.stringify(draft),
  });
  assert.equal(code, 201);
  await worker.db
    .prepare(
      `
    INSERT INTO events (space_id, seq, dedup, event, currency, occurred_at_ms, received_at_ms, link_id, first, receipt,
      raw)
    SELECT ?1, value, ?2 || value, ?2, 'USD', value, 0, 0, 1, ?2 || value, ''
    FROM json_each((SELECT json_group_array(at) FROM (
      WITH RECURSIVE n(at) AS (SELECT 1 UNION ALL SELECT at + 1 FROM n WHERE at < ?3)
      SELECT at + coalesce((SELECT max(seq) FROM events WHERE space_id = ?1), 0) AS at FROM n)))`,
    )
    .bind(space.id, event, count)
    .run();
}

test("a cron with nothing to do says nothing", async (context) => {
  const worker = await start(context, 1, { RETENTION_DAYS: "30" });
  await worker.space();
  await worker.cron(1);
  await worker.cron(10);
  assert.deepEqual(
    worker.server.getLogs().filter(({ message }) => message.includes('"event"')),
    [],
  );
});

test("one run makes no more calls than the plan allows, and goes on with the next", async (context) => {
  const worker = await start(context, 1);
  const space = await worker.space();
  await backlog(worker, space, "many.example", "contact", 100);
  await backlog(worker, space, "down.example", "deposit", 100);
  let calls = 0;
  answer = (host) => {
    calls += 1;
    return host === "down.example" ? new Response("down", { status: 503 }) : new Response("ok");
  };
  for (let minute = 1; minute <= 3; minute++) {
    const before = (await worker.told("statements")).statements;
    calls = 0;
    await worker.cron(minute);
    const statements = (await worker.told("statements")).statements - before;
    assert.ok(calls >= 8, `only ${calls} were sent`);
    assert.ok(calls + statements <= 50, `${calls} calls and ${statements} statements`);
  }
  assert.equal(
    (await worker.row("SELECT count(*) AS n FROM deliveries WHERE state = 'sending'")).n,
    0,
    "a lease was not given back",
  );
});

test("a slow destination leaves the healthy one its share of a run", async (context) => {
  const worker = await start(context, SPEED, { DB_DEADLINE_MS: "5000" });
  const space = await worker.space();
  await backlog(worker, space, "slow.example", "deposit", 40);
  await backlog(worker, space, "healthy.example", "contact", 40);
  const taken = { "slow.example": 0, "healthy.example": 0 };
  answer = async (host) => {
    if (host === "slow.example") await pass(7000);
    taken[host] += 1;
    return new Response("ok");
  };
  for (let minute = 1; minute <= 3; minute++) {
    const before = { ...taken };
    await worker.cron(minute);
    for (const host of Object.keys(taken))
      assert.ok(taken[host] > before[host], `${host} got nothing in minute ${minute}`);
  }
});

test("one delivery that is never taken keeps the others back for a minute or two", async (context) => {
  const worker = await start(context, 1, { SUBREQUESTS: "1000" });
  const space = await worker.space();
  await backlog(worker, space, "picky.example", "deposit", 10);
  const taken = new Set();
  answer = async (_, request) => {
    const { occurred_at_ms: seq } = await request.json();
    if (seq === 1) return new Response("not this one", { status: 500 });
    taken.add(seq);
    return new Response("ok");
  };
  const began = Date.now();
  for (let minute = 0; minute < 5; minute++)
    await worker.server
      .getWorker()
      .scheduled({ cron: "* * * * *", scheduledTime: new Date(began + minute * MINUTE_MS) });
  assert.equal(taken.size, 9);
});

test("a destination that is paused during a run gets what is in hand, and no more", async (context) => {
  const worker = await start(context, 1, { SUBREQUESTS: "1000" });
  const space = await worker.space();
  await backlog(worker, space, "paused.example", "deposit", 200);
  let taken = 0;
  answer = async () => {
    taken += 1;
    if (taken === 10) await worker.db.prepare("UPDATE destinations SET enabled = 0").run();
    return new Response("ok");
  };
  await worker.cron(1);
  // Each lane may have ten in hand.
  assert.ok(taken >= 10 && taken <= 10 + CONNECTIONS * 10, `${taken} of 200`);
});

test("2,000 deliveries, one destination slow, one failing, D1 lost twice: each arrives, and once", async (context) => {
  // The deadline of D1 runs by the fast clock too: 5 s are 0.4 s of this machine.
  const worker = await start(context, SPEED, { SUBREQUESTS: "1000", DB_DEADLINE_MS: "5000" });
  const space = await worker.space();
  const counts = { "slow.example": 120, "failing.example": 680, "healthy.example": 1200 };
  for (const [at, [host, count]] of Object.entries(counts).entries()) {
    await backlog(worker, space, host, ["deposit", "registration", "contact"][at], count);
  }
  /** How often each was taken, by its event's number: the time of the event says it. */
  const taken = new Map();
  const left = { ...counts };
  let isFailing = true;
  answer = async (host, request) => {
    const { occurred_at_ms: seq } = await request.json();
    if (host === "slow.example") await pass(7000);
    if (host === "failing.example" && isFailing) return new Response("down", { status: 503 });
    taken.set(seq, (taken.get(seq) ?? 0) + 1);
    left[host] -= 1;
    return new Response("ok");
  };
  const lose = async (how) => {
    await worker.told(`database?is=${how}`);
    await pass(45_000);
    await worker.told("database?is=there");
  };
  const sweeps = [];
  for (let minute = 0; minute < 90; minute++) {
    sweeps.push(worker.cron(1));
    isFailing = minute < 4;
    if (minute === 1) await Promise.all([pass(5000).then(() => lose("refusing")), pass(MINUTE_MS)]);
    else if (minute === 3) await Promise.all([pass(5000).then(() => lose("mute")), pass(MINUTE_MS)]);
    else await pass(MINUTE_MS);
    // A lane that waits for the slow one comes to ten deliveries in 70 s.
    if (minute === 0)
      assert.ok(
        left["healthy.example"] < counts["healthy.example"] - 40,
        `${left["healthy.example"]} wait behind the slow one`,
      );
    if (minute > 5 && (await worker.open()) === 0) break;
  }
  await Promise.all(sweeps);
  assert.equal(await worker.open(), 0, "not all have arrived");
  assert.equal(taken.size, 2000);
  const twice = [...taken].filter(([, times]) => times > 1).map(([seq]) => seq);
  const recorded = new Map(
    (await worker.rows("SELECT seq, attempts FROM deliveries")).map(({ seq, attempts }) => [seq, JSON.parse(attempts)]),
  );
  const accepted = (seq) => recorded.get(seq).filter(({ outcome }) => outcome === "sent").length;
  assert.deepEqual(
    twice.filter((seq) => accepted(seq) === taken.get(seq)),
    [],
    "sent again though it was on record",
  );
  assert.ok(twice.length <= 2 * CONNECTIONS, `${twice.length} were sent again`);
});
