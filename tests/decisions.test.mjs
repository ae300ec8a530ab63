// What is decided about an event, and its undoing: figures, deliveries and what is told of them, in many orders
// (docs/dashboard.md, Conflicts, Possible duplicates, Taking out).
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { answers, operate, useDestinations, webhook, worker } from "./destinations.mjs";
import { OF_DATABASE, OPERATOR_TOKEN, sha256, startWorker, until } from "./harness.mjs";
import { page } from "./pages.mjs";
import { recount } from "./recount.mjs";

useDestinations();

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Figures, events, those beside others, open versions: what a decision and its undoing leave as it was. */
const STATE = [
  `SELECT link_id, bucket, event, currency, events, people, units * 1000000 + micros AS micros
   FROM counters WHERE space_id = ? AND (events <> 0 OR people <> 0 OR units <> 0 OR micros <> 0)`,
  `SELECT seq, event, uid, eid, value, micros, currency, link_id, first, notes, counted
   FROM events WHERE space_id = ? AND dedup NOT GLOB 'v+*' ORDER BY seq`,
  "SELECT seq FROM events WHERE space_id = ? AND dedup GLOB 'v+*' AND counted = 1",
  "SELECT seq, what FROM versions WHERE space_id = ? AND decided = 0 ORDER BY seq, what",
];

/** A space, and what can happen in it. */
async function scene() {
  const space = await worker.space();
  const links = [await worker.link(space.id, `a${space.id}`), await worker.link(space.id, `b${space.id}`)];
  const bearer = { authorization: `Bearer ${space.bearer}` };
  const operator = { authorization: `Bearer ${OPERATOR_TOKEN}` };
  const post = (path, headers, body) => worker.fire(path, { method: "POST", headers, body: JSON.stringify(body) });
  const all = (sql) => worker.rows(sql, space.id);
  return {
    ...space,
    links,
    all,
    fire: (query) => worker.fire(`/e?token=${space.ingest}&${query}`),
    click: (uid, link) => post("/clicks", bearer, { uid, link_slug: `${"ab"[link]}${space.id}` }),
    bind: (uid, tg_id) => post("/bind", bearer, { uid, tg_id }),
    enter: (body) => post(`/api/spaces/${space.id}/events`, operator, body),
    decide: (seq, kind, more = {}) =>
      post(`/api/spaces/${space.id}/events/${seq}/decisions`, operator, { kind, ...more }),
    event: (seq) => worker.row("SELECT * FROM events WHERE space_id = ? AND seq = ?", space.id, seq),
    open: () => all("SELECT seq, micros, uid, times FROM versions WHERE space_id = ? AND decided = 0 ORDER BY 1, 2"),
    deliveries: () => all("SELECT seq, state FROM deliveries WHERE space_id = ? ORDER BY seq, destination_id"),
    check: (what) => recount(worker, space.id, what),
    async state() {
      const statements = STATE.map((sql) => worker.db.prepare(sql).bind(space.id));
      return (await worker.db.batch(statements)).map(({ results }) => results);
    },
  };
}

/** A space whose one destination has its deliveries wait. */
async function waiting() {
  const space = await scene();
  assert.equal((await operate(space, "POST", "", webhook())).code, 201);
  await worker.db
    .prepare("UPDATE destinations SET rest_until_ms = ? WHERE space_id = ?")
    .bind(Date.now() * 2, space.id)
    .run();
  return space;
}

const TAKE = "Take 300.00\u00a0USD: revenue +179.50\u00a0USD";
const usd = (micros) => micros * 1_000_000;

describe("a conflict", () => {
  /** A deposit of 120.50 that came again with 300. */
  async function conflict() {
    const s = await waiting();
    await s.fire("event=deposit&uid=u&eid=tr-1&value=120.50");
    assert.equal((await s.fire("event=deposit&uid=u&eid=tr-1&value=300")).status, "duplicate");
    return s;
  }

  test("is both versions, and an equal retry is none", async () => {
    const s = await conflict();
    assert.deepEqual(await s.open(), [{ seq: 1, micros: usd(300), uid: "u", times: 1 }]);
    await s.fire("event=deposit&uid=u&eid=tr-1&value=120.5");
    await s.fire("event=deposit&eid=tr-1");
    await s.fire("event=deposit&uid=other&eid=tr-1&value=7&test=1");
    await s.fire("event=deposit&uid=u&eid=tr-1&value=300.00");
    assert.deepEqual(await s.open(), [{ seq: 1, micros: usd(300), uid: "u", times: 2 }]);
    await s.check("nothing is decided");
  });

  test("costs a row for a clean duplicate, and no new version when it comes again", async () => {
    const s = await conflict();
    const [clean, first, again] = [
      await s.fire("event=deposit&uid=u&eid=tr-1&value=120.50"),
      await s.fire("event=deposit&uid=u&eid=tr-1&value=400"),
      await s.fire("event=deposit&uid=u&eid=tr-1&value=400"),
    ].map(({ cost }) => cost.written);
    assert.equal(clean, 1);
    assert.ok(first <= 6 && again <= 3, `${first} and ${again} rows written`);
    assert.deepEqual((await s.open()).at(-1), { seq: 1, micros: usd(400), uid: "u", times: 2 });
  });

  test("keeping the first changes nothing, and the same version is no conflict again", async () => {
    const s = await conflict();
    const before = await s.state();
    assert.deepEqual((await s.decide(1, "keep_first")).n, 1);
    assert.deepEqual((await s.state()).slice(0, 3), before.slice(0, 3));
    await s.fire("event=deposit&uid=u&eid=tr-1&value=300");
    assert.deepEqual(await s.open(), []);
    assert.equal((await s.decide(1, "keep_first")).code, 409, "nothing is open");
    assert.equal((await s.decide(1, "undo")).code, 200);
    assert.equal((await s.open()).length, 1, "an undone one is open again");
    assert.deepEqual(await s.state(), before);
  });

  test("taking the last moves revenue by the difference, and what waits sends it", async () => {
    const s = await conflict();
    const before = await s.state();
    await s.decide(1, "take_last");
    const { micros, value, currency } = await s.event(1);
    assert.deepEqual([micros, value, currency], [usd(300), "300", "USD"]);
    assert.equal((await s.check("300")).revenue.USD, usd(300));
    assert.deepEqual(await s.deliveries(), [{ seq: 1, state: "pending" }]);
    await s.fire("event=deposit&uid=u&eid=tr-1&value=300");
    await s.fire("event=deposit&uid=u&eid=tr-1&value=120.50");
    assert.deepEqual(await s.open(), [], "neither the one taken nor the one left opens it again");
    await s.decide(1, "undo");
    assert.deepEqual(await s.state(), before);
    await s.check("undone");
  });

  test("what was sent stays sent, and Send again sends the new amount under the same event id", async () => {
    const s = await scene();
    const { id } = await operate(s, "POST", "", webhook());
    const arrived = [];
    answers["hook.example"] = ({ body }) => {
      arrived.push(JSON.parse(body));
      return new Response("ok");
    };
    await s.fire("event=deposit&uid=u&eid=tr-1&value=120.50");
    await until("it was sent", async () => (await s.deliveries())[0]?.state === "sent");
    await s.fire("event=deposit&uid=u&eid=tr-1&value=300");
    await s.decide(1, "take_last");
    assert.deepEqual(await s.deliveries(), [{ seq: 1, state: "sent" }]);
    assert.equal((await operate(s, "POST", `/${id}/resend`, { seq: 1 })).code, 200);
    await until("it was sent again", () => arrived.length === 2);
    assert.deepEqual(
      arrived.map(({ data }) => data.value),
      ["120.50", "300.00"],
    );
    assert.equal(arrived[0].event_id, arrived[1].event_id);
  });

  test("counting both makes the later one an event of its own, which is sent on", async () => {
    const s = await conflict();
    const before = await s.state();
    await s.decide(1, "count_both");
    const made = await s.event(2);
    assert.deepEqual([made.micros, made.uid, made.eid, made.counted, made.first], [usd(300), "u", "tr-1", 1, 0]);
    assert.equal((await s.check("both")).revenue.USD, usd(420.5));
    assert.deepEqual(
      await s.deliveries(),
      [1, 2].map((seq) => ({ seq, state: "pending" })),
    );
    assert.equal((await s.decide(2, "undo")).code, 409, "it is undone where it was decided");
    await s.decide(1, "undo");
    assert.deepEqual(await s.state(), before);
    assert.deepEqual(await s.deliveries(), [{ seq: 1, state: "pending" }]);
    assert.equal((await s.decide(2, "put_in")).code, 409, "it waits for the other's decision");
    await s.decide(1, "count_both");
    assert.equal((await s.event(2)).refires, 0, "the same event, and no re-fire");
    assert.equal(await s.event(3), null);
    await s.check("both again");
  });

  test("counting both counts each of several, and taking the last one takes the last", async () => {
    const s = await conflict();
    await s.fire("event=deposit&uid=u&eid=tr-1&value=200");
    await s.fire("event=deposit&uid=v&eid=tr-1&value=5&currency=EUR");
    const before = await s.state();
    await s.decide(1, "count_both");
    assert.deepEqual((await s.check("all")).revenue, { USD: usd(620.5), EUR: usd(5) });
    await s.decide(1, "undo");
    await s.decide(1, "take_last");
    assert.deepEqual((await s.check("the last")).revenue, { EUR: usd(5) });
    assert.equal((await s.event(1)).uid, "v");
    await s.decide(1, "undo");
    assert.deepEqual(await s.state(), before);
  });

  test("undoing waits for what was decided since about an event that it counted", async () => {
    const s = await conflict();
    const before = await s.state();
    await s.decide(1, "count_both");
    await s.decide(2, "take_out", { reason: "A test" });
    assert.equal((await s.decide(1, "undo")).code, 409);
    await s.decide(2, "undo");
    await s.decide(1, "undo");
    assert.deepEqual(await s.state(), before);
  });

  test("a call that breaks off leaves nothing counted, and can be made again", async () => {
    const s = await conflict();
    const before = await s.state();
    await worker.db
      .prepare("CREATE TRIGGER test_break BEFORE INSERT ON decisions BEGIN SELECT RAISE(ABORT, 'broken off'); END")
      .run();
    assert.equal((await s.decide(1, "count_both")).code, 503);
    await worker.db.prepare("DROP TRIGGER test_break").run();
    assert.deepEqual(await s.state(), before);
    assert.equal((await s.event(2)).counted, 0);
    await s.check("broken off");
    await s.decide(1, "count_both");
    assert.equal((await s.check("made again")).revenue.USD, usd(420.5));
  });

  test("another version that came meanwhile is looked at first", async () => {
    const s = await conflict();
    const browser = await worker.browser();
    const seen = page((await browser.get(`/s/${s.id}/events/1`)).text).form(TAKE).fields;
    await s.fire("event=deposit&uid=u&eid=tr-1&value=700");
    const answer = await browser.send(`/s/${s.id}/events/1/decide`, seen);
    assert.equal(answer.code, 409);
    assert.match(page(answer.text).text, /Look again/);
    assert.equal((await s.event(1)).micros, usd(120.5));
  });

  test("is shown with what each choice does to revenue", async () => {
    const s = await conflict();
    const browser = await worker.browser();
    const shown = page((await browser.get(`/s/${s.id}/events/1`)).text);
    const section = shown.section("Conflict: it came again and says something else");
    assert.deepEqual(
      section.forms.flatMap(({ buttons }) => buttons).map((text) => text.replaceAll("\u00a0", " ")),
      ["Keep 120.50 USD (now)", "Take 300.00 USD: revenue +179.50 USD", "Count both: revenue +300.00 USD"],
    );
  });

  test("comes by the queue as well", async () => {
    const s = await scene();
    const message = (value, receipt) =>
      JSON.stringify({
        v: 1,
        ...OF_DATABASE,
        kind: "postback",
        key_hash: sha256(s.ingest),
        key_kind: "ingest",
        raw: `event=deposit&eid=q&value=${value}`,
        received_at_ms: Date.now(),
        receipt,
      });
    const batch = [message(1, "r1"), message(2, "r2"), message(1, "r3"), message(2, "r4"), message(2, "r4")];
    await worker.deliver("xtracker-postbacks", batch);
    assert.deepEqual(await s.open(), [{ seq: 1, micros: usd(2), uid: null, times: 3 }]);
    await s.decide(1, "count_both");
    assert.equal((await s.check("both")).revenue.USD, usd(3));
  });
});

describe("two deposits that look the same", () => {
  async function twins() {
    const s = await waiting();
    const t = Date.now() - HOUR_MS;
    await s.fire(`event=deposit&uid=u&value=25&t=${t}`);
    await s.fire(`event=deposit&uid=u&value=25&t=${t + 60_000}`);
    return { ...s, t };
  }

  test("are merged and parted", async () => {
    const s = await twins();
    const before = await s.state();
    await s.decide(2, "merge");
    assert.deepEqual([(await s.check("merged")).revenue.USD, (await s.event(2)).counted], [usd(25), 0]);
    assert.deepEqual(await s.deliveries(), [{ seq: 1, state: "pending" }]);
    await s.decide(2, "undo");
    assert.deepEqual(await s.state(), before);
    assert.deepEqual(
      await s.deliveries(),
      [1, 2].map((seq) => ({ seq, state: "pending" })),
    );
    await s.decide(2, "keep_both");
    assert.deepEqual(await s.state(), before);
    assert.equal((await s.decide(2, "merge")).code, 409, "it was decided that they are two");
    await s.decide(2, "undo");
    assert.equal((await s.decide(2, "merge")).code, 200);
  });

  test("are marked, and what has an id, another amount or is eleven minutes away is not", async () => {
    const s = await twins();
    await s.fire(`event=deposit&uid=u&value=25&t=${s.t + 2}&eid=own`);
    await s.fire(`event=deposit&uid=u&value=26&t=${s.t + 3}`);
    await s.fire(`event=deposit&uid=u&value=25&currency=EUR&t=${s.t + 4}`);
    await s.fire(`event=deposit&uid=v&value=25&t=${s.t + 5}`);
    await s.fire(`event=deposit&uid=u&value=25&t=${s.t + 661_000}`);
    const browser = await worker.browser();
    const { rows } = page((await browser.get(`/s/${s.id}/events`)).text);
    const marked = rows.filter(({ cells }) => cells.Amount.text.includes("the same as event 1?"));
    assert.deepEqual(
      marked.map(({ name }) => name),
      ["Event 2"],
    );
    for (const seq of [1, 2]) {
      const shown = page((await browser.get(`/s/${s.id}/events/${seq}`)).text);
      const pair = shown.section("Possible duplicate: event 2 looks the same as event 1");
      const merge = pair.form("Merge: count once, revenue \u221225.00\u00a0USD");
      assert.equal(merge.action, `/s/${s.id}/events/2/decide`);
    }
  });

  test("are found among many of one uid for a bounded number of rows", async () => {
    const watched = await startWorker({ databaseDelayMs: 0 });
    try {
      const { id } = await watched.space();
      await watched.db
        .prepare(
          `INSERT INTO events (space_id, seq, dedup, event, uid, currency, micros, occurred_at_ms, received_at_ms,
             link_id, first, receipt, raw)
           WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
           SELECT ?1, i, 'd@' || i || ':u', 'deposit', 'u', 'USD', 5, ?2, ?2, 0, 0, 'r', '' FROM n`,
        )
        .bind(id, Date.now())
        .run();
      const browser = await watched.browser();
      for (const path of ["/events", "/events/15000", "/events/1"]) {
        await watched.cost();
        assert.equal((await browser.get(`/s/${id}${path}`)).code, 200);
        const { rowsRead } = await watched.cost();
        assert.ok(rowsRead < 6000, `${rowsRead} rows read for ${path}`);
      }
    } finally {
      await watched.stop();
    }
  });
});

describe("an event that is taken out", () => {
  test("counts nowhere, cancels what waits, keeps its id, and is put back", async () => {
    const s = await waiting();
    await s.click("u", 0);
    await s.fire("event=deposit&uid=u&eid=1&value=25");
    await s.fire("event=deposit&uid=u&eid=2&value=5");
    const before = await s.state();
    assert.equal((await s.decide(1, "take_out", { reason: "A template that was opened" })).code, 200);
    const figures = await s.check("taken out");
    assert.equal(figures.revenue.USD, usd(5));
    assert.equal((await s.event(2)).first, 1, "the next one is the first of its kind now");
    assert.deepEqual(await s.deliveries(), [{ seq: 2, state: "pending" }]);
    assert.equal((await s.fire("event=deposit&uid=u&eid=1&value=25")).status, "duplicate");
    const browser = await worker.browser();
    const { rows } = page((await browser.get(`/s/${s.id}/events`)).text);
    assert.match(rows[1].cells.Amount.text, /25\.00.USD not counted: A template that was opened/);
    assert.equal((await s.decide(1, "take_out")).code, 409);
    await s.decide(1, "put_in");
    assert.deepEqual(await s.state(), before);
    assert.deepEqual(
      await s.deliveries(),
      [1, 2].map((seq) => ({ seq, state: "pending" })),
    );
    await s.check("put back");
  });

  test("a test is one from the start, and can be counted", async () => {
    const s = await waiting();
    await s.fire("event=deposit&uid=u&eid=1&value=25&test=1");
    const browser = await worker.browser();
    const { rows } = page((await browser.get(`/s/${s.id}/events`)).text);
    assert.match(rows[0].cells.Amount.text, /not counted: a test/);
    assert.deepEqual(await s.deliveries(), []);
    await s.decide(1, "put_in");
    assert.equal((await s.check("put in")).revenue.USD, usd(25));
    assert.deepEqual(await s.deliveries(), [{ seq: 1, state: "pending" }]);
    await s.decide(1, "undo");
    assert.deepEqual([(await s.check("undone")).revenue, await s.deliveries()], [{}, []]);
  });

  test("a form that is sent twice decides once, and so does a reload", async () => {
    const s = await waiting();
    await s.fire("event=deposit&uid=u&eid=1&value=25");
    const browser = await worker.browser();
    const form = page((await browser.get(`/s/${s.id}/events/1`)).text).form("Take it out").fields;
    const sent = await Promise.all(
      Array.from({ length: 4 }, () => browser.send(`/s/${s.id}/events/1/decide`, { ...form, words: "Mine" })),
    );
    for (const { code, headers } of sent)
      assert.deepEqual([code, headers.get("location")], [303, `/s/${s.id}/events/1`]);
    assert.deepEqual(await s.all("SELECT n, kind, reason FROM decisions WHERE space_id = ?"), [
      { n: 1, kind: "take_out", reason: "Mine" },
    ]);
    assert.equal((await s.decide(1, "take_out", { expected: 1, reason: "Mine" })).already, true);
    assert.equal((await s.decide(1, "put_in", { expected: 1 })).code, 409);
    assert.equal((await browser.get(`/s/${s.id}/events/1/decide`)).code, 200, "a reload comes to the event");
    const shown = page((await browser.get(`/s/${s.id}/events/1`)).text);
    assert.match(shown.section("Decide").text, /Not counted: Mine/);
    await browser.send(`/s/${s.id}/events/1/decide`, shown.form("Undo decision 1").fields);
    assert.equal((await s.check("undone")).revenue.USD, usd(25));
    await s.check("after the forms");
  });

  test("refuses what is no decision, no event, or another space's", async () => {
    const s = await waiting();
    const other = await waiting();
    await s.fire("event=deposit&uid=u&eid=1&value=25");
    for (const [answer, code, status] of [
      [await s.decide(1, "erase"), 422, "invalid_field"],
      [await s.decide(1, "mend"), 409, "not_possible"],
      [await s.decide(1, "undo"), 409, "not_possible"],
      [await s.decide(1, "merge"), 409, "not_possible"],
      [await s.decide(1, "take_out", { reason: "x".repeat(301) }), 422, "invalid_field"],
      [await s.decide(2, "take_out"), 404, "not_found"],
      [await other.decide(1, "take_out"), 404, "not_found"],
    ])
      assert.deepEqual([answer.code, answer.status], [code, status], answer.text);
    assert.deepEqual(await s.all("SELECT n FROM decisions WHERE space_id = ?"), []);
  });
});

describe("an event that is entered by hand", () => {
  test("is stored, counted, credited and sent on like a reported one, and once", async () => {
    const s = await waiting();
    await s.click("u", 0);
    const entry = { event: "deposit", uid: "u", value: "25.50", occurred_at_ms: Date.now() - HOUR_MS, id: "mail 7" };
    const entered = [await s.enter(entry), await s.enter(entry)];
    assert.deepEqual(
      entered.map(({ code, status, seq }) => [code, status, seq]),
      [
        [200, "queued", 1],
        [200, "queued", 1],
      ],
    );
    const { link_id, notes, refires } = await s.event(1);
    assert.deepEqual([link_id, notes, refires], [s.links[0], '["by_hand"]', 0]);
    assert.deepEqual(await s.deliveries(), [{ seq: 1, state: "pending" }]);
    assert.equal((await s.enter({ ...entry, id: "mail 8" })).seq, 2, "another entry is another event");
    assert.equal((await s.check("entered")).revenue.USD, usd(51));
  });

  test("with an id that is known it is that event, and no conflict", async () => {
    const s = await waiting();
    await s.fire("event=deposit&uid=u&eid=1&value=25");
    const answer = await s.enter({ event: "deposit", uid: "u", eid: "1", value: "30" });
    assert.deepEqual([answer.status, answer.seq], ["duplicate", 1]);
    assert.deepEqual([await s.open(), (await s.event(1)).refires], [[], 0]);
    assert.equal((await s.enter({ event: "deposit", eid: "2", value: "30" })).status, "queued");
    assert.equal((await s.fire("event=deposit&eid=2&value=30")).status, "duplicate");
    await s.check("entered");
  });

  test("what cannot be is refused with its field", async () => {
    const s = await waiting();
    for (const [body, field] of [
      [{ event: "payment" }, "event"],
      [{ event: "deposit", value: "1,234" }, "value"],
      [{ event: "deposit", currency: "$" }, "currency"],
      [{ event: "deposit", occurred_at_ms: 5 }, "occurred_at_ms"],
      [{ event: "deposit", uid: "x".repeat(300) }, "uid"],
    ]) {
      const answer = await s.enter(body);
      assert.deepEqual([answer.code, answer.field], [422, field], answer.text);
    }
  });

  test("by the form: once however often it is sent, at the time of the space's zone", async () => {
    const s = await waiting();
    await worker.db.prepare("UPDATE spaces SET time_zone = 'Asia/Kolkata' WHERE id = ?").bind(s.id).run();
    const browser = await worker.browser();
    const form = page((await browser.get(`/s/${s.id}/events/new`)).text).form("Enter");
    const at = new Date(Math.floor((Date.now() - DAY_MS) / 60_000) * 60_000);
    const local = new Date(at.getTime() + 5.5 * HOUR_MS).toISOString().slice(0, 16);
    const typed = { ...form.fields, uid: "a&b=c +ä", value: "25", occurred_at_ms: local };
    const sent = await Promise.all(Array.from({ length: 3 }, () => browser.send(form.action, typed)));
    for (const { code, headers } of sent)
      assert.deepEqual([code, headers.get("location")], [303, `/s/${s.id}/events/1`]);
    const { uid, occurred_at_ms, micros } = await s.event(1);
    assert.deepEqual([uid, occurred_at_ms, micros], ["a&b=c +ä", at.getTime(), usd(25)]);
    assert.equal(await s.event(2), null);
    await browser.send(form.action, { ...typed, value: "26" });
    assert.equal((await s.event(2)).micros, usd(26), "what was changed in it is another one");
    for (const [more, field] of [
      [{ value: "abc" }, "value"],
      [{ occurred_at_ms: "soon" }, "occurred_at_ms"],
    ]) {
      const refused = await browser.send(form.action, { ...typed, ...more });
      assert.equal(refused.code, 422);
      assert.ok(page(refused.text).form("Enter").errors[field]);
    }
    await browser.send(form.action, { ...typed, eid: "9" });
    const known = await browser.send(form.action, { ...typed, eid: "9", value: "8" });
    assert.match(page(known.text).form("Enter").errors.eid, /Event 3 has this transaction id already/);
    await s.check("entered");
  });
});

/** Random numbers that are the same in every run. */
function dice(seed) {
  let state = seed;
  const below = (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  return { below, oneOf: (all) => all[below(all.length)] };
}

/** What counts is sent or waits to be; what does not is at most sent. */
const WRONG_DELIVERIES = `
  SELECT e.seq, e.counted, x.state FROM events e
  LEFT JOIN deliveries x ON x.space_id = e.space_id AND x.seq = e.seq
  WHERE e.space_id = ? AND iif(e.counted = 1, x.state IS NULL, x.state IS NOT NULL AND x.state <> 'sent')`;

const STEPS = 80;
const CONFLICT = ["keep_first", "take_last", "count_both"];
const TWO = ["merge", "keep_both"];
/** Whether an event has to be counted for it. */
const IN = { take_out: 1, put_in: 0 };
const KINDS = [...Object.keys(IN), ...CONFLICT, ...TWO, "undo"];

/** Events that a decision may fit, and others. */
const MAY_FIT = `
  SELECT e.seq, e.counted,
    (SELECT count(*) FROM versions v WHERE v.space_id = e.space_id AND v.seq = e.seq AND v.decided = 0) AS open,
    EXISTS (
      SELECT 1 FROM events o WHERE o.space_id = e.space_id AND o.uid = e.uid AND o.micros IS e.micros
        AND o.currency = e.currency AND o.eid IS NULL AND e.eid IS NULL AND o.seq < e.seq AND e.event = 'deposit'
    ) AS twin,
    EXISTS (SELECT 1 FROM decisions d WHERE d.space_id = e.space_id AND d.seq = e.seq) AS decided
  FROM events e WHERE e.space_id = ? ORDER BY e.seq`;

/** Something at random that a sender or a visitor does. */
async function happen(s, { below, oneOf }, base) {
  const uids = ["u1", "u2", "u 3", "u+3"];
  const what = below(6);
  if (what === 0) return s.click(oneOf(uids), below(2));
  if (what === 1) return s.bind(oneOf(uids), below(3) + 1);
  const t = base + below(2) * 30 * HOUR_MS + below(8) * 60_000;
  if (what === 2) return s.fire(`event=deposit&uid=${oneOf(["u1", "u2"])}&value=10&t=${t}`);
  const uid = below(5) > 0 ? `&uid=${encodeURIComponent(oneOf(uids))}` : "";
  const eid = below(2) > 0 ? `&eid=${below(6)}` : "";
  const tg = below(4) === 0 ? `&tg_id=${below(3) + 1}` : "";
  const value = `&value=${oneOf(["10", "10", "-5", ""])}&currency=${oneOf(["USD", "USD", "EUR"])}`;
  const test = below(12) === 0 ? "&test=1" : "";
  return s.fire(`event=${oneOf(["deposit", "deposit", "registration"])}&t=${t}${uid}${eid}${tg}${value}${test}`);
}

/** Decides something at random, twice, and may be undoes it; gives the kind where it was possible. */
async function decideSomething(s, { below, oneOf }) {
  const kind = oneOf(KINDS);
  const events = await s.all(MAY_FIT);
  const fits = ({ counted, open, twin, decided }) =>
    CONFLICT.includes(kind)
      ? open
      : TWO.includes(kind)
        ? twin && counted
        : kind === "undo"
          ? decided
          : IN[kind] === counted;
  const fitting = below(5) > 0 ? events.filter(fits) : events;
  if (fitting.length === 0) return undefined;
  const { seq } = oneOf(fitting);
  const before = await s.state();
  const decided = await s.decide(seq, kind);
  assert.ok([200, 409].includes(decided.code), decided.text);
  const after = await s.state();
  if (decided.code === 409) {
    assert.deepEqual(after, before, `${kind} was refused`);
    return undefined;
  }
  const again = await s.decide(seq, kind, { expected: decided.n });
  assert.deepEqual([again.code, again.already], [200, true], again.text);
  assert.deepEqual(await s.state(), after, `${kind} again`);
  if (kind !== "undo" && below(2)) {
    assert.equal((await s.decide(seq, "undo")).code, 200, `${kind} is undone`);
    assert.deepEqual(await s.state(), before, `${kind} and undone`);
  }
  return kind;
}

test("random things in any order leave what a recount finds", async (t) => {
  const seen = {};
  for (const seed of [1, 2, 3]) {
    const s = await waiting();
    const chance = dice(seed * 7919);
    const base = Math.floor(Date.now() / DAY_MS) * DAY_MS - 2 * DAY_MS;
    // A day that is over, and summed up: what comes late, or is decided, is added there as well.
    await worker.db
      .prepare("INSERT INTO closed_days VALUES (?, ?, ?)")
      .bind(s.id, base / 900_000, base / 900_000 + 96)
      .run();
    for (let step = 0; step < STEPS; step++) {
      if (step < 10 || chance.below(2)) await happen(s, chance, base);
      else if (chance.below(8) === 0)
        await worker.db
          .prepare("UPDATE deliveries SET state = 'sent' WHERE space_id = ? AND seq % 5 = ?")
          .bind(s.id, chance.below(5))
          .run();
      else {
        const kind = await decideSomething(s, chance);
        if (kind) seen[kind] = (seen[kind] ?? 0) + 1;
      }
      await s.check(`seed ${seed}, step ${step}`);
      assert.deepEqual(await s.all(WRONG_DELIVERIES), [], `deliveries of seed ${seed} at step ${step}`);
    }
  }
  t.diagnostic(JSON.stringify(seen));
  for (const kind of KINDS) assert.ok(seen[kind] > 0, `${kind} was never possible: ${JSON.stringify(seen)}`);
});
