// How SQLite means to run what the built Worker asks: nothing that grows for ever is read from end to end.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { startWorker } from "./harness.mjs";

/** Every statement in the wasm's data: it begins a line, and is the longest text from there that SQLite takes. */
function statements() {
  const db = new DatabaseSync(":memory:");
  db.exec(readFileSync(new URL("../schema.sql", import.meta.url), "utf8"));
  db.exec("CREATE TABLE d1_migrations (name TEXT UNIQUE)"); // wrangler's own.
  const isStatement = (sql) => {
    try {
      return Boolean(db.prepare(`EXPLAIN QUERY PLAN ${sql}`));
    } catch {
      return false;
    }
  };
  const data = readFileSync(new URL("../build/index_bg.wasm", import.meta.url), "latin1");
  return [...data.matchAll(/\n(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH)\s/g)].flatMap(({ index }) => {
    // None of ours has a semicolon: one behind it is other data, which SQLite would take for a second statement.
    const [text] = /^[\n\x20-\x3a\x3c-\x7e]*/.exec(data.slice(index, index + 6000));
    const ends = [...text.matchAll(/\b|(?<=[)'\d])|$/g)].map(({ index }) => index).reverse();
    const end = ends.find((end) => isStatement(text.slice(0, end)));
    return end ? [text.slice(0, end)] : [];
  });
}

test("no statement reads all events, clicks or deliveries", async () => {
  const worker = await startWorker();
  try {
    const found = new Set(statements());
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
