// What a postback costs at D1, as D1 itself counts it (issue of money: rows written are most of the bill).
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { mintKey, OPERATOR_TOKEN, startWorker } from "./harness.mjs";

let worker, space;
before(async () => {
  worker = await startWorker();
  space = await worker.space();
});
after(() => worker.stop());

async function cost(query) {
  const answer = await worker.fire(`/e?token=${space.ingest}&${query}`);
  return { status: answer.status, ...answer.cost };
}

/** Fills the space up to `total` events and as many clicks, in D1 itself, through the same triggers. */
async function fill(total) {
  await worker.db
    .prepare(
      `
      INSERT INTO clicks (space_id, uid, link_id, clicked_at_ms, raw_query)
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
      SELECT ?1, 'click' || i, i % 200, 1760000000000 + i * 1000, '' FROM n WHERE true
      ON CONFLICT DO NOTHING`,
    )
    .bind(space.id, total)
    .run();
  await worker.db
    .prepare(
      `
      INSERT INTO events (space_id, seq, dedup, event, uid, currency, occurred_at_ms, received_at_ms, link_id, first,
        receipt, raw)
      WITH RECURSIVE n(i) AS (
        SELECT (SELECT coalesce(max(seq), 0) + 1 FROM events WHERE space_id = ?1)
        UNION ALL SELECT i + 1 FROM n WHERE i < ?2
      )
      SELECT ?1, i, 'filler=' || i, 'contact', 'filler' || (i % 5000), 'USD', 1760000000000 + i * 1000,
        1760000000000, 0, 0, 'r', ''
      FROM n WHERE i <= ?2`,
    )
    .bind(space.id, total)
    .run();
}

test("at most 4 rows written for a new event, 5 with a tg_id, 1 for a duplicate, 2 for a held one", async () => {
  await cost("event=contact&uid=warm&eid=warm");
  for (const [query, status, written] of [
    ["event=deposit&uid=a&eid=1&value=5", "queued", 4],
    ["event=deposit&uid=a&eid=1&value=5", "duplicate", 1],
    ["event=deposit&eid=2&value=5", "queued", 3],
    ["event=deposit&uid=a&eid=3&value=5&tg_id=555", "queued", 5],
    ["event=deposit&uid=a%2Bb&eid=4&value=5", "queued", 5],
    ["event=deposit&value=abc", "invalid_value", 2],
  ]) {
    const result = await cost(query);
    assert.equal(result.status, status, query);
    assert.ok(result.written <= written, `${query} wrote ${result.written} rows`);
  }
});

test("the first use of a key writes two rows more in the same round trip, the others of its hour none", async () => {
  const watched = await startWorker({ databaseDelayMs: 0 });
  try {
    const made = await watched.fire("/api/spaces", {
      method: "POST",
      headers: { authorization: `Bearer ${OPERATOR_TOKEN}` },
      body: '{"name":"Fresh"}',
    });
    const fire = async (query) => {
      const {
        status,
        headers,
        cost: { written },
      } = await watched.fire(`/e?token=${made.ingest_token}&${query}`);
      return [status, written, headers.get("x-test-trips")];
    };
    // That it is used, and when it was last.
    assert.deepEqual(await fire("event=deposit&uid=a&eid=1&value=5"), ["queued", 6, "1"]);
    assert.deepEqual(await fire("event=deposit&uid=b&eid=2&value=5"), ["queued", 4, "1"]);
    assert.deepEqual(await fire("event=deposit&uid=b&eid=2&value=5"), ["duplicate", 1, "1"]);
  } finally {
    await watched.stop();
  }
});

test("a space with rules pays no more than others, once the isolate knows them", async () => {
  const watched = await startWorker({ databaseDelayMs: 0 });
  try {
    const { id, ingest } = await watched.space();
    await watched.db
      .prepare("INSERT INTO rules (space_id, n, mend, created_at_ms) VALUES (?, 1, ?, 0)")
      .bind(id, '{"kind":"rename","from":"sum","to":"value"}')
      .run();
    const fire = async (query) => {
      const { status, headers, cost } = await watched.fire(`/e?token=${ingest}&${query}`);
      return [status, cost.written, headers.get("x-test-trips")];
    };
    assert.deepEqual(await fire("event=deposit&uid=a&eid=1&sum=5"), ["queued", 4, "2"]);
    for (const query of ["uid=b&eid=2&sum=5", "uid=c&eid=3&value=5"])
      assert.deepEqual(await fire(`event=deposit&${query}`), ["queued", 4, "1"]);
    assert.deepEqual(await fire("event=deposit&uid=c&eid=3&value=5"), ["duplicate", 1, "1"]);
  } finally {
    await watched.stop();
  }
});

test("rows read do not grow between 100 and 100,000 events", async () => {
  const tgIds = { warm: 901, few: 902, many: 903 };
  const post = async (path, body) => {
    const headers = { authorization: `Bearer ${space.bearer}` };
    return (await worker.fire(path, { method: "POST", headers, body: JSON.stringify(body) })).cost;
  };
  const measure = async (name) => [
    await cost(`event=deposit&uid=filler7&eid=${name}&value=5`),
    await cost(`event=deposit&uid=filler7&eid=${name}&value=5`),
    await cost(`event=deposit&uid=new-${name}&eid=new-${name}&value=5`),
    await cost(`event=deposit&uid=click7&tg_id=7&eid=click-${name}&value=5`),
    // What came first, by uid and by Telegram user, and then the click and the bind that it waited for.
    await cost(`event=deposit&uid=late+${name}&eid=late-${name}&value=5`),
    await cost(`event=deposit&uid=late-${name}&eid=late2-${name}&value=5`),
    await cost(`event=contact&tg_id=${tgIds[name]}&eid=tg-${name}`),
    await post("/clicks", { uid: `late-${name}` }),
    await post("/clicks", { uid: `late+${name}` }),
    await post("/bind", { uid: `late-${name}`, tg_id: tgIds[name] }),
  ];
  await fill(100);
  await measure("warm");
  const few = await measure("few");
  await fill(100_000);
  const many = await measure("many");
  assert.deepEqual(many, few);
  assert.ok(few[0].read <= 20, JSON.stringify(few));
  assert.ok(
    few.every(({ read }) => read > 0 && read <= 40),
    JSON.stringify(few),
  );
});

test("every report, bind and click is one round trip, counted where the database is called", async () => {
  const watched = await startWorker({ databaseDelayMs: 0 });
  try {
    const { ingest, bearer } = await watched.space();
    const post = (body) => ({
      method: "POST",
      headers: { authorization: `Bearer ${bearer}` },
      body: JSON.stringify(body),
    });
    for (const [path, init, status] of [
      [`/e?token=${ingest}&event=deposit&uid=a&eid=1&value=5`, undefined, "queued"],
      [`/e?token=${ingest}&event=deposit&uid=a&eid=1&value=5`, undefined, "duplicate"],
      [`/e?token=${ingest}&event=deposit&value=abc`, undefined, "invalid_value"],
      [`/e?token=${mintKey("xt_in_")}&event=contact`, undefined, "invalid_token"],
      ["/events", post({ event: "contact", uid: "a", tg_id: 5 }), "queued"],
      ["/bind", post({ uid: "a", tg_id: 5 }), undefined],
      [`/bind?token=${ingest}&uid=b&tg_id=5`, undefined, undefined],
      ["/clicks", post({ uid: "a" }), undefined],
    ]) {
      const answer = await watched.fire(path, init);
      assert.equal(answer.status, status, path);
      assert.equal(answer.headers.get("x-test-trips"), "1", path);
    }
    // Whose an id is has to be known before the uid that it stands for.
    const withId = await watched.fire("/clicks", post({ id: "1" }));
    assert.deepEqual([withId.code, withId.headers.get("x-test-trips")], [200, "2"]);
    const none = await watched.fire("/e?token=no-key&event=contact");
    assert.deepEqual([none.code, none.headers.get("x-test-trips")], [401, "0"]);
  } finally {
    await watched.stop();
  }
});
