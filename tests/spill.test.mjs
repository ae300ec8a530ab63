// Nothing lost while D1 is away (docs/postback.md, Durability): queue, consumer, and what happens without either.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { mintKey, OF_DATABASE, OPERATOR_TOKEN, sha256, startWorker, until } from "./harness.mjs";

const QUEUE = "xtracker-postbacks";

/** Makes D1 refuse every postback until the given work is done. */
async function withoutDatabase(worker, work) {
  await worker.db.prepare("ALTER TABLE keys RENAME TO keys_away").run();
  try {
    return await work();
  } finally {
    await worker.db.prepare("ALTER TABLE keys_away RENAME TO keys").run();
  }
}

const deposits = (worker, spaceId) =>
  worker.row(
    `
      SELECT total(events) AS events, total(units) AS units
      FROM counters WHERE space_id = ? AND event = 'deposit'`,
    spaceId,
  );

describe("D1 away", () => {
  let worker, space;
  before(async () => {
    worker = await startWorker();
    space = await worker.space();
  });
  after(() => worker.stop());
  const fire = (query, token = space.ingest) => worker.fire(`/e?token=${token}&${query}`);

  test("a postback is answered queued, and stored once when D1 is back, with its receive time", async () => {
    const query = "event=deposit&uid=u&eid=spilled&value=25";
    const started = Date.now();
    const answers = await withoutDatabase(worker, () => Promise.all([fire(query), fire(query)]));
    const ended = Date.now();
    for (const answer of answers) {
      assert.deepEqual([answer.code, answer.text], [200, '{"ok":true,"status":"queued"}']);
      assert.equal(answer.headers.get("x-stored"), "later");
    }
    const row = await until(
      "the consumer has stored it",
      () => worker.row("SELECT * FROM events WHERE eid = 'spilled' AND refires = 1"),
      30_000,
    );
    assert.ok(row.received_at_ms >= started && row.received_at_ms <= ended);
    assert.equal(row.occurred_at_ms, row.received_at_ms);
    assert.equal((await fire(query)).status, "duplicate");
    assert.deepEqual(await deposits(worker, space.id), { events: 1, units: 25 });
  });

  test("a refused postback keeps its own answer and is held when D1 is back", async () => {
    const answer = await withoutDatabase(worker, () => fire("event=deposit&eid=h&value=abc"));
    assert.deepEqual([answer.code, answer.status], [200, "invalid_value"]);
    const row = await until("it is held", () => worker.row("SELECT * FROM held WHERE raw LIKE '%eid=h&%'"), 30_000);
    assert.equal(row.status, "invalid_value");
  });

  test("a dry run is refused all the same, and nothing of it waits", async () => {
    const answer = await withoutDatabase(worker, () => fire("event=deposit&value=25&eid=dry&dry_run=1"));
    assert.deepEqual([answer.code, answer.status, answer.headers.get("x-stored")], [200, "invalid_dry_run", null]);
  });

  test("a forged key is refused without the database", async () => {
    const forged = mintKey("xt_in_", "another secret");
    const answer = await withoutDatabase(worker, () => fire("event=contact", forged));
    assert.deepEqual([answer.code, answer.status], [401, "invalid_token"]);
  });
});

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

describe("a key that ends while its postbacks wait", () => {
  const DAY_MS = 24 * 3600 * 1000;
  let worker;
  before(async () => {
    worker = await startWorker();
  });
  after(() => worker.stop());
  const operate = (method, path, body) =>
    worker.fire(`/api/spaces${path}`, {
      method,
      headers: { authorization: `Bearer ${OPERATOR_TOKEN}` },
      body: body && JSON.stringify(body),
    });
  const fire = (token, query) => worker.fire(`/e?token=${token}&${query}`);
  const message = (token, raw, received_at_ms) =>
    JSON.stringify({
      v: 1,
      ...OF_DATABASE,
      kind: "postback",
      key_hash: sha256(token),
      key_kind: "ingest",
      raw,
      received_at_ms,
      receipt: raw,
    });
  /** Rotates the ingest token and uses the new one. */
  const rotate = async (id) => {
    const { key } = await operate("POST", `/${id}/keys/ingest`);
    assert.equal((await fire(key, "event=contact")).status, "queued");
  };
  const endings = {
    "rotated twice": async (id) => {
      await rotate(id);
      await rotate(id);
    },
    "rotated and revoked": async (id) => {
      await rotate(id);
      await operate("DELETE", `/${id}/keys/ingest/previous`);
    },
  };

  for (const [ending, end] of Object.entries(endings)) {
    test(`${ending}: what was queued before is stored, what came after is dropped`, async () => {
      const { id, ingest_token: token } = await operate("POST", "", { name: ending });
      assert.equal((await fire(token, "event=contact")).status, "queued");
      const queued = await withoutDatabase(worker, async () => [
        await fire(token, "event=deposit&eid=before&value=25"),
        await fire(token, "event=deposit&eid=held&value=abc"),
      ]);
      assert.deepEqual(
        queued.map(({ headers }) => headers.get("x-stored")),
        ["later", "later"],
      );
      const before = Date.now();
      await end(id);
      const ended = Date.now();
      assert.equal((await fire(token, "event=deposit&eid=too-late&value=1")).code, 401);
      assert.equal((await deposits(worker, id)).events, 0, "it ended while the postback waited");
      await until(
        "the consumer has stored both",
        async () =>
          (await deposits(worker, id)).units === 25 && (await worker.row("SELECT 1 FROM held WHERE space_id = ?", id)),
        30_000,
      );
      await worker.deliver(QUEUE, [
        message(token, "event=deposit&eid=just-before&value=5", before),
        message(token, "event=deposit&eid=just-after&value=7", ended + 1),
        message(token, "event=deposit&value=refused", ended + 1),
      ]);
      assert.deepEqual(
        await worker.rows("SELECT eid FROM events WHERE space_id = ? AND event = 'deposit' ORDER BY seq", id),
        [{ eid: "before" }, { eid: "just-before" }],
      );
      assert.deepEqual(await worker.row("SELECT count(*) AS n FROM held WHERE space_id = ?", id), { n: 1 });
    });
  }

  test("it is removed when no queue can have a postback of it any more, and a valid one never", async () => {
    const { id } = await operate("POST", "", { name: "Ends" });
    await rotate(id);
    await rotate(id);
    await operate("DELETE", `/${id}/keys/ingest/previous`);
    const cron = (ms) => worker.server.getWorker().scheduled({ scheduledTime: new Date(ms), cron: "* * * * *" });
    const count = async () => (await worker.row("SELECT count(*) AS n FROM keys WHERE space_id = ?", id)).n;
    const now = Math.floor(Date.now() / 600_000) * 600_000;
    assert.equal(await count(), 4);
    await cron(now + 28 * DAY_MS);
    assert.equal(await count(), 4, "a message may be 14 days in the queue and 14 in its dead-letter queue");
    await cron(now + 30 * DAY_MS);
    assert.deepEqual(await worker.rows("SELECT kind, expires_at_ms FROM keys WHERE space_id = ? ORDER BY kind", id), [
      { kind: "bearer", expires_at_ms: null },
      { kind: "ingest", expires_at_ms: null },
    ]);
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

test("D1 that answers too late may have stored the event all the same: it counts once, and is no re-fire", async () => {
  const worker = await startWorker({ databaseDelayMs: 1500, vars: { DB_DEADLINE_MS: "500" } });
  try {
    const { id, ingest } = await worker.space();
    await worker.db.prepare("CREATE TABLE test_changes (changes INTEGER)").run();
    await worker.db.prepare("INSERT INTO test_changes VALUES (0)").run();
    for (const what of ["INSERT", "UPDATE"]) {
      await worker.db
        .prepare(
          `
        CREATE TRIGGER test_${what} AFTER ${what} ON events BEGIN
        UPDATE test_changes SET changes = changes + 1; END`,
        )
        .run();
    }
    const query = "event=deposit&eid=late&value=5";
    const started = Date.now();
    const answer = await worker.fire(`/e?token=${ingest}&${query}`);
    assert.ok(Date.now() - started < 1400, "the sender waited for D1");
    assert.deepEqual([answer.status, answer.headers.get("x-stored")], ["queued", "later"]);
    await until("the late answer has stored it", () => worker.row("SELECT 1 FROM events WHERE eid = 'late'"));
    const log = () => worker.server.getLogs().filter(({ message }) => message.includes("spilled_not_stored")).length;
    await until("the queue has delivered it too", log, 30_000);
    await until(
      "its second try is through",
      async () => (await worker.row("SELECT changes FROM test_changes")).changes >= 2,
    );
    assert.deepEqual(await worker.rows("SELECT refires FROM events"), [{ refires: 0 }]);
    assert.deepEqual(await deposits(worker, id), { events: 1, units: 5 });
  } finally {
    await worker.stop();
  }
});

test("where the queue is missing too, the sender is asked to come back", async () => {
  const worker = await startWorker({
    configure: (toml) => toml.replace(/\[\[queues\.producers\]\]\nbinding = "POSTBACKS"\nqueue = .*\n/, ""),
  });
  try {
    const { ingest } = await worker.space();
    const answer = await withoutDatabase(worker, () => worker.fire(`/e?token=${ingest}&event=contact`));
    assert.deepEqual([answer.code, answer.status, answer.headers.get("retry-after")], [503, "unavailable", "60"]);
  } finally {
    await worker.stop();
  }
});

test("without KEY_SECRET no key can be told from a forged one: nothing is spilled", async () => {
  const worker = await startWorker({ secrets: { KEY_SECRET: "" } });
  try {
    const { ingest } = await worker.space();
    assert.equal((await worker.fire(`/e?token=${ingest}&event=contact&eid=1`)).status, "queued");
    const answer = await withoutDatabase(worker, () => worker.fire(`/e?token=${ingest}&event=contact&eid=2`));
    assert.deepEqual([answer.code, answer.status], [503, "unavailable"]);
  } finally {
    await worker.stop();
  }
});

test("without the limiter a postback is spilled all the same", async () => {
  const worker = await startWorker({ configure: (toml) => toml.replace(/\[\[ratelimits\]\][^]*/, "") });
  try {
    const { ingest } = await worker.space();
    const answer = await withoutDatabase(worker, () => worker.fire(`/e?token=${ingest}&event=contact`));
    assert.deepEqual([answer.code, answer.headers.get("x-stored")], [200, "later"]);
  } finally {
    await worker.stop();
  }
});

test("one address spills no more than its share a minute", async () => {
  const worker = await startWorker({ configure: (toml) => toml.replace("limit = 3000", "limit = 5") });
  try {
    const { ingest } = await worker.space();
    const codes = await withoutDatabase(worker, async () => {
      const codes = [];
      for (let i = 0; i < 12; i++) codes.push((await worker.fire(`/e?token=${ingest}&event=contact&eid=${i}`)).code);
      return codes;
    });
    assert.equal(codes[0], 200);
    assert.equal(codes.at(-1), 503);
  } finally {
    await worker.stop();
  }
});
