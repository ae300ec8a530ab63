// The overview's figures against a recount of the events, and what reading them costs (docs/dashboard.md).
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { apply, OF_DATABASE, OPERATOR_TOKEN, startWorker, until } from "./harness.mjs";
import { page } from "./pages.mjs";

const ROOT = new URL("..", import.meta.url).pathname;
const DAY_MS = 24 * 3600 * 1000;
const KINDS = ["contact", "subscribed", "registration", "deposit"];
const CELLS = ["Clicks", "Contacts", "Subscribed", "Registrations", "Deposits", "First deposits"];

let worker, browser;
before(async () => {
  worker = await startWorker({ databaseDelayMs: 0, vars: { SUBREQUESTS: "1000" } });
  browser = await worker.browser();
  await apply(worker.env.DB, "scripts/seed.sql");
});
after(() => worker.stop());

const dayIn = (zone) => {
  const format = new Intl.DateTimeFormat("en-CA", {
    timeZone: zone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
  });
  return (ms) => format.format(ms);
};
const daysBefore = (day, days) => new Date(Date.parse(`${day}T00:00:00Z`) - days * DAY_MS).toISOString().slice(0, 10);

/** The moment of the zone's last change of clocks before now. */
function lastChange(zone) {
  const format = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset" });
  const offset = (ms) => format.format(ms).split("GMT")[1];
  let ms = Date.now() - 2 * DAY_MS;
  while (offset(ms) === offset(ms - 3600_000)) ms -= 3600_000;
  return ms;
}

/** A day of make demo's traffic, so many days back. */
async function demo(daysAgo) {
  const { origin } = browser;
  await promisify(execFile)("node", ["scripts/demo.mjs"], {
    cwd: ROOT,
    env: { ...process.env, ORIGIN: origin, VISITORS: "150", DAYS: "1", DAYS_AGO: String(daysAgo) },
  });
}

/** Where the tests' spaces are in another database, the demo's is moved there: its keys belong to the first. */
async function moveDemo() {
  const { database } = OF_DATABASE;
  const step = { method: "POST", headers: { authorization: `Bearer ${OPERATOR_TOKEN}` } };
  const goOn = async () =>
    (await (await worker.fetch("/api/spaces/1/move", { ...step, body: JSON.stringify({ to: database }) })).json()).done;
  if (database) await until("the demo's space has moved", goOn, 60_000);
}

/** What the events and clicks themselves add up to, in plain JavaScript; of the day of `cut` up to its time. */
async function recount(spaceId, zone, from, to, cut = {}) {
  const day = dayIn(zone);
  const clock = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" });
  const isCut = (ms) => day(ms) === cut.day && clock.format(ms) >= cut.clock;
  const inside = (ms) => day(ms) >= from && day(ms) <= to && !isCut(ms);
  const row = () => ({
    cells: Object.fromEntries(CELLS.map((cell) => [cell, 0])),
    people: Object.fromEntries(KINDS.map((kind) => [kind, 0])),
    revenue: {},
  });
  const rows = {};
  const of = (link) => [(rows[link] ??= row()), (rows.total ??= row())];
  for (const { link_id, clicked_at_ms } of await worker.rows(
    "SELECT link_id, clicked_at_ms FROM clicks WHERE space_id = ?",
    spaceId,
  )) {
    if (inside(clicked_at_ms)) for (const row of of(link_id)) row.cells.Clicks += 1;
  }
  const seen = new Set();
  for (const event of await worker.rows(
    `
      SELECT seq, event, uid, tg_id, value, micros, currency, occurred_at_ms, link_id
      FROM events WHERE space_id = ? ORDER BY seq`,
    spaceId,
  )) {
    const person = event.uid ?? (event.tg_id === null ? null : `tg ${event.tg_id}`);
    const isFirst = person !== null && !seen.has(`${event.event} ${person}`);
    seen.add(`${event.event} ${person}`);
    if (!inside(event.occurred_at_ms)) continue;
    for (const row of of(event.link_id)) {
      row.cells[CELLS[1 + KINDS.indexOf(event.event)]] += 1;
      row.people[event.event] += Number(isFirst);
      if (event.event !== "deposit") continue;
      row.cells["First deposits"] += Number(isFirst);
      row.revenue[event.currency] = (row.revenue[event.currency] ?? 0) + (event.micros ?? 0);
    }
  }
  return { ...rows, total: rows.total ?? row(), empty: row() };
}

const number = (text) => Number(text.replace("\u2212", "-").replaceAll(",", ""));
const written = (micros) =>
  new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 6 })
    .format(micros / 1e6)
    .replace("-", "\u2212");
const percent = (part, whole) => (whole > 0 ? `${(Math.round((1000 * part) / whole) / 10).toFixed(1)}\u00a0%` : "–");

/** What a card says of its figure against the one before. */
function changed(now, before, against) {
  if (before === 0) return now === 0 ? `none ${against} either` : `new: none ${against}`;
  const percent = (Math.sign(now - before) * Math.floor((200 * Math.abs(now - before) + before) / (2 * before))) | 0;
  const sign = percent > 0 ? "+" : percent < 0 ? "\u2212" : "\u00b1";
  return `${sign}${Math.abs(percent).toLocaleString("en-US")}\u00a0% against ${against}`;
}

/** A row's link as the recount knows it: its number, 0 for what has none, or "total". */
const linkOf = ({ name, row }) => (name === "Total" ? "total" : (row.links[name]?.split("/").at(-1) ?? "0"));
const sums = (texts) =>
  Object.fromEntries(texts.map((text) => text.split(" ").toReversed()).filter(({ length }) => length === 2));

/** Everything that the overview says. */
function read(html) {
  const shown = page(html);
  const figures = shown.region("Figures");
  const rows = shown.section("By link").rows.map((row) => [
    linkOf(row),
    {
      cells: Object.fromEntries(CELLS.map((cell) => [cell, number(row.cells[cell].text)])),
      revenue: sums(row.cells.Revenue.pieces),
    },
  ]);
  const step = /^(?<name>\w+) (?:(?<drop>.*) )?(?<events>\S+) (?<people>\S+) people, each counted once$/;
  return {
    rows: Object.fromEntries(rows),
    revenue: sums(figures.section("Revenue").paragraphs),
    cards: Object.fromEntries(
      figures.headings
        .filter((name) => name !== "Revenue")
        .map((name) => [name, number(figures.section(name).paragraphs[0])]),
    ),
    changes: Object.fromEntries(CELLS.map((name) => [name, figures.section(name).paragraphs[1]])),
    compared: shown.paragraphs.find((text) => text.startsWith("The pale line is ")),
    funnel: shown.section("Funnel").items.map((item) => {
      const { name, drop = "", events, people } = step.exec(item).groups;
      return { name, drop, events: number(events), people: number(people) };
    }),
    gauges: shown.section("Conversion").items.map((item) => item.split(" ")[3]),
    bars: shown.charts.map(({ title, bars }) => ({
      title,
      total: title.split(" ").at(-1),
      sum: bars.reduce((sum, bar) => sum + Math.round(number(bar) * 1e6), 0) / 1e6,
    })),
  };
}

/** Compares what the cards say of the period before, as far as the page says that it is compared, with a recount. */
async function checkChanges(spaceId, zone, from, to, said, cells, what) {
  const days = 1 + (Date.parse(to) - Date.parse(from)) / DAY_MS;
  const earlier = [daysBefore(from, days), daysBefore(to, days)];
  const { until, date } = /after (?<until>[\d:]+)(?: on (?<date>[\d-]+))?\.$/.exec(said.compared)?.groups ?? {};
  assert.equal(Boolean(until), from <= dayIn(zone)(Date.now()) && to >= dayIn(zone)(Date.now()), what);
  const cut = until ? { day: date ?? earlier[1], clock: until } : {};
  const before = await recount(spaceId, zone, ...earlier, cut);
  const against = days > 1 ? `the ${days} days before` : until ? `yesterday by ${until}` : "the day before";
  for (const [name, now] of Object.entries(cells))
    assert.equal(said.changes[name], changed(now, before.total.cells[name], against), `${what}: ${name}`);
}

async function check(spaceId, zone, query, from, to) {
  const said = read((await browser.get(`/s/${spaceId}?${query}`)).text);
  const meant = await recount(spaceId, zone, from, to);
  const what = `${zone} ${query} (${from} to ${to})`;
  const revenue = (row) =>
    Object.fromEntries(Object.entries(row.revenue).map(([currency, micros]) => [currency, written(micros)]));
  for (const [id, row] of Object.entries(said.rows)) {
    const expected = meant[id] ?? meant.empty;
    assert.deepEqual(row.cells, expected.cells, `${what}: row ${id}`);
    assert.deepEqual(row.revenue, revenue(expected), `${what}: revenue of row ${id}`);
  }
  for (const id of Object.keys(meant)) assert.ok(id === "empty" || said.rows[id], `${what}: no row ${id}`);
  const { total } = meant;
  assert.deepEqual(said.cards, total.cells, what);
  await checkChanges(spaceId, zone, from, to, said, total.cells, what);
  assert.deepEqual(said.revenue, revenue(total), what);
  const steps = [
    ["Click", total.cells.Clicks, total.cells.Clicks],
    ...KINDS.map((kind, at) => [kind[0].toUpperCase() + kind.slice(1), total.cells[CELLS[1 + at]], total.people[kind]]),
  ];
  assert.deepEqual(
    said.funnel.map(({ name, events, people }) => [name, events, people]),
    steps,
    what,
  );
  said.funnel.slice(1).forEach(({ drop }, at) => {
    const [previous, next] = [steps[at][1], steps[at + 1][1]];
    const share = Math.round(Math.abs(100 * (1 - next / previous)));
    assert.equal(
      drop,
      previous === 0 ? "–" : next > previous && share > 0 ? `${share}\u00a0% more` : `${share}\u00a0% drop`,
      `${what}: drop to ${steps[at + 1][0]}`,
    );
  });
  const people = { click: total.cells.Clicks, ...total.people };
  assert.deepEqual(
    said.gauges,
    [
      ["contact", "click"],
      ["subscribed", "click"],
      ["registration", "contact", "click"],
      ["deposit", "registration", "contact", "click"],
    ].map(([to, ...before]) => percent(people[to], people[before.find((step) => people[step] >= people[to])] ?? 0)),
    what,
  );
  for (const { title, total: written, sum } of said.bars)
    assert.equal(sum, number(written.split("\u00a0")[0]), `${what}: ${title}`);
  return said;
}

async function checkAll(zone) {
  await browser.send("/s/1/settings", { name: "Demo", time_zone: zone });
  const today = dayIn(zone)(Date.now());
  const change = dayIn(zone)(lastChange("America/New_York"));
  for (const [query, from, to] of [
    ["period=today", today, today],
    ["period=yesterday", daysBefore(today, 1), daysBefore(today, 1)],
    ["period=7d", daysBefore(today, 6), today],
    ["period=30d", daysBefore(today, 29), today],
    [`period=custom&from=${change}&to=${change}`, change, change],
    [
      `period=custom&from=${daysBefore(change, 1)}&to=${daysBefore(change, -1)}`,
      daysBefore(change, 1),
      daysBefore(change, -1),
    ],
    [`period=custom&from=${daysBefore(today, 366)}&to=${today}`, daysBefore(today, 366), today],
  ]) {
    await check(1, zone, query, from, to);
    await check(1, zone, query, from, to); // Once more: the first look has closed its days.
  }
}

test("every figure equals a recount, in three zones, one of half an hour, one over a change of clocks", async () => {
  await demo(1);
  // The day of the change in New York, and the day after.
  const changeDay = Math.floor(Date.now() / DAY_MS) - Math.floor(lastChange("America/New_York") / DAY_MS);
  await demo(changeDay);
  await demo(changeDay - 1);
  await moveDemo();
  for (const zone of ["Asia/Kolkata", "America/New_York", "UTC"]) await checkAll(zone);
  const said = await check(1, "UTC", "period=30d", daysBefore(dayIn("UTC")(Date.now()), 29), dayIn("UTC")(Date.now()));
  assert.ok(said.cards.Deposits > 10 && Object.keys(said.revenue).length === 2, "there is something to count");
});

test("what comes late into a day that is closed, or moves there, is counted all the same", async () => {
  const zone = "America/New_York";
  await browser.send("/s/1/settings", { name: "Demo", time_zone: zone });
  const today = dayIn(zone)(Date.now());
  const period = ["period=30d", daysBefore(today, 29), today];
  await check(1, zone, ...period);
  await until(
    "the days are closed",
    async () => (await worker.row("SELECT count(*) AS n FROM closed_days WHERE space_id = 1")).n >= 29,
  );
  const t = Date.now() - 5 * DAY_MS;
  for (const [uid, value, currency] of [
    ["late-1", "10.50", "USD"],
    ["late-1", "-3", "USD"],
    ["late-2", "7", "BRL"],
  ]) {
    const { status } = await worker.fire(
      `/e?token=xt_in_local&event=deposit&uid=${uid}&value=${value}&currency=${currency}&eid=${uid}${value}&t=${t}`,
    );
    assert.equal(status, "queued");
  }
  const before = await check(1, zone, ...period);
  assert.ok("BRL" in before.revenue && before.rows["0"].cells.Deposits === 3);
  await worker.fire("/clicks", {
    method: "POST",
    headers: { authorization: "Bearer xt_sk_local" },
    body: JSON.stringify({ uid: "late-1", link_slug: "demo-bot" }),
  });
  const after = await check(1, zone, ...period);
  assert.equal(after.rows["0"].cells.Deposits, 1);
});

test("a time is the same on every screen, on whichever side of a change of clocks it lies", async () => {
  const zone = "America/New_York";
  const { id, ingest } = await worker.space("Backdated");
  await browser.send(`/s/${id}/settings`, { name: "Backdated", time_zone: zone });
  const clock = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
  const utc = (ms) => new Date(ms).toISOString().slice(0, 19).replace("T", " ");
  const shown = (html, ms) =>
    page(html)
      .times.filter(({ at }) => at === `${utc(ms)}Z`)
      .map(({ text }) => text.split(" ").at(-1));
  const check = async (path, ms) => {
    const times = shown((await browser.get(`/s/${id}${path}`)).text, ms);
    assert.ok(times.length > 0, `${path} shows no ${utc(ms)}`);
    for (const time of times) assert.equal(time, clock.format(ms), path);
  };
  const backdated = lastChange(zone) - 2 * DAY_MS;
  const { headers } = await worker.fire(`/e?token=${ingest}&event=deposit&uid=b&eid=b&value=5&t=${backdated}`);
  const day = dayIn(zone)(backdated);
  for (const path of ["", "?period=30d", "/live?seen=x", "/events", `/events/${headers.get("x-event-id")}`])
    await check(path, backdated);
  const { text } = await browser.get(`/s/${id}/events.csv?period=custom&from=${day}&to=${day}`);
  assert.ok(text.includes(`,${day} ${clock.format(backdated)},`), text);
  // A destination that was tried, and let rest, before the change, and is to be sent the event again now.
  await worker.db
    .prepare(
      `
      INSERT INTO destinations (space_id, name, enabled, events, config, secrets, failures, rest_until_ms,
        created_at_ms)
      SELECT ?1, 'd', 0, '{}', ?2, '', 5, ?3, 0`,
    )
    .bind(id, JSON.stringify({ kind: "webhook", url: "https://hook.example/", method: "POST" }), backdated + 60_000)
    .run();
  const destination = (await worker.row("SELECT id FROM destinations WHERE space_id = ?", id)).id;
  const attempts = JSON.stringify([
    { at_ms: backdated + 1_000, status: 500, duration_ms: 5, answer: "", outcome: "transient" },
  ]);
  await worker.db
    .prepare(
      `
      INSERT INTO deliveries (space_id, seq, destination_id, target, state, due_at_ms, tries, attempts)
      VALUES (?, 1, ?, 'Purchase', 'pending', ?, 1, ?)`,
    )
    .bind(id, destination, Date.now(), attempts)
    .run();
  for (const ms of [backdated + 1_000, backdated + 60_000]) await check(`/destinations/${destination}`, ms);
  await check("/events/1", backdated + 1_000);
});

test("the overview is one round trip behind the one that admits, and an unknown space is not there", async () => {
  await browser.get("/s/1?period=30d");
  for (const period of ["today", "7d", "30d"]) {
    const { headers } = await browser.get(`/s/1?period=${period}`);
    // With several databases the first says where the space is.
    assert.equal(headers.get("x-test-trips"), OF_DATABASE.database ? "3" : "2", period);
  }
  assert.equal((await browser.get("/s/999")).code, 404);
  assert.equal((await browser.get("/s/1?period=custom&from=2026-02-30&to=x")).code, 422);
});

test("rows read do not depend on the number of events: 10,000 and 1,000,000, with 200 links", async (t) => {
  const { id } = await worker.space("Large");
  await worker.db
    .prepare(
      `
    INSERT INTO links (space_id, slug, name, kind, target, uid_parameter, enabled, created_at_ms)
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
    SELECT ?1, 'large-' || i, 'Link ' || i, 'bot', 'some_bot', 'uid', 1, 0 FROM n`,
    )
    .bind(id)
    .run();
  const first = (await worker.row("SELECT min(id) AS id FROM links WHERE space_id = ?", id)).id;
  // Every link has one busy quarter of an hour a day, over 33 days, and five events of a person.
  const start = (Math.floor(Date.now() / DAY_MS) - 32) * DAY_MS;
  const fill = async (from, to) => {
    for (let at = from; at < to; at += 50_000) {
      await worker.db
        .prepare(
          `
        INSERT INTO events (space_id, seq, dedup, event, uid, tg_id, micros, currency, occurred_at_ms,
          received_at_ms, link_id, first, receipt, raw)
        WITH RECURSIVE n(i) AS (SELECT CAST(?2 AS INTEGER) + 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?3)
        SELECT ?1, i, 'd=large-' || i, iif(i % 2, 'deposit', 'registration'), 'person' || (i / 5), 7000000 + i / 5,
          iif(i % 2, 1000000, NULL), 'USD',
          ?4 + (i / 200 % 33) * 86400000 + (i % 200 * 7 % 96) * 900000, ?4, ?5 + i % 200, 1, 'r', 'event=deposit'
        FROM n`,
        )
        .bind(id, at, Math.min(at + 50_000, to), start, first)
        .run();
    }
  };
  const paths = (total) => [
    "?period=today",
    "?period=yesterday",
    "?period=7d",
    "/live?period=7d&seen=x",
    "?period=30d",
    "/events",
    "/health",
    `/events/${total - 4}`,
    "/events?q=person77",
    "/events?q=large-77",
    "/refused",
    "/links",
    `/links/${first}`,
    "/destinations",
    "/keys",
    "/settings",
    "/links.csv?period=7d",
    "/links.csv?period=30d",
  ];
  const measure = async (total) => {
    await browser.get(`/s/${id}?period=30d`);
    await until(
      "the days are closed",
      async () => (await worker.row("SELECT count(*) AS n FROM closed_days WHERE space_id = ?", id)).n >= 29,
    );
    const rows = {};
    for (const path of paths(total)) {
      const { code, headers } = await browser.get(`/s/${id}${path}`);
      assert.equal(code, 200, path);
      rows[path.replace(String(total - 4), "N")] = Number(headers.get("x-test-rows-read"));
    }
    return rows;
  };
  await fill(0, 10_000);
  const few = await measure(10_000);
  await fill(10_000, 1_000_000);
  const many = await measure(1_000_000);
  t.diagnostic(`rows read: ${JSON.stringify(many)}`);
  for (const [path, read] of Object.entries(many)) {
    // Health knows the rhythm by up to 200 events before its window; there are 18 of them among 10,000.
    const more = path === "/health" ? 400 : 20;
    assert.ok(read <= few[path] * 1.02 + more, `${path}: ${few[path]} rows of 10,000 events, ${read} of 1,000,000`);
  }
  assert.ok(many["?period=30d"] < 2 * 30 * 200 * 2 * 3, "two months of 200 links are read from their closed days");
  // The file reads the same figures of the period alone. A day is read by quarters of an hour where it is cut.
  const own = many["/links.csv?period=7d"];
  assert.ok(many["?period=7d"] <= 2 * own + 500, "the period before costs as much as the period");
  assert.ok(many["/live?period=7d&seen=x"] <= own + 500, "an open page does not read it again within a minute");
});
