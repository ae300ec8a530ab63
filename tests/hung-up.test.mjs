// A sender that hangs up while D1 stalls loses nothing (README, "Not lost").
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { OPERATOR_TOKEN, startWorker, until } from "./harness.mjs";

const HANGS_UP = { "x-test-hangs-up": "1" };

let worker, space, bearer;
before(async () => {
  worker = await startWorker({ entry: "hung-up.mjs" });
  space = await worker.space();
  bearer = { authorization: `Bearer ${space.bearer}` };
});
after(() => worker.stop());

/** The calls since it was last asked. */
const calls = async () => (await worker.fetch("/test-log")).json();

for (const [name, path, init] of [
  ["a postback", () => `/e?token=${space.ingest}&event=contact&eid=order`],
  ["a refused postback", () => `/e?token=${space.ingest}&event=purchase`],
  [
    "an event",
    () => "/events",
    () => ({ method: "POST", headers: bearer, body: '{"event":"contact","eid":"order-2"}' }),
  ],
  ["a bind", () => `/bind?token=${space.ingest}&uid=order&tg_id=5`],
  ["a click", () => "/clicks", () => ({ method: "POST", headers: bearer, body: '{"uid":"order"}' })],
]) {
  test(`${name} is in waitUntil before D1 is asked, and answered after D1 has`, async () => {
    await calls();
    const response = await worker.fetch(path(), init?.());
    assert.equal(response.status, 200, await response.text());
    assert.deepEqual(await calls(), ["waitUntil", "D1 is asked", "D1 has answered", "answered"]);
  });
}

test("what was sent is stored though nobody waits for the answer", async () => {
  const headers = { ...HANGS_UP, "x-test-stall-ms": "1000" };
  const link = await worker.link(space.id, "gone");
  await Promise.all([
    worker.fetch(`/e?token=${space.ingest}&event=deposit&value=25&eid=gone`, { headers }),
    worker.fetch(`/e?token=${space.ingest}&event=deposit&value=abc&eid=gone-2`, { headers }),
    worker.fetch("/events", {
      method: "POST",
      headers: { ...headers, ...bearer },
      body: '{"event":"contact","eid":"gone-3"}',
    }),
    worker.fetch(`/bind?token=${space.ingest}&uid=gone&tg_id=6`, { headers }),
    worker.fetch("/clicks", { method: "POST", headers: { ...headers, ...bearer }, body: '{"uid":"gone"}' }),
    worker.fetch("/l/gone", { headers }),
    worker.fetch("/api/spaces", {
      method: "POST",
      headers: { ...headers, authorization: `Bearer ${OPERATOR_TOKEN}` },
      body: '{"name":"Gone"}',
    }),
  ]);
  for (const sql of [
    "SELECT 1 FROM events WHERE eid = 'gone' AND micros = 25000000",
    "SELECT 1 FROM held WHERE raw LIKE '%gone-2%'",
    "SELECT 1 FROM events WHERE eid = 'gone-3'",
    "SELECT 1 FROM binds WHERE uid = 'gone'",
    "SELECT 1 FROM clicks WHERE uid = 'gone'",
    `SELECT 1 FROM clicks WHERE link_id = ${link}`,
    "SELECT 1 FROM keys k JOIN spaces s ON s.id = k.space_id WHERE s.name = 'Gone' AND k.kind = 'bearer'",
  ]) {
    await until(sql, () => worker.row(sql));
  }
});

test("where D1 does not answer, it goes to the queue though nobody waits, and is stored from there", async () => {
  const headers = { ...HANGS_UP, "x-test-stall-ms": "60000" };
  await worker.fetch(`/e?token=${space.ingest}&event=deposit&value=25&eid=gone-4`, { headers });
  await until("the consumer has stored it", () => worker.row("SELECT 1 FROM events WHERE eid = 'gone-4'"), 30_000);
});

test("a page that is only looked at ends with its reader", async () => {
  const { cookie } = await worker.browser();
  await calls();
  await worker.fetch(`/s/${space.id}/live?seen=~`, { headers: { ...HANGS_UP, cookie, "x-test-stall-ms": "300" } });
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assert.deepEqual(await calls(), ["D1 is asked"]);
});
