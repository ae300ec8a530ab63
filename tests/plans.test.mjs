// How SQLite means to run what the built Worker asks: nothing that grows for ever is read from end to end.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorker } from "./harness.mjs";
import { statements } from "./statements.mjs";

test("no statement reads all events, clicks or deliveries", async () => {
  // It takes seconds, in which nothing else runs: before there is anybody to keep a connection to.
  const found = new Set(statements());
  const worker = await startWorker();
  try {
    for (const sql of found) {
      const values = Math.max(0, ...[...sql.matchAll(/\?(\d+)/g)].map(([, number]) => Number(number)));
      const { results } = await worker.db
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .bind(...Array(values).fill(null))
        .all();
      const names = [
        ...sql.matchAll(
          /\b(?:FROM|JOIN|UPDATE)\s+(events|clicks|deliveries)\b(?:\s+(?!SET|WHERE|INDEXED|ON|ORDER)(\w+))?/g,
        ),
      ];
      const tables = names.map(([, table, alias]) => alias ?? table);
      for (const { detail } of results) {
        const [, scanned] = /^SCAN (\w+)/.exec(detail) ?? [];
        assert.ok(!tables.includes(scanned), `${detail} in ${sql}`);
      }
    }
    assert.ok(found.size > 60, `only ${found.size} statements were found`);
  } finally {
    await worker.stop();
  }
});
