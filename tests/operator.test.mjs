// The operator's API: spaces and their keys (contract §2).
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { OPERATOR_TOKEN, startWorker } from "./harness.mjs";

let worker;
before(async () => {
  worker = await startWorker({ local: false });
});
after(() => worker.stop());

const call = (method, path, body, token = OPERATOR_TOKEN) =>
  worker.fire(path, {
    method,
    headers: { authorization: `Bearer ${token}` },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
const fire = (token) => worker.fire(`/e?token=${token}&event=contact`);

test("a new space has two keys that work, each as its own kind", async () => {
  const created = await call("POST", "/api/spaces", { name: "Offer", time_zone: "Asia/Kolkata" });
  assert.equal(created.code, 201);
  assert.match(created.ingest_token, /^xt_in_[0-9a-v]{36}$/);
  assert.match(created.bearer, /^xt_sk_[0-9a-v]{36}$/);
  assert.equal((await fire(created.ingest_token)).status, "queued");
  assert.equal((await fire(created.bearer)).code, 401);
  const { spaces } = await call("GET", "/api/spaces");
  assert.deepEqual(spaces.at(-1), { id: created.id, name: "Offer", time_zone: "Asia/Kolkata" });
  const stored = JSON.stringify(await worker.rows("SELECT * FROM keys"));
  assert.ok(!stored.includes(created.ingest_token.slice(6)) && !stored.includes(created.bearer.slice(6)));
});

test("after a rotation the previous key works for 24 hours, the one before it no more", async () => {
  const { id, ingest_token: first } = await call("POST", "/api/spaces", { name: "Rotation" });
  const before = Date.now();
  const second = await call("POST", `/api/spaces/${id}/keys/ingest`);
  assert.ok(second.previous_valid_until_ms >= before + 24 * 3600 * 1000);
  assert.ok(second.previous_valid_until_ms <= Date.now() + 24 * 3600 * 1000);
  for (const key of [first, second.key]) assert.equal((await fire(key)).code, 200);
  const third = await call("POST", `/api/spaces/${id}/keys/ingest`);
  assert.deepEqual([(await fire(first)).code, (await fire(second.key)).code, (await fire(third.key)).code], [401, 200, 200]);
  assert.equal((await call("DELETE", `/api/spaces/${id}/keys/ingest/previous`)).code, 200);
  assert.deepEqual([(await fire(second.key)).code, (await fire(third.key)).code], [401, 200]);
  assert.deepEqual(await worker.row("SELECT count(*) AS n FROM keys WHERE space_id = ? AND kind = 'bearer'", id), { n: 1 });
});

test("a wrong field is named with its reason", async () => {
  for (const [body, code, field] of [[{ name: "" }, 422, "name"], [{ name: "x", time_zone: "Mars/Base" }, 422, "time_zone"], ["x", 400, undefined], [{ name: 5 }, 400, undefined]]) {
    const answer = await call("POST", "/api/spaces", body);
    assert.deepEqual([answer.code, answer.ok, answer.field], [code, false, field]);
    assert.ok(answer.hint.length > 10);
  }
  assert.equal((await call("POST", "/api/spaces/999/keys/ingest")).code, 404);
});

test("the door is closed to everybody else, and to all where it is not configured", async () => {
  for (const token of ["", "wrong", `${OPERATOR_TOKEN}x`]) {
    assert.equal((await call("GET", "/api/spaces", undefined, token)).code, 401);
  }
  const unconfigured = await startWorker({ secrets: { OPERATOR_TOKEN: "" } });
  try {
    const answer = await unconfigured.fire("/api/spaces", { headers: { authorization: "Bearer " } });
    assert.deepEqual([answer.code, answer.status], [503, "not_configured"]);
    assert.match(answer.hint, /OPERATOR_TOKEN/);
  } finally {
    await unconfigured.stop();
  }
});

test("without DESTINATION_KEY no destination can be saved, and nothing is sent unsigned", async () => {
  const closed = await startWorker({ secrets: { DESTINATION_KEY: "" } });
  try {
    const { id } = await closed.space();
    const answer = await closed.fire(`/api/spaces/${id}/destinations`, {
      method: "POST", headers: { authorization: `Bearer ${OPERATOR_TOKEN}` }, body: JSON.stringify({ kind: "webhook", name: "x", url: "https://hook.example/" }),
    });
    assert.deepEqual([answer.code, answer.status], [503, "not_configured"]);
    assert.match(answer.hint, /DESTINATION_KEY/);
  } finally {
    await closed.stop();
  }
});

test("a deployment reaches no loopback address", async () => {
  const deployed = await startWorker({ local: false });
  try {
    const { id } = await deployed.space();
    const answer = await deployed.fire(`/api/spaces/${id}/destinations`, {
      method: "POST", headers: { authorization: `Bearer ${OPERATOR_TOKEN}` }, body: JSON.stringify({ kind: "webhook", name: "x", url: "http://127.0.0.1:9000/" }),
    });
    assert.deepEqual([answer.code, answer.field], [422, "url"]);
  } finally {
    await deployed.stop();
  }
});
