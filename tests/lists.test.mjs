// The lists of a space, Events and Refused: what they count, filter and put together (docs/dashboard.md, Lists).
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startWorker } from "./harness.mjs";
import { page } from "./pages.mjs";

let worker, browser;
before(async () => {
  worker = await startWorker({ databaseDelayMs: 0 });
  browser = await worker.browser();
});
after(() => worker.stop());

const fire = (space, query) => worker.fire(`/e?token=${space.ingest}&${query}`);
const shown = async (path) => page((await browser.get(path)).text);

/** Puts refused postbacks straight into the database: the numbers from one to another. */
async function refuse(space, from, to, columns = {}) {
  const row = { status: "invalid_value", notes: '["value_not_a_number"]', raw: "event=deposit&value=abc", ...columns };
  await worker.db
    .prepare(
      `INSERT INTO held (space_id, seq, fingerprint, status, notes, raw, received_at_ms, receipt, event_seq, by_key)
       WITH RECURSIVE n(i) AS (SELECT CAST(?2 AS INTEGER) UNION ALL SELECT i + 1 FROM n WHERE i < ?3)
       SELECT ?1, i, 'f' || i, ?4, ?5, ?6, ?7, 'r', ?8, ?9 FROM n`,
    )
    .bind(
      space.id,
      from,
      to,
      row.status,
      row.notes,
      row.raw,
      row.received_at_ms ?? Date.now(),
      row.event_seq ?? null,
      row.by_key ?? null,
    )
    .run();
}

test("the tab says how many refused postbacks are open, on every page and for a bounded number of rows", async () => {
  const space = await worker.space();
  const tab = async (path = "/links") =>
    Object.keys((await shown(`/s/${space.id}${path}`)).links).find((name) => name.startsWith("Refused"));
  assert.equal(await tab(), "Refused");
  await fire(space, "event=deposit&uid=u&value=abc");
  await refuse(space, 2, 3);
  for (const path of ["", "/events", "/refused", "/links", "/destinations", "/keys", "/settings", "/health"])
    assert.equal(await tab(path), "Refused 3 open", path);
  await worker.db.prepare("UPDATE held SET event_seq = 1 WHERE space_id = ? AND seq = 2").bind(space.id).run();
  assert.equal(await tab(), "Refused 2 open");
  const other = await worker.space();
  await refuse(other, 1, 5);
  assert.equal(await tab(), "Refused 2 open", "another space's are its own");
  await refuse(space, 4, 103);
  assert.equal(await tab(), "Refused 99+ open");
  await refuse(space, 104, 20_000, { event_seq: 1 });
  await worker.cost();
  await shown(`/s/${space.id}/keys`);
  const { rowsRead } = await worker.cost();
  assert.ok(rowsRead < 1200, `${rowsRead} rows read`);
});

/** The events of a list, by number, as a page shows them. */
const numbers = (list) => list.rows.map(({ name }) => Number(name.replace("Event ", "")));

/** Puts events straight into the database, one for each set of columns; gives nothing. */
async function store(space, ...events) {
  for (const [at, event] of events.entries()) {
    const row = { seq: at + 1, event: "deposit", uid: null, micros: null, currency: "USD", link_id: 0, notes: null };
    Object.assign(row, { raw: "", by_key: null, received_at_ms: Date.now(), ...event });
    await worker.db
      .prepare(
        `INSERT INTO events (space_id, seq, dedup, event, uid, micros, currency, occurred_at_ms, received_at_ms,
        link_id,
           first, receipt, notes, raw, by_key)
         VALUES (?1, ?2, 'x=' || ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8, 1, 'r', ?9, ?10, ?11)`,
      )
      .bind(
        space.id,
        row.seq,
        row.event,
        row.uid,
        row.micros,
        row.currency,
        row.received_at_ms,
        row.link_id,
        row.notes,
        row.raw,
        row.by_key,
      )
      .run();
  }
}

const DAY_MS = 24 * 3600 * 1000;
const dayOf = (ms) => new Date(ms).toISOString().slice(0, 10);

async function nameKey(space, n, name, network = null) {
  await worker.db
    .prepare("INSERT INTO key_names (space_id, n, kind, name, network, created_at_ms) VALUES (?, ?, 'ingest', ?, ?, 0)")
    .bind(space.id, n, name, network)
    .run();
}

async function click(space, uid, link, country, campaign) {
  await worker.db
    .prepare(
      `INSERT INTO clicks (space_id, uid, link_id, clicked_at_ms, campaign_id, campaign_name, country, raw_query)
       VALUES (?, ?, ?, 1, ?, ?, ?, '')`,
    )
    .bind(space.id, uid, link, campaign, `${campaign} by name`, country)
    .run();
}

test("events are filtered by everything that is known of them, and the address says by what", async () => {
  const space = await worker.space();
  const link = await worker.link(space.id, `lists-${space.id}`);
  await worker.db.prepare("UPDATE spaces SET network = 'quotex' WHERE id = ?").bind(space.id).run();
  await nameKey(space, 7, "Everflow key", "everflow");
  await click(space, "a", link, "IN", "c1");
  await click(space, "b+b", 0, "BR", "c2");
  const old = Date.now() - 3 * DAY_MS;
  await store(
    space,
    { received_at_ms: old, uid: "a", micros: 25_000_000, link_id: link, by_key: 7 },
    { event: "registration", uid: "a", link_id: link, raw: "event=registration&goal=FTD" },
    { uid: "b b", micros: 1_500_000, currency: "EUR", notes: '["value_decimal_comma","plus_restored"]' },
    { event: "contact" },
  );
  const { id: destination } = await worker.row(
    `INSERT INTO destinations (space_id, name, enabled, events, config, secrets, created_at_ms)
     VALUES (?, 'Hook', 0, '{}', '{"kind":"webhook"}', '', 0) RETURNING id`,
    space.id,
  );
  for (const [seq, state] of [
    [1, "sent"],
    [2, "failed_permanently"],
  ])
    await worker.db
      .prepare(
        `INSERT INTO deliveries (space_id, seq, destination_id, target, state, due_at_ms) VALUES (?, ?, ?, 'x', ?, 0)`,
      )
      .bind(space.id, seq, destination, state)
      .run();
  for (const [query, wanted] of [
    ["", [4, 3, 2, 1]],
    ["event=deposit", [3, 1]],
    [`link=${link}`, [2, 1]],
    ["link=0", [4, 3]],
    [`destination=${destination}`, [2, 1]],
    [`destination=${destination}&state=sent`, [1]],
    ["state=failed_permanently", [2]],
    [`destination=${destination}&state=none`, [4, 3]],
    ["note=plus_restored", [3]],
    ["network=everflow", [1]],
    ["network=quotex", [4, 3, 2]],
    ["key=7", [1]],
    ["country=in", [2, 1]],
    ["country=BR", [3]],
    ["campaign=c1", [2, 1]],
    ["campaign=c2%20by%20name", [3]],
    ["min=2", [1]],
    ["min=1.5&max=25.00", [3, 1]],
    ["max=10&currency=eur", [3]],
    ["currency=USD", [1]],
    ["text=goal%3Dftd", [2]],
    [`from=${dayOf(old)}&to=${dayOf(old)}`, [1]],
    [`from=${dayOf(Date.now() - DAY_MS)}&to=${dayOf(Date.now())}`, [4, 3, 2]],
    [`event=deposit&country=IN&key=7&link=${link}`, [1]],
    ["event=deposit&country=IN&link=0", []],
    ["q=a", [2, 1]],
    ["q=a&event=deposit", [1]],
  ]) {
    const list = await shown(`/s/${space.id}/events?${query}`);
    assert.deepEqual(list.find("Events") && numbers(list), wanted, query);
    // What was typed is still in the form.
    const { fields } = list.form("Search");
    for (const [name, value] of new URLSearchParams(query)) assert.equal(fields[name], value, query);
    assert.ok(Object.keys(fields).length > 14, "there is one form");
  }
  const list = await shown(`/s/${space.id}/events?event=deposit&link=${link}&min=5`);
  assert.equal(list.link("event: deposit, clear it ×"), `?link=${link}&min=5`);
  assert.equal(list.link(`link: lists-${space.id}, clear it ×`), "?event=deposit&min=5");
  assert.equal(list.link("clear all"), "?");
  const bad = await shown(`/s/${space.id}/events?min=abc&from=x`);
  assert.equal(bad.alerts.length, 2, bad.alerts.join());
  assert.deepEqual(numbers(bad), [4, 3, 2, 1]);

  const file = async (query) => {
    const { links } = await shown(`/s/${space.id}/events?${query}`);
    const { text } = await browser.get(links["Download these as CSV"]);
    return text.trim().split("\r\n").slice(1);
  };
  assert.deepEqual(
    (await file("event=deposit&campaign=c1")).map((line) => line.split(",").slice(0, 4)),
    [["1", "deposit", "25.00", "USD"]],
  );
  assert.match((await file("key=7"))[0], /,IN,[^,]+,Everflow key$/);
  assert.equal((await file("")).length, 4);
});

test("a filter looks through 20,000 events at a time, says so, and goes on from there", async () => {
  const space = await worker.space();
  await worker.db
    .prepare(
      `INSERT INTO events (space_id, seq, dedup, event, uid, currency, occurred_at_ms, received_at_ms, link_id, first,
         receipt, raw)
       WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
       SELECT ?1, i, 'x=' || i, iif(i % 25000 = 7, 'deposit', 'contact'), 'u' || i, 'USD',
         ?2 + i * 1000, ?2 + i * 1000, 0,
         0, 'r', '' FROM n`,
    )
    .bind(space.id, Date.now() - 50_000_000)
    .run();
  const step = async (path) => {
    await worker.cost();
    const list = await shown(path);
    return { list, ...(await worker.cost()) };
  };
  let { list, rowsRead, trips } = await step(`/s/${space.id}/events?event=deposit`);
  assert.deepEqual(numbers(list), []);
  assert.ok(list.text.includes("Events 30001 to 50000 were looked through"), list.text);
  assert.ok(rowsRead < 20_500 && trips === 2, `${rowsRead} rows read in ${trips} trips`);
  const older = list.link("Look through older ones");
  assert.equal(older, "?event=deposit&before=30001");
  ({ list, rowsRead } = await step(`/s/${space.id}/events${older}`));
  assert.deepEqual(numbers(list), [25_007]);
  assert.ok(rowsRead < 20_500, `${rowsRead} rows read`);
  ({ list } = await step(`/s/${space.id}/events${list.link("Look through older ones")}`));
  assert.deepEqual(numbers(list), [7]);
  assert.equal(list.links["Look through older ones"], undefined, "that was all");
  ({ list, rowsRead } = await step(`/s/${space.id}/events`));
  assert.equal(numbers(list).length, 25);
  assert.equal(list.link("Older"), "?before=49976");
  assert.ok(rowsRead < 300, `${rowsRead} rows read`);
  // By its clicks a filter reads more of each, and no more events.
  ({ rowsRead } = await step(`/s/${space.id}/events?country=IN&state=sent&network=quotex&key=1`));
  assert.ok(rowsRead < 80_000, `${rowsRead} rows read`);
  // A day that is long ago is found at once, and what is before it is not looked for.
  const first = Date.now() - 50_000_000;
  await worker.db
    .prepare("UPDATE events SET received_at_ms = received_at_ms - ?2 WHERE space_id = ?1 AND seq <= 3000")
    .bind(space.id, 10 * DAY_MS)
    .run();
  const day = dayOf(first - 10 * DAY_MS);
  ({ list, trips } = await step(`/s/${space.id}/events?event=deposit&from=${day}&to=${dayOf(first - 9 * DAY_MS)}`));
  assert.deepEqual(numbers(list), [7]);
  ({ list } = await step(`/s/${space.id}/events?event=deposit&from=${dayOf(Date.now())}`));
  assert.deepEqual(numbers(list), []);
});

test("refused ones of one cause, shape and source are one card with a count, which is mended as a whole", async () => {
  const space = await worker.space();
  await nameKey(space, 8, "Other key");
  const minutes = (count) => Date.now() - count * 60_000;
  const amount = (at) => `event=deposit&uid=u${at}&eid=g${at}&value=1,23${at}`;
  for (let at = 1; at <= 5; at++)
    await refuse(space, at, at, { raw: amount(at), received_at_ms: minutes(63 - at * 12) });
  await refuse(space, 6, 6, { raw: "event=deposit&uid=x&eid=x&value=abc" });
  await refuse(space, 7, 7, { status: "invalid_event", notes: '["event_unknown"]', raw: "event=sale&uid=x" });
  await refuse(space, 8, 8, { status: "invalid_event", notes: '["event_unknown"]', raw: "event=lead&uid=x" });
  await refuse(space, 9, 9, { raw: amount(9), by_key: 8 });
  const list = await shown(`/s/${space.id}/refused`);
  assert.deepEqual(
    list.headings.filter((heading) => /“/.test(heading)),
    [
      "Choose The amount “1,239” is ambiguous",
      "Choose The event “lead” is unknown",
      "Choose The event “sale” is unknown",
      "Choose The amount “abc” is not a number",
      "Choose The amount “1,235” is ambiguous",
    ],
  );
  const card = list.section("Choose The amount “1,235” is ambiguous");
  assert.match(card.text, /5 times, last 3 minutes ago/);
  assert.match(list.section("Choose The amount “1,239” is ambiguous").text, /by the key Other key/);
  assert.deepEqual(
    card.section("The single ones").items.map((item) => item.replace(/ .* /, " ")),
    [5, 4, 3, 2, 1].map((at) => `${at} 1,23${at}`),
  );
  assert.ok(list.text.includes("of the newest 1,000"), "it says how many are looked through");
  const box = card.node.querySelector("input[name=seqs]");
  assert.equal(box.getAttribute("value"), "5,4,3,2,1");
  const preview = await shown(`/s/${space.id}/mend?seqs=5,4,3,2,1&mend=thousands`);
  assert.match(preview.text, /5 would be stored/);
  const both = await shown(`/s/${space.id}/mend?seqs=5,4,3,2,1&seq=4&seq=6&mend=thousands`);
  assert.match(both.text, /5 would be stored, 0 are known already, 1 would stay refused/);
  const { headers } = await browser.send(`/s/${space.id}/replays`, preview.form("Replay them").fields);
  assert.match(headers.get("location"), /replays\/1$/);
  // What Health ticks is ticked, and the card that it is on is open.
  const ticked = await shown(`/s/${space.id}/refused?of=refused&seq=7`);
  assert.ok(ticked.node.querySelector("input[name=seq][value='7']").hasAttribute("checked"));
});

test("many cards are pages without a gap, and a filter of refused ones reads what the query says", async () => {
  const space = await worker.space();
  for (let at = 1; at <= 45; at++)
    await refuse(space, at, at, {
      status: "invalid_event",
      notes: '["event_unknown"]',
      raw: `uid=u${at}&event=kind${at}&value=${at}&currency=eur`,
    });
  const first = await shown(`/s/${space.id}/refused`);
  const cards = (list) => list.headings.filter((heading) => /“/.test(heading));
  assert.equal(cards(first).length, 40);
  const second = await shown(`/s/${space.id}/refused${first.link("Older")}`);
  assert.deepEqual(
    cards(second),
    [5, 4, 3, 2, 1].map((at) => `Choose The event “kind${at}” is unknown`),
  );
  assert.equal(second.links.Older, undefined);
  const link = await worker.link(space.id, `held-${space.id}`);
  await click(space, "u3", link, "IN", "c1");
  for (const [query, wanted] of [
    ["event=kind7", [7]],
    [`link=${link}`, [3]],
    ["country=IN", [3]],
    ["campaign=c1", [3]],
    ["min=44&currency=EUR", [45, 44]],
    ["max=2", [2, 1]],
    ["status=invalid_value", []],
    ["text=KIND9", [9]],
  ]) {
    const list = await shown(`/s/${space.id}/refused?${query}`);
    assert.deepEqual(
      cards(list).map((heading) => Number(/kind(\d+)/.exec(heading)[1])),
      wanted,
      query,
    );
  }
  // All that match, by such a filter, are those.
  const preview = await shown(
    `/s/${space.id}/mend?which=all&min=44&mend=map&map_from=event&map_word=kind45&map_to=deposit`,
  );
  assert.match(preview.text, /1 would be stored, 0 are known already, 1 would stay refused/);
  // Equal ones beyond what a page puts together are on the next.
  const flood = await worker.space();
  await refuse(flood, 1, 2500);
  const newest = await shown(`/s/${flood.id}/refused`);
  assert.match(newest.section(/“abc”/).text, /1,000 times, last just now/);
  const rest = await shown(`/s/${flood.id}/refused${newest.link("Older")}`);
  assert.equal(
    rest.section(/“abc”/).node.querySelector("input[name=seqs]").getAttribute("value").split(",")[0],
    "1500",
  );
});
