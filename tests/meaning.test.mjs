// What `/e` reads a postback as, and counts it for: amounts, times, ids, damaged links (docs/postback.md).
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startWorker } from "./harness.mjs";

const CLEAN = ["ok", "status"];
const DAY_MS = 24 * 60 * 60 * 1000;

let worker, space, url;
before(async () => {
  worker = await startWorker();
  space = await worker.space();
  url = (query) => `/e?token=${space.ingest}&${query}`;
});
after(() => worker.stop());

const keys = (answer) => Object.keys(JSON.parse(answer.text));
const event = (answer) =>
  worker.row("SELECT * FROM events WHERE space_id = ? AND seq = ?", space.id, answer.headers.get("x-event-id"));
const revenue = async (spaceId, currency) =>
  worker.row(
    `
        SELECT total(events) AS events, total(units) AS units, total(micros) AS micros
        FROM counters WHERE space_id = ? AND event = 'deposit' AND currency = ?`,
    spaceId,
    currency,
  );

describe("amounts", () => {
  test("a deposit without an amount is stored, adds nothing and is flagged", async () => {
    const before = await revenue(space.id, "USD");
    for (const query of ["event=deposit&eid=empty1&value=", "event=deposit&eid=empty2"]) {
      const answer = await worker.fire(url(query));
      assert.deepEqual([answer.status, answer.notes], ["queued", ["value_empty"]]);
    }
    const now = await revenue(space.id, "USD");
    assert.deepEqual([now.units, now.micros, now.events], [before.units, before.micros, before.events + 2]);
  });

  test("amounts are kept as sent and counted exactly, per currency", async () => {
    const amounts = [
      ["25", 25_000_000],
      ["25.00", 25_000_000],
      ["0", 0],
      [".5", 500_000],
      ["%2B25", 25_000_000],
      ["+25", 25_000_000],
      ["-25.00", -25_000_000],
      ["1e2", 100_000_000],
      ["25,50", 25_500_000, ["value_decimal_comma"]],
      ["1,234.50", 1_234_500_000, ["value_thousands"]],
      ["1.234,50", 1_234_500_000, ["value_thousands", "value_decimal_comma"]],
      ["1+234,50", 1_234_500_000, ["value_thousands", "value_decimal_comma"]],
      ["0.0000015", 2, ["value_rounded"]],
    ];
    for (const [index, [value, micros, notes]] of amounts.entries()) {
      const answer = await worker.fire(url(`event=deposit&currency=EUR&eid=amount${index}&value=${value}`));
      assert.deepEqual([answer.status, answer.notes], ["queued", notes], value);
      const row = await event(answer);
      assert.equal(row.micros, micros, value);
      assert.equal(row.value, decodeURIComponent(value.replaceAll("+", " ")).trim());
    }
    const total = await revenue(space.id, "EUR");
    assert.equal(
      total.units * 1e6 + total.micros,
      amounts.reduce((sum, [, micros]) => sum + micros, 0),
    );
  });

  test("guesses and non-numbers are refused", async () => {
    for (const value of [
      "1,234",
      "12,345,67",
      "$25",
      "25 USD",
      "abc",
      "NaN",
      "inf",
      "0x10",
      "{amount}",
      "--5",
      "1234567890123",
    ]) {
      const answer = await worker.fire(url(`event=deposit&eid=bad&value=${encodeURIComponent(value)}`));
      assert.equal(answer.status, "invalid_value", value);
    }
  });

  test("ten amounts of twelve digits are all stored: sums do not overflow", async () => {
    for (let i = 0; i < 12; i++) {
      const answer = await worker.fire(url(`event=deposit&currency=IDR&eid=huge${i}&value=999999999999.999999`));
      assert.equal(answer.status, "queued");
    }
    const { units, micros } = await worker.row(
      "SELECT CAST(units AS TEXT) AS units, micros FROM counters WHERE currency = 'IDR'",
    );
    assert.deepEqual([BigInt(units) * 1_000_000n + BigInt(micros)], [999999999999999999n * 12n]);
  });

  test("the amount of another event is kept as text and never counted", async () => {
    const answer = await worker.fire(url("event=registration&eid=text&value=$25"));
    assert.deepEqual([answer.status, keys(answer)], ["queued", CLEAN]);
    const row = await event(answer);
    assert.deepEqual([row.value, row.micros], ["$25", null]);
  });
});

describe("times", () => {
  test("milliseconds, seconds and the time of receipt", async () => {
    const now = Date.now();
    for (const [t, expected] of [
      [now, now],
      [Math.floor(now / 1000), Math.floor(now / 1000) * 1000],
      [now - 365 * DAY_MS, now - 365 * DAY_MS],
    ]) {
      const row = await event(await worker.fire(url(`event=contact&eid=t${t}&t=${t}`)));
      assert.equal(row.occurred_at_ms, expected);
    }
    for (const t of ["", "{timestamp}"]) {
      const row = await event(await worker.fire(url(`event=contact&eid=now${t}&uid=x&t=${t}`)));
      assert.equal(row.occurred_at_ms, row.received_at_ms);
    }
  });

  test("implausible times are refused", async () => {
    const now = Date.now();
    for (const t of [now - 367 * DAY_MS, now + 25 * 60 * 60 * 1000, 1, -1]) {
      assert.equal((await worker.fire(url(`event=contact&t=${t}`))).status, "invalid_time");
    }
  });
});

describe("idempotency", () => {
  test("an eid counts once per event, whatever uid, value, time or method come with it", async () => {
    const t = Date.now();
    assert.equal((await worker.fire(url("event=deposit&eid=once&uid=a&value=1"))).status, "queued");
    assert.equal((await worker.fire(url(`event=deposit&eid=once&uid=b&value=2&t=${t - 5}`))).status, "duplicate");
    assert.equal(
      (
        await worker.fire(url(""), {
          method: "POST",
          body: "event=deposit&eid=%20once+",
          headers: { "content-type": "application/x-www-form-urlencoded" },
        })
      ).status,
      "duplicate",
    );
    assert.equal((await worker.fire(url("event=registration&eid=once"))).status, "queued");
    assert.equal((await worker.fire(url("event=deposit&eid=ONCE&value=1"))).status, "queued");
  });

  test("without an eid the uid and the time count", async () => {
    const t = Date.now() - 1000;
    for (const [query, status] of [
      [`uid=a&t=${t}`, "queued"],
      [`uid=a&t=${t}`, "duplicate"],
      [`uid=b&t=${t}`, "queued"],
      [`uid=a&t=${t + 1}`, "queued"],
      [`t=${t}`, "queued"],
      [`t=${t}`, "duplicate"],
      [`uid=a&t=${t}&eid=`, "duplicate"],
      [`uid=a&t=${t}&eid={trade_id}`, "duplicate"],
      [`eid=@${t}:a`, "queued"],
      [`eid=d@${t}:a`, "queued"],
    ]) {
      assert.equal((await worker.fire(url(`event=deposit&value=1&${query}`))).status, status, query);
    }
  });

  test("an unresolved macro counts as absent and is noted", async () => {
    for (const macro of [
      "{trade_id}",
      "%7Btrade_id%7D",
      "%257Btrade_id%257D",
      "[afp]",
      "[[afp]]",
      "%5B%5Bafp%5D%5D",
      "$%7BSUBID%7D",
      "%macro%",
      "REPLACE",
      "po-{trade_id}",
    ]) {
      const answer = await worker.fire(url(`event=deposit&value=1&uid=macro&eid=${macro}`));
      assert.deepEqual(answer.notes, ["macro_unresolved:eid"], macro);
      assert.equal((await event(answer)).eid, null);
    }
    for (const id of ["{3F2504E0-4F89-11D3-9A0C-0305E82C3301}", "a{b", "%231042"]) {
      assert.deepEqual(keys(await worker.fire(url(`event=deposit&value=1&eid=${id}`))), CLEAN, id);
    }
  });

  test("a second question mark is read alike, plain and percent-encoded", async () => {
    for (const [n, query] of [
      "uid=z?eid=q0&value=7",
      "uid=z%3Feid%3Dq1&value=7",
      "uid=z%3Feid%3Dq2%26value%3D7",
      "uid=z%253Feid%253Dq3%2526value%253D7",
    ].entries()) {
      const answer = await worker.fire(url(`event=deposit&${query}`));
      assert.deepEqual([answer.status, answer.notes], ["queued", ["second_question_mark"]], query);
      const row = await event(answer);
      assert.deepEqual([row.uid, row.eid, row.micros], ["z", `q${n}`, 7_000_000], query);
    }
    const answer = await worker.fire(url("event=deposit&value=7&uid=z%3Fx%3D1&eid=q4"));
    assert.deepEqual([keys(answer), (await event(answer)).uid], [CLEAN, "z?x=1"]);
  });

  test("1,000 equal postbacks at once are one event, one count, one queued", async () => {
    const crowd = await worker.space("Crowd");
    const path = `/e?token=${crowd.ingest}&event=deposit&uid=u&eid=storm&value=25&currency=USD`;
    const answers = await Promise.all(Array.from({ length: 1000 }, () => worker.fire(path)));
    const count = (status) => answers.filter((answer) => answer.status === status).length;
    assert.deepEqual([count("queued"), count("duplicate")], [1, 999]);
    assert.deepEqual(await worker.rows("SELECT refires FROM events WHERE space_id = ?", crowd.id), [{ refires: 999 }]);
    assert.deepEqual(await revenue(crowd.id, "USD"), { events: 1, units: 25, micros: 0 });
  });
});

describe("what arrives (docs/networks.md, What arrives)", () => {
  for (const [query, expected, notes] of [
    ["event=registration?reg={reg}&eid=arrival1", { event: "registration" }, ["second_question_mark"]],
    ["event=registration&status={status}&{status}=true&eid=arrival2", { event: "registration" }, ["macro_as_name"]],
    ["event=deposit&amp;value=5&amp;eid=arrival3", { value: "5", micros: 5_000_000 }, ["html_amp"]],
    ["event=deposit&eid=arrival4&value=25%C2%A4cy=EUR", { value: "25", currency: "EUR" }, ["html_entity"]],
    ["event=deposit&eid=arrival5&value=25¤cy=EUR", { value: "25", currency: "EUR" }, ["html_entity"]],
    ["event=deposit&eid=arrival6&value=1&uid=1&uid=2", { uid: "1" }, ["repeated:uid"]],
    ["event=deposit&eid=arrival7&value=1&uid=a%2Bb", { uid: "a+b" }, undefined],
    [
      "event=DEPOSIT&eid=arrival8&value=1&currency=eur&tg_id=555123",
      { event: "deposit", currency: "EUR", tg_id: 555123 },
      undefined,
    ],
  ]) {
    test(query, async () => {
      const answer = await worker.fire(url(query));
      assert.deepEqual([answer.status, answer.notes], ["queued", notes]);
      const row = await event(answer);
      for (const [column, value] of Object.entries(expected)) assert.equal(row[column], value, column);
    });
  }
});

test("two spaces never see each other", async () => {
  const [one, other] = [await worker.space("One"), await worker.space("Other")];
  for (const { ingest } of [one, other]) {
    assert.equal((await worker.fire(`/e?token=${ingest}&event=deposit&eid=same&uid=u&value=10`)).status, "queued");
  }
  await worker.fire(`/e?token=${one.ingest}&event=deposit&value=abc`);
  for (const [{ id }, held] of [
    [one, 1],
    [other, 0],
  ]) {
    assert.deepEqual(await worker.rows("SELECT seq, first FROM events WHERE space_id = ?", id), [{ seq: 1, first: 1 }]);
    assert.equal((await revenue(id, "USD")).units, 10);
    assert.deepEqual(await worker.row("SELECT count(*) AS n FROM held WHERE space_id = ?", id), { n: held });
  }
});

test("people are counted once for each event", async () => {
  const { id, ingest } = await worker.space("People");
  for (const query of ["uid=a&eid=1", "uid=a&eid=2", "uid=b&eid=3", "eid=4"]) {
    await worker.fire(`/e?token=${ingest}&event=deposit&value=1&${query}`);
  }
  const { events, people } = await worker.row(
    "SELECT sum(events) AS events, sum(people) AS people FROM counters WHERE space_id = ?",
    id,
  );
  assert.deepEqual([events, people], [4, 2]);
});
