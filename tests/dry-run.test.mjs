// `dry_run=1`: what would become of a postback, and nothing is written (docs/postback.md, Dry run).
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { addKey, KEY_SECRET, mintKey, startWorker, withoutDatabase } from "./harness.mjs";

const DAY_MS = 24 * 3600 * 1000;

let worker;
before(async () => {
  worker = await startWorker();
});
after(() => worker.stop());

/** Every row of every table, by which two moments are compared. */
async function everything() {
  const tables = await worker.rows(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite_*' AND name NOT GLOB '_cf*'",
  );
  const answers = await worker.db.batch(tables.map(({ name }) => worker.db.prepare(`SELECT * FROM ${name}`)));
  return Object.fromEntries(tables.map(({ name }, at) => [name, answers[at].results]));
}

/** A space with two links, of which one has clicks and a Telegram user, and with a destination. */
async function world() {
  const space = await worker.space("Dry");
  const [summer, winter] = [
    await worker.link(space.id, `summer-${space.id}`),
    await worker.link(space.id, `w-${space.id}`),
  ];
  const headers = { authorization: `Bearer ${space.bearer}` };
  const post = (path, body) => worker.fire(path, { method: "POST", headers, body: JSON.stringify(body) });
  for (const [uid, slug] of [
    ["visitor", "summer"],
    ["a+b", "summer"],
    ["tg-click", "w"],
  ])
    await post("/clicks", { uid, link_slug: `${slug}-${space.id}` });
  await post("/bind", { uid: "tg-click", tg_id: 555 });
  await worker.db
    .prepare(
      `INSERT INTO destinations (space_id, name, enabled, events, config, secrets, created_at_ms, rest_until_ms)
       VALUES
         (?1, 'Hook', 1, '{"deposit":"Purchase"}', '{}', '', 0, ?2),
         (?1, 'Off', 0, '{"deposit":"x"}', '{}', '', 0, ?2)`,
    )
    .bind(space.id, Date.now() + DAY_MS)
    .run();
  return { ...space, summer, winter, headers };
}

const counters = (id) =>
  worker.rows(
    `SELECT event, currency, link_id, sum(events) AS events, sum(people) AS people,
       sum(units) * 1000000 + sum(micros) AS micros
     FROM counters WHERE space_id = ? AND event <> 'click' GROUP BY event, currency, link_id`,
    id,
  );

/** What two moments' counters differ by, as a receipt tells it. */
function moved(before, after) {
  const key = (row) => [row.event, row.currency, row.link_id].join();
  const old = new Map(before.map((row) => [key(row), row]));
  return after.flatMap((row) => {
    const was = old.get(key(row)) ?? { events: 0, people: 0, micros: 0 };
    const events = row.events - was.events;
    if (events === 0 && row.micros === was.micros) return [];
    return [
      {
        event: row.event,
        currency: row.event === "deposit" ? row.currency : null,
        link: row.link_id || null,
        events,
        people: row.people - was.people,
        micros: row.micros - was.micros,
      },
    ];
  });
}

const told = (receipt) =>
  receipt.counters.map(({ amount, link, ...counter }) => ({
    ...counter,
    link: link && link.id,
    micros: Math.round(Number(amount ?? 0) * 1e6),
  }));

describe("what a dry run says is what then happens", () => {
  const now = Date.now();
  const queries = [
    "event=deposit&uid=visitor&eid=1&value=25.00&currency=USD",
    "event=deposit&uid=visitor&eid=1&value=25.00&currency=USD",
    "event=deposit&uid=visitor&eid=1&value=300",
    "event=deposit&uid=other&eid=1&value=25",
    "event=deposit&uid=visitor&eid=1&value=25&currency=EUR",
    "event=deposit&eid=1",
    "event=deposit&uid=visitor&eid=2&value=25,50&currency=eur",
    "event=DEPOSIT&uid=visitor&eid=3&value=-25.00",
    "event=deposit&uid=visitor&eid=4&value=",
    "event=deposit&uid=visitor&eid=5&value=1,234",
    "event=deposit&uid=visitor&eid=6&value=0.0000015",
    "event=registration&uid=visitor&eid=1",
    "event=registration&uid=visitor&eid=1&value=9",
    "event=registration&uid=visitor&eid=2",
    "event=contact&uid=nobody",
    "event=contact",
    "event=deposit&uid=a%20b&eid=7&value=5",
    "event=deposit&uid=a%2Bb&eid=7&value=5",
    "event=deposit&uid=a%2Bb&eid=8&value=5",
    `event=deposit&uid=visitor&value=5&t=${now - 1000}`,
    `event=deposit&uid=visitor&value=5&t=${now - 1000}`,
    `event=deposit&uid=visitor&value=6&t=${now - 1000}`,
    "event=deposit&tg_id=555&eid=9&value=7",
    `event=deposit&tg_id=555&value=7&t=${now - 2000}`,
    `event=deposit&tg_id=555&value=7&t=${now - 2000}`,
    "event=registration&tg_id=556",
    "event=deposit&uid=visitor&eid=10&value=8&test=1",
    "event=deposit&uid=new-one&eid=11&value=8&test=yes",
    "event=deposit&uid=new-one&eid=11&value=9",
    "event=deposit&uid=new-one&eid=12&value=8",
    "event=deposit&uid={click_id}&eid={trade_id}&value=3",
    "event=deposit&uid={click_id}&eid=13&value={sum}",
    "event=deposit?uid=visitor&amp;eid=14&value=4",
    "event=deposit&uid=visitor%3Feid%3D15%26value%3D4",
    "event=deposit&uid=visitor&eid=16&value=25%C2%A4cy=EUR",
    "event=purchase&uid=visitor",
    "uid=visitor",
    "event=contact&uid=a%00b",
    "event=contact&eid=a%0Ab",
    "event=contact&currency=DOLLARS",
    "event=deposit&value=1&t=soon",
    "event=deposit&value=1&t=1",
    "event=contact&uid=%FF",
    "event=deposit&uid=visitor&uid=other&eid=17&value=2&value=2",
    "event=subscribed&uid=visitor&tg_id=no",
    "event=deposit&uid=xt_in_abcdef&eid=18&value=1",
    "event=deposit&uid=visitor&eid=19&value=999999999999.999999",
  ];

  test(`${queries.length} queries, each dry and then for real`, async () => {
    const space = await world();
    for (const query of queries) {
      const before = await everything();
      const dry = await worker.fire(`/e?token=${space.ingest}&${query}&dry_run=1`);
      assert.deepEqual(await everything(), before, `nothing is written: ${query}`);
      assert.deepEqual([dry.code, dry.ok, dry.status, dry.cost.written], [200, true, "dry_run", 0], query);
      assert.equal(dry.headers.get("x-event-id"), null);
      const { receipt } = dry;

      const counted = await counters(space.id);
      const real = await worker.fire(`/e?token=${space.ingest}&${query}`);
      assert.deepEqual([dry.would_be, receipt.decision.status], [real.status, real.status], query);
      // How the click spells the uid is noted with the event alone.
      const notes = receipt.decision.notes.filter((note) => note !== "plus_restored");
      assert.deepEqual(notes, real.notes ?? [], query);
      assert.deepEqual(told(receipt), moved(counted, await counters(space.id)), query);
      const seq = real.headers.get("x-event-id");
      if (!seq) {
        assert.equal(receipt.decision.event, null, query);
        assert.deepEqual([receipt.counters, receipt.deliveries, receipt.again], [[], [], []], query);
        continue;
      }
      const row = await worker.row(
        `SELECT event, uid, eid, tg_id, value, CAST(micros AS TEXT) AS micros, currency,
           counted, first, link_id, again, notes
         FROM events WHERE space_id = ? AND seq = ?`,
        space.id,
        seq,
      );
      const event = receipt.decision.event;
      assert.deepEqual(
        [event.event, event.uid, event.eid, event.tg_id, event.value, event.currency, event.counted, event.first],
        [row.event, row.uid, row.eid, row.tg_id, row.value, row.currency, row.counted === 1, row.first === 1],
        query,
      );
      const micros = event.amount && BigInt(event.amount.replace(/\.(\d+)/, (_, digits) => digits.padEnd(6, "0")));
      assert.equal(micros?.toString() ?? null, row.micros, query);
      assert.equal(event.link?.id ?? 0, row.link_id, query);
      const sent = await worker.rows(
        "SELECT destination_id AS id, target AS 'as' FROM deliveries WHERE space_id = ? AND seq = ?",
        space.id,
        seq,
      );
      if (real.status === "queued") {
        assert.deepEqual(receipt.decision.notes, JSON.parse(row.notes ?? "[]"), query);
        assert.deepEqual(
          receipt.deliveries.map(({ id, as }) => ({ id, as })),
          sent,
          query,
        );
        assert.deepEqual([event.seq, receipt.again], [null, []], query);
      } else {
        assert.deepEqual([event.seq, receipt.deliveries], [Number(seq), []], query);
        const last = JSON.parse(row.again).at(-1);
        assert.equal(receipt.again[0].differs.length > 0, typeof last === "object", query);
      }
    }
  });
});

describe("every door", () => {
  const fields = { event: "deposit", uid: "visitor", eid: "door", value: "25.50", dry_run: "1" };

  test("GET and POST, form and JSON, token and event in the path, and /events", async () => {
    const space = await world();
    const query = new URLSearchParams(fields).toString();
    const { event: _, ...without } = fields;
    const before = await everything();
    for (const [path, init] of [
      [`/e?token=${space.ingest}&${query}`, {}],
      [`/e/${space.ingest}?${query}`, {}],
      [`/e/${space.ingest}/deposit?${new URLSearchParams(without)}`, {}],
      [`/e/${space.ingest}`, { method: "POST", body: new URLSearchParams(fields) }],
      [`/e/${space.ingest}`, { method: "POST", body: JSON.stringify({ ...fields, dry_run: true }) }],
      [`/e?dry_run=yes&token=${space.ingest}`, { method: "POST", body: JSON.stringify({ ...fields, dry_run: null }) }],
      ["/events", { method: "POST", headers: space.headers, body: JSON.stringify(fields) }],
    ]) {
      const answer = await worker.fire(path, init);
      assert.deepEqual(
        [answer.code, answer.ok, answer.status, answer.would_be],
        [200, true, "dry_run", "queued"],
        path,
      );
      assert.deepEqual(answer.receipt.counters, [
        {
          event: "deposit",
          currency: "USD",
          link: { id: space.summer, name: `summer-${space.id}` },
          events: 1,
          people: 1,
          amount: "25.50",
        },
      ]);
      assert.deepEqual(answer.receipt.decision.event.click.uid, "visitor");
      assert.deepEqual(
        answer.receipt.deliveries.map(({ destination, as, state }) => [destination, as, state]),
        [["Hook", "Purchase", "would_be_sent"]],
      );
      assert.ok(!answer.text.includes(space.ingest) && !answer.text.includes(space.bearer));
      assert.equal(answer.inbox_id, undefined);
    }
    assert.deepEqual(await everything(), before);
  });

  test("what would be refused is told with 200 on both doors, and kept on neither", async () => {
    const space = await world();
    const before = await everything();
    for (const [path, init, wouldBe] of [
      [`/e?token=${space.ingest}&dry_run=1&event=deposit&value=abc`, {}, "invalid_value"],
      [`/e?token=${space.ingest}&dry_run=1&event=deposit&uid=%FF`, {}, "invalid_request"],
      [`/e?token=${space.ingest}&dry_run=1`, { method: "POST", body: "{" }, "invalid_request"],
      [
        "/events",
        { method: "POST", headers: space.headers, body: '{"event":"deposit","value":"abc","dry_run":1}' },
        "invalid_value",
      ],
    ]) {
      const answer = await worker.fire(path, init);
      assert.deepEqual([answer.code, answer.status, answer.would_be], [200, "dry_run", wouldBe], answer.text);
      assert.match(answer.receipt.decision.reason, /\w/);
    }
    assert.deepEqual(await everything(), before);
  });

  test("a key that opens nothing is refused as ever, and one that does is not marked as used", async () => {
    const space = await world();
    const fresh = mintKey("xt_in_");
    await addKey(worker.db, space.id, "ingest", fresh);
    await worker.db
      .prepare("INSERT INTO unused_keys SELECT hash FROM keys WHERE space_id = ? AND kind = 'ingest'")
      .bind(space.id)
      .run();
    const before = await everything();
    assert.equal((await worker.fire(`/e?token=${fresh}&event=contact&dry_run=1`)).status, "dry_run");
    const query = "event=deposit&value=1&dry_run=1";
    for (const [key, code, status] of [
      [mintKey("xt_in_"), 401, "invalid_token"],
      [space.bearer, 401, "invalid_token"],
      ["", 401, "invalid_token"],
    ]) {
      const answer = await worker.fire(`/e?token=${key}&${query}`);
      assert.deepEqual([answer.code, answer.ok, answer.status], [code, false, status]);
    }
    assert.deepEqual(await everything(), before);
  });

  test("an ended key opens no dry run, and /bind and /clicks have none", async () => {
    const space = await world();
    const ended = mintKey("xt_in_", KEY_SECRET);
    await addKey(worker.db, space.id, "ingest", ended, Date.now() - 1000);
    assert.equal((await worker.fire(`/e?token=${ended}&event=contact&dry_run=1`)).code, 401);
    const before = await everything();
    for (const [path, body] of [
      ["/bind", { uid: "visitor", tg_id: 5, dry_run: true }],
      ["/clicks", { uid: "dry", dry_run: 1 }],
    ]) {
      const answer = await worker.fire(path, { method: "POST", headers: space.headers, body: JSON.stringify(body) });
      assert.deepEqual([answer.code, answer.status, answer.notes], [422, "invalid_dry_run", ["dry_run_unavailable"]]);
    }
    assert.deepEqual(await everything(), before);
  });

  test("while the database is away it is answered 503, and nothing of it waits", async () => {
    const space = await world();
    const answer = await withoutDatabase(worker, () =>
      worker.fire(`/e?token=${space.ingest}&event=deposit&value=25&eid=away&dry_run=1`),
    );
    assert.deepEqual([answer.code, answer.status, answer.headers.get("x-stored")], [503, "unavailable", null]);
  });
});

test("a receipt shows each parameter as received and as understood, and what was repaired", async () => {
  const space = await world();
  const query = "event=deposit&uid=a+b&amp;eid=+9+&value=1.234,50?currency=eur&sub1=x";
  const { receipt } = await worker.fire(`/e?dry_run=1&token=${space.ingest}&${query}`);
  assert.equal(receipt.raw, `dry_run=1&${query}`);
  assert.deepEqual(receipt.parameters.slice(1), [
    { name: "event", received: "deposit", as: "event", understood: "deposit", notes: [] },
    { name: "uid", received: "a+b", as: "uid", understood: "a b", notes: ["plus_restored"] },
    { name: "amp;eid", received: "+9+", as: "eid", understood: "9", notes: ["html_amp"] },
    {
      name: "value",
      received: "1.234,50",
      as: "value",
      understood: "1234.50",
      notes: ["value_thousands", "value_decimal_comma"],
    },
    { name: "currency", received: "eur", as: "currency", understood: "EUR", notes: ["second_question_mark"] },
    { name: "sub1", received: "x", as: "ignored", understood: null, notes: [] },
  ]);
  assert.deepEqual(receipt.repairs, ["html_amp", "second_question_mark", "plus_restored"]);
  assert.match(receipt.decision.reason, /new deposit, and add 1234\.50 EUR/);
  assert.equal(receipt.decision.event.click.uid, "a+b");
});

test("a conflict is told before it is one", async () => {
  const space = await world();
  await worker.fire(`/e?token=${space.ingest}&event=deposit&uid=visitor&eid=tr-1&value=120.50`);
  const dry = await worker.fire(`/e?token=${space.ingest}&event=deposit&uid=visitor&eid=tr-1&value=300&dry_run=1`);
  assert.equal(dry.would_be, "duplicate");
  const [again] = dry.receipt.again;
  assert.deepEqual(again.differs, ["amount"]);
  assert.deepEqual([again.version.amount, again.version.before.amount], ["300.00", "120.50"]);
  assert.match(dry.receipt.decision.reason, /event 1, and would count nothing\. It has another amount/);
});

test("a flood of dry runs with unknown keys meets the gate, and a good one costs one trip", async () => {
  const watched = await startWorker({ databaseDelayMs: 0 });
  try {
    const space = await watched.space();
    await watched.fire(`/e?token=${space.ingest}&event=deposit&uid=u&eid=1&value=1`);
    await watched.cost();
    await watched.fire(`/e?token=${space.ingest}&event=deposit&uid=u&eid=1&value=2&dry_run=1`);
    const { trips, rowsWritten } = await watched.cost();
    assert.deepEqual({ trips, rowsWritten }, { trips: 1, rowsWritten: 0 });
    const unknown = mintKey("xt_in_");
    const flood = () => watched.fire(`/e?token=${unknown}&event=deposit&value=1&dry_run=1`);
    assert.equal((await flood()).code, 401);
    assert.ok((await watched.cost()).trips > 0, "it is looked up");
    for (let n = 0; n < 5; n++) assert.equal((await flood()).code, 401);
    assert.equal((await watched.cost()).trips, 0, "a key that was unknown a moment ago is not looked up again");
  } finally {
    await watched.stop();
  }
});
