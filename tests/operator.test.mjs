// The operator's API: spaces and their keys (docs/api.md, Spaces and keys).
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { OF_DATABASE, OPERATOR_TOKEN, sha256, startWorker } from "./harness.mjs";

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
  assert.deepEqual(spaces.at(-1), { id: created.id, name: "Offer", time_zone: "Asia/Kolkata", archived: false });
  const stored = JSON.stringify(await worker.rows("SELECT * FROM keys"));
  assert.ok(!stored.includes(created.ingest_token.slice(6)) && !stored.includes(created.bearer.slice(6)));
});

test("after a rotation the previous key works for 24 hours, the one before it no more", async () => {
  const { id, ingest_token: first } = await call("POST", "/api/spaces", { name: "Rotation" });
  assert.equal((await fire(first)).code, 200);
  const before = Date.now();
  const second = await call("POST", `/api/spaces/${id}/keys/ingest`);
  assert.ok(second.previous_valid_until_ms >= before + 24 * 3600 * 1000);
  assert.ok(second.previous_valid_until_ms <= Date.now() + 24 * 3600 * 1000);
  for (const key of [first, second.key]) assert.equal((await fire(key)).code, 200);
  const third = await call("POST", `/api/spaces/${id}/keys/ingest`);
  assert.deepEqual(
    [(await fire(first)).code, (await fire(second.key)).code, (await fire(third.key)).code],
    [401, 200, 200],
  );
  assert.equal((await call("DELETE", `/api/spaces/${id}/keys/ingest/previous`)).code, 200);
  assert.deepEqual([(await fire(second.key)).code, (await fire(third.key)).code], [401, 200]);
  assert.deepEqual(await worker.row("SELECT count(*) AS n FROM keys WHERE space_id = ? AND kind = 'bearer'", id), {
    n: 1,
  });
});

test("a current key that nobody used is replaced at once, and the one before it keeps its 24 hours", async () => {
  const { id, ingest_token: first } = await call("POST", "/api/spaces", { name: "Lost answers" });
  const rotate = () => call("POST", `/api/spaces/${id}/keys/ingest`);
  const unused = await rotate();
  assert.ok(unused.previous_valid_until_ms <= Date.now(), "nobody had the first one yet");
  assert.deepEqual([(await fire(first)).code, (await fire(unused.key)).code], [401, 200]);
  const lost = await rotate();
  const again = await rotate();
  const last = await rotate();
  assert.deepEqual(
    [again.previous_valid_until_ms, last.previous_valid_until_ms],
    Array(2).fill(lost.previous_valid_until_ms),
  );
  assert.deepEqual(
    [
      (await fire(unused.key)).code,
      (await fire(lost.key)).code,
      (await fire(again.key)).code,
      (await fire(last.key)).code,
    ],
    [200, 401, 401, 200],
  );
});

test("rotations at the same moment leave one current key, and it is one that somebody was given", async () => {
  for (let times = 0; times < 5; times++) {
    const { id, ingest_token: first } = await call("POST", "/api/spaces", { name: "Race" });
    assert.equal((await fire(first)).code, 200);
    const answers = await Promise.all(Array.from({ length: 8 }, () => call("POST", `/api/spaces/${id}/keys/ingest`)));
    assert.ok(
      answers.every(({ code, status }) => code === 200 || (code === 409 && status === "rotated_meanwhile")),
      JSON.stringify(answers),
    );
    const current = await worker.rows(
      "SELECT hash FROM keys WHERE space_id = ? AND kind = 'ingest' AND expires_at_ms IS NULL",
      id,
    );
    const given = answers.filter(({ code }) => code === 200).map(({ key }) => key);
    assert.equal(current.length, 1);
    assert.ok(given.map(sha256).includes(current[0].hash));
    assert.equal((await fire(first)).code, 200, "the one in use keeps its time");
  }
});

test("whatever comes first with a key marks it as used", async () => {
  const post = (path, key, body) =>
    worker.fire(path, { method: "POST", headers: { authorization: `Bearer ${key}` }, body: JSON.stringify(body) });
  const message = (hash, raw) =>
    JSON.stringify({
      v: 1,
      ...OF_DATABASE,
      kind: "postback",
      key_hash: hash,
      key_kind: "ingest",
      raw,
      received_at_ms: Date.now(),
      receipt: raw,
    });
  const uses = {
    "an event": ({ ingest_token: key }) => fire(key),
    "a refused postback": ({ ingest_token: key }) => worker.fire(`/e?token=${key}&event=deposit&value=abc`),
    "a bind by address": ({ ingest_token: key }) => worker.fire(`/bind?token=${key}&uid=u&tg_id=5`),
    "an event with the bearer": ({ bearer }) => post("/events", bearer, { event: "contact" }),
    "a bind": ({ bearer }) => post("/bind", bearer, { uid: "u", tg_id: 5 }),
    "a click": ({ bearer }) => post("/clicks", bearer, {}),
    "a postback from the queue": ({ ingest_token: key }) =>
      worker.deliver("xtracker-postbacks", [
        message(sha256(key), "event=contact"),
        message(sha256("unknown"), "event=contact"),
      ]),
    "a refused one from the queue": ({ ingest_token: key }) =>
      worker.deliver("xtracker-postbacks", [message(sha256(key), "event=deposit&value=abc")]),
  };
  for (const [what, use] of Object.entries(uses)) {
    const space = await call("POST", "/api/spaces", { name: what });
    const unused = async () =>
      (
        await worker.rows(
          "SELECT k.kind FROM unused_keys u JOIN keys k ON k.hash = u.hash WHERE k.space_id = ? ORDER BY 1",
          space.id,
        )
      ).map(({ kind }) => kind);
    assert.deepEqual(await unused(), ["bearer", "ingest"], what);
    await use(space);
    assert.deepEqual(await unused(), [/bearer|a bind$|a click/.test(what) ? "ingest" : "bearer"], what);
  }
});

/** What the platform takes for a time zone, and the IANA list does not have. */
const NO_ZONES = ["+05:37", "+0537", "+05", "-05:00", "\u221205:00", "IST", "PST"];

test("a wrong field is named with its reason", async () => {
  for (const [body, code, field] of [
    [{ name: "" }, 422, "name"],
    [{ name: "x", time_zone: "Mars/Base" }, 422, "time_zone"],
    ...NO_ZONES.map((time_zone) => [{ name: "x", time_zone }, 422, "time_zone"]),
    ["x", 400, undefined],
    [{ name: 5 }, 400, undefined],
  ]) {
    const answer = await call("POST", "/api/spaces", body);
    assert.deepEqual([answer.code, answer.ok, answer.field], [code, false, field]);
    assert.ok(answer.hint.length > 10);
  }
  assert.equal((await call("POST", "/api/spaces/999/keys/ingest")).code, 404);
});

test("every wrong field is named, and the first one where it always was", async () => {
  const { id } = await call("POST", "/api/spaces", { name: "Fields" });
  const link = { name: "", slug: "a b", kind: "web", target: "x", page: { title: "", button: "" } };
  for (const [path, body, field, fields] of [
    ["/api/spaces", { name: "", time_zone: "Mars" }, "name", ["name", "time_zone"]],
    [`/api/spaces/${id}/links`, link, "name", ["name", "slug", "page.title", "page.button", "target"]],
    [`/api/spaces/${id}/links`, { ...link, name: "L", slug: "s" }, "page", ["page.title", "page.button", "target"]],
    [
      `/api/spaces/${id}/destinations`,
      { kind: "webhook", name: "", url: "x", events: { deposit: "d".repeat(101) } },
      "name",
      ["name", "url", "events.deposit"],
    ],
    [
      `/api/spaces/${id}/events`,
      { event: "sale", value: "x", occurred_at_ms: 1 },
      "event",
      ["event", "occurred_at_ms"],
    ],
    [`/api/spaces/${id}/rules`, { mend: { kind: "map", to: "sale" } }, "mend", ["mend.from", "mend.word", "mend.to"]],
  ]) {
    const answer = await call("POST", path, body);
    assert.deepEqual([answer.code, answer.status, answer.field], [422, "invalid_field", field], path);
    assert.deepEqual(
      answer.fields.map((one) => one.field),
      fields,
      path,
    );
    assert.equal(answer.fields[0].hint, answer.hint);
    assert.ok(answer.fields.every(({ hint }) => hint.length > 10));
  }
  const { fields } = await call("POST", "/api/spaces/999/keys/ingest");
  assert.equal(fields, undefined, "a refusal of no field has none");
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

test("a secret that is short enough to be guessed is not compared beyond the limit, at either door", async () => {
  const short = await startWorker({ local: false, secrets: { OPERATOR_TOKEN: "nineteen characters" } });
  try {
    const headers = { "cf-connecting-ip": "198.51.100.80" };
    const call = (token) => short.fire("/api/spaces", { headers: { ...headers, authorization: `Bearer ${token}` } });
    assert.equal((await call("nineteen characters")).code, 200);
    for (let times = 0; times < 70; times++) await call(`guess ${times}`);
    assert.deepEqual([(await call("guess")).code, (await call("nineteen characters")).code], [429, 429]);
    const browser = await short.browser();
    const sign = async (password) => (await browser.send("/login", { password }, { ...headers, cookie: "" })).code;
    assert.equal(await sign("nineteen characters"), 303);
    for (let times = 0; times < 12; times++) await sign(`guess ${times}`);
    assert.deepEqual([await sign("guess"), await sign("nineteen characters")], [429, 429]);
  } finally {
    await short.stop();
  }
});

test("without DESTINATION_KEY no destination can be saved, and nothing is sent unsigned", async () => {
  const closed = await startWorker({ secrets: { DESTINATION_KEY: "" } });
  try {
    const { id } = await closed.space();
    const answer = await closed.fire(`/api/spaces/${id}/destinations`, {
      method: "POST",
      headers: { authorization: `Bearer ${OPERATOR_TOKEN}` },
      body: JSON.stringify({ kind: "webhook", name: "x", url: "https://hook.example/" }),
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
      method: "POST",
      headers: { authorization: `Bearer ${OPERATOR_TOKEN}` },
      body: JSON.stringify({ kind: "webhook", name: "x", url: "http://127.0.0.1:9000/" }),
    });
    assert.deepEqual([answer.code, answer.field], [422, "url"]);
  } finally {
    await deployed.stop();
  }
});

test("a method that an address does not have is answered 405 with those that it has", async () => {
  const patched = await call("PATCH", "/api/spaces");
  assert.deepEqual([patched.code, patched.headers.get("allow")], [405, "GET, POST, OPTIONS"]);
  const asked = await call("OPTIONS", "/api/spaces/1/destinations/1");
  assert.deepEqual([asked.code, asked.headers.get("allow")], [204, "PUT, DELETE, OPTIONS"]);
  assert.equal((await call("PATCH", "/api/elsewhere")).code, 404);
});

test("deliveries are asked for in a state that there is", async () => {
  const { id } = await call("POST", "/api/spaces", { name: "States" });
  const created = await call("POST", `/api/spaces/${id}/destinations`, {
    kind: "webhook",
    name: "d",
    url: "https://a.example/",
  });
  const inState = (query) => call("GET", `/api/spaces/${id}/destinations/${created.id}/deliveries${query}`);
  for (const state of ["pending", "sending", "retrying", "sent", "failed_permanently"]) {
    const listed = await inState(`?state=${state}`);
    assert.deepEqual([listed.code, listed.deliveries], [200, []], state);
  }
  assert.equal((await inState("")).code, 200);
  for (const state of ["faild", "", "null"]) {
    const refused = await inState(`?state=${state}`);
    assert.deepEqual([refused.code, refused.status, refused.field], [422, "invalid_field", "state"], state);
  }
});
