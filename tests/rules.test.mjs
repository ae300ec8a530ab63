// Rules: mends that are on for what a space's senders bring, wherever it comes in (docs/dashboard.md, Mending and
// replaying).
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  addKey,
  deposits,
  mintKey,
  OF_DATABASE,
  OPERATOR_TOKEN,
  sha256,
  startWorker,
  until,
  withoutDatabase,
} from "./harness.mjs";

const QUEUE = "xtracker-postbacks";
const THOUSANDS = { kind: "thousands" };
const SUM = { kind: "rename", from: "sum", to: "value" };
const DECLINED = { kind: "map", from: "status", word: "declined", to: "not_a_conversion" };

/** What is done in a database by another isolate, or another process: this Worker's own is told nothing. */
const elsewhere = (worker) => ({
  begin: (space, n, mend) =>
    worker.db
      .prepare("INSERT INTO rules (space_id, n, mend, created_at_ms) VALUES (?, ?, ?, 0)")
      .bind(space.id, n, JSON.stringify(mend))
      .run(),
  end: (space, n) =>
    worker.db.prepare("UPDATE rules SET ended_at_ms = 1 WHERE space_id = ? AND n = ?").bind(space.id, n).run(),
});

/** Counters and events tell the same. */
async function assertSound(worker, space) {
  const [counted, stored] = await Promise.all(
    [
      `SELECT event, currency, total(events) AS events, total(units) + total(micros) / 1e6 AS units FROM counters
       WHERE space_id = ? GROUP BY event, currency HAVING total(events) > 0 ORDER BY event, currency`,
      `SELECT event, currency, count(*) AS events, total(micros) / 1e6 AS units FROM events
       WHERE space_id = ? AND counted = 1 GROUP BY event, currency ORDER BY event, currency`,
    ].map((sql) => worker.rows(sql, space.id)),
  );
  assert.deepEqual(counted, stored);
}

describe("rules on the way", () => {
  let worker, rules;
  before(async () => {
    worker = await startWorker({ databaseDelayMs: 0 });
    rules = elsewhere(worker);
  });
  after(() => worker.stop());
  const fire = async (space, query, token = space.ingest) => {
    const { status, notes, cost, headers } = await worker.fire(`/e?token=${token}&${query}`);
    return { status, notes, written: cost.written, trips: headers.get("x-test-trips") };
  };
  const one = (eid) => worker.row("SELECT value, micros, notes, raw, counted FROM events WHERE eid = ?", eid);

  test("the first postback after a rule was made elsewhere is read by it, and every later one at no cost", async () => {
    const space = await worker.space();
    assert.equal((await fire(space, "event=deposit&eid=r1&value=1,234")).status, "invalid_value");
    await rules.begin(space, 1, THOUSANDS);
    const told = await fire(space, "event=deposit&uid=u&eid=r2&value=1,234");
    assert.deepEqual([told.status, told.notes, told.trips], ["queued", ["rule:1"], "3"]);
    assert.deepEqual(await fire(space, "event=deposit&uid=u&eid=r3&value=1,234"), {
      status: "queued",
      notes: ["rule:1"],
      written: 4,
      trips: "1",
    });
    assert.deepEqual(await fire(space, "event=deposit&uid=u&eid=r4&value=5"), {
      status: "queued",
      notes: undefined,
      written: 4,
      trips: "1",
    });
    assert.deepEqual(await one("r3"), {
      value: "1,234",
      micros: 1_234_000_000,
      notes: '["rule:1"]',
      raw: "event=deposit&uid=u&eid=r3&value=1,234",
      counted: 1,
    });
    assert.deepEqual(await deposits(worker, space.id), { events: 3, units: 2473 });
    await assertSound(worker, space);
  });

  test("a refused postback that comes again while its rule is on is one event", async () => {
    const space = await worker.space();
    const query = "event=deposit&uid=u&eid=again&value=1,234";
    assert.equal((await fire(space, query)).status, "invalid_value");
    await rules.begin(space, 1, THOUSANDS);
    assert.deepEqual([(await fire(space, query)).status, (await fire(space, query)).status], ["queued", "duplicate"]);
    assert.deepEqual(await deposits(worker, space.id), { events: 1, units: 1234 });
  });

  test("a rule that has ended acts no more, and another one takes its place", async () => {
    const space = await worker.space();
    await rules.begin(space, 1, THOUSANDS);
    assert.equal((await fire(space, "event=deposit&eid=e1&value=1,234")).status, "queued");
    await rules.end(space, 1);
    const ended = await fire(space, "event=deposit&eid=e2&value=1,234");
    assert.deepEqual([ended.status, ended.notes], ["invalid_value", ["value_not_a_number"]]);
    await rules.begin(space, 2, { kind: "decimal_comma" });
    assert.deepEqual((await fire(space, "event=deposit&eid=e3&value=1,234")).notes, ["rule:2"]);
    assert.equal((await one("e3")).micros, 1_234_000);
    assert.equal((await one("e1")).micros, 1_234_000_000, "what a rule has made stays");
    await assertSound(worker, space);
  });

  test("the first call of an isolate with a key of a space with rules is read by them", async () => {
    const space = await worker.space();
    await rules.begin(space, 1, SUM);
    const first = await fire(space, "event=deposit&uid=u&eid=f1&sum=25");
    assert.deepEqual([first.status, first.notes, first.trips], ["queued", ["rule:1"], "2"]);
    assert.equal((await fire(space, "event=deposit&uid=u&eid=f2&sum=25")).trips, "1");
  });

  test("a rotated key, the bot's key and another space's are told apart", async () => {
    const space = await worker.space();
    const other = await worker.space();
    await rules.begin(space, 1, SUM);
    const rotated = mintKey("xt_in_");
    await addKey(worker.db, space.id, "ingest", rotated);
    assert.deepEqual((await fire(space, "event=deposit&eid=k1&sum=25", rotated)).notes, ["rule:1"]);
    assert.deepEqual((await fire(other, "event=deposit&eid=k2&sum=25")).notes, ["value_empty"]);
    const post = await worker.fire("/events", {
      method: "POST",
      headers: { authorization: `Bearer ${space.bearer}` },
      body: '{"event":"deposit","eid":"k3","sum":25}',
    });
    assert.deepEqual([post.status, post.notes], ["queued", ["rule:1"]]);
    const ended = mintKey("xt_in_");
    await addKey(worker.db, space.id, "ingest", ended, 1);
    assert.equal((await fire(space, "event=deposit&eid=k4&sum=25", ended)).status, "invalid_token");
    assert.equal((await fire(space, "event=deposit&eid=k4&sum=25", mintKey("xt_in_"))).trips, "1");
  });

  test("what is no conversion is on record and in no figure, and keeps no conversion out", async () => {
    const space = await worker.space();
    await rules.begin(space, 1, DECLINED);
    const query = (status) => `event=deposit&uid=u&eid=c1&value=25&status=${status}`;
    const declined = await fire(space, query("declined"));
    assert.deepEqual([declined.status, declined.notes], ["queued", ["not_a_conversion", "rule:1"]]);
    assert.equal((await fire(space, query("declined"))).status, "duplicate");
    assert.equal((await deposits(worker, space.id)).events, 0);
    assert.equal((await fire(space, query("approved"))).status, "queued");
    assert.equal((await fire(space, query("approved"))).status, "duplicate");
    assert.deepEqual(await deposits(worker, space.id), { events: 1, units: 25 });
    await assertSound(worker, space);
  });

  test("a queued postback is read by the rules of its key when it is stored", async () => {
    const space = await worker.space();
    const plain = await worker.space();
    await rules.begin(space, 1, THOUSANDS);
    const queued = (eid) => `event=deposit&uid=u&eid=${eid}&value=1,234`;
    await withoutDatabase(worker, async () => {
      assert.equal((await fire(space, queued("q1"))).status, "invalid_value", "nobody could say that there is a rule");
      assert.equal((await fire(plain, queued("q2"))).status, "invalid_value");
    });
    const row = await until("it is stored", () => one("q1"), 30_000);
    assert.deepEqual([row.micros, row.notes], [1_234_000_000, '["rule:1"]']);
    await until("the other is held", () => worker.row("SELECT 1 FROM held WHERE space_id = ?", plain.id), 30_000);
    assert.deepEqual(await deposits(worker, space.id), { events: 1, units: 1234 });
  });

  test("a batch of the queue reads the rules of all its keys at once", async () => {
    const spaces = await Promise.all(Array.from({ length: 4 }, () => worker.space()));
    for (const [at, space] of spaces.entries()) if (at % 2) await rules.begin(space, 1, SUM);
    const bodies = spaces.map((space, at) =>
      JSON.stringify({
        v: 1,
        kind: "postback",
        key_hash: sha256(space.ingest),
        key_kind: "ingest",
        received_at_ms: Date.now(),
        receipt: `b${at}`,
        raw: `event=deposit&uid=u&eid=b${at}&sum=25`,
        ...OF_DATABASE,
      }),
    );
    await worker.cost();
    await worker.deliver(QUEUE, bodies);
    assert.ok((await worker.cost()).trips >= 2);
    for (const [at] of spaces.entries())
      assert.equal((await one(`b${at}`)).notes, at % 2 ? '["rule:1"]' : '["value_empty"]');
  });
});

test("postbacks that come at the same time are read by a rule that was made meanwhile, each once", async () => {
  const worker = await startWorker({ entry: "writer-world.mjs" });
  try {
    const rules = elsewhere(worker);
    const space = await worker.space();
    const fire = (eid) => worker.fire(`/e?token=${space.ingest}&event=deposit&uid=u${eid}&eid=${eid}&sum=25`);
    await fire("warm");
    await rules.begin(space, 1, SUM);
    await worker.fetch("/test/set?holdMs=20");
    const answers = await Promise.all(Array.from({ length: 60 }, (_, at) => fire(`g${at}`)));
    for (const { status, notes } of answers) assert.deepEqual([status, notes], ["queued", ["rule:1"]]);
    const { groups } = await (await worker.fetch("/test/calls")).json();
    assert.ok(groups.length > 0, "they went in groups");
    assert.deepEqual(await deposits(worker, space.id), { events: 61, units: 1500 });
    await assertSound(worker, space);
  } finally {
    await worker.stop();
  }
});

test("a space that moves keeps its rules, and its old key is read by them", async () => {
  const worker = await startWorker({ databases: 2 });
  try {
    const space = await worker.space("Moves", 1);
    await elsewhere({ db: worker.env.DB }).begin(space, 1, SUM);
    const fire = (eid) => worker.fire(`/e?token=${space.ingest}&event=deposit&uid=u&eid=${eid}&sum=25`);
    assert.deepEqual((await fire("m1")).notes, ["rule:1"]);
    const init = { method: "POST", headers: { authorization: `Bearer ${OPERATOR_TOKEN}` }, body: '{"to":"DB_2"}' };
    await until("it has moved", async () => (await worker.fire(`/api/spaces/${space.id}/move`, init)).done, 60_000);
    assert.deepEqual((await fire("m2")).notes, ["rule:1"]);
    assert.deepEqual((await fire("m3")).notes, ["rule:1"]);
    const late = await worker.env.DB_2.prepare("SELECT count(*) AS n FROM events WHERE notes = ?")
      .bind('["rule:1"]')
      .first();
    assert.equal(late.n, 3);
  } finally {
    await worker.stop();
  }
});
