// Postbacks that come at the same time share a statement, and nobody can tell (docs/scaling.md, The writer).
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { addKey, mintKey, sha256, startWorker, until } from "./harness.mjs";

describe("the writer", () => {
  let worker, space;
  before(async () => {
    worker = await startWorker({ entry: "writer-world.mjs", vars: { DB_DEADLINE_MS: "1500" } });
    space = await worker.space();
    // From here on its key is known as used.
    await fire("event=contact&eid=warm");
  });
  after(() => worker.stop());
  const fire = (query, token = space.ingest) => worker.fire(`/e?token=${token}&${query}`);
  const calls = async () => (await worker.fetch("/test/calls")).json();

  /** Does the work in a world that misbehaves, and says which calls D1 heard meanwhile. */
  async function during(world, work) {
    await calls();
    await worker.fetch(`/test/set?${new URLSearchParams(world)}`);
    try {
      return [await work(), await calls()];
    } finally {
      const well = Object.fromEntries(Object.keys(world).map((name) => [name, name === "poison" ? "" : 0]));
      await worker.fetch(`/test/set?${new URLSearchParams(well)}`);
    }
  }

  /** Fires as many at the same time, and gives what each was answered. */
  const together = (count, query, token) =>
    Promise.all(Array.from({ length: count }, (_, index) => fire(query(index), token?.(index))));
  const numbers = async (like) =>
    (await worker.rows("SELECT seq FROM events WHERE eid LIKE ? ORDER BY seq", like)).map(({ seq }) => seq);
  /** A report as it goes to the object (src/db/event.rs, Columns). */
  const letter = (number) => ({
    key_hash: sha256(space.ingest),
    key_kind: "ingest",
    received_at_ms: Date.now(),
    receipt: `letter-${number}`,
    dedup: `c=letter-${number}`,
    event: "contact",
    eid: `letter-${number}`,
    currency: "USD",
    occurred_at_ms: Date.now(),
    raw: "",
  });
  const inARow = (seqs) =>
    assert.deepEqual(
      seqs,
      Array.from(seqs, (_, index) => seqs[0] + index),
    );

  test("a lone postback goes to D1 directly, and so does each of many that come one after the other", async () => {
    const [, { direct, groups }] = await during({ holdMs: 1 }, async () => {
      for (let i = 0; i < 20; i++) assert.equal((await fire(`event=contact&eid=lone-${i}`)).status, "queued");
    });
    assert.deepEqual([direct, groups], [20, []]);
  });

  test("those that come at the same time share statements; each has its own answer", async () => {
    const [answers, { direct, groups }] = await during({ holdMs: 20 }, () =>
      together(120, (i) => `event=deposit&value=1&uid=u${i}&eid=many-${i}`),
    );
    assert.ok(answers.every(({ status, code }) => status === "queued" && code === 200));
    const seqs = answers.map(({ headers }) => Number(headers.get("x-event-id"))).sort((a, b) => a - b);
    inARow(seqs);
    assert.deepEqual(seqs, await numbers("many-%"));
    assert.equal(direct + groups.reduce((sum, count) => sum + count, 0), 120);
    assert.ok(direct + groups.length <= 20, `${direct} direct, ${groups.length} together`);
    assert.ok(Math.max(...groups) <= 100);
  });

  test("equal ones are one event: the first is queued, the others are its duplicates", async () => {
    const [answers] = await during({ holdMs: 20 }, () =>
      together(40, (i) => `event=deposit&value=1&uid=u&eid=equal-${i % 4}`),
    );
    for (let eid = 0; eid < 4; eid++) {
      const same = answers.filter((_, index) => index % 4 === eid);
      assert.equal(same.filter(({ status }) => status === "queued").length, 1);
      assert.equal(same.filter(({ status }) => status === "duplicate").length, 9);
      assert.equal(new Set(same.map(({ headers }) => headers.get("x-event-id"))).size, 1);
    }
    const rows = await worker.rows("SELECT refires FROM events WHERE eid LIKE 'equal-%'");
    assert.deepEqual(rows, Array(4).fill({ refires: 9 }));
    inARow(await numbers("equal-%"));
  });

  test("each key is judged for itself", async () => {
    const other = await worker.space("Other");
    const [expired, unknown] = [mintKey("xt_in_"), mintKey("xt_in_")];
    await addKey(worker.db, space.id, "ingest", expired, Date.now() - 1000);
    const tokens = [space.ingest, other.ingest, expired, unknown];
    const [answers] = await during({ holdMs: 20 }, () =>
      together(
        40,
        () => "event=contact&eid=judged",
        (i) => tokens[i % 4],
      ),
    );
    const said = (key) => answers.filter((_, index) => index % 4 === key).map(({ status }) => status);
    for (const key of [0, 1]) assert.deepEqual(said(key).sort(), [...Array(9).fill("duplicate"), "queued"]);
    for (const key of [2, 3]) assert.deepEqual(said(key), Array(10).fill("invalid_token"));
    const rows = await worker.rows("SELECT space_id FROM events WHERE eid = 'judged' ORDER BY space_id");
    assert.deepEqual(rows, [{ space_id: space.id }, { space_id: other.id }]);
  });

  test("the first use of a key within a group is its first use", async () => {
    const fresh = mintKey("xt_in_");
    await addKey(worker.db, space.id, "ingest", fresh);
    await worker.db.prepare("INSERT INTO unused_keys VALUES (?)").bind(sha256(fresh)).run();
    await during({ holdMs: 20 }, () =>
      together(
        20,
        (i) => `event=contact&eid=fresh-${i}`,
        (i) => (i > 0 ? fresh : space.ingest),
      ),
    );
    assert.equal(await worker.row("SELECT 1 FROM unused_keys WHERE hash = ?", sha256(fresh)), null);
  });

  test("one that D1 refuses takes no other with it", async () => {
    const [answers] = await during({ holdMs: 20, poison: "eid=poison" }, () =>
      together(30, (i) => `event=deposit&value=1&eid=${i === 17 ? "poison" : `beside-${i}`}`),
    );
    assert.ok(answers.every(({ status }) => status === "queued"));
    assert.deepEqual(
      answers.map(({ headers }) => headers.get("x-stored")),
      answers.map((_, index) => (index === 17 ? "later" : null)),
    );
    assert.equal((await numbers("beside-%")).length, 29);
    await until("the queue has stored the one", async () => (await numbers("poison")).length === 1, 30_000);
  });

  test("where D1 is late all go to the queue within the deadline, and are stored once", async () => {
    const began = Date.now();
    const [answers] = await during({ stallMs: 4000 }, () => together(30, (i) => `event=deposit&value=1&eid=late-${i}`));
    assert.ok(Date.now() - began < 3500, `${Date.now() - began} ms`);
    assert.ok(answers.every(({ status, headers }) => status === "queued" && headers.get("x-stored") === "later"));
    await until("the queue has stored them", async () => (await numbers("late-%")).length === 30, 30_000);
    const rows = await worker.rows("SELECT DISTINCT refires FROM events WHERE eid LIKE 'late-%'");
    assert.deepEqual(rows, [{ refires: 0 }]);
  });

  test("where the caller whose request began the work hangs up, the others are answered", async () => {
    const letters = [0, 1, 2, 3].map((number) => `DB ${sha256(space.ingest)}\n${JSON.stringify(letter(number))}`);
    const [answers] = await during({ stallMs: 300 }, async () => {
      const path = "/test/letters?firstHangsUp";
      return (await worker.fetch(path, { method: "POST", body: JSON.stringify(letters) })).json();
    });
    assert.deepEqual(
      answers.map((answer) => answer?.outcome),
      [undefined, "stored", "stored", "stored"],
    );
    assert.equal((await numbers("letter-%")).length, 4);
  });

  test("where the object ends in the middle of a statement, its callers store directly, and once", async () => {
    const [answers, { direct }] = await during({ holdMs: 20, abortAt: 1 }, () =>
      together(60, (i) => `event=deposit&value=1&eid=ended-${i}`),
    );
    assert.ok(direct > 1, "nobody stored directly");
    assert.ok(answers.every(({ status, headers }) => status === "queued" && !headers.has("x-stored")));
    inARow(await numbers("ended-%"));
    const rows = await worker.rows(
      "SELECT COUNT(*) AS count, SUM(refires) AS again FROM events WHERE eid LIKE 'ended-%'",
    );
    assert.deepEqual(rows, [{ count: 60, again: 0 }]);
    // The next object begins from nothing.
    const [, { groups }] = await during({ holdMs: 20 }, () => together(20, (i) => `event=contact&eid=after-${i}`));
    assert.ok(groups.length > 0);
  });

  test("without a binding each is stored directly", async () => {
    const [answers, { direct, groups }] = await during({ holdMs: 2, unbound: 1 }, () =>
      together(20, (i) => `event=contact&eid=unbound-${i}`),
    );
    assert.ok(answers.every(({ status }) => status === "queued"));
    assert.deepEqual([direct, groups], [20, []]);
  });

  test("where too much waits, the rest is stored directly", async () => {
    const [answers, { direct, groups }] = await during({ stallGroupsMs: 5000 }, async () => {
      await worker.fetch("/test/crowd");
      return together(5, (i) => `event=contact&eid=crowd-${i}`);
    });
    assert.ok(answers.every(({ status, headers }) => status === "queued" && !headers.has("x-stored")));
    assert.equal(direct, 5, `${groups.length} groups`);
  });
});
