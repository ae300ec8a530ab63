// Files for spreadsheets: that they are whole, hold no formula, and cost what they hold and not what their space holds.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startWorker } from "./harness.mjs";
import { page } from "./pages.mjs";

const DAY_MS = 24 * 3600 * 1000;
const TODAY = Math.floor(Date.now() / DAY_MS) * DAY_MS;
/** The free plan's fetches and calls of D1 in one request. */
const SUBREQUESTS = 50;

let worker, browser;
before(async () => {
  worker = await startWorker({ databaseDelayMs: 0 });
  browser = await worker.browser();
});
after(() => worker.stop());

const dayOf = (ms) => new Date(ms).toISOString().slice(0, 10);

/** Stores events in D1 itself: `count` of them, `everyMs` apart, each received when it happened. */
async function fill(spaceId, count, fromMs, everyMs) {
  for (let at = 0; at < count; at += 50_000) {
    await worker.db
      .prepare(
        `
      INSERT INTO events (space_id, seq, dedup, event, currency, occurred_at_ms, received_at_ms, link_id, first,
        receipt, raw)
      WITH RECURSIVE n(i) AS (SELECT CAST(?2 AS INTEGER) UNION ALL SELECT i + 1 FROM n WHERE i < ?3 - 1)
      SELECT ?1, o.last + 1 + i - ?2, 'x=' || (o.last + 1 + i - ?2), 'contact', 'USD', ?4 + i * CAST(?5 AS INTEGER),
        ?4 + i * CAST(?5 AS INTEGER), 0, 0, 'r', 'a raw query'
      FROM n, (SELECT coalesce(max(seq), 0) AS last FROM events WHERE space_id = ?1) o`,
      )
      .bind(spaceId, at, Math.min(at + 50_000, count), fromMs, everyMs)
      .run();
  }
}

/** One more event at the end, received at one time and happened at another; gives its number. */
async function add(spaceId, receivedMs, occurredMs) {
  const { seq } = await worker.row(
    `
    INSERT INTO events (space_id, seq, dedup, event, currency, occurred_at_ms, received_at_ms, link_id, first,
      receipt, raw)
    SELECT ?1, coalesce(max(seq), 0) + 1, 'y=' || coalesce(max(seq), 0), 'deposit', 'EUR', ?3, ?2, 0, 0, 'r', ''
    FROM events WHERE space_id = ?1
    RETURNING seq`,
    spaceId,
    receivedMs,
    occurredMs,
  );
  return seq;
}

/** The file of whole days: its numbers, in their order, and what reading it has cost. */
async function file(spaceId, fromMs, toMs) {
  await worker.cost();
  const { code, text } = await browser.get(
    `/s/${spaceId}/events.csv?period=custom&from=${dayOf(fromMs)}&to=${dayOf(toMs)}`,
  );
  assert.equal(code, 200);
  const numbers = text
    .trim()
    .split("\r\n")
    .slice(1)
    .map((line) => Number(line.split(",")[0]));
  return { numbers, text, ...(await worker.cost()) };
}

/** What should be in it. */
async function meant(spaceId, fromMs, toMs) {
  const rows = await worker.rows(
    `
      SELECT seq FROM events WHERE space_id = ? AND occurred_at_ms >= ? AND occurred_at_ms < ? ORDER BY seq`,
    spaceId,
    fromMs,
    toMs + DAY_MS,
  );
  return rows.map(({ seq }) => seq);
}

async function check(spaceId, fromMs, toMs, what) {
  const got = await file(spaceId, fromMs, toMs);
  assert.deepEqual(
    got.numbers.toSorted((x, y) => x - y),
    await meant(spaceId, fromMs, toMs),
    what,
  );
  return got;
}

test("a day's file of 100,000 events reads about as many rows as it has, wherever the day lies", async (t) => {
  const { id } = await worker.space();
  const [count, first] = [100_000, TODAY - 300 * DAY_MS];
  const everyMs = Math.floor((299.9 * DAY_MS) / count);
  await fill(id, count, first, everyMs);
  for (const [where, day] of [
    ["the beginning", 0],
    ["the middle", 150],
    ["the end", 299],
    ["today, when it is over", 300],
    ["before anything", -30],
  ]) {
    const { numbers, rowsRead, trips, text } = await check(id, first + day * DAY_MS, first + day * DAY_MS, where);
    t.diagnostic(`${where}: ${numbers.length} rows, ${rowsRead} read, ${trips} trips`);
    assert.ok(rowsRead <= numbers.length * 1.5 + 250, `${where}: ${rowsRead} rows read for ${numbers.length}`);
    assert.ok(trips <= 6, `${where}: ${trips} round trips`);
    assert.ok(!text.includes("a raw query"));
  }
  const month = await check(id, first + 100 * DAY_MS, first + 130 * DAY_MS, "a month");
  assert.deepEqual(
    month.numbers,
    month.numbers.toSorted((x, y) => x - y),
    "oldest number first",
  );
  assert.ok(month.rowsRead <= month.numbers.length * 1.5, `${month.rowsRead} rows read for ${month.numbers.length}`);
  const all = await check(id, first, first + 300 * DAY_MS, "everything");
  assert.equal(all.numbers.length, count);
  assert.ok(all.trips < SUBREQUESTS, `${all.trips} round trips`);
});

test("what was received long after it happened, or before, or waited in the queue, is in its file", async (t) => {
  const { id } = await worker.space();
  const first = TODAY - 100 * DAY_MS;
  await add(id, first, first + 0.9 * DAY_MS);
  await fill(id, 20_000, first, (50 * DAY_MS) / 20_000);
  const day = first + 20 * DAY_MS;
  const late = await add(id, first + 50 * DAY_MS, day);
  await add(id, day + 5_000, day + 6_000); // It waited in the queue for a month.
  await fill(id, 20_000, first + 50 * DAY_MS, (50 * DAY_MS) / 20_000);
  const latest = await add(id, TODAY, day + DAY_MS - 1);
  await add(id, TODAY, day - 1);
  await add(id, TODAY, day + DAY_MS);
  const ahead = (
    await worker.row(
      "SELECT seq FROM events WHERE space_id = ? AND occurred_at_ms > ? ORDER BY seq LIMIT 1",
      id,
      day - DAY_MS / 2,
    )
  ).seq;
  await worker.db
    .prepare("UPDATE events SET received_at_ms = received_at_ms - 80000000 WHERE space_id = ? AND seq = ?")
    .bind(id, ahead)
    .run();
  const { numbers, rowsRead, trips } = await check(id, day, day, "a day with stragglers");
  assert.ok(numbers.includes(late) && numbers.includes(latest));
  t.diagnostic(`${numbers.length} rows, ${rowsRead} read, ${trips} trips`);
  assert.ok(trips <= 20, `${trips} round trips`);
  for (let at = 0; at <= 100; at += 9)
    await check(id, first + at * DAY_MS, first + (at + (at % 3)) * DAY_MS, `from day ${at}`);
  // Received before it happened, by nearly a day: the first of all.
  assert.equal((await check(id, first, first, "the first day")).numbers[0], 1);
  assert.ok((await check(id, TODAY - 366 * DAY_MS, TODAY, "all")).numbers.length > 40_000);
});

test("an event that lies 250,000 others away from its day is found, in statements of 100,000 at most", async (t) => {
  const { id } = await worker.space();
  const day = TODAY - 200 * DAY_MS;
  await fill(id, 250_000, TODAY - 10 * DAY_MS, 1_000);
  const last = await add(id, TODAY, day);
  const { numbers, trips, rowsRead } = await check(id, day, day, "one that is alone");
  t.diagnostic(`${rowsRead} read, ${trips} trips`);
  assert.deepEqual(numbers, [last]);
  assert.ok(trips < 15, `${trips} round trips`);
});

test("a space that still has an offset for a zone has the same days on the screen and in its files", async () => {
  const { id } = await worker.space();
  await worker.db.prepare("UPDATE spaces SET time_zone = '+05:37' WHERE id = ?").bind(id).run();
  const midnight = TODAY - 3 * DAY_MS - (5 * 60 + 37) * 60_000;
  await fill(id, 60, midnight - 30 * 60_000, 60_000);
  const days = [];
  for (const day of [-4, -3]) {
    const period = `period=custom&from=${dayOf(TODAY + day * DAY_MS)}&to=${dayOf(TODAY + day * DAY_MS)}`;
    for (let look = 0; look < 2; look++) {
      const { text: screen } = await browser.get(`/s/${id}?${period}`);
      const { text: events } = await browser.get(`/s/${id}/events.csv?${period}`);
      const { text: links } = await browser.get(`/s/${id}/links.csv?${period}`);
      const rows = events.trim().split("\r\n").length - 1;
      assert.equal(page(screen).section("Contacts").paragraphs[0], String(rows), period);
      assert.equal(/^Total,0,(\d+),/m.exec(links)[1], String(rows), period);
      days.push(rows);
    }
  }
  assert.equal(days[0] + days[2], 60, "none is missing, none is in both");
  assert.ok(days[0] > 15 && days[2] > 30, days.join());
});

test("a file is of the moment that it began, and of its space alone", async () => {
  const { id } = await worker.space();
  const other = await worker.space("Other");
  await fill(id, 9_000, TODAY - 3 * DAY_MS, 1);
  await fill(other.id, 10, TODAY - 3 * DAY_MS, 1);
  assert.equal((await check(id, TODAY - 3 * DAY_MS, TODAY, "of the space")).numbers.length, 9_000);
  assert.equal((await check(other.id, TODAY - 3 * DAY_MS, TODAY, "of the other")).numbers.length, 10);
});

test("files of events and links are for a spreadsheet, and hold no formula", async () => {
  const space = await worker.space();
  await worker.link(space.id, `csv-${space.id}`);
  await worker.fire(`/e?token=${space.ingest}&event=deposit&uid==cmd&eid=a,b&value=1234.50`);
  await worker.fire(`/e?token=${space.ingest}&event=deposit&uid=u2&eid=c&value=-5&currency=EUR`);
  const dressed = ["＝1+1", " ＠SUM(A1)", "\u0001x", "\u3000=1"];
  for (const [at, value] of dressed.entries())
    await worker.fire(`/e?token=${space.ingest}&event=contact&value=${encodeURIComponent(value)}&eid=${at}`);
  const events = await browser.get(`/s/${space.id}/events.csv?period=today`);
  assert.match(events.headers.get("content-disposition"), /^attachment; filename="events-\d{4}-\d\d-\d\d-/);
  const lines = events.text.trim().split("\r\n");
  assert.equal(lines.length, 3 + dressed.length);
  for (const line of lines.slice(3)) assert.match(line, /^\d+,contact,,,'[^,]+,20\d\d-/);
  assert.match(
    lines[1],
    /^1,deposit,1234\.50,USD,1234\.50,\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,[^,]*,UTC,'=cmd,"a,b",,,1,0,,,,,,,,,,,/,
  );
  assert.match(lines[2], /^2,deposit,-5\.00,EUR,-5,/);
  const links = await browser.get(`/s/${space.id}/links.csv?period=7d`);
  assert.deepEqual(links.text.split("\r\n"), [
    "link,clicks,contacts,subscribed,registrations,deposits,first_deposits,revenue_EUR,revenue_USD",
    `csv-${space.id},0,0,0,0,0,0,0.00,0.00`,
    "Unattributed,0,4,0,0,2,2,-5.00,1234.50",
    "Total,0,4,0,0,2,2,-5.00,1234.50",
    "",
  ]);
});

test("a spreadsheet knows the files for UTF-8, and each event has its ad, its click and its key", async () => {
  const space = await worker.space();
  const link = await worker.link(space.id, `ads-${space.id}`);
  const clicked = Date.now() - 5_000;
  await worker.db
    .prepare(
      `INSERT INTO clicks (space_id, uid, link_id, clicked_at_ms, campaign_id, campaign_name, adset_id, adset_name,
        ad_id,
         ad_name, placement, country, raw_query)
       VALUES (?, 'ü', ?, ?, '1', 'Größe, 2', '3', '=set', '5', 'ad', 'feed', 'IN', '')`,
    )
    .bind(space.id, link, clicked)
    .run();
  await worker.db
    .prepare("INSERT INTO key_names (space_id, n, kind, name, created_at_ms) VALUES (?1, 7, 'ingest', 'Everflow', 0)")
    .bind(space.id)
    .run();
  for (const query of ["uid=%C3%BC&eid=1&value=5", "eid=2"])
    await worker.fire(`/e?token=${space.ingest}&event=deposit&${query}`);
  await worker.db.prepare("UPDATE events SET by_key = 7 WHERE space_id = ? AND seq = 1").bind(space.id).run();
  await worker.db.prepare("UPDATE events SET by_key = NULL WHERE space_id = ? AND seq = 2").bind(space.id).run();
  for (const file of ["events", "links"]) {
    const headers = { cookie: browser.cookie };
    const answer = await worker.fetch(`/s/${space.id}/${file}.csv?period=today`, { headers });
    assert.deepEqual([...new Uint8Array(await answer.arrayBuffer()).slice(0, 4)].slice(0, 3), [0xef, 0xbb, 0xbf], file);
  }
  const { text } = await browser.get(`/s/${space.id}/events.csv?period=today`);
  const [head, first, second] = text.split("\r\n");
  const columns = "campaign_id,campaign_name,adset_id,adset_name,ad_id,ad_name,placement,country,clicked,key";
  assert.ok(head.startsWith("number,event,") && head.endsWith(`,notes,${columns}`), head);
  const at = new Date(clicked).toISOString().slice(0, 19).replace("T", " ");
  assert.ok(first.endsWith(`,1,"Größe, 2",3,'=set,5,ad,feed,IN,${at},Everflow`), first);
  assert.ok(second.endsWith(",value_empty,,,,,,,,,,"), second);
});

test("a file of many events is whole", async () => {
  const space = await worker.space();
  await worker.db
    .prepare(
      `
    INSERT INTO events (space_id, seq, dedup, event, currency, occurred_at_ms, received_at_ms, link_id, first,
      receipt, raw)
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
    SELECT ?1, i, 'x=' || i, 'contact', 'USD', ?2, ?2, 0, 0, 'r', '' FROM n`,
    )
    .bind(space.id, Date.now())
    .run();
  const { text } = await browser.get(`/s/${space.id}/events.csv?period=today`);
  const numbers = text
    .trim()
    .split("\r\n")
    .slice(1)
    .map((line) => Number(line.split(",")[0]));
  assert.deepEqual(
    numbers,
    Array.from({ length: 5000 }, (_, at) => at + 1),
  );
});
