// Nothing lost while D1 is away (docs/postback.md, Durability): the queue, and what happens without it.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
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

  test("a dry run is asked to come back, and nothing of it waits", async () => {
    const answer = await withoutDatabase(worker, () => fire("event=deposit&value=25&eid=dry&dry_run=1"));
    assert.deepEqual([answer.code, answer.status, answer.headers.get("x-stored")], [503, "unavailable", null]);
  });

  test("a forged key is refused without the database", async () => {
    const forged = mintKey("xt_in_", "another secret");
    const answer = await withoutDatabase(worker, () => fire("event=contact", forged));
    assert.deepEqual([answer.code, answer.status], [401, "invalid_token"]);
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
    // Two databases take turns, every ten minutes, where the calls are not enough for both.
    const cron = async (ms) => {
      for (const scheduledTime of [new Date(ms), new Date(ms + 600_000)])
        await worker.server.getWorker().scheduled({ scheduledTime, cron: "* * * * *" });
    };
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
