// What is not there, or is another space's, is answered 404 by every endpoint that changes or removes something or
// lists what belongs to it, and nothing changes.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { OPERATOR_TOKEN, startWorker } from "./harness.mjs";

const NOWHERE = 999_999;
const HOOK = { kind: "webhook", name: "Hook", url: "https://hook.example/" };
const MEND = { kind: "thousands" };
const LINK = { name: "Summer", slug: "another-slug", kind: "web", target: "https://offer.example/" };

let worker, browser, mine, theirs;
before(async () => {
  worker = await startWorker({ local: false });
  browser = await worker.browser();
  mine = await worker.space("Mine");
  theirs = await filled("Theirs");
});
after(() => worker.stop());

const operate = (method, path, body) =>
  worker.fire(`/api${path}`, {
    method,
    headers: { authorization: `Bearer ${OPERATOR_TOKEN}` },
    body: body && JSON.stringify(body),
  });

/** A space with one of everything, and a delivery in each state that can be sent again. */
async function filled(name) {
  const { id } = await worker.space(name);
  const link = await worker.link(id, `slug-${id}`);
  const { id: destination } = await operate("POST", `/spaces/${id}/destinations`, HOOK);
  for (const [seq, state] of [
    [1, "failed_permanently"],
    [2, "sent"],
    [3, "retrying"],
  ]) {
    await worker.db
      .prepare(
        `
        INSERT INTO deliveries (space_id, seq, destination_id, target, state, due_at_ms)
        VALUES (?, ?, ?, 't', ?, ?)`,
      )
      .bind(id, seq, destination, state, Date.now() * 2)
      .run();
  }
  return { id, link, destination };
}

/** All that is stored, but what the platform itself writes. */
async function everything() {
  const tables = await worker.rows(`
      SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\' ORDER BY name`);
  const stored = {};
  for (const { name } of tables) stored[name] = await worker.rows(`SELECT * FROM ${name}`);
  return stored;
}

/** Every call of the operator's API to a thing of a space, and every form of the dashboard. */
function calls({ space, link, destination, seq }) {
  const form = { kind: "webhook", name: "Hook", url: "https://hook.example/x", method: "POST", enabled: "on" };
  const api = [
    ["GET", `/spaces/${space}/links`],
    ["POST", `/spaces/${space}/links`, LINK],
    ["PUT", `/spaces/${space}/links/${link}`, LINK],
    ["GET", `/spaces/${space}/destinations`],
    ["POST", `/spaces/${space}/destinations`, HOOK],
    ["POST", `/spaces/${space}/keys/ingest`],
    ["POST", `/spaces/${space}/keys/bearer`],
    ["DELETE", `/spaces/${space}/keys/ingest/previous`],
    ["DELETE", `/spaces/${space}/keys/bearer/previous`],
    ["GET", `/spaces/${space}/keys`],
    ["POST", `/spaces/${space}/keys`, { kind: "ingest", name: "Another" }],
    ["POST", `/spaces/${space}/keys/${NOWHERE}`],
    ["PUT", `/spaces/${space}/keys/${NOWHERE}`, { name: "Renamed" }],
    ["POST", `/spaces/${space}/keys/${NOWHERE}/end`],
    ["DELETE", `/spaces/${space}/keys/${NOWHERE}/previous`],
    ["PUT", `/spaces/${space}/destinations/${destination}`, HOOK],
    ["DELETE", `/spaces/${space}/destinations/${destination}`],
    ["GET", `/spaces/${space}/destinations/${destination}/deliveries`],
    ["GET", `/spaces/${space}/destinations/${destination}/deliveries?state=failed_permanently`],
    ["POST", `/spaces/${space}/destinations/${destination}/resend`, { seq }],
    ["POST", `/spaces/${space}/destinations/${destination}/resend`, { all_failed: true }],
    ["POST", `/spaces/${space}/destinations/${destination}/test`, {}],
    ["GET", `/spaces/${space}/replays`],
    ["POST", `/spaces/${space}/replays`, { mend: MEND, all: {} }],
    ["POST", `/spaces/${space}/replays`, { mend: MEND, all: {}, preview: true }],
    ["GET", `/spaces/${space}/rules`],
    ["POST", `/spaces/${space}/rules`, { mend: MEND }],
    ["DELETE", `/spaces/${space}/rules/${NOWHERE}`],
  ];
  const dashboard = [
    ["/keys", { kind: "ingest", name: "Another", nonce: "0123456789abcdef0123456789abcdef" }],
    ["/keys/1/rotate", { current: "", nonce: "0123456789abcdef0123456789abcdef" }],
    ["/keys/2/rotate", {}],
    ["/keys/1/revoke"],
    ["/keys/2/revoke"],
    [`/keys/${NOWHERE}/rotate`, { current: "", nonce: "0123456789abcdef0123456789abcdef" }],
    [`/keys/${NOWHERE}/rename`, { name: "Renamed" }],
    [`/keys/${NOWHERE}/end`],
    ["/keys/urls", { uid: "{x}", event: "deposit" }],
    ["/links", { ...LINK, enabled: "on" }],
    [`/links/${link}`, { ...LINK, enabled: "on" }],
    [`/links/${link}/archive`, { archived: "on" }],
    [`/links/${link}/fit`],
    ["/destinations", form],
    [`/destinations/${destination}`, form],
    [`/destinations/${destination}/test`],
    [`/destinations/${destination}/test`, { what: "deposit", nonce: "0123456789abcdef0123456789abcdef" }],
    [`/destinations/${destination}/missed`, { send: "on" }],
    [`/destinations/${destination}/pause`, { enabled: "" }],
    [`/destinations/${destination}/pause`, { enabled: "on" }],
    [`/destinations/${destination}/resend`, { seq: String(seq) }],
    [`/destinations/${destination}/resend`],
    [`/destinations/${destination}/delete`],
    ["/replays", { which: "all", mend: "thousands" }],
    ["/rules", { mend: "thousands" }],
    [`/rules/${NOWHERE}/end`],
    ["/settings", { name: "Renamed", time_zone: "Europe/Berlin" }],
    ["/settings/archive", { archived: "on" }],
    ["/start", { away: "all" }],
  ];
  const screens = [
    "",
    "/live",
    "/events",
    `/events/${seq}`,
    "/events.csv",
    "/links.csv",
    "/health",
    "/refused",
    "/refused?of=events",
    "/mend?which=all&mend=thousands",
    "/replays",
    `/replays/${NOWHERE}`,
    "/rules",
    "/keys",
    "/links",
    "/links/new",
    `/links/${link}`,
    "/destinations",
    "/destinations/new?kind=webhook",
    `/destinations/${destination}`,
    `/destinations/${destination}/test`,
    "/start",
    "/settings",
  ];
  return [
    ...api.map(([method, path, body]) => [`${method} /api${path}`, () => operate(method, path, body)]),
    ...dashboard.map(([path, fields]) => [
      `POST /s/${space}${path} ${JSON.stringify(fields)}`,
      () => browser.send(`/s/${space}${path}`, fields),
    ]),
    ...screens.map((path) => [`GET /s/${space}${path}`, () => browser.get(`/s/${space}${path}`)]),
  ];
}

/** Asserts that the calls answer 404 and change nothing. */
async function assertAbsent(calls) {
  const before = await everything();
  assert.ok(before.destinations.length > 0 && before.deliveries.length > 2, "there is something to change");
  const wrong = [];
  for (const [what, call] of calls) {
    const { code, text } = await call();
    if (code !== 404) wrong.push(`${what}: ${code} ${text.slice(0, 80)}`);
  }
  assert.deepEqual(wrong, []);
  assert.deepEqual(await everything(), before);
}

test("a space that is not there", async () => {
  await assertAbsent(calls({ space: NOWHERE, link: theirs.link, destination: theirs.destination, seq: 1 }));
});

// What goes to a space that is there, and to nothing in it, is left out.
const ofThings = (list) =>
  list.filter(
    ([what]) =>
      /\/(links|destinations|rules|replays)\/\d/.test(what) ||
      /\/keys\/\d{3,}/.test(what) ||
      /previous|revoke/.test(what),
  );

test("a link, a destination, a delivery, a previous key that is not there", async () => {
  await assertAbsent(ofThings(calls({ space: mine.id, link: NOWHERE, destination: NOWHERE, seq: 1 })));
});

test("another space's link, destination and delivery", async () => {
  await assertAbsent(ofThings(calls({ space: mine.id, link: theirs.link, destination: theirs.destination, seq: 1 })));
});

test("an event that a destination never had is not sent again, one that is under way is left alone", async () => {
  const { id, destination } = theirs;
  const resend = (seq) => operate("POST", `/spaces/${id}/destinations/${destination}/resend`, { seq });
  await assertAbsent([
    ["API", () => resend(NOWHERE)],
    ["form", () => browser.send(`/s/${id}/destinations/${destination}/resend`, { seq: String(NOWHERE) })],
    ["no number", () => browser.send(`/s/${id}/destinations/${destination}/resend`, { seq: "x" })],
  ]);
  await worker.db
    .prepare("UPDATE deliveries SET state = 'sending', lease = 'held' WHERE space_id = ? AND seq = 3")
    .bind(id)
    .run();
  const answer = await resend(3);
  assert.deepEqual([answer.code, answer.resent], [200, 0]);
});

test("a removed destination: its deliveries stay on record, and none of them is sent again", async () => {
  const { id, destination } = await filled("Removed");
  const remove = () => operate("DELETE", `/spaces/${id}/destinations/${destination}`);
  assert.equal((await remove()).code, 200);
  await assertAbsent([
    ["again", remove],
    ["one", () => operate("POST", `/spaces/${id}/destinations/${destination}/resend`, { seq: 1 })],
    ["all", () => operate("POST", `/spaces/${id}/destinations/${destination}/resend`, { all_failed: true })],
    ["form", () => browser.send(`/s/${id}/destinations/${destination}/resend`, { seq: "1" })],
  ]);
  assert.deepEqual(
    await worker.rows("SELECT state FROM deliveries WHERE space_id = ? ORDER BY seq", id),
    ["failed_permanently", "sent", "failed_permanently"].map((state) => ({ state })),
  );
});

test("what is there answers as before", async () => {
  const { id, link, destination } = await filled("There");
  await operate("POST", `/spaces/${id}/keys/ingest`);
  for (const [what, call] of [
    ["previous key", () => operate("DELETE", `/spaces/${id}/keys/ingest/previous`)],
    ["links", () => operate("GET", `/spaces/${id}/links`)],
    ["link", () => operate("PUT", `/spaces/${id}/links/${link}`, { ...LINK, slug: `new-${id}` })],
    ["destinations", () => operate("GET", `/spaces/${id}/destinations`)],
    ["deliveries", () => operate("GET", `/spaces/${id}/destinations/${destination}/deliveries`)],
    ["resend", () => operate("POST", `/spaces/${id}/destinations/${destination}/resend`, { seq: 2 })],
    ["change", () => operate("PUT", `/spaces/${id}/destinations/${destination}`, HOOK)],
    ["delete", () => operate("DELETE", `/spaces/${id}/destinations/${destination}`)],
  ]) {
    const answer = await call();
    assert.deepEqual([answer.code, answer.ok], [200, true], what);
  }
  const settings = await browser.send(`/s/${id}/settings`, { name: "Renamed", time_zone: "UTC" });
  assert.deepEqual([settings.code, settings.headers.get("location")], [303, `/s/${id}/settings?saved=1`]);
});
