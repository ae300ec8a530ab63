// What an operator relies on: /healthz, and the removal of what is older than RETENTION_DAYS.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { mintKey, OPERATOR_TOKEN, sha256, startWorker } from "./harness.mjs";
import { page } from "./pages.mjs";

const DAY_MS = 24 * 3600 * 1000;
const TEN_MINUTES_MS = 600_000;
let worker;
before(async () => {
  worker = await startWorker({ vars: { RETENTION_DAYS: "30", SUBREQUESTS: "1000" } });
});
after(() => worker.stop());

const cron = (ms) => worker.server.getWorker().scheduled({ scheduledTime: new Date(ms), cron: "* * * * *" });
const health = async () => {
  const response = await worker.fetch("/healthz");
  return { code: response.status, ...(await response.json()) };
};

test("/healthz says whether the database answers and what waits, without a key", async () => {
  const { version, deployment, databases, ...well } = await health();
  assert.deepEqual(
    databases.map(({ name, state, schema, bytes }) => [name, state, schema, bytes > 10_000]),
    [["DB", "answers", "current", true]],
  );
  assert.match(
    readFileSync(new URL("../Cargo.toml", import.meta.url), "utf8"),
    new RegExp(`^version = "${version}"$`, "m"),
  );
  assert.match(deployment, /^[0-9a-f-]{36}$/);
  const browser = await worker.browser();
  const { id: space } = await worker.space();
  const settings = page((await browser.get(`/s/${space}/settings`)).text).text;
  assert.ok(settings.endsWith(`XTRACKER ${version}, deployment ${deployment}`), settings);
  assert.deepEqual(well, {
    code: 200,
    ok: true,
    database: "answers",
    schema: "current",
    oldest_due_delivery_s: null,
    spilled: 0,
  });
  const { id } = await worker.space();
  await worker.db
    .prepare(
      `
      INSERT INTO destinations (space_id, name, enabled, events, config, secrets, created_at_ms)
      VALUES (?, 'd', 1, '{}', '{}', '', 0)`,
    )
    .bind(id)
    .run();
  const { id: destination } = await worker.row("SELECT id FROM destinations WHERE space_id = ?", id);
  await worker.db
    .prepare(
      `
      INSERT INTO deliveries (space_id, seq, destination_id, target, state, due_at_ms)
      VALUES (?, 1, ?, 't', 'retrying', ?)`,
    )
    .bind(id, destination, Date.now() - 90_000)
    .run();
  const { oldest_due_delivery_s: waits } = await health();
  assert.ok(waits >= 90 && waits < 100, String(waits));
  await worker.db.prepare("DELETE FROM deliveries").run();
  await worker.db.prepare("ALTER TABLE destinations RENAME TO destinations_away").run();
  try {
    const away = await health();
    assert.deepEqual([away.code, away.ok, away.database], [503, false, "away"]);
  } finally {
    await worker.db.prepare("ALTER TABLE destinations_away RENAME TO destinations").run();
  }
});

test("what is older than RETENTION_DAYS goes, a step at a time; events and counters stay", async () => {
  const space = await worker.space("Old");
  const now = Math.ceil(Date.now() / TEN_MINUTES_MS) * TEN_MINUTES_MS;
  const old = now - 31 * DAY_MS;
  const insert = (count, from, at) =>
    worker.db
      .prepare(
        `
    INSERT INTO events (space_id, seq, dedup, event, uid, micros, currency, occurred_at_ms, received_at_ms, link_id,
      first, receipt, raw)
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
    SELECT ?1, CAST(?3 AS INTEGER) + i, 'd=' || (CAST(?3 AS INTEGER) + i), 'deposit', 'u' || i, 1000000, 'USD', ?4,
      ?4, 0, 0, 'r', 'event=deposit'
    FROM n`,
      )
      .bind(space.id, count, from, at)
      .run();
  await insert(2500, 0, old);
  await insert(10, 2500, now - DAY_MS);
  for (const [seq, state] of [
    [1, "sent"],
    [2, "failed_permanently"],
    [3, "retrying"],
    [2501, "sent"],
  ]) {
    await worker.db
      .prepare(
        `
        INSERT INTO deliveries (space_id, seq, destination_id, target, state, due_at_ms)
        VALUES (?, ?, 999, 't', ?, ?)`,
      )
      .bind(space.id, seq, state, now * 2)
      .run();
  }
  for (const [uid, at] of [
    ["old-click", old],
    ["new-click", now - DAY_MS],
  ]) {
    await worker.db
      .prepare(
        `
        INSERT INTO clicks (space_id, uid, link_id, clicked_at_ms, fbclid, user_agent, ip, raw_query)
        VALUES (?, ?, 0, ?, 'IwAR', 'Mozilla', '203.0.113.7', 'fbclid=IwAR')`,
      )
      .bind(space.id, uid, at)
      .run();
    await worker.db
      .prepare(
        `
        INSERT INTO held (space_id, seq, fingerprint, status, raw, received_at_ms, receipt)
        VALUES (?, ?, ?, 'invalid_value', 'x', ?, 'r')`,
      )
      .bind(space.id, at === old ? 1 : 2, sha256(uid), at)
      .run();
  }
  const counters = await worker.rows("SELECT * FROM counters WHERE space_id = ?", space.id);
  await cron(now + 60_000);
  assert.equal(
    (await worker.row("SELECT count(*) AS n FROM events WHERE space_id = ? AND raw = ''", space.id)).n,
    0,
    "not at this minute",
  );
  await cron(now);
  assert.deepEqual(
    await worker.row(
      `
      SELECT count(*) AS n, sum(raw = '') AS removed, min(iif(raw = '', NULL, seq)) AS first_kept
      FROM events WHERE space_id = ?`,
      space.id,
    ),
    { n: 2510, removed: 2500, first_kept: 2501 },
  );
  assert.deepEqual(await worker.rows("SELECT seq FROM deliveries WHERE space_id = ? ORDER BY seq", space.id), [
    { seq: 3 },
    { seq: 2501 },
  ]);
  await cron(now + TEN_MINUTES_MS);
  assert.deepEqual(
    await worker.rows(
      "SELECT uid, ip, user_agent, raw_query, fbclid FROM clicks WHERE space_id = ? ORDER BY uid",
      space.id,
    ),
    [
      { uid: "new-click", ip: "203.0.113.7", user_agent: "Mozilla", raw_query: "fbclid=IwAR", fbclid: "IwAR" },
      { uid: "old-click", ip: null, user_agent: null, raw_query: "", fbclid: "IwAR" },
    ],
  );
  assert.deepEqual(await worker.rows("SELECT seq FROM held WHERE space_id = ?", space.id), [{ seq: 2 }]);
  assert.deepEqual(await worker.rows("SELECT * FROM counters WHERE space_id = ?", space.id), counters);
  assert.equal(
    (await worker.fire(`/e?token=${space.ingest}&event=deposit&eid=1&value=1`)).status,
    "duplicate",
    "an eid is known for ever",
  );
});

test("a sign-out is remembered until the cookie would be over by itself, whatever RETENTION_DAYS says", async () => {
  const forgetful = await startWorker();
  try {
    const leaving = await forgetful.browser();
    await leaving.send("/logout");
    const count = async () => (await forgetful.row("SELECT count(*) AS n FROM ended_sessions")).n;
    const cron = (ms) => forgetful.server.getWorker().scheduled({ scheduledTime: new Date(ms), cron: "* * * * *" });
    const now = Math.floor(Date.now() / TEN_MINUTES_MS) * TEN_MINUTES_MS;
    await cron(now + 14 * DAY_MS - TEN_MINUTES_MS);
    assert.equal(await count(), 1);
    await cron(now + 14 * DAY_MS + TEN_MINUTES_MS);
    assert.equal(await count(), 0);
  } finally {
    await forgetful.stop();
  }
});

for (const [what, flood] of Object.entries({
  "guesses the operator's secret": (at, headers) =>
    worker.fire("/api/spaces", { headers: { ...headers, authorization: `Bearer guess ${at}` } }),
  "brings many unknown keys": (at, headers) =>
    worker.fire(`/e?token=${mintKey("xt_in_", "forged")}&event=contact`, { headers }),
})) {
  test(`an address that ${what} is told to wait; every right secret opens at once`, async () => {
    const space = await worker.space();
    const address = { "cf-connecting-ip": what.includes("guesses") ? "198.51.100.77" : "198.51.100.78" };
    const call = (token) => worker.fire("/api/spaces", { headers: { ...address, authorization: `Bearer ${token}` } });
    assert.equal((await call("wrong")).code, 401);
    for (let times = 0; times < 70; times++) await flood(times, address);
    const limited = await call("wrong");
    assert.deepEqual(
      [limited.code, limited.ok, limited.status, limited.headers.get("retry-after")],
      [429, false, "limited", "60"],
    );
    assert.equal((await call("")).code, 429);
    assert.equal((await call(OPERATOR_TOKEN)).code, 200);
    const post = (path, body) =>
      worker.fire(path, {
        method: "POST",
        headers: { ...address, authorization: `Bearer ${space.bearer}` },
        body: JSON.stringify(body),
      });
    assert.equal((await worker.fire(`/e?token=${space.ingest}&event=contact`, { headers: address })).status, "queued");
    assert.equal((await worker.fire(`/bind?token=${space.ingest}&uid=u&tg_id=5`, { headers: address })).code, 200);
    for (const [path, body] of [
      ["/events", { event: "contact" }],
      ["/bind", { uid: "u", tg_id: 5 }],
      ["/clicks", {}],
    ])
      assert.equal((await post(path, body)).code, 200, path);
    assert.equal(
      (
        await worker.fire("/api/spaces", {
          headers: { authorization: "Bearer wrong", "cf-connecting-ip": "198.51.100.79" },
        })
      ).code,
      401,
      "nobody else is limited",
    );
  });
}
