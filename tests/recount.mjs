// Whether a space's counters and closed days are what its events and clicks come to.
import assert from "node:assert/strict";

const BUCKET_MS = 900_000;
const sums = (table, at) => `
  SELECT ${at} || ' ' || link_id || ' ' || event || ' ' || currency AS key, events, people,
    units * 1000000 + micros AS micros
  FROM ${table} WHERE space_id = ? AND (events <> 0 OR people <> 0 OR units <> 0 OR micros <> 0)`;
const STATEMENTS = [
  "SELECT * FROM events WHERE space_id = ? AND counted = 1 ORDER BY seq",
  "SELECT link_id, clicked_at_ms FROM clicks WHERE space_id = ?",
  "SELECT from_bucket, to_bucket FROM closed_days WHERE space_id = ?",
  sums("counters", "bucket"),
  sums("days", "from_bucket"),
];

/** Counts again all that counts, compares, and gives what a user would see of it. */
export async function recount(worker, spaceId, what) {
  const read = await worker.db.batch(STATEMENTS.map((sql) => worker.db.prepare(sql).bind(spaceId)));
  const [events, clicks, closed, counters, days] = read.map(({ results }) => results);
  const expected = { counters: {}, days: {} };
  const add = (table, at, link, event, currency, people, micros) => {
    const key = [at, link, event, currency].join(" ");
    const sum = (expected[table][key] ??= { events: 0, people: 0, micros: 0 });
    sum.events += 1;
    sum.people += people;
    sum.micros += micros;
  };
  const count = (ms, ...rest) => {
    const bucket = Math.floor(ms / BUCKET_MS);
    add("counters", bucket, ...rest);
    const day = closed.find(({ from_bucket, to_bucket }) => from_bucket <= bucket && bucket < to_bucket);
    if (day) add("days", day.from_bucket, ...rest);
  };
  const seen = new Set();
  const revenue = {};
  for (const event of events) {
    const uid = event.uid?.replaceAll("+", " ");
    const person = uid ?? (event.tg_id === null ? null : `tg#${event.tg_id}`);
    const isFirst = person !== null && !seen.has(`${event.event} ${person}`);
    seen.add(`${event.event} ${person}`);
    assert.equal(event.first, Number(isFirst), `${what}: event ${event.seq} is the first of its kind`);
    const currency = event.event === "deposit" ? event.currency : "";
    count(event.occurred_at_ms, event.link_id, event.event, currency, Number(isFirst), event.micros ?? 0);
    if (event.micros) revenue[currency] = (revenue[currency] ?? 0) + event.micros;
  }
  for (const { link_id, clicked_at_ms } of clicks) count(clicked_at_ms, link_id, "click", "", 1, 0);
  for (const [table, found] of Object.entries({ counters, days })) {
    const actual = Object.fromEntries(found.map(({ key, ...sums }) => [key, sums]));
    assert.deepEqual(actual, expected[table], `${what}: ${table}`);
  }
  return { revenue };
}
