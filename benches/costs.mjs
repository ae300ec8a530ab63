// What D1 itself counts: round trips and rows, for a postback and for the overview.
import { startWorker, until } from "../tests/harness.mjs";
import { row } from "./table.mjs";

/** Fails where a postback takes more than promised; the overview's `rounds` are none where only that matters. */
export async function costs(rounds) {
  const worker = await startWorker({ databaseDelayMs: 0 });
  try {
    const { ingest } = await worker.space();
    const fire = async (query) => {
      const { headers, cost } = await worker.fire(`/e?token=${ingest}&${query}`);
      return { trips: Number(headers.get("x-test-trips")), read: cost.read, written: cost.written };
    };
    await fire("event=contact&uid=warm&eid=warm");
    for (const [what, query, most] of [
      ["a new deposit", "event=deposit&uid=a&eid=1&value=5", 4],
      ["a duplicate", "event=deposit&uid=a&eid=1&value=5", 1],
      ["a new deposit with tg_id", "event=deposit&uid=a&eid=2&value=5&tg_id=7", 5],
    ]) {
      const cost = await fire(query);
      row(`D1 for ${what}`, cost);
      if (cost.trips > 1 || cost.written > most)
        throw new Error(`${what} costs more than promised: ${JSON.stringify(cost)}`);
    }
    if (rounds > 0) await overview(worker, rounds);
  } finally {
    await worker.stop();
  }
}

/** The overview of 7 days with 200 links, at more and more events. */
async function overview(worker, rounds) {
  const browser = await worker.browser();
  const { id } = await worker.space("Overview");
  let filled = 0;
  for (const total of [1_000, 100_000, 1_000_000]) {
    for (; filled < total; filled += Math.min(50_000, total - filled)) {
      await worker.db
        .prepare(
          `
        INSERT INTO events (space_id, seq, dedup, event, uid, micros, currency, occurred_at_ms, received_at_ms,
          link_id, first, receipt, raw)
        WITH RECURSIVE n(i) AS (SELECT CAST(?2 AS INTEGER) + 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?3)
        SELECT ?1, i, 'd=b' || i, 'deposit', 'p' || i / 5, 1000000, 'USD',
          ?4 + (i % 7) * 86400000 + (i % 200 * 7 % 96) * 900000, ?4, i % 200, 1, 'r', ''
        FROM n`,
        )
        .bind(id, filled, Math.min(filled + 50_000, total), (Math.floor(Date.now() / 86_400_000) - 6) * 86_400_000)
        .run();
    }
    await browser.get(`/s/${id}?period=7d`);
    await until(
      "the days are closed",
      async () => (await worker.row("SELECT count(*) AS n FROM closed_days WHERE space_id = ?", id)).n >= 6,
    );
    const times = [];
    let read;
    for (let round = 0; round < rounds; round++) {
      const began = performance.now();
      read = Number((await browser.get(`/s/${id}?period=7d`)).headers.get("x-test-rows-read"));
      times.push(performance.now() - began);
    }
    row(`overview of ${total} events`, {
      ms: times.toSorted((a, b) => a - b)[Math.floor(rounds / 2)],
      "rows read": read,
    });
  }
}
