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
