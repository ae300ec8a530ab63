// Mending and replaying: what was refused is previewed, stored once, and known ever after (docs/dashboard.md, Mending
// and replaying).
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { devServer } from "./dev-server.mjs";
import { deposits, OPERATOR_TOKEN, startWorker, until } from "./harness.mjs";

const COMMA = { kind: "decimal_comma" };
const THOUSANDS = { kind: "thousands" };
const EURO = { kind: "currency", to: "EUR" };

let worker;
before(async () => {
  worker = await startWorker();
});
after(() => worker.stop());

const fire = (space, query) => worker.fire(`/e?token=${space.ingest}&${query}`);
const operate = (method, path, body) =>
  worker.fire(`/api/spaces${path}`, {
    method,
    headers: { authorization: `Bearer ${OPERATOR_TOKEN}` },
    body: body && JSON.stringify(body),
  });
const preview = (space, body) => operate("POST", `/${space.id}/replays`, { ...body, preview: true });
const held = async (space) =>
  (await worker.rows("SELECT seq FROM held WHERE space_id = ? ORDER BY seq", space.id)).map(({ seq }) => seq);

/** Replays and waits for the end; gives how the replay ended. */
async function replay(space, body) {
  const begun = await operate("POST", `/${space.id}/replays`, body);
  assert.equal(begun.code, 201, begun.text);
  return until("the replay is over", async () => {
    const { replays } = await operate("GET", `/${space.id}/replays`);
    const one = replays.find(({ n }) => n === begun.n);
    return one.ended_at_ms !== null && one;
  });
}

/** Counters tell what the events do, currency by currency. */
async function assertSound(space) {
  const [counted, stored] = await Promise.all(
    [
      `SELECT event, currency, total(events) AS events, total(people) AS people,
         total(units) + total(micros) / 1e6 AS units FROM counters
       WHERE space_id = ? GROUP BY event, currency HAVING total(events) > 0 ORDER BY event, currency`,
      `SELECT event, iif(event = 'deposit', currency, '') AS currency, count(*) AS events, total(first) AS people,
         total(micros) / 1e6 AS units FROM events
       WHERE space_id = ? AND counted = 1 GROUP BY 1, 2 ORDER BY 1, 2`,
    ].map((sql) => worker.rows(sql, space.id)),
  );
  assert.deepEqual(counted, stored);
}

describe("a refused amount", () => {
  for (const [mend, units, amount] of [
    [THOUSANDS, 1234, "1234.00"],
    [COMMA, 1.234, "1.234"],
  ])
    test(`is previewed, stored and counted once as ${mend.kind} says`, async () => {
      const space = await worker.space();
      const query = `event=deposit&uid=u&eid=a-${mend.kind}&value=1,234`;
      const before = Date.now();
      assert.equal((await fire(space, query)).status, "invalid_value");
      const seen = await preview(space, { mend, held: [1] });
      assert.deepEqual([seen.code, seen.total, seen.stored, seen.known, seen.left], [200, 1, 1, 0, 0]);
      assert.deepEqual(seen.money, [{ currency: "USD", amount }]);
      assert.deepEqual(seen.lines, [
        {
          seq: 1,
          outcome: "new",
          event: "deposit",
          uid: "u",
          eid: `a-${mend.kind}`,
          amount,
          currency: "USD",
          counted: true,
          notes: ["mended:1"],
        },
      ]);
      assert.equal((await deposits(worker, space.id)).events, 0, "a preview stores nothing");

      const done = await replay(space, { mend, held: [1] });
      assert.deepEqual([done.total, done.done, done.stored, done.known], [1, 1, 1, 0]);
      const event = await worker.row("SELECT * FROM events WHERE space_id = ?", space.id);
      assert.deepEqual(
        [event.micros, event.value, event.notes, event.raw],
        [units * 1e6, "1,234", '["mended:1"]', query],
      );
      assert.ok(event.received_at_ms >= before && event.received_at_ms <= Date.now());
      assert.equal(event.occurred_at_ms, event.received_at_ms, "it has the time of its first arrival");
      assert.equal((await worker.row("SELECT event_seq FROM held WHERE space_id = ?", space.id)).event_seq, event.seq);
      await assertSound(space);

      const again = await replay(space, { mend, held: [1] });
      assert.deepEqual([again.total, again.stored, again.known], [0, 0, 0]);
      assert.equal((await preview(space, { mend, held: [1] })).total, 0);
      const mended = await fire(space, query.replace("1,234", String(units)));
      assert.equal(mended.status, "duplicate", "the network's own retry of the mended URL");
      const row = await worker.row("SELECT refires, micros FROM events WHERE space_id = ?", space.id);
      assert.deepEqual(row, { refires: 1, micros: units * 1e6 });
      await assertSound(space);
    });

  test("without eid and time counts once, whichever replays it", async () => {
    const space = await worker.space();
    await fire(space, "event=deposit&uid=u&value=1,234");
    const [one, other] = await Promise.all(
      [1, 2].map((n) => operate("POST", `/${space.id}/replays`, { mend: THOUSANDS, held: [1], n })),
    );
    assert.ok([one, other].some(({ code }) => code === 201));
    await until("it is stored", async () => (await deposits(worker, space.id)).events === 1);
    await replay(space, { mend: THOUSANDS, held: [1] });
    await replay(space, { mend: COMMA, all: {} });
    assert.deepEqual(await deposits(worker, space.id), { events: 1, units: 1234 });
    assert.deepEqual(await worker.rows("SELECT refires FROM events WHERE space_id = ?", space.id), [{ refires: 0 }]);
  });

  test("that was repeated rightly in the meantime is known already", async () => {
    const space = await worker.space();
    await fire(space, "event=deposit&uid=u&eid=k&value=1,234");
    await fire(space, "event=deposit&uid=u&eid=k&value=1234");
    const seen = await preview(space, { mend: THOUSANDS, held: [1] });
    assert.deepEqual([seen.stored, seen.known, seen.money], [0, 1, []]);
    assert.deepEqual(seen.lines, [{ seq: 1, outcome: "known", event_seq: 1, notes: [] }]);
    const done = await replay(space, { mend: THOUSANDS, held: [1] });
    assert.deepEqual([done.stored, done.known], [0, 1]);
    assert.equal((await worker.row("SELECT event_seq FROM held WHERE space_id = ?", space.id)).event_seq, 1);
    assert.deepEqual(await deposits(worker, space.id), { events: 1, units: 1234 });
    await assertSound(space);
  });

  test("whose key has gone, or was rotated, is stored in its space", async () => {
    const space = await worker.space();
    await fire(space, "event=deposit&uid=u&eid=gone&value=1,234");
    await worker.db.prepare("DELETE FROM keys WHERE space_id = ?").bind(space.id).run();
    await replay(space, { mend: THOUSANDS, held: [1] });
    assert.deepEqual(await deposits(worker, space.id), { events: 1, units: 1234 });
  });
});

test("many at once: each becomes what it was, what cannot be mended stays, equal ones are one", async () => {
  const space = await worker.space();
  for (const [eid, value] of [
    ["m1", "1,234"],
    ["m2", "2,345"],
    ["m3", "abc"],
    ["m1", "1,235"],
  ])
    await fire(space, `event=deposit&uid=u&eid=${eid}&value=${value}`);
  await fire(space, "event=purchase&uid=u&eid=m4");
  const filter = { status: "invalid_value", note: "value_not_a_number", text: "EVENT=deposit" };
  const seen = await preview(space, { mend: THOUSANDS, all: filter });
  assert.deepEqual(
    seen.lines.map(({ outcome, status }) => status ?? outcome),
    ["new", "new", "invalid_value", "known"],
  );
  assert.deepEqual([seen.total, seen.stored, seen.known, seen.left], [4, 2, 1, 1]);
  assert.deepEqual(seen.money, [{ currency: "USD", amount: "3579.00" }]);
  const done = await replay(space, { mend: THOUSANDS, all: filter });
  assert.deepEqual([done.total, done.done, done.stored, done.known], [4, 4, 2, 1]);
  assert.deepEqual(await deposits(worker, space.id), { events: 2, units: 3579 });
  const linked = await worker.rows("SELECT event_seq FROM held WHERE space_id = ? ORDER BY seq", space.id);
  assert.deepEqual(
    linked.map(({ event_seq }) => event_seq),
    [1, 2, null, 1, null],
  );
  const versions = await worker.rows("SELECT micros FROM versions WHERE space_id = ?", space.id);
  assert.deepEqual(versions, [{ micros: 1_235_000_000 }], "the same id with another amount is a conflict");
  const others = { from_ms: Date.now() + 60_000 };
  assert.equal((await preview(space, { mend: THOUSANDS, all: others })).total, 0);
  await assertSound(space);
});

test("a mend that stays on is a rule from then on, and a form that is sent twice makes one of each", async () => {
  const space = await worker.space();
  await fire(space, "event=deposit&uid=u&eid=o1&value=1,234");
  const body = { mend: THOUSANDS, held: [1], keep_on: true, n: 1 };
  await replay(space, body);
  await replay(space, body);
  assert.equal((await operate("GET", `/${space.id}/replays`)).replays.length, 1);
  const { rules } = await operate("GET", `/${space.id}/rules`);
  assert.deepEqual(
    rules.map(({ n, mend, ended_at_ms }) => [n, mend, ended_at_ms]),
    [[1, THOUSANDS, null]],
  );
  assert.deepEqual((await fire(space, "event=deposit&uid=u&eid=o2&value=1,234")).notes, ["rule:1"]);
  assert.equal((await fire(space, "event=deposit&uid=u&eid=o1&value=1,234")).status, "duplicate");
  assert.equal((await operate("DELETE", `/${space.id}/rules/1`)).code, 200);
  await replay(space, body);
  assert.ok((await operate("GET", `/${space.id}/rules`)).rules[0].ended_at_ms, "an old form puts no rule on");
  assert.equal((await fire(space, "event=deposit&uid=u&eid=o3&value=1,234")).status, "invalid_value");
  const other = await operate("POST", `/${space.id}/replays`, { mend: COMMA, held: [2], n: 1 });
  assert.deepEqual([other.code, other.status], [409, "replayed_meanwhile"]);
  assert.deepEqual(await deposits(worker, space.id), { events: 2, units: 2468 });
  await assertSound(space);
});

test("the rules that are on replay what was refused before them", async () => {
  const space = await worker.space();
  await fire(space, "goal=ftd&uid=u&eid=s1&value=5");
  const rule = { mend: { kind: "map", from: "goal", word: "ftd", to: "deposit" } };
  assert.deepEqual((await operate("POST", `/${space.id}/rules`, rule)).n, 1);
  assert.deepEqual((await operate("POST", `/${space.id}/rules`, rule)).n, 1, "the same rule is on once");
  const done = await replay(space, { all: {} });
  assert.equal(done.stored, 1);
  assert.equal((await worker.row("SELECT notes FROM events WHERE space_id = ?", space.id)).notes, '["rule:1"]');
  assert.deepEqual(await deposits(worker, space.id), { events: 1, units: 5 });
});

test("a space has 20 rules at a time, and what makes no sense is refused with its field", async () => {
  const space = await worker.space();
  const rule = (n) => ({ mend: { kind: "rename", from: `p${n}`, to: "value" } });
  for (let n = 1; n <= 20; n++) assert.equal((await operate("POST", `/${space.id}/rules`, rule(n))).code, 201);
  const refused = [
    ["rules", rule(21), "mend"],
    ["rules", { mend: { kind: "set", field: "value", to: "5" } }, "keep_on"],
    ["rules", { mend: { kind: "moon" } }, "mend"],
    ["replays", { mend: THOUSANDS }, "held"],
    ["replays", { mend: THOUSANDS, held: [1], all: {} }, "held"],
    ["replays", { mend: THOUSANDS, held: [] }, "held"],
    ["replays", { mend: THOUSANDS, events: [0] }, "events"],
    ["replays", { mend: { kind: "set", field: "eid", to: "x" }, held: [1, 2] }, "mend"],
    ["replays", { mend: { kind: "set", field: "eid", to: "x" }, held: [1], keep_on: true }, "keep_on"],
    ["replays", { held: [1], keep_on: true }, "keep_on"],
    ["replays", { mend: THOUSANDS, held: [1], keep_on: true }, "mend"],
  ];
  for (const [what, body, field] of refused) {
    const answer = await operate("POST", `/${space.id}/${what}`, body);
    assert.deepEqual([answer.code, answer.status, answer.field], [422, "invalid_field", field], JSON.stringify(body));
  }
  assert.equal((await operate("GET", `/${space.id}/replays`)).replays.length, 0);
});

describe("events", () => {
  const one = (space) =>
    worker.row("SELECT event, uid, micros, currency, counted, dedup, notes FROM events WHERE space_id = ?", space.id);

  test("are mended by a decision: same id, counters moved, and undone by another", async () => {
    const space = await worker.space();
    await fire(space, "event=deposit&uid=u&eid=e1&value=5");
    const was = await one(space);
    const seen = await preview(space, { mend: EURO, events: [1] });
    assert.deepEqual(seen.money, [
      { currency: "EUR", amount: "5.00" },
      { currency: "USD", amount: "-5.00" },
    ]);
    assert.equal(seen.lines[0].outcome, "changed");
    assert.deepEqual((await replay(space, { mend: EURO, events: [1] })).stored, 1);
    const is = await one(space);
    assert.deepEqual(is, { ...was, currency: "EUR", notes: '["mended:1"]' });
    const decision = await worker.row("SELECT * FROM decisions WHERE space_id = ?", space.id);
    assert.deepEqual([decision.n, decision.kind], [1, "mend"]);
    assert.match(decision.reason, /^Replay 1: .*EUR$/);
    await assertSound(space);
    assert.equal((await replay(space, { mend: EURO, events: [1] })).stored, 0, "done again it changes nothing");
    assert.equal((await fire(space, "event=deposit&uid=u&eid=e1&value=5&currency=EUR")).status, "duplicate");
    assert.equal((await operate("POST", `/${space.id}/events/1/decisions`, { kind: "undo" })).code, 200);
    assert.deepEqual(await one(space), was);
    await assertSound(space);
  });

  test("are found by their notes: a deposit under another name of its amount has it afterwards", async () => {
    const space = await worker.space();
    await fire(space, "event=deposit&uid=u&eid=f1&sum=25");
    await fire(space, "event=deposit&uid=u&eid=f2&value=5");
    await fire(space, "event=registration&uid=u&eid=f3&sum=1");
    const mend = { kind: "rename", from: "sum", to: "value" };
    const seen = await preview(space, { mend, all: { of: "events", note: "value_empty" } });
    assert.deepEqual([seen.total, seen.stored, seen.money], [1, 1, [{ currency: "USD", amount: "25.00" }]]);
    const done = await replay(space, { mend, all: { of: "events", note: "value_empty" } });
    assert.deepEqual([done.of, done.total, done.stored], ["events", 1, 1]);
    assert.deepEqual(await deposits(worker, space.id), { events: 2, units: 30 });
    await assertSound(space);
  });

  test("that turn out to be no conversion leave the figures, and a uid moves the person", async () => {
    const space = await worker.space();
    await fire(space, "event=deposit&uid=u&eid=n1&value=25&status=declined");
    await fire(space, "event=deposit&uid=u&eid=n2&value=7&click=v");
    const declined = { kind: "map", from: "status", word: "declined", to: "not_a_conversion" };
    assert.equal((await replay(space, { mend: declined, all: { of: "events" } })).stored, 1);
    assert.deepEqual(await deposits(worker, space.id), { events: 1, units: 7 });
    await assertSound(space);
    await replay(space, { mend: { kind: "set", field: "uid", to: "v" }, events: [2] });
    const moved = await worker.row("SELECT uid, first FROM events WHERE space_id = ? AND seq = 2", space.id);
    assert.deepEqual(moved, { uid: "v", first: 1 });
    await assertSound(space);
  });
});

test("a space that is being moved waits, and goes on where it is then", async () => {
  const several = await startWorker({ databases: 2 });
  try {
    const space = await several.space("Moves", 1);
    const { DB, DB_2 } = several.env;
    await several.fire(`/e?token=${space.ingest}&event=deposit&uid=u&eid=w1&value=1,234`);
    await DB.prepare(
      `INSERT INTO replays (space_id, n, what, total, created_at_ms)
       VALUES (?, 1, '{"of":"refused","seqs":[1],"after":0,"up_to":0,"mend":{"kind":"thousands"}}', 1, 0)`,
    )
      .bind(space.id)
      .run();
    const headers = { authorization: `Bearer ${OPERATOR_TOKEN}` };
    const step = () => several.fire(`/api/spaces/${space.id}/move`, { method: "POST", headers, body: '{"to":"DB_2"}' });
    await DB.prepare("INSERT INTO moves (space_id, database, state, began_ms) VALUES (?, 2, 'leaving', 1)")
      .bind(space.id)
      .run();
    const cron = () => several.server.getWorker().scheduled({ cron: "* * * * *", scheduledTime: new Date(60_000) });
    await cron();
    assert.equal((await DB.prepare("SELECT count(*) AS n FROM events").first()).n, 0);
    const form = { method: "POST", headers, body: '{"mend":{"kind":"thousands"},"held":[1]}' };
    assert.equal((await several.fire(`/api/spaces/${space.id}/replays`, form)).status, "moving");
    await DB.prepare("DELETE FROM moves").run();
    await until("it has moved", async () => (await step()).done, 60_000);
    await cron();
    const row = await DB_2.prepare("SELECT stored, ended_at_ms FROM replays WHERE space_id = ?").bind(space.id).first();
    assert.equal(row.stored, 1);
    assert.ok(row.ended_at_ms);
    assert.equal((await DB_2.prepare("SELECT micros FROM events").first()).micros, 1_234_000_000);
  } finally {
    await several.stop();
  }
});

test("3,000 refused ones are replayed with the Worker killed in between, each once", async () => {
  const state = mkdtempSync(join(tmpdir(), "xtracker-replay-"));
  const server = await devServer(state, "wrangler.toml", ["DB"], { SUBREQUESTS: "50" });
  await server.start();
  try {
    const { id, ingest_token } = await server.operate("POST", "", { name: "Many" });
    const refused = Array.from(
      { length: 3000 },
      (_, at) => `event=deposit&uid=u${at % 500}&eid=r${at}&value=1,${100 + (at % 800)}`,
    );
    for (let at = 0; at < refused.length; at += 100)
      await Promise.all(
        refused.slice(at, at + 100).map(async (query) => {
          const answer = await fetch(`${server.origin}/e?token=${ingest_token}&${query}`);
          assert.equal((await answer.json()).status, "invalid_value");
        }),
      );
    const { n } = await server.operate("POST", `/${id}/replays`, { mend: THOUSANDS, all: {} });
    const progress = async () => (await server.operate("GET", `/${id}/replays`)).replays.find((one) => one.n === n);
    await until("it has begun", async () => (await progress()).done > 0);
    await server.kill();
    await server.start();
    const broken = await progress();
    assert.ok(broken.done < 3000 && broken.ended_at_ms === null, JSON.stringify(broken));
    for (let minute = 1; (await progress()).ended_at_ms === null; minute++) {
      assert.ok(minute < 30, "it does not end");
      await server.cron(minute * 60_000);
    }
    const ended = await progress();
    assert.deepEqual([ended.total, ended.done, ended.stored, ended.known], [3000, 3000, 3000, 0]);
    const again = await server.operate("POST", `/${id}/replays`, { mend: THOUSANDS, all: {}, preview: true });
    assert.equal(again.total, 0);
    const answer = await fetch(`${server.origin}/e?token=${ingest_token}&event=deposit&uid=u0&eid=r0&value=1100`);
    assert.equal((await answer.json()).status, "duplicate");
    assert.equal(answer.headers.get("x-event-id"), "1", "numbers follow the arrival");
  } finally {
    await server.kill();
  }
});
