// Every event reaches its destinations (docs/destinations.md): in-process destinations, a clock that the schedule
// sets, real workerd and D1.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { Webhook } from "standardwebhooks";
import {
  MINUTE_MS,
  answers,
  capi,
  cron,
  operate,
  received,
  rows,
  s2s,
  scene,
  settled,
  takeAll,
  useDestinations,
  webhook,
  worker,
} from "./destinations.mjs";
import { until } from "./harness.mjs";

useDestinations();

describe("three destinations at once", () => {
  test("each gets the exact request of its kind, within two seconds", async () => {
    const space = await scene(
      webhook({ headers: { "x-key": "open sesame" } }),
      s2s(),
      capi({ event_source_url: "https://offer.example/" }),
    );
    const link = await worker.link(space.id, "three");
    const click = await worker.fire("/clicks", {
      method: "POST",
      headers: { authorization: `Bearer ${space.bearer}` },
      body: JSON.stringify({
        uid: "abc123",
        link_slug: "three",
        fbclid: "IwAR_X",
        campaign_id: "42",
        campaign_name: "Summer",
      }),
    });
    assert.equal(click.code, 200);
    const t = Date.now() - 1000;
    const fired = Date.now();
    const answer = await space.fire(`event=deposit&uid=abc123&value=25.00&currency=USD&eid=d1&tg_id=555123&t=${t}`);
    assert.equal(answer.status, "queued");
    const all = await settled();
    assert.ok(received.every(({ at }) => at - fired < 2000));
    assert.deepEqual(
      all.map(({ state }) => state),
      ["sent", "sent", "sent"],
    );
    assert.deepEqual(
      all.map(({ attempts }) => [attempts.length, attempts[0].status, attempts[0].answer]),
      Array(3).fill([1, 200, "ok"]),
    );

    const by = (host) => received.filter((request) => request.host === host);
    const [hook] = by("hook.example");
    assert.deepEqual(
      [hook.method, hook.headers["content-type"], hook.headers["x-key"]],
      ["POST", "application/json", "open sesame"],
    );
    const body = JSON.parse(hook.body);
    assert.deepEqual(
      { ...body, event_id: "" },
      {
        event: "deposit",
        canonical: "deposit",
        event_id: "",
        occurred_at_ms: t,
        click: { uid: "abc123", tg_id: 555123, fbclid: "IwAR_X", campaign_id: "42", campaign_name: "Summer" },
        data: { value: "25.00", currency: "USD" },
      },
    );
    assert.equal(hook.headers["webhook-id"], body.event_id);
    // The public library of Standard Webhooks takes the signature, and no other body with it.
    const verifier = new Webhook(space.destinations[0].signing_secret);
    assert.deepEqual(verifier.verify(hook.body, hook.headers), body);
    assert.throws(() => verifier.verify(hook.body.replace("25.00", "26.00"), hook.headers));

    const [postback] = by("s2s.example");
    assert.deepEqual(
      [postback.method, postback.url, postback.body],
      ["GET", "https://s2s.example/p?c=abc123&v=25.00", ""],
    );

    const [facebook] = by("graph.facebook.com");
    assert.match(facebook.url, /^https:\/\/graph\.facebook\.com\/v\d+\.0\/123456\/events$/);
    const {
      data: [event],
      access_token,
    } = JSON.parse(facebook.body);
    assert.equal(access_token, "EAABtoken");
    assert.deepEqual(
      [event.event_name, event.event_time, event.custom_data],
      ["Purchase", Math.floor(t / 1000), { value: 25, currency: "USD" }],
    );
    assert.match(facebook.body, /"value":25\.00,/);
    assert.match(event.user_data.fbc, /^fb\.1\.\d{13}\.IwAR_X$/);
    assert.equal(event.user_data.external_id, "6ca13d52ca70c883e0f0bb101e425a89e8624de51db2d2392593af6a84118090");
    assert.equal(new Set([body.event_id, event.event_id]).size, 2);
    assert.equal(link > 0, true);
  });

  test("a slow destination holds up no other, and a duplicate is not sent again", async () => {
    const space = await scene(webhook({ url: "https://slow.example/" }), webhook(), s2s());
    let free;
    answers["slow.example"] = () => new Promise((resolve) => (free = () => resolve(new Response("late"))));
    await space.fire("event=contact&eid=1");
    await until(
      "the others have theirs",
      async () => (await rows()).filter(({ state }) => state === "sent").length === 2,
      3000,
    );
    assert.equal((await space.fire("event=contact&eid=1")).status, "duplicate");
    free();
    await settled();
    assert.equal(received.length, 3);
  });
});

test("the event map decides what is sent and under which name; a paused destination gets nothing", async () => {
  const space = await scene(
    webhook({ events: { contact: null, registration: "Lead", deposit: "Lead" } }),
    webhook({ url: "https://paused.example/", enabled: false }),
  );
  for (const event of ["contact", "registration", "deposit"]) await space.fire(`event=${event}&eid=m`);
  await until("both have arrived", () => received.length === 2);
  assert.deepEqual(
    received.map(({ body }) => JSON.parse(body).event),
    ["Lead", "Lead"],
  );
  await settled();
  await cron(Date.now() + MINUTE_MS);
  assert.equal(received.length, 2);
});

describe("the table of outcomes", () => {
  for (const [status, hook, postback] of [
    [200, "sent", "sent"],
    [204, "sent", "failed_permanently"],
    [302, "failed_permanently", "failed_permanently"],
    [400, "failed_permanently", "failed_permanently"],
    [404, "failed_permanently", "failed_permanently"],
    [410, "failed_permanently", "failed_permanently"],
    [408, "retrying", "retrying"],
    [429, "retrying", "retrying"],
    [500, "retrying", "retrying"],
    [503, "retrying", "retrying"],
  ]) {
    test(`${status}: webhook ${hook}, S2S ${postback}`, async () => {
      const space = await scene(webhook(), s2s(), capi());
      const answer = () =>
        new Response([204, 304].includes(status) ? null : "body", {
          status,
          headers: status === 302 ? { location: "https://elsewhere.example/" } : {},
        });
      Object.assign(answers, { "hook.example": answer, "s2s.example": answer, "graph.facebook.com": answer });
      await space.fire("event=contact&eid=1");
      const all = await settled();
      assert.deepEqual(
        all.map(({ state }) => state),
        [hook, postback, hook],
      );
      assert.ok(!received.some(({ host }) => host === "elsewhere.example"), "a redirect was followed");
    });
  }

  test("the answer's record shows no secret", async () => {
    const space = await scene(capi(), webhook({ headers: { "x-key": "open sesame" } }));
    answers["graph.facebook.com"] = () => new Response("bad token EAABtoken", { status: 400 });
    answers["hook.example"] = () => new Response("who says open sesame?", { status: 500 });
    await space.fire("event=contact&eid=1");
    const all = await settled();
    assert.deepEqual(
      all.map(({ attempts: [attempt] }) => attempt.answer),
      ["bad token •••", "who says •••?"],
    );
    const everything = JSON.stringify([
      await worker.rows("SELECT * FROM destinations"),
      await worker.rows("SELECT * FROM deliveries"),
      worker.server.getLogs(),
    ]);
    for (const secret of ["EAABtoken", "open sesame", space.destinations[1].signing_secret])
      assert.ok(!everything.includes(secret));
  });

  test("what Meta would refuse for its age is not sent", async () => {
    const space = await scene(capi());
    await space.fire(`event=contact&eid=1&t=${Date.now() - 8 * 24 * 60 * MINUTE_MS}`);
    const [row] = await settled();
    assert.deepEqual([row.state, row.attempts[0].status, received.length], ["failed_permanently", null, 0]);
    assert.match(row.attempts[0].answer, /7 days/);
  });
});

describe("trying again", () => {
  test("gaps grow from 30 s to the cap, under one event_id, until twelve tries are spent", async () => {
    const space = await scene(webhook());
    answers["hook.example"] = () => new Response("no", { status: 500 });
    await space.fire("event=contact&eid=1");
    let [row] = await settled();
    for (let tries = 2; tries <= 12; tries++) {
      await cron(row.due_at_ms - 5_000);
      assert.equal((await rows())[0].tries, tries - 1, "it was tried before its time");
      await cron(row.due_at_ms + 10);
      [row] = await rows();
      assert.equal(row.tries, tries);
    }
    assert.equal(row.state, "failed_permanently");
    const at = row.attempts.map(({ at_ms }) => at_ms);
    const gaps = at.slice(1).map((ms, i) => (ms - at[i]) / 1000);
    for (const [i, expected] of [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600, 3600].entries()) {
      assert.ok(gaps[i] > expected * 0.89 && gaps[i] < expected * 1.11 + 2, `gap ${i} is ${gaps[i]} s`);
    }
    assert.equal(new Set(received.map(({ headers }) => headers["webhook-id"])).size, 1);
    await cron(row.due_at_ms + 24 * 60 * MINUTE_MS);
    assert.equal(received.length, 12);
  });

  test("Retry-After is honoured, as seconds and as a date", async () => {
    for (const header of [() => "300", () => new Date(Date.now() + 300_000).toUTCString()]) {
      const space = await scene(webhook());
      answers["hook.example"] = () => new Response("busy", { status: 429, headers: { "retry-after": header() } });
      await space.fire("event=contact&eid=1");
      const [row] = await settled();
      const wait = row.due_at_ms - row.attempts[0].at_ms;
      assert.ok(wait > 298_000 && wait < 302_000, `${wait}`);
      await worker.db.prepare("DELETE FROM deliveries").run();
      await worker.db.prepare("DELETE FROM destinations").run();
    }
  });

  test("the hint on the queue makes the second try without the cron", async () => {
    const space = await scene(webhook());
    answers["hook.example"] = () => new Response("no", { status: 500 });
    await space.fire("event=contact&eid=1");
    await settled();
    takeAll();
    await worker.db.prepare("UPDATE deliveries SET due_at_ms = 0").run();
    await worker.deliver("xtracker-deliveries", ["not even JSON", '{"v":99}']);
    assert.deepEqual(
      (await rows()).map(({ state, tries }) => [state, tries]),
      [["sent", 2]],
    );
    await worker.deliver("xtracker-deliveries", ['{"v":1,"kind":"due"}', '{"v":1,"kind":"due"}']);
    assert.equal(received.length, 2);
  });

  test("an answer that was lost is asked for again under the same event_id", async () => {
    const space = await scene(webhook());
    answers["hook.example"] = () => new Response("taken, but who hears it", { status: 502 });
    await space.fire("event=deposit&eid=1&value=5");
    const [row] = await settled();
    takeAll();
    await cron(row.due_at_ms + 10);
    assert.deepEqual(
      (await rows()).map(({ state }) => state),
      ["sent"],
    );
    assert.equal(received.length, 2);
    assert.equal(received[0].body, received[1].body);
  });

  test("an hour's outage under load ends with everything sent, and another destination never waits", async () => {
    const space = await scene(webhook(), s2s());
    answers["hook.example"] = () => new Response("down", { status: 503 });
    const start = Date.now();
    const events = 150;
    let fired = 0;
    const hook = space.destinations[0].id;
    let resting = false;
    for (let minute = 0; minute <= 60; minute++) {
      const burst = Array.from({ length: minute < 50 ? 3 : 0 }, () =>
        space.fire(`event=deposit&value=1&eid=o${fired++}&uid=u${fired}`),
      );
      await Promise.all(burst);
      // The cron's clock runs ahead; the first tries, which run by the real one, end before it looks.
      await until("the first tries are through", async () =>
        (await rows()).every(({ destination_id, state, tries }) =>
          destination_id === hook ? tries > 0 || resting : state === "sent",
        ),
      );
      await cron(start + minute * MINUTE_MS);
      resting = (await worker.row("SELECT rest_until_ms FROM destinations WHERE id = ?", hook)).rest_until_ms > 0;
    }
    assert.equal(fired, events);
    const health = (await operate(space, "GET", "")).destinations;
    assert.deepEqual(
      health.map(({ healthy }) => healthy),
      [false, true],
    );
    assert.equal(health[0].open, 100, "counted up to 100");
    const asked = received.filter(({ host }) => host === "hook.example").length;
    assert.ok(asked < events * 2, `a destination that is down was asked ${asked} times`);
    assert.equal(received.filter(({ host }) => host === "s2s.example").length, events);
    takeAll();
    for (let minute = 61; minute <= 200 && (await rows()).some(({ state }) => state !== "sent"); minute++)
      await cron(start + minute * MINUTE_MS);
    assert.ok((await rows()).every(({ state }) => state === "sent"));
    const ids = new Set(
      received.filter(({ host }) => host === "hook.example").map(({ headers }) => headers["webhook-id"]),
    );
    assert.equal(ids.size, events);
    assert.equal((await operate(space, "GET", "")).destinations[0].healthy, true);
  });
});

test("a delivery that succeeds at once writes three rows in its life", async () => {
  const space = await scene(webhook());
  const written = (answer) => answer.cost.written;
  const other = await worker.space();
  const alone = written(await worker.fire(`/e?token=${other.ingest}&event=contact&uid=u&eid=1`));
  const inserted = written(await space.fire("event=contact&uid=u&eid=1")) - alone;
  await settled();
  // The statement that records the success, as the Worker has it, run once more on a fresh row.
  const source = readFileSync(new URL("../src/db/delivery.rs", import.meta.url), "utf8");
  const record = /const RECORD: &str = "(.*?)";/s.exec(source)[1];
  await worker.db.prepare("UPDATE deliveries SET state = 'pending', tries = 0, attempts = NULL").run();
  const { seq, destination_id } = (await rows())[0];
  const { meta } = await worker.db.prepare(record).bind(space.id, seq, destination_id, "sent", 0, "{}", null).run();
  assert.ok(inserted + meta.rows_written <= 3, `${inserted} + ${meta.rows_written}`);
});
