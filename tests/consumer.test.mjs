// The queue's consumer: what waited is stored once, in few round trips, and what D1 refuses holds up nothing else.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { deposits, mintKey, OF_DATABASE, sha256, startWorker, withoutDatabase } from "./harness.mjs";

const QUEUE = "xtracker-postbacks";

describe("the consumer", () => {
  let worker, space;
  before(async () => {
    worker = await startWorker();
    space = await worker.space();
  });
  after(() => worker.stop());
  const message = (raw, more = {}) =>
    JSON.stringify({
      v: 1,
      ...OF_DATABASE,
      kind: "postback",
      key_hash: sha256(space.ingest),
      key_kind: "ingest",
      raw,
      received_at_ms: Date.now(),
      receipt: "r",
      ...more,
    });

  test("stores what it can, drops unknown keys, and leaves what it cannot read for later", async () => {
    const result = await worker.deliver(QUEUE, [
      message("event=contact&eid=c1"),
      message("event=contact&eid=c2", { key_hash: sha256(mintKey("xt_in_")) }),
      "not json",
      message("event=contact&eid=c3", { v: 3 }),
      message("event=contact&eid=c4"),
      message("event=contact&eid=c5", { broken: "body_too_long" }),
    ]);
    assert.deepEqual(result.explicitAcks, ["0", "1", "4", "5"]);
    assert.deepEqual(
      result.retryMessages.map(({ msgId }) => msgId),
      ["2", "3"],
    );
    assert.deepEqual(await worker.rows("SELECT eid FROM events ORDER BY seq"), [{ eid: "c1" }, { eid: "c4" }]);
    assert.deepEqual(await worker.rows("SELECT status FROM held"), [{ status: "invalid_request" }]);
  });

  test("the same batch twice counts once and raises no re-fire", async () => {
    const batch = [message("event=deposit&eid=twice&value=3")];
    await worker.deliver(QUEUE, batch);
    await worker.deliver("xtracker-postbacks-dead", batch);
    assert.deepEqual(await worker.rows("SELECT refires FROM events WHERE eid = 'twice'"), [{ refires: 0 }]);
    assert.deepEqual(await deposits(worker, space.id), { events: 1, units: 3 });
  });

  test("while D1 refuses, every message waits, the older the longer", async () => {
    const old = Date.now() - 60 * 60 * 1000;
    const result = await withoutDatabase(worker, () =>
      worker.deliver(QUEUE, [
        message("event=contact&eid=w1"),
        message("event=contact&eid=w2", { received_at_ms: old }),
      ]),
    );
    assert.deepEqual(result.explicitAcks, []);
    const delays = result.retryMessages.map(({ delaySeconds }) => delaySeconds);
    assert.equal(delays[0], 10);
    assert.ok(delays[1] >= 3600 && delays[1] < 3700, String(delays));
  });
});

const DAY_MS = 24 * 60 * 60 * 1000;
/** What D1 says once the free plan's rows of a day are written, until midnight UTC. */
const DAYS_LIMIT =
  "Your account has exceeded D1's free tier daily row write limit. " +
  "Upgrade to a paid plan or wait until tomorrow (midnight UTC) to continue.";

/** Makes D1 refuse every write of an event, a refused postback or a click, as over the day's limit, during the work. */
async function overTheDaysLimit(worker, work) {
  const tables = ["events", "held", "clicks"];
  for (const table of tables) {
    await worker.db
      .prepare(
        `
        CREATE TRIGGER test_limit_${table} BEFORE INSERT ON ${table} BEGIN
        SELECT raise(ABORT, '${DAYS_LIMIT.replace("'", "''")}'); END`,
      )
      .run();
  }
  try {
    return await work();
  } finally {
    for (const table of tables) await worker.db.prepare(`DROP TRIGGER test_limit_${table}`).run();
  }
}

describe("the free plan's daily limit", () => {
  let worker, space;
  before(async () => {
    worker = await startWorker();
    space = await worker.space();
    // Its day must not end in the middle of the tests.
    while (DAY_MS - (Date.now() % DAY_MS) < 60_000) await new Promise((resolve) => setTimeout(resolve, 1000));
  });
  after(() => worker.stop());
  const tries = () => worker.server.getLogs().filter(({ message }) => message.includes("spilled_not_stored")).length;

  test("a batch asks D1 once; all of it waits for midnight, yesterday's is tried before it is forgotten", async () => {
    const now = Date.now();
    const midnightS = Math.ceil((DAY_MS - (now % DAY_MS)) / 1000);
    const message = (eid, received_at_ms, raw = "event=contact") =>
      JSON.stringify({
        v: 1,
        ...OF_DATABASE,
        kind: "postback",
        key_hash: sha256(space.ingest),
        key_kind: "ingest",
        raw: `${raw}&eid=${eid}`,
        received_at_ms,
        receipt: eid,
      });
    const click = JSON.stringify({
      v: 1,
      ...OF_DATABASE,
      kind: "click",
      space_id: space.id,
      link_id: 1,
      click: { uid: "u", clicked_at_ms: now, raw_query: "" },
    });
    const refused = message("bad", now, "event=purchase");
    const before = tries();
    const result = await overTheDaysLimit(worker, () =>
      worker.deliver(QUEUE, [
        ...Array.from({ length: 20 }, (_, n) => message(`today-${n}`, now)),
        refused,
        click,
        message("yesterday", now - DAY_MS + 60_000),
      ]),
    );
    assert.equal(tries() - before, 1);
    assert.deepEqual(result.explicitAcks, []);
    const delays = result.retryMessages.map(({ delaySeconds }) => delaySeconds);
    assert.equal(delays.length, 23);
    for (const delay of delays.slice(0, 22)) {
      assert.ok(
        delay >= Math.min(midnightS, 43_200) && delay <= Math.min(midnightS + 602, 43_200),
        `${delay} s, ${midnightS} s before midnight`,
      );
    }
    assert.ok(delays[22] > 10 && delays[22] <= 30, `${delays[22]} s for what is forgotten in 60`);
  });

  test("a new postback is not tried before midnight; once the limit is lifted, the next is stored", async () => {
    const before = tries();
    await overTheDaysLimit(worker, async () => {
      const answer = await worker.fire(`/e?token=${space.ingest}&event=deposit&value=25&eid=over`);
      assert.deepEqual(
        [answer.code, answer.text, answer.headers.get("x-stored")],
        [200, '{"ok":true,"status":"queued"}', "later"],
      );
      // The queue delivers within five seconds what may be delivered.
      await new Promise((resolve) => setTimeout(resolve, 8000));
    });
    assert.equal(tries() - before, 0);
    const answer = await worker.fire(`/e?token=${space.ingest}&event=deposit&value=25&eid=under`);
    assert.deepEqual([answer.status, answer.headers.get("x-stored")], ["queued", null]);
    assert.deepEqual(await worker.rows("SELECT eid FROM events"), [{ eid: "under" }]);
  });
});

/** Numbers that look random and are the same at every run. */
function randomness(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

test("a batch of a hundred is stored as if its messages came one by one, in a few round trips", async () => {
  const worker = await startWorker({ databaseDelayMs: 0 });
  try {
    const together = await worker.space("Together");
    const apart = await worker.space("Apart");
    for (let seed = 1; seed <= 6; seed++) {
      const random = randomness(seed * 7919);
      const events = ["contact", "registration", "deposit", "deposit"];
      const raws = Array.from({ length: 100 }, (_, at) => {
        const uid = random(4) ? `&uid=u${random(6)}${random(9) ? "" : "+x"}` : "";
        const eid = random(5) ? `&eid=e${random(40)}` : "";
        const tg = random(3) ? "" : `&tg_id=${1 + random(3)}`;
        const value = random(9) ? `&value=${random(100)}.5` : random(2) ? "&value=abc" : "";
        return {
          raw: `event=${events[random(4)]}${uid}${eid}${tg}${value}`,
          receipt: `r${seed}-${at - (random(10) ? 0 : at)}`,
        };
      });
      const started = Date.now() - 1000;
      const texts = (space) =>
        raws.map(({ raw, receipt }, at) =>
          at % 20 === 7
            ? JSON.stringify({
                v: 1,
                ...OF_DATABASE,
                kind: "click",
                space_id: space.id,
                link_id: 3,
                click: { uid: `u${at % 6}`, clicked_at_ms: started + at, raw_query: "" },
              })
            : JSON.stringify({
                v: 1,
                ...OF_DATABASE,
                kind: "postback",
                key_hash: sha256(at % 33 === 5 ? "unknown" : space.ingest),
                key_kind: "ingest",
                raw,
                received_at_ms: started + at,
                receipt,
              }),
        );
      // A batch stores its clicks first; one by one they come in that order too.
      const isClick = (text) => text.includes('"click"');
      const one = texts(apart);
      for (const text of [...one.filter(isClick), ...one.filter((text) => !isClick(text))])
        await worker.deliver(QUEUE, [text]);
      const { explicitAcks } = await worker.deliver(QUEUE, texts(together));
      assert.equal(explicitAcks.length, 100);
    }
    const state = async ({ id }) => ({
      events: await worker.rows(
        `
          SELECT dedup, event, uid, eid, tg_id, micros, currency, occurred_at_ms, link_id, first, receipt,
            refires, notes
          FROM events WHERE space_id = ? ORDER BY dedup`,
        id,
      ),
      order: (await worker.rows("SELECT dedup FROM events WHERE space_id = ? ORDER BY seq", id)).map(
        ({ dedup }) => dedup,
      ),
      held: await worker.rows("SELECT status, raw, refires FROM held WHERE space_id = ? ORDER BY seq", id),
      counters: await worker.rows(
        `
          SELECT bucket, link_id, event, currency, events, people, units, micros
          FROM counters WHERE space_id = ? ORDER BY 1, 2, 3, 4`,
        id,
      ),
    });
    const [first, second] = [await state(together), await state(apart)];
    assert.ok(
      first.events.length > 150 && first.held.length > 5 && first.events.some(({ refires }) => refires > 0),
      "the mixture is one",
    );
    assert.deepEqual(first, second);
  } finally {
    await worker.stop();
  }
});

test("one message that D1 will not take holds up no other", async () => {
  const worker = await startWorker();
  try {
    const { ingest } = await worker.space();
    await worker.db
      .prepare(
        `
        CREATE TRIGGER test_refuse BEFORE INSERT ON events WHEN NEW.eid = 'bad' BEGIN
        SELECT raise(ABORT, 'refused by the test'); END`,
      )
      .run();
    const message = (eid) =>
      JSON.stringify({
        v: 1,
        ...OF_DATABASE,
        kind: "postback",
        key_hash: sha256(ingest),
        key_kind: "ingest",
        raw: `event=contact&eid=${eid}`,
        received_at_ms: Date.now(),
        receipt: eid,
      });
    const result = await worker.deliver(QUEUE, ["a", "bad", "b", "c"].map(message));
    assert.deepEqual(result.explicitAcks, ["0", "2", "3"]);
    assert.deepEqual(
      result.retryMessages.map(({ msgId }) => msgId),
      ["1"],
    );
    assert.deepEqual(await worker.rows("SELECT eid FROM events ORDER BY eid"), [
      { eid: "a" },
      { eid: "b" },
      { eid: "c" },
    ]);
  } finally {
    await worker.stop();
  }
});

test("messages of one kind that D1 will not take hold up no other kind", async () => {
  const worker = await startWorker();
  try {
    const { ingest } = await worker.space();
    // A visit of a space that a restored database does not have.
    const visit = (uid) =>
      JSON.stringify({
        v: 1,
        ...OF_DATABASE,
        kind: "click",
        space_id: 999,
        link_id: 1,
        click: { uid, clicked_at_ms: Date.now(), raw_query: "" },
      });
    const deposit = (eid) =>
      JSON.stringify({
        v: 1,
        ...OF_DATABASE,
        kind: "postback",
        key_hash: sha256(ingest),
        key_kind: "ingest",
        raw: `event=deposit&value=5&eid=${eid}`,
        received_at_ms: Date.now(),
        receipt: eid,
      });
    const result = await worker.deliver(QUEUE, [
      ...["1", "2", "3", "4", "5", "6"].map(visit),
      deposit("a"),
      deposit("b"),
    ]);
    assert.deepEqual(result.explicitAcks, ["6", "7"]);
    assert.deepEqual(await worker.rows("SELECT eid FROM events ORDER BY seq"), [{ eid: "a" }, { eid: "b" }]);
  } finally {
    await worker.stop();
  }
});

test("a batch that is refused is taken apart within the calls of the plan", async (context) => {
  const worker = await startWorker({ entry: "fast-clock.mjs", vars: { TEST_SPEED: 1 } });
  context.after(() => worker.stop());
  const { ingest } = await worker.space();
  await worker.db
    .prepare(
      `CREATE TRIGGER test_refuse BEFORE INSERT ON events WHEN NEW.eid = 'bad'
        BEGIN SELECT raise(ABORT, 'refused by the test'); END`,
    )
    .run();
  const message = (eid) =>
    JSON.stringify({
      v: 1,
      ...OF_DATABASE,
      kind: "postback",
      key_hash: sha256(ingest),
      key_kind: "ingest",
      raw: `event=contact&eid=${eid}`,
      received_at_ms: Date.now(),
      receipt: eid,
    });
  const batch = ["bad", ...Array.from({ length: 60 }, (_, at) => `good-${at}`)];
  const statements = async () => (await (await worker.fetch("/test/statements")).json()).statements;
  let waiting = batch;
  for (let times = 0; waiting.length > 1 && times < 12; times++) {
    const before = await statements();
    const { retryMessages } = await worker.deliver(QUEUE, waiting.map(message));
    assert.ok((await statements()) - before <= 50, "more than the free plan allows");
    waiting = retryMessages.map(({ msgId }) => waiting[Number(msgId)]);
  }
  assert.deepEqual(waiting, ["bad"]);
});
