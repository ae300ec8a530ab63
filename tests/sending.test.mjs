// What is sent by hand is shown before it leaves: tests, one event to one destination, what came during a pause; and
// what a form has done is not done again by a reload or a double click (docs/destinations.md).
import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import {
  answers,
  capi,
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
import { page } from "./pages.mjs";

useDestinations();
let browser;
beforeEach(async () => {
  browser ??= await worker.browser();
});

/** Sends a form of a page as it stands there, with some fields changed. */
const press = (form, more = {}) => browser.send(form.action, { ...form.fields, ...more });
/** The page that an answer leads to. */
async function follow(answer) {
  assert.equal(answer.code, 303, answer.text);
  return open(answer.headers.get("location"));
}
const open = async (path) => page((await browser.get(path)).text);
const pathOf = (space, at = 0) => `/s/${space.id}/destinations/${space.destinations[at].id}`;

describe("a test", () => {
  test("shows what it sends and where to, leaves only when it is confirmed, and once", async () => {
    const space = await scene(s2s({ url_template: "https://s2s.example/p?c={uid}&v={value}&t={eid}&e={event}" }));
    await space.fire("event=deposit&uid=real&eid=tr-50&value=75");
    await settled();
    received.length = 0;
    const asking = await open(`${pathOf(space)}/test`);
    const told = asking.section("What will be sent").terms;
    const [, id] = /c=xtracker-test-([0-9a-f]{12})&/.exec(told["Where to"]);
    const address = `https://s2s.example/p?c=xtracker-test-${id}&v=1.00&t=xtracker-test-${id}&e=deposit`;
    assert.deepEqual([told["Where to"], told.Headers, told.Body], [`GET ${address}`, "x-xtracker-test", "none"]);
    assert.match(
      asking.text,
      /This network or tracker will take it for a real sale\. Only what stands for \{uid\} and/,
    );
    assert.equal(received.length, 0, "looking at it sends nothing");
    const form = asking.form("Send the test");
    const sent = await Promise.all([press(form), press(form), press(form)]);
    assert.deepEqual(
      received.map(({ url }) => url),
      [address],
      "three clicks send one test, and what was shown",
    );
    assert.equal(new Set(sent.map(({ headers }) => headers.get("location"))).size, 1);
    for (let reload = 0; reload < 3; reload++) {
      const shown = await follow(sent[0]);
      assert.match(shown.section("Test result").text, /It was accepted\..* 200 .*ok/);
      // Right under its button.
      assert.match(shown.section("Health").text, /Send a test… Pause Test result/);
    }
    assert.equal(received.length, 1, "a reload sends nothing");
    assert.equal((await rows()).length, 1, "a test is no delivery");
  });

  test("is of a real event where somebody chooses one, and says what the network makes of it", async () => {
    const space = await scene(s2s());
    await space.fire("event=deposit&uid=chosen&eid=1&value=30");
    await settled();
    received.length = 0;
    const choosing = await open(`${pathOf(space)}/test`);
    assert.match(
      choosing.text,
      /a sample contact a sample subscribed a sample registration a sample deposit event 1: deposit/,
    );
    const asking = await open(`${pathOf(space)}/test?what=event-1`);
    assert.equal(asking.section("What will be sent").terms["Where to"], "GET https://s2s.example/p?c=chosen&v=30.00");
    assert.match(asking.text, /take it for a real sale\. It is sent with the ids of the event itself\./);
    await press(asking.form("Send the test"));
    assert.deepEqual(
      received.map(({ url }) => url),
      ["https://s2s.example/p?c=chosen&v=30.00"],
    );
    assert.equal((await browser.get(`${pathOf(space)}/test?what=event-99`)).code, 404);
  });

  test("says by what a webhook and Facebook can tell it, and is refused where Facebook would count it", async () => {
    const space = await scene(
      webhook({ headers: { "x-key": "open sesame" } }),
      capi({ test_event_code: "TEST123" }),
      capi(),
    );
    const hook = await open(`${pathOf(space)}/test?what=sample-registration`);
    const told = hook.section("What will be sent").terms;
    assert.equal(told["Where to"], "POST https://hook.example/in");
    assert.match(told.Headers, /webhook-signature, x-key, x-xtracker-test$/);
    assert.match(told.Body, /"event":"registration".*"test":true/);
    assert.match(hook.text, /Your server can tell it/);
    assert.ok(!hook.text.includes("open sesame"));
    const facebook = await open(`${pathOf(space, 1)}/test`);
    assert.match(facebook.text, /Facebook can tell it by the test event code TEST123/);
    assert.match(facebook.section("What will be sent").terms.Body, /"access_token":"•••"/);
    const without = await open(`${pathOf(space, 2)}/test`);
    assert.match(without.text, /Set a test event code first/);
    assert.deepEqual(
      without.forms.flatMap(({ buttons }) => buttons).filter((button) => /Send the/.test(button)),
      [],
    );
    const nonce = "0".repeat(32);
    const forced = await browser.send(`${pathOf(space, 2)}/test`, { what: "sample-deposit", nonce });
    assert.equal(forced.headers.get("location"), `${pathOf(space, 2)}/test?what=sample-deposit`);
    assert.equal((await browser.send(`${pathOf(space)}/test`)).headers.get("location"), `${pathOf(space)}/test`);
    assert.equal(received.length, 0);
  });

  test("through the API is a sample unless an event is named", async () => {
    const space = await scene(webhook());
    await space.fire("event=contact&uid=real&eid=1");
    await settled();
    const id = space.destinations[0].id;
    const bodyOf = async (body) => JSON.parse((await operate(space, "POST", `/${id}/test`, body)).request.body);
    assert.match((await bodyOf()).click.uid, /^xtracker-test-/);
    assert.equal((await bodyOf({ event: "registration" })).canonical, "registration");
    assert.equal((await bodyOf({ seq: 1 })).click.uid, "real");
    assert.equal((await operate(space, "POST", `/${id}/test`, { event: "sale" })).field, "event");
  });
});

describe("a form", () => {
  const fields = { kind: "webhook", name: "Twice", url: "https://hook.example/in", method: "POST", enabled: "on" };

  test("that is sent twice makes one destination, whose secret is shown once and at one reload", async () => {
    const space = await worker.space();
    const form = (await open(`/s/${space.id}/destinations/new?kind=webhook`)).form("Add the destination");
    const twice = await Promise.all([press(form, fields), press(form, fields)]);
    const [path, other] = twice.map(({ headers }) => headers.get("location"));
    assert.equal(path, other);
    assert.equal((await worker.row("SELECT count(*) AS n FROM destinations WHERE space_id = ?", space.id)).n, 1);
    const first = await open(path);
    const [secret] = first.section("Signing secret").codes;
    assert.match(secret, /^whsec_/);
    assert.match(first.alerts.join(), /Saved\./);
    assert.deepEqual((await open(path)).section("Signing secret").codes, [secret]);
    assert.equal((await open(path)).find("Signing secret"), undefined);
    // It is the one that is kept.
    await worker.fire(`/e?token=${space.ingest}&event=contact&eid=signed`);
    await until("it has arrived", () => received.length === 1);
    const { Webhook } = await import("standardwebhooks");
    new Webhook(secret).verify(received[0].body, received[0].headers);
    // Another name is another destination.
    await press(form, { ...fields, name: "Another" });
    assert.equal((await worker.row("SELECT count(*) AS n FROM destinations WHERE space_id = ?", space.id)).n, 2);
  });

  test("that moves a webhook leads to a page that says once which headers it did not get", async () => {
    const space = await scene(webhook({ headers: { "x-key": "open sesame" } }));
    const form = (await open(pathOf(space))).form("Save");
    const moved = { ...fields, url: "https://other.example/in" };
    const twice = await Promise.all([press(form, moved), press(form, moved)]);
    const shown = await follow(twice[1]);
    assert.match(shown.section("Custom headers removed").text, /x-key$/);
    assert.ok(shown.alerts.includes("Saved."));
    assert.equal((await open(pathOf(space))).find("Custom headers removed"), undefined);
  });

  test("that was done is said: paused, resumed, removed", async () => {
    const space = await scene(webhook());
    const pausing = (await open(pathOf(space))).form("Pause");
    const paused = await follow(await press(pausing));
    assert.match(paused.alerts[0], /^Paused\./);
    const resumed = await follow(await press(paused.form("Resume")));
    assert.match(resumed.alerts[0], /^Resumed\./);
    const list = await follow(await press(resumed.form("Remove this destination")));
    assert.deepEqual(list.alerts, ["Removed."]);
  });
});

test("well is said of a destination that has taken something, and of no other", async () => {
  const space = await scene(webhook());
  const health = async () => (await open(`/s/${space.id}/destinations`)).rows[0].cells.Health.text;
  const healthy = async () => (await operate(space, "GET", "")).destinations[0].healthy;
  assert.deepEqual([await health(), await healthy()], ["Nothing has been sent yet.", null]);
  assert.match((await open(pathOf(space))).section("Health").text, /Health Nothing has been sent yet\. Send/);
  answers["hook.example"] = () => new Response("no", { status: 500 });
  await space.fire("event=contact&eid=1");
  await settled();
  assert.deepEqual([await health(), await healthy()], ["the last try did not succeed; 1 waiting", false]);
  takeAll();
  await operate(space, "POST", `/${space.destinations[0].id}/resend`, { seq: 1 });
  await until("it is sent", async () => (await rows())[0].state === "sent");
  assert.deepEqual([await health(), await healthy()], ["healthy", true]);
  // With another address it has to show it again; with another name alone it has not.
  await operate(space, "PUT", `/${space.destinations[0].id}`, webhook({ name: "Renamed" }));
  assert.equal(await health(), "healthy");
  await operate(space, "PUT", `/${space.destinations[0].id}`, webhook({ url: "https://hook.example/else" }));
  assert.deepEqual([await health(), await healthy()], ["Nothing has been sent since its settings changed.", null]);
});

describe("after a pause", () => {
  const pause = (space, enabled, at = 0) =>
    browser.send(`${pathOf(space, at)}/pause`, { enabled: enabled ? "on" : "" });

  test("what came meanwhile is offered, and sent once however often it is clicked", async () => {
    const space = await scene(webhook({ events: { contact: null } }), webhook({ name: "Always on" }));
    await space.fire("event=deposit&uid=a&eid=before&value=1");
    await settled();
    await pause(space, false);
    await space.fire("event=deposit&uid=a&eid=1&value=1");
    await space.fire("event=registration&uid=a&eid=2");
    await space.fire("event=contact&uid=a&eid=not-mapped");
    await space.fire("event=deposit&uid=a&eid=tried&value=1&test=1");
    const paused = await open(pathOf(space));
    assert.match(
      paused.section("Health").text,
      /2 events came while paused\. They can be sent, or left, once it is res/,
    );
    assert.equal(paused.find("While it was paused"), undefined);
    await pause(space, true);
    await space.fire("event=deposit&uid=a&eid=after&value=1");
    const list = await open(`/s/${space.id}/destinations`);
    assert.equal(list.link("2 events came while paused"), `${pathOf(space)}#missed`);
    const offered = await open(pathOf(space));
    assert.match(offered.section("While it was paused").text, /2 events came while paused\. Send them Leave them/);
    const form = offered.form("Send them");
    received.length = 0;
    await Promise.all([press(form, { then: "send" }), press(form, { then: "send" })]);
    await until("both are sent", async () => (await rows()).every(({ state }) => state === "sent"));
    const missed = await worker.rows(
      "SELECT seq FROM deliveries WHERE destination_id = ? ORDER BY seq",
      space.destinations[0].id,
    );
    assert.deepEqual(
      missed.map(({ seq }) => seq),
      [1, 2, 3, 6],
    );
    await press(form, { then: "send" });
    assert.equal((await open(pathOf(space))).find("While it was paused"), undefined);
    assert.deepEqual((await operate(space, "GET", "")).destinations[0].missed, null);
  });

  test("it may be left, and a second pause before that goes on with the first", async () => {
    const space = await scene(webhook());
    const id = space.destinations[0].id;
    const events = async () => (await operate(space, "GET", "")).destinations[0].missed;
    // However it is paused: by its form, or by a program that changes it.
    await operate(space, "PUT", `/${id}`, webhook({ enabled: false }));
    await space.fire("event=contact&eid=1");
    await operate(space, "PUT", `/${id}`, webhook({ enabled: true }));
    await space.fire("event=contact&eid=2");
    await settled();
    await pause(space, false);
    await space.fire("event=contact&eid=3");
    assert.deepEqual(await events(), { events: 2, has_more: false, over: false });
    assert.equal((await operate(space, "POST", `/${id}/missed`, { send: true })).resent, 0, "it is still paused");
    await pause(space, true);
    assert.deepEqual(await events(), { events: 2, has_more: false, over: true });
    const form = (await open(pathOf(space))).form("Leave them");
    await press(form, { then: "leave" });
    assert.equal(await events(), null);
    assert.equal((await rows()).length, 1);
    // An old page sends nothing of another pause.
    await pause(space, false);
    await space.fire("event=contact&eid=4");
    await pause(space, true);
    await press(form, { then: "send" });
    assert.equal((await rows()).length, 1);
    assert.equal((await operate(space, "POST", `/${id}/missed`, { send: true })).resent, 1);
    assert.equal((await operate(space, "POST", "/999/missed", { send: true })).code, 404);
  });

  test("a pause without events offers nothing; one made paused has missed what came since", async () => {
    const space = await scene(webhook(), webhook({ name: "Made paused", enabled: false }));
    await pause(space, false);
    await pause(space, true);
    const range = "SELECT missed_from, missed_to FROM destinations WHERE id = ?";
    assert.deepEqual(await worker.row(range, space.destinations[0].id), { missed_from: null, missed_to: null });
    await space.fire("event=contact&eid=1");
    await settled();
    await pause(space, true, 1);
    assert.match((await open(pathOf(space, 1))).section("While it was paused").text, /1 event came while paused/);
  });

  test("of many events 10,000 are sent at a time, in pieces, and the rest is offered again", async () => {
    const space = await scene(webhook({ enabled: false }));
    const id = space.destinations[0].id;
    await worker.db
      .prepare(
        `
        INSERT INTO events (space_id, seq, dedup, event, currency, occurred_at_ms, received_at_ms, link_id, first,
          receipt, raw)
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10500)
        SELECT ?1, i, 'filler=' || i, 'contact', 'USD', 1760000000000, 1760000000000, 0, 0, 'r', '' FROM n`,
      )
      .bind(space.id)
      .run();
    // Nothing goes out meanwhile.
    await worker.db.prepare("UPDATE destinations SET rest_until_ms = 4e12 WHERE id = ?").bind(id).run();
    await pause(space, true);
    const offered = await open(pathOf(space));
    assert.match(offered.section("While it was paused").text, /2,000 or more events came while paused\..*Up to 10,000/);
    const count = async () => (await worker.row("SELECT count(*) AS n FROM deliveries WHERE destination_id = ?", id)).n;
    await press(offered.form("Send them"), { then: "send" });
    assert.equal(await count(), 10_000);
    const rest = await open(pathOf(space));
    assert.match(rest.section("While it was paused").text, /500 events came while paused/);
    await press(rest.form("Send them"), { then: "send" });
    assert.equal(await count(), 10_500);
  });
});

describe("one event", () => {
  test("is sent to one destination that did not exist when it came, once however often it is clicked", async () => {
    const space = await scene();
    await space.fire("event=deposit&uid=early&eid=1&value=12");
    await until("it is stored", () => worker.row("SELECT 1 FROM events WHERE space_id = ?", space.id));
    const created = await operate(space, "POST", "", webhook({ events: { deposit: null } }));
    const event = `/s/${space.id}/events/1`;
    const choosing = (await open(event)).form("Show what it would get…");
    assert.deepEqual(
      [choosing.action, choosing.text],
      [`${event}/send`, "Send this event to Hook Show what it would get…"],
    );
    const asking = await open(`${event}/send?destination=${created.id}`);
    assert.match(asking.section("What will be sent").terms.Body, /"event":"deposit".*"uid":"early".*"value":"12.00"/);
    const renamed = await open(`${event}/send?destination=${created.id}&as=Purchase`);
    assert.match(renamed.section("What will be sent").terms.Body, /"event":"Purchase"/);
    assert.equal(received.length, 0);
    const form = renamed.form("Send it");
    await Promise.all([press(form), press(form)]);
    await settled();
    await press(form);
    assert.equal((await press(form)).code, 303);
    assert.equal(received.length, 1);
    assert.equal(JSON.parse(received[0].body).event, "Purchase");
    const sent = (await open(event)).section("Sent on");
    assert.match(sent.text, /Hook as Purchase: sent/);
    // Once more, on purpose, under the same id.
    const again = await open(`${event}/send?destination=${created.id}`);
    assert.match(again.text, /has been sent this event before/);
    await press(again.form("Send it"));
    await until("it arrived again", () => received.length === 2);
    assert.equal(new Set(received.map(({ headers }) => headers["webhook-id"])).size, 1);
    // The form beside a delivery that has been sent again since does nothing any more.
    const resend = sent.form("Send again");
    await settled();
    assert.equal((await press(resend)).code, 303);
    assert.equal((await rows())[0].state, "sent");
  });

  test("that is not counted is sent nowhere, and the page says why", async () => {
    const space = await scene(webhook());
    await space.fire("event=deposit&uid=a&eid=1&value=1&test=1");
    const event = await open(`/s/${space.id}/events/1`);
    assert.match(event.section("Sent on").text, /It is not counted, so it can be sent nowhere/);
    const id = space.destinations[0].id;
    const asking = await browser.get(`/s/${space.id}/events/1/send?destination=${id}`);
    assert.equal(asking.code, 422);
    assert.match(page(asking.text).text, /This event is not counted/);
    const forced = await browser.send(`/s/${space.id}/events/1/send`, { destination: id, as: "x", last_try_ms: 0 });
    assert.equal(forced.code, 422);
    const refused = await operate(space, "POST", `/${id}/send`, { seq: 1 });
    assert.deepEqual([refused.code, refused.field], [422, "seq"]);
    assert.deepEqual(await rows(), []);
  });

  test("through the API goes to a destination under its name for it, or another one", async () => {
    const space = await scene();
    await space.fire("event=contact&uid=a&eid=1");
    const { id } = await operate(space, "POST", "", webhook());
    assert.equal((await operate(space, "POST", `/${id}/send`, { seq: 1, as: "Hello" })).resent, 1);
    await settled();
    assert.equal(JSON.parse(received[0].body).event, "Hello");
    assert.equal((await operate(space, "POST", `/${id}/send`, { seq: 1, as: "x\u0007" })).field, "as");
    assert.equal((await operate(space, "POST", `/${id}/send`, { seq: 2 })).code, 404);
    const other = await worker.space();
    assert.equal((await operate(other, "POST", `/${id}/send`, { seq: 1 })).code, 404);
  });
});

test("each try is on record with what was sent, secrets masked, at most 2 KB and 50 tries", async () => {
  const space = await scene(capi({ access_token: "EAABsecret", test_event_code: "T1" }), s2s());
  await space.fire("event=deposit&uid=a&eid=1&value=5");
  await settled();
  const [facebook, postback] = await rows();
  const [{ request }] = facebook.attempts;
  assert.deepEqual([request.method, request.url.split("/").at(-1)], ["POST", "events"]);
  assert.match(request.body, /"event_name":"Purchase".*"access_token":"•••"/);
  assert.deepEqual(postback.attempts[0].request, { method: "GET", url: "https://s2s.example/p?c=a&v=5.00" });
  const sent = (await open(`/s/${space.id}/events/1`)).section("Sent on");
  assert.ok(sent.codes.includes("GET https://s2s.example/p?c=a&v=5.00"), sent.text);
  assert.ok(sent.codes.some((code) => code.includes('"access_token":"•••"')));
  // The list of deliveries leads there.
  const list = await open(pathOf(space, 1));
  assert.match(list.rows[0].cells["Last answer"].text, /^200 /);
  assert.equal(list.link("Event 1"), `/s/${space.id}/events/1#to-${space.destinations[1].id}`);
  // The 51st try pushes the first one out.
  const tries = Array.from({ length: 50 }, (_, at) => ({ ...postback.attempts[0], at_ms: 1000 + at }));
  await worker.db
    .prepare("UPDATE deliveries SET attempts = ? WHERE destination_id = ?")
    .bind(JSON.stringify(tries), space.destinations[1].id)
    .run();
  await operate(space, "POST", `/${space.destinations[1].id}/resend`, { seq: 1 });
  const kept = await until("it was sent again", async () => {
    const { attempts } = (await rows())[1];
    return attempts.at(-1).at_ms > 2000 && attempts;
  });
  assert.deepEqual([kept.length, kept[0].at_ms], [50, 1001]);
});
