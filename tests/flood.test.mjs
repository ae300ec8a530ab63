// What a flood of unknown keys costs, and whom it does not touch.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { mintKey, startWorker } from "./harness.mjs";

let worker, space;
before(async () => {
  worker = await startWorker({ databaseDelayMs: 0 });
  space = await worker.space();
});
after(() => worker.stop());

const trips = (answer) => Number(answer.headers.get("x-test-trips"));
const from = (address) => ({ headers: { "cf-connecting-ip": address } });

test("an unknown key costs one round trip a minute and no row written, however often it is fired", async () => {
  const before = await worker.rows("SELECT name, seq FROM sqlite_sequence ORDER BY name");
  const key = mintKey("xt_in_");
  const bearer = mintKey("xt_sk_");
  let cost = 0;
  for (let times = 0; times < 20; times++) {
    for (const query of ["event=deposit&uid=a&eid=1&value=5", "event=deposit&value=abc"]) {
      const answer = await worker.fire(`/e?token=${key}&${query}`, from("198.51.100.1"));
      assert.deepEqual([answer.code, answer.status], [401, "invalid_token"]);
      cost += trips(answer);
    }
  }
  assert.equal(cost, 1);
  const call = () =>
    worker.fire("/events", {
      method: "POST",
      headers: { authorization: `Bearer ${bearer}` },
      body: '{"event":"contact"}',
    });
  assert.deepEqual([trips(await call()), trips(await call())], [1, 0]);
  assert.deepEqual(await worker.rows("SELECT name, seq FROM sqlite_sequence ORDER BY name"), before);
  assert.deepEqual(await worker.row("SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM held) AS n"), {
    n: 0,
  });
});

test("an address that brings ever new keys is refused without the database, and its good key is not", async () => {
  let asked = 0;
  for (let times = 0; times < 150; times++) {
    const answer = await worker.fire(`/e?token=${mintKey("xt_in_", "forged")}&event=contact`, from("198.51.100.2"));
    assert.equal(answer.code, 401);
    asked += trips(answer);
  }
  assert.ok(asked >= 60 && asked < 120, `the database was asked ${asked} times`);
  for (let times = 0; times < 30; times++) {
    const answer = await worker.fire(`/e?token=${space.ingest}&event=contact&eid=own-${times}`, from("198.51.100.2"));
    assert.equal(answer.status, "queued", "a space's own traffic is not limited");
  }
  const other = await worker.fire(`/e?token=${mintKey("xt_in_", "forged")}&event=contact`, from("198.51.100.3"));
  assert.equal(trips(other), 1, "another address is asked for");
});

test("a key that is made after a flood works at once", async () => {
  const fresh = await worker.space("Fresh");
  assert.equal((await worker.fire(`/e?token=${fresh.ingest}&event=contact`, from("198.51.100.2"))).status, "queued");
});
