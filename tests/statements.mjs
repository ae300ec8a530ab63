// What the built Worker asks of D1, read from its wasm.
import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

/** Every statement in the wasm's data: it begins a line, and is the longest text from there that SQLite takes. */
export function statements() {
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
