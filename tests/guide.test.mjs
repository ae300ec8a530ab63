// The guide from a new space to its first deposit, and the words that every screen speaks (docs/dashboard.md).
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startWorker } from "./harness.mjs";
import { page } from "./pages.mjs";

let worker, browser;
before(async () => {
  worker = await startWorker({ local: false, databaseDelayMs: 0 });
  browser = await worker.browser();
});
after(() => worker.stop());

const shown = async (path) => page((await browser.get(path)).text);

test("the guide stays until each step is done or waved away, and says what is next on its pages", async () => {
  const { id, ingest } = await worker.space("Guided");
  const next = async (path) => /Next: (.*?) \d of 6/.exec((await shown(`/s/${id}${path}`)).text)?.[1];
  for (const path of ["", "/keys", "/links", "/links/new", "/destinations", "/try"])
    assert.equal(await next(path), "Choose your network", path);
  assert.equal(await next("/events"), undefined, "other pages are left alone");
  const act = (fields) => browser.send(`/s/${id}/start`, fields);
  assert.equal((await act({ network: "quotex" })).headers.get("location"), `/s/${id}/start`);
  assert.equal(await next("/keys"), "Put the postback URL into the network");
  // A test is no real postback: the old guide went away with it.
  await worker.fire(`/e?token=${ingest}&event=registration&uid=t&eid=t&test=1`);
  assert.equal(await next(""), "Put the postback URL into the network");
  await act({ away: "postback" });
  assert.equal(await next(""), "Create a tracking link", "the test is done");
  await worker.link(id, `guided-${id}`);
  assert.equal(await next(""), "Add a destination");
  await act({ away: "destination" });
  assert.equal(await next(""), "See the first real deposit");
  await worker.fire(`/e?token=${ingest}&event=deposit&uid=t&eid=d&value=5`);
  assert.equal(await next(""), undefined);
  const done = await shown(`/s/${id}/start`);
  assert.match(done.alerts.join(), /Nothing is left to do/);
  assert.equal(done.text.match(/\bdone\b/g).length, 6, "five steps and the heading: the postback has come");
  // What was waved away comes back, by itself or from Settings.
  const settings = (await shown(`/s/${id}/settings`)).form("Bring back what was left out");
  await browser.send(settings.action, settings.fields);
  assert.equal(await next("/keys"), "Add a destination");
  await act({ away: "all" });
  assert.equal(await next("/keys"), undefined);
  await act({ back: "destination" });
  assert.equal(await next("/keys"), "Add a destination");
});

test("the guide reads few rows, however many events there are", async () => {
  const { id } = await worker.space("Many");
  const { id: few, ingest } = await worker.space("Few");
  await worker.fire(`/e?token=${ingest}&event=deposit&uid=u&eid=1&value=5`);
  await worker.db
    .prepare(
      `
      INSERT INTO events (space_id, seq, dedup, event, uid, currency, occurred_at_ms, received_at_ms, link_id, first,
        receipt, raw)
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
      SELECT ?1, i, 'f' || i, 'contact', 'u' || i, 'USD', 0, 0, 0, 0, 'r', '' FROM n`,
    )
    .bind(id)
    .run();
  const read = async (space) => {
    await worker.cost();
    assert.equal((await browser.get(`/s/${space}/start`)).code, 200);
    return (await worker.cost()).rowsRead;
  };
  const [most, least] = [await read(id), await read(few)];
  assert.ok(most <= 2100, `${most} rows of 3,000 events without a deposit`);
  assert.ok(least <= 60, `${least} rows of a space with a deposit`);
});

/** Words that say nothing to a buyer, but for a bearer that stands behind its meaning, or in the header's own line. */
const OURS = /(?<!bot key \(|Authorization: )\b(bearer|slugs?|IANA|bytes?)\b/i;
/** The tracker's own answers need their meaning beside them. */
const UNEXPLAINED = /\b(?:queued|duplicate)\b(?! \()/;

/** What a page says, without what is there to be copied or was sent by others. */
function said(html) {
  const read = page(html);
  for (const code of read.node.querySelectorAll("code")) code.remove();
  const attributes = read.node.querySelectorAll("[aria-label], [placeholder], [title]");
  const spoken = attributes.flatMap((node) =>
    ["aria-label", "placeholder", "title"].map((at) => node.getAttribute(at)),
  );
  return [read.text, ...spoken.filter(Boolean)].join("\n");
}

function assertPlain(html, what) {
  const [found] = OURS.exec(said(html)) ?? [];
  assert.equal(found, undefined, `${what}: ${said(html)}`);
}

test("no screen says bearer, slug, IANA or bytes", async () => {
  const { id, ingest } = await worker.space();
  const link = await worker.link(id, `words-${id}`);
  await worker.fire(`/e?token=${ingest}&event=deposit&uid=${"u".repeat(300)}&value=5`);
  await worker.fire(`/e?token=${ingest}&event=deposit&uid=%FF%FE&eid=1&value=25`);
  await worker.fire(`/e?token=${ingest}&event=registration&uid=u&eid=2`);
  const screens = [
    "",
    "/start",
    "/health",
    "/events",
    "/events/1",
    "/events/new",
    "/refused",
    "/refused/1",
    "/rules",
    "/replays",
    "/try",
    "/links",
    "/links/new",
    `/links/${link}`,
    "/keys",
    "/destinations",
    "/destinations/new?kind=webhook",
    "/destinations/new?kind=s2s_postback",
    "/destinations/new?kind=fb_capi",
    "/settings",
  ];
  for (const path of ["/new", "/archived", ...screens.map((screen) => `/s/${id}${screen}`)]) {
    const { code, text } = await browser.get(path);
    assert.equal(code, 200, path);
    assertPlain(text, path);
  }
  const long = "x".repeat(200);
  for (const [path, fields] of [
    ["/new", { name: long, time_zone: "UTC" }],
    ["/new", { name: "Offer", time_zone: "IST" }],
    [`/s/${id}/links`, { name: long, kind: "web", target: "https://offer.example/" }],
    [`/s/${id}/links`, { name: "L", slug: "a b", kind: "web", target: "https://offer.example/" }],
    [`/s/${id}/links`, { name: "L", slug: `words-${id}`, kind: "web", target: "https://offer.example/" }],
    [`/s/${id}/links`, { name: "L", kind: "web", target: `https://offer.example/${"x".repeat(2048)}` }],
    [
      `/s/${id}/links`,
      { name: "L", kind: "web", target: "https://offer.example/", title: "x".repeat(1001), button: "B" },
    ],
    [
      `/s/${id}/destinations`,
      { name: long, kind: "webhook", url: "http://x", signing_secret: "x", headers: `a: ${"x".repeat(3000)}` },
    ],
  ]) {
    const { code, text } = await browser.send(path, fields);
    assert.equal(code, 422, path);
    assertPlain(text, `${path} with ${JSON.stringify(fields).slice(0, 80)}`);
  }
});

test("the tracker's answer to a tried URL stands beside its meaning", async () => {
  const { id, ingest } = await worker.space();
  const url = `${browser.origin}/e?token=${ingest}&event=registration&uid=u&eid=1`;
  const tried = async () => page((await browser.send(`/s/${id}/try`, { url })).text).section("What would happen").text;
  assert.match(await tried(), /answered queued \(taken and stored\)/);
  await worker.fire(new URL(url).pathname + new URL(url).search);
  assert.match(await tried(), /answered duplicate \(known already\)/);
  assert.doesNotMatch(await tried(), UNEXPLAINED);
});
