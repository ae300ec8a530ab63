// The bot's side: POST /events, /bind, /clicks and GET /bind (docs/bot.md).
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { addKey, mintKey, OF_DATABASE, sha256, startWorker } from "./harness.mjs";

let worker, space;
before(async () => {
  worker = await startWorker();
  space = await worker.space();
});
after(() => worker.stop());

const post = (path, body, key = space.bearer) =>
  worker.fire(path, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });

describe("POST /events", () => {
  test("stores an event and names it; a duplicate names the first", async () => {
    const event = {
      event: "deposit",
      uid: "u1",
      value: 25.5,
      currency: "EUR",
      eid: "e1",
      occurred_at_ms: Date.now(),
      tg_id: 555,
    };
    const first = await post("/events", event);
    assert.equal(first.code, 200);
    assert.deepEqual(Object.keys(JSON.parse(first.text)), ["ok", "status", "inbox_id"]);
    assert.match(first.inbox_id, /^[0-9a-f]{16}$/);
    const again = await post("/events", { ...event, value: "99" });
    assert.deepEqual([again.status, again.inbox_id], ["duplicate", first.inbox_id]);
    const row = await worker.row("SELECT * FROM events WHERE eid = 'e1'");
    assert.deepEqual(
      [row.micros, row.currency, row.tg_id, row.occurred_at_ms],
      [25_500_000, "EUR", 555, event.occurred_at_ms],
    );
  });

  test("shares its idempotency with /e", async () => {
    await worker.fire(`/e?token=${space.ingest}&event=deposit&eid=shared&value=1`);
    assert.equal((await post("/events", { event: "deposit", eid: "shared", value: 1 })).status, "duplicate");
  });

  test("without eid and uid, different Telegram users in one second are different events", async () => {
    const occurred_at_ms = Math.floor(Date.now() / 1000) * 1000;
    const contact = async (tg_id, more = {}) =>
      (await post("/events", { event: "contact", tg_id, occurred_at_ms, ...more })).status;
    for (const tg_id of [111, 222, 333]) assert.equal(await contact(tg_id), "queued", tg_id);
    assert.equal(await contact(222), "duplicate");
    // A uid goes before the user, and neither is taken for the other.
    assert.deepEqual([await contact(111, { uid: "111" }), await contact(222, { uid: "111" })], ["queued", "duplicate"]);
    assert.deepEqual([await contact(undefined), await contact(undefined)], ["queued", "duplicate"]);
    const query = `/e?token=${space.ingest}&event=contact&t=${occurred_at_ms}&tg_id=`;
    assert.deepEqual(
      [(await worker.fire(query + 333)).status, (await worker.fire(query + 444)).status],
      ["duplicate", "queued"],
    );
    const rows = await worker.rows(
      "SELECT uid, tg_id, first FROM events WHERE occurred_at_ms = ? ORDER BY seq",
      occurred_at_ms,
    );
    assert.deepEqual(
      rows.map(({ uid, tg_id, first }) => [uid, tg_id, first]),
      [
        [null, 111, 1],
        [null, 222, 1],
        [null, 333, 1],
        ["111", 111, 1],
        [null, null, 0],
        [null, 444, 1],
      ],
    );
  });

  test("an event that was stored before the Telegram user was in its key is known by both ways", async () => {
    const at = Date.now() - 60_000;
    await worker.db
      .prepare(
        `
        INSERT INTO events (space_id, seq, dedup, event, tg_id, currency, occurred_at_ms, received_at_ms, link_id,
          first, receipt, raw)
        SELECT ?1, max(seq) + 1, 'd@' || CAST(?2 AS INTEGER) || ':', 'deposit', 71, 'USD', ?2, ?2, 0, 1, 'older', ''
        FROM events WHERE space_id = ?1`,
      )
      .bind(space.id, at)
      .run();
    const deposit = (tg_id) => post("/events", { event: "deposit", value: 5, tg_id, occurred_at_ms: at });
    const known = await deposit(71);
    assert.deepEqual([known.status, known.inbox_id], ["duplicate", "older"]);
    const raw = (tg_id) => `event=deposit&value=5&t=${at}&tg_id=${tg_id}`;
    const waiting = [71, 72, 72, 71].map((tg_id, i) =>
      JSON.stringify({
        v: 1,
        ...OF_DATABASE,
        kind: "postback",
        key_hash: sha256(space.ingest),
        key_kind: "ingest",
        received_at_ms: at,
        receipt: `later${i}`,
        raw: raw(tg_id),
      }),
    );
    await worker.deliver("postbacks", waiting);
    assert.deepEqual([(await deposit(72)).status, (await deposit(73)).status], ["duplicate", "queued"]);
    const rows = await worker.rows(
      "SELECT tg_id, first, refires FROM events WHERE occurred_at_ms = ? ORDER BY seq",
      at,
    );
    assert.deepEqual(rows, [
      { tg_id: 71, first: 1, refires: 3 },
      { tg_id: 72, first: 1, refires: 2 },
      { tg_id: 73, first: 1, refires: 0 },
    ]);
  });

  test("answers a refusal with 422, names the fault and holds it", async () => {
    for (const [body, status] of [
      [{ event: "deposit", value: "abc" }, "invalid_value"],
      [{ event: "deposit", value: 1, occurred_at_ms: 1 }, "invalid_time"],
      [{ event: "purchase" }, "invalid_event"],
      [{}, "invalid_event"],
      [{ event: "contact", currency: "$" }, "invalid_currency"],
      [{ event: "contact", uid: "x".repeat(257) }, "invalid_uid"],
      [{ event: "contact", eid: "a\nb" }, "invalid_eid"],
    ]) {
      const answer = await post("/events", body);
      assert.deepEqual([answer.code, answer.ok, answer.status], [422, false, status]);
      assert.equal((await worker.row("SELECT status FROM held ORDER BY seq DESC LIMIT 1")).status, status);
    }
  });

  test("malformed JSON is 400 with the position; unknown fields are ignored", async () => {
    const answer = await post("/events", '{"event":"contact",}');
    assert.deepEqual(
      [answer.code, answer.status, answer.notes[0]],
      [400, "invalid_request", "json_malformed:line 1 column 20"],
    );
    assert.equal((await post("/events", "x".repeat(17_000))).code, 413);
    assert.equal(
      (await post("/events", { event: "contact", eid: "unknown", nested: { a: [1] }, other: null })).status,
      "queued",
    );
  });
});

describe("keys", () => {
  for (const [path, body] of [
    ["/events", { event: "contact" }],
    ["/bind", { uid: "u", tg_id: 5 }],
    ["/clicks", {}],
  ]) {
    test(`POST ${path} takes the bearer of its space and nothing else`, async () => {
      for (const key of ["", "x", space.ingest, mintKey("xt_sk_"), "xt_sk_local"]) {
        const answer = await post(path, body, key);
        assert.deepEqual([answer.code, answer.status], [401, "invalid_token"], key);
      }
      assert.equal(
        (await worker.fire(`${path}?token=${space.ingest}`, { method: "POST", body: JSON.stringify(body) })).code,
        401,
      );
      assert.equal((await post(path, body)).code, 200);
    });
  }

  test("GET /bind takes the ingest token and nothing else", async () => {
    for (const token of ["", space.bearer, mintKey("xt_in_")]) {
      assert.equal((await worker.fire(`/bind?token=${token}&uid=u&tg_id=5`)).code, 401);
    }
    assert.equal((await worker.fire(`/bind?token=${space.ingest}&uid=u&tg_id=5`)).code, 200);
  });
});

describe("/bind", () => {
  test("the first binding wins, over both methods, and matched says whether the click exists", async () => {
    const unmatched = await post("/bind", { uid: "b1", tg_id: 1 });
    assert.deepEqual(JSON.parse(unmatched.text), { ok: true, matched: false });
    await post("/clicks", { uid: "b1" });
    assert.deepEqual(JSON.parse((await post("/bind", { uid: "b1", tg_id: "1" })).text), { ok: true, matched: true });
    const other = await worker.fire(`/bind?token=${space.ingest}&uid=b1&tg_id=2`);
    assert.deepEqual([other.ok, other.matched, other.notes], [true, true, ["bound_to_another"]]);
    assert.deepEqual(await worker.rows("SELECT tg_id FROM binds WHERE uid = 'b1'"), [{ tg_id: 1 }]);
  });

  test("100 racing binds of one uid leave one value, and one of them is ours", async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) => post("/bind", { uid: "race", tg_id: i + 1 })),
    );
    assert.ok(answers.every((answer) => answer.code === 200));
    assert.equal(answers.filter((answer) => answer.notes === undefined).length, 1);
    const winner = answers.findIndex((answer) => answer.notes === undefined) + 1;
    assert.deepEqual(await worker.rows("SELECT tg_id FROM binds WHERE uid = 'race'"), [{ tg_id: winner }]);
  });

  test("what is missing or wrong is named", async () => {
    for (const [body, status] of [
      [{ tg_id: 5 }, "invalid_uid"],
      [{ uid: "u" }, "invalid_tg_id"],
      [{ uid: "u", tg_id: "@x" }, "invalid_tg_id"],
    ]) {
      const answer = await post("/bind", body);
      assert.deepEqual([answer.code, answer.status], [422, status]);
    }
    assert.equal((await post("/bind", "[")).code, 400);
  });
});

describe("POST /clicks", () => {
  test("mints a uid, or takes the user's own; the first click of a uid wins", async () => {
    const minted = await post("/clicks", { fbclid: "F", campaign_name: "C", raw_query: "?utm_term=T" });
    assert.deepEqual(Object.keys(JSON.parse(minted.text)), ["uid"]);
    assert.match(minted.uid, /^[0-9a-v]{26}$/);
    const row = await worker.row("SELECT * FROM clicks WHERE uid = ?", minted.uid);
    assert.deepEqual(
      [row.fbclid, row.campaign_name, row.adset_name, row.raw_query, row.link_id],
      ["F", "C", "T", "utm_term=T", 0],
    );
    assert.equal((await post("/clicks", { uid: "own", campaign_name: "first" })).uid, "own");
    assert.equal((await post("/clicks", { uid: "own", campaign_name: "second" })).uid, "own");
    assert.deepEqual(await worker.rows("SELECT campaign_name FROM clicks WHERE uid = 'own'"), [
      { campaign_name: "first" },
    ]);
  });

  describe("with an id", () => {
    const clicks = async (uid) =>
      worker.rows("SELECT link_id, raw_query, campaign_name FROM clicks WHERE uid = ?", uid);

    test("a retry gives the same uid and counts no second click, and writes no more than one without", async () => {
      const own = await worker.space();
      await post("/bind", { uid: "warm", tg_id: 1 }, own.bearer); // The first use of a key is one row more.
      const link = await worker.link(own.id, "with-id");
      await worker.link(own.id, "with-id-2");
      const body = { id: "update-1", link_slug: "with-id", campaign_name: "C", raw_query: "utm_term=T" };
      const first = await post("/clicks", body, own.bearer);
      assert.deepEqual(Object.keys(JSON.parse(first.text)), ["uid"]);
      assert.match(first.uid, /^[0-9a-v]{26}$/);
      assert.equal(
        first.cost.written,
        3,
        "the click, its counter, and the index of what still says something of its visitor",
      );
      const rotated = mintKey("xt_sk_");
      await addKey(worker.db, own.id, "bearer", rotated);
      for (const [more, key] of [
        [{}, own.bearer],
        [{}, rotated],
        [{ link_slug: "with-id-2", campaign_name: "D" }, own.bearer],
        [{ link_slug: null }, own.bearer],
      ]) {
        const again = await post("/clicks", { ...body, ...more }, key);
        assert.deepEqual([again.uid, again.cost.written], [first.uid, 0]);
      }
      assert.deepEqual(await clicks(first.uid), [{ link_id: link, raw_query: "utm_term=T", campaign_name: "C" }]);
      const counted = await worker.rows(
        "SELECT link_id, events FROM counters WHERE space_id = ? AND event = 'click'",
        own.id,
      );
      assert.deepEqual(counted, [{ link_id: link, events: 1 }]);
    });

    test("of 50 racing calls one is a click", async () => {
      const own = await worker.space();
      const answers = await Promise.all(Array.from({ length: 50 }, () => post("/clicks", { id: "race" }, own.bearer)));
      assert.equal(new Set(answers.map(({ uid }) => uid)).size, 1);
      const { n } = await worker.row("SELECT count(*) AS n FROM clicks WHERE space_id = ?", own.id);
      const { events } = await worker.row("SELECT sum(events) AS events FROM counters WHERE space_id = ?", own.id);
      assert.deepEqual([n, events], [1, 1]);
    });

    test("another id, another space and an id that nobody filled are another click; a uid goes before it", async () => {
      const other = await worker.space();
      const uids = [];
      for (const [id, key] of [
        ["1"],
        ["2"],
        ["1", other.bearer],
        ["{{update_id}}"],
        ["{{update_id}}"],
        [""],
        [null],
        [undefined],
      ]) {
        uids.push((await post("/clicks", { id }, key)).uid);
      }
      assert.equal(new Set(uids).size, uids.length);
      assert.equal((await post("/clicks", { id: 1 })).uid, uids[0], "a number is its text");
      for (const uid of ["id-1", "id-2"]) assert.equal((await post("/clicks", { id: "1", uid })).uid, uid);
    });

    test("what is wrong is named, and takes no id", async () => {
      for (const [id, note] of [
        ["x".repeat(257), "id_over_256_bytes"],
        ["a\nb", "id_control_character"],
      ]) {
        const answer = await post("/clicks", { id });
        assert.deepEqual([answer.code, answer.status, answer.notes], [422, "invalid_id", [note]]);
      }
      assert.deepEqual((await post("/clicks", { id: "x".repeat(256) })).code, 200);
      assert.equal((await post("/clicks", { id: "k" }, mintKey("xt_sk_"))).code, 401);
      const link = await worker.link(space.id, "found");
      assert.equal((await post("/clicks", { id: "slug", link_slug: "lost" })).status, "invalid_link");
      const { uid } = await post("/clicks", { id: "slug", link_slug: "found" });
      assert.deepEqual(
        (await clicks(uid)).map(({ link_id }) => link_id),
        [link],
      );
    });
  });

  test("a slug must be that of a link of the same space", async () => {
    const other = await worker.space();
    const link = await worker.link(other.id, "foreign");
    const refused = await post("/clicks", { uid: "slug", link_slug: "foreign" });
    assert.deepEqual([refused.code, refused.status], [422, "invalid_link"]);
    assert.equal((await worker.row("SELECT count(*) AS n FROM clicks WHERE uid = 'slug'")).n, 0);
    assert.equal((await post("/clicks", { uid: "slug", link_slug: "foreign" }, other.bearer)).uid, "slug");
    assert.equal((await worker.row("SELECT link_id FROM clicks WHERE uid = 'slug'")).link_id, link);
  });
});

test("the addresses say which methods they take", async () => {
  for (const path of ["/events", "/clicks"]) {
    const answer = await worker.fire(path);
    assert.deepEqual([answer.code, answer.headers.get("allow")], [405, "POST, OPTIONS"]);
    assert.equal((await worker.fire(path, { method: "OPTIONS" })).code, 204);
  }
});
