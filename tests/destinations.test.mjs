// What is done to destinations by hand: saving, testing, sending again, removing (docs/destinations.md).
import assert from "node:assert/strict";
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
import { mintKey, until } from "./harness.mjs";
import { page } from "./pages.mjs";

useDestinations();

describe("by hand", () => {
  test("one delivery, or all that were given up, are sent again under their event_id", async () => {
    const space = await scene(webhook());
    const id = space.destinations[0].id;
    answers["hook.example"] = () => new Response("no", { status: 400 });
    for (const eid of [1, 2, 3]) await space.fire(`event=contact&eid=${eid}`);
    await until(
      "all are given up",
      async () => (await rows()).filter(({ state }) => state === "failed_permanently").length === 3,
    );
    const listed = (await operate(space, "GET", `/${id}/deliveries?state=failed_permanently`)).deliveries;
    assert.deepEqual(
      listed.map(({ seq, attempts }) => [seq, attempts[0].status]),
      [
        [3, 400],
        [2, 400],
        [1, 400],
      ],
    );
    takeAll();
    assert.equal((await operate(space, "POST", `/${id}/resend`, { seq: 2 })).resent, 1);
    await until("it is sent", async () => (await rows())[1].state === "sent");
    assert.equal((await operate(space, "POST", `/${id}/resend`, { all_failed: true })).resent, 2);
    await until("all are sent", async () => (await rows()).every(({ state }) => state === "sent"));
    const ids = received.map(({ headers }) => headers["webhook-id"]);
    assert.deepEqual([ids.length, new Set(ids).size], [6, 3]);
    assert.equal((await operate(space, "POST", `/${id}/resend`, {})).field, "seq");
  });

  test("a test delivery is marked, shown with its answer, and recorded nowhere", async () => {
    const space = await scene(webhook({ headers: { "x-key": "open sesame" } }), capi(), s2s());
    const [hook, facebook, postback] = space.destinations.map(({ id }) => id);
    const tested = await operate(space, "POST", `/${hook}/test`, {});
    assert.deepEqual([tested.ok, tested.outcome, tested.status, tested.answer], [true, "sent", 200, "ok"]);
    assert.match(JSON.parse(received[0].body).event_id, /^test_/);
    assert.equal(JSON.parse(received[0].body).test, true);
    assert.equal(received[0].headers["x-xtracker-test"], "1");
    assert.ok(!tested.text.includes("open sesame"));
    answers["s2s.example"] = () => new Response("who are you", { status: 403 });
    const refused = await operate(space, "POST", `/${postback}/test`, {});
    assert.deepEqual(
      [refused.ok, refused.outcome, refused.status, refused.answer],
      [false, "permanent", 403, "who are you"],
    );
    assert.equal((await operate(space, "POST", `/${facebook}/test`, {})).field, "test_event_code");
    assert.deepEqual(await rows(), []);
  });

  test("secrets are shown once, kept over a change, and sealed at rest", async () => {
    const space = await scene(webhook({ headers: { "x-key": "open sesame" } }));
    const [{ id, signing_secret }] = space.destinations;
    assert.match(signing_secret, /^whsec_/);
    assert.equal((await operate(space, "PUT", `/${id}`, webhook({ name: "Renamed" }))).code, 200);
    const {
      text,
      destinations: [shown],
    } = await operate(space, "GET", "");
    assert.deepEqual([shown.name, shown.headers, shown.config.url], ["Renamed", ["x-key"], "https://hook.example/in"]);
    assert.ok(!text.includes("whsec_") && !text.includes("open sesame"));
    const { secrets } = await worker.row("SELECT secrets FROM destinations");
    assert.match(secrets, /^v1\.[A-Za-z0-9+/=]+$/);
    await space.fire("event=contact&eid=1");
    await until("it has arrived", () => received.length === 1);
    new Webhook(signing_secret).verify(received[0].body, received[0].headers);
    assert.equal(received[0].headers["x-key"], "open sesame");
    // A webhook made of another kind gets a secret of its own, and shows it once.
    const [{ id: turned }] = (await scene(s2s())).destinations;
    const { id: home } = await worker.row("SELECT space_id AS id FROM destinations WHERE id = ?", turned);
    assert.match((await operate({ id: home }, "PUT", `/${turned}`, webhook())).signing_secret, /^whsec_/);
    assert.equal((await operate({ id: home }, "PUT", `/${turned}`, webhook())).signing_secret, undefined);
    // Sealed for its own space alone.
    const other = await worker.space();
    await worker.db.prepare("UPDATE destinations SET space_id = ? WHERE id = ?").bind(other.id, id).run();
    assert.equal((await operate(other, "PUT", `/${id}`, webhook())).code, 503);
  });

  test("another address does not get the headers that were entered for the one before", async () => {
    const space = await scene(webhook({ headers: { "x-key": "open sesame", authorization: "Bearer 1" } }));
    const [{ id, signing_secret }] = space.destinations;
    const change = (draft) => operate(space, "PUT", `/${id}`, draft);
    const shown = async () => (await operate(space, "GET", "")).destinations[0].headers;
    assert.equal((await change(webhook({ url: " https://hook.example/in " }))).dropped_headers, undefined);
    assert.deepEqual(await shown(), ["authorization", "x-key"]);
    const moved = await change(webhook({ url: "https://other.example/in" }));
    assert.deepEqual(
      [moved.code, moved.dropped_headers, moved.signing_secret],
      [200, ["authorization", "x-key"], undefined],
    );
    await space.fire("event=contact&eid=moved");
    await until("it has arrived", () => received.length === 1);
    assert.deepEqual(
      [received[0].host, received[0].headers["x-key"], received[0].headers.authorization],
      ["other.example", undefined, undefined],
    );
    new Webhook(signing_secret).verify(received[0].body, received[0].headers);
    // Entered again in the same change, they are sent; another path is another address.
    const again = await change(webhook({ url: "https://hook.example/in", headers: { "x-key": "again" } }));
    assert.deepEqual([again.dropped_headers, await shown()], [undefined, ["x-key"]]);
    assert.deepEqual((await change(webhook({ url: "https://hook.example/out" }))).dropped_headers, ["x-key"]);
  });

  test("the dashboard says which headers another address did not get", async () => {
    const space = await scene(webhook({ headers: { "x-key": "open sesame" } }));
    const { get, send } = await worker.browser();
    const path = `/s/${space.id}/destinations/${space.destinations[0].id}`;
    const form = { kind: "webhook", name: "Hook", method: "POST", enabled: "on" };
    assert.equal((await send(path, { ...form, url: "https://hook.example/in" })).code, 303);
    const moved = await send(path, { ...form, url: "https://other.example/in" });
    assert.equal(moved.code, 303);
    const shown = await get(moved.headers.get("location"));
    assert.match(page(shown.text).section("Custom headers removed").text, /enter them again .*: x-key$/);
    assert.equal((await send(path, { ...form, url: "https://hook.example/in" })).code, 303);
  });

  test("this deployment's own address is refused in every spelling", async () => {
    const { origin } = await worker.browser();
    const { port } = new URL(origin);
    const space = await scene(webhook());
    for (const own of [
      origin,
      `http://localhost:${port}`,
      `HTTP://LOCALHOST:${port}`,
      `http://127.1:${port}`,
      `http://0x7f000001:${port}`,
      `http://[::1]:${port}`,
      `https://127.0.0.1:${port}`,
    ]) {
      for (const [draft, field] of [
        [s2s({ url_template: `${own}/e?token=${space.ingest}&event={canonical}` }), "url_template"],
        [webhook({ url: `${own}/events` }), "url"],
        [webhook({ url: `${own}/x/../clicks` }), "url"],
      ]) {
        const { id } = space.destinations[0];
        for (const [method, path] of [
          ["POST", ""],
          ["PUT", `/${id}`],
        ]) {
          const answer = await operate(space, method, path, draft);
          assert.deepEqual([answer.code, answer.field], [422, field], `${own} ${answer.text}`);
          assert.match(answer.hint, /leads back to this deployment/);
        }
      }
    }
    const { send } = await worker.browser();
    const form = { kind: "s2s_postback", name: "Loop", method: "GET", enabled: "on", url_template: `${origin}/e` };
    const refused = await send(`/s/${space.id}/destinations`, form);
    assert.equal(refused.code, 422);
    assert.match(
      page(refused.text).forms.find(({ errors }) => errors.url_template).errors.url_template,
      /leads back to this deployment/,
    );
  });

  test("an address that carries a key of this deployment is refused, and never called", async () => {
    const space = await scene(s2s());
    const [{ id }] = space.destinations;
    const loops = [
      [s2s({ url_template: `https://other-name.example/e?token=${space.ingest}&event={canonical}` }), "url_template"],
      [s2s({ url_template: `https://other-name.example/e/${encodeURIComponent(space.ingest)}` }), "url_template"],
      [
        webhook({ url: "https://other-name.example/events", headers: { authorization: `Bearer ${space.bearer}` } }),
        "headers",
      ],
    ];
    for (const [draft, field] of loops) {
      const answer = await operate(space, "POST", "", draft);
      assert.deepEqual([answer.code, answer.field], [422, field], answer.text);
      assert.match(answer.hint, /leads back to this deployment/);
    }
    // Another deployment's key is another deployment's business.
    const other = `https://other.example/e?token=${mintKey("xt_in_", "another secret")}`;
    assert.equal((await operate(space, "POST", "", s2s({ url_template: other, events: { contact: null } }))).code, 201);
    // One that was saved before.
    const [{ url_template }] = loops[0];
    await worker.db
      .prepare("UPDATE destinations SET config = json_set(config, '$.url_template', ?) WHERE id = ?")
      .bind(url_template, id)
      .run();
    await space.fire("event=contact&eid=round");
    const [row] = await settled();
    assert.deepEqual([row.state, row.attempts[0].status, received.length], ["failed_permanently", null, 0]);
    assert.match(row.attempts[0].answer, /leads back to this deployment/);
  });

  test("wrong settings are refused by field, other spaces' destinations not found", async () => {
    const space = await worker.space();
    for (const [draft, field] of [
      [webhook({ url: "http://169.254.169.254/" }), "url"],
      [webhook({ url: "https://user@hook.example/" }), "url"],
      [s2s({ url_template: "https://s2s.example/?c={nope}" }), "url_template"],
      [capi({ access_token: "" }), "access_token"],
      [webhook({ name: "" }), "name"],
      [{ kind: "pigeon", name: "x" }, "kind"],
    ]) {
      const answer = await operate(space, "POST", "", draft);
      assert.deepEqual([answer.code, answer.field], [422, field]);
      assert.ok(answer.hint.length > 20);
    }
    const [{ id }] = (await scene(webhook())).destinations;
    for (const [method, path, body] of [
      ["PUT", `/${id}`, webhook()],
      ["POST", `/${id}/test`, {}],
    ]) {
      assert.equal((await operate(space, method, path, body)).code, 404);
    }
  });

  test("deleting a destination gives up what it still had to get, and harms nothing that is due", async () => {
    const space = await scene(webhook());
    answers["hook.example"] = () => new Response("no", { status: 500 });
    await space.fire("event=contact&eid=1");
    const [row] = await settled();
    assert.equal((await operate(space, "DELETE", `/${space.destinations[0].id}`)).code, 200);
    await cron(row.due_at_ms + MINUTE_MS);
    assert.deepEqual(
      (await rows()).map(({ state }) => state),
      ["failed_permanently"],
    );
    // What is on record of it is never taken for another destination's.
    const next = await operate(space, "POST", "", webhook());
    assert.deepEqual((await operate(space, "GET", `/${next.id}/deliveries`)).deliveries, []);
  });
});
