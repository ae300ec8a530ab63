// What the migrations come to: schema.sql for a new database, and for one from before there were any, with all that is
// in it and the same figures. And how they are applied.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { unstable_splitSqlQuery as splitSql } from "wrangler";
import { migrations, schemaFile, schemaOf } from "../scripts/schema.mjs";
import { apply, migrate, startWorker } from "./harness.mjs";

const ROOT = new URL("..", import.meta.url).pathname;
const OLD = "tests/fixtures/1c2c943.sql";
const FIGURES = JSON.parse(readFileSync(`${ROOT}tests/fixtures/1c2c943-figures.json`, "utf8"));
/** What is there, but for what SQLite, the platform and wrangler have of their own. */
const THERE = `
  SELECT type, name, tbl_name, sql FROM sqlite_schema
  WHERE sql IS NOT NULL AND name NOT IN ('sqlite_sequence', 'd1_migrations') AND name NOT LIKE '\\_cf%' ESCAPE '\\'
  ORDER BY type, name`;

/** The worker with a database that `prepare` has filled, while `work` runs. */
async function withDatabase(prepare, work) {
  const worker = await startWorker({ prepare });
  try {
    return await work(worker);
  } finally {
    await worker.stop();
  }
}

const adopted = async (db) => {
  await apply(db, OLD);
  await migrate(db);
};

/** A table of an adopted database keeps the comments that it was made with. */
const withoutComments = ({ sql, ...item }) => ({
  ...item,
  sql: sql
    .replace(/--.*/g, "")
    .replace(/\s+/g, " ")
    .replace(/ ?([(),]) ?/g, "$1"),
});

test("schema.sql is what the migrations come to: scripts/schema.mjs would write it as it is", () => {
  const { is, should } = schemaFile();
  assert.equal(is, should);
});

test("a later migration's comments, columns and triggers stand where they belong", () => {
  const first =
    "-- A.\nCREATE TABLE IF NOT EXISTS a (\n  x INTEGER -- Inside.\n);\n\n-- B.\nCREATE TABLE b (y TEXT);\n";
  const trigger = (text) => `CREATE TRIGGER t AFTER INSERT ON b\nBEGIN\n  SELECT ${text};\nEND;\n`;
  const later =
    "-- About the file.\n\n-- More of A.\nALTER TABLE a ADD COLUMN z INTEGER;\n-- I.\nCREATE INDEX i ON a (z);\n" +
    `-- New.\nDROP TRIGGER t;\n${trigger("2")}`;
  assert.equal(
    schemaOf([{ sql: `${first}-- Old.\n${trigger("1")}` }, { sql: later }]),
    "\n-- A.\n-- More of A.\nCREATE TABLE a (\n  x INTEGER -- Inside.\n, z INTEGER);\n\n-- I.\n" +
      `CREATE INDEX i ON a (z);\n\n-- B.\nCREATE TABLE b (y TEXT);\n\n-- New.\n${trigger("2")}`,
  );
});

test("migrations are numbered without a gap, from 0001", () => {
  for (const [at, { name }] of migrations().entries())
    assert.match(name, new RegExp(`^${String(at + 1).padStart(4, "0")}_[a-z0-9_]+\\.sql$`));
});

test("D1 can split every migration: BEGIN and END of triggers stand alone, in capitals, and no CASE ends one", () => {
  for (const { name, sql } of migrations()) {
    assert.ok(!sql.includes("\r") && /;\n$/.test(sql), name);
    const statements = splitSql(sql);
    for (const statement of statements.filter((statement) => /^CREATE TRIGGER/.test(statement))) {
      assert.match(statement, /\nBEGIN\n[^]*\nEND;?$/, name);
      assert.doesNotMatch(statement, /\bCASE\b/i, name);
    }
    const verbs = sql.match(/^(CREATE|DROP|ALTER|INSERT|UPDATE|DELETE|WITH|PRAGMA)\b/gm);
    assert.equal(statements.length, verbs.length, name);
  }
});

test("all migrations make of an empty database on D1 exactly the schema of schema.sql", async () => {
  const read = (worker) => worker.rows(THERE);
  const migrated = await withDatabase(migrate, read);
  assert.ok(migrated.length > 40);
  assert.deepEqual(migrated, await withDatabase((db) => apply(db, "schema.sql"), read));
});

test("one that the last schema.sql before there were migrations made is taken as it is", async () => {
  const read = (worker) => worker.rows(THERE);
  const made = (db) => apply(db, "migrations/0001_schema.sql");
  const adopted = await withDatabase(async (db) => {
    await made(db);
    await migrate(db);
  }, read);
  assert.deepEqual(adopted, await withDatabase(migrate, read));
});

describe("a database from before there were migrations", () => {
  test("becomes one of schema.sql, and keeps every row", async () => {
    const schema = await withDatabase(migrate, (worker) => worker.rows(THERE));
    await withDatabase(
      (db) => apply(db, OLD),
      async (worker) => {
        // The columns that it had: a later one has no value of its own yet.
        const tables = await worker.rows(`
          SELECT t.name, group_concat(c.name) AS columns FROM (${THERE}) t, pragma_table_info(t.name) c
          WHERE t.type = 'table' GROUP BY t.name`);
        const rows = async () => {
          const read = tables.map(async ({ name, columns }) => [
            name,
            await worker.rows(`SELECT ${columns} FROM ${name} ORDER BY 1, 2, 3`),
          ]);
          return Object.fromEntries(await Promise.all(read));
        };
        const before = await rows();
        assert.ok(before.events.length > 200 && before.clicks.length > 200 && before.days.length > 20);
        await migrate(worker.db);
        assert.deepEqual(await rows(), before);
        assert.deepEqual((await worker.rows(THERE)).map(withoutComments), schema.map(withoutComments));
      },
    );
  });

  test("has the figures and events that it had", async () => {
    await withDatabase(adopted, async (worker) => {
      const browser = await worker.browser();
      let zone = "";
      for (const { zone: its, from, to, ...files } of FIGURES) {
        if (zone !== its) await browser.send("/s/1/settings", { name: "Demo", time_zone: its });
        zone = its;
        const query = `period=custom&from=${from}&to=${to}`;
        // The second time its days are summed up.
        for (const path of [`/s/1?${query}`, `/s/1?${query}`]) assert.equal((await browser.get(path)).code, 200);
        for (const [file, text] of Object.entries(files)) {
          const now = (await browser.get(`/s/1/${file}?${query}`)).text;
          // Later columns stand behind those that it had.
          const as = text.split("\r\n").map((line) => line.length);
          const had = file !== "events.csv" ? now : now.split("\r\n").map((line, at) => line.slice(0, as[at]));
          assert.equal([had].flat().join("\r\n"), text, `${file} ${zone} ${from} ${to}`);
        }
      }
    });
  });

  test("takes postbacks, and knows those that it had", async () => {
    await withDatabase(adopted, async (worker) => {
      const { eid, event } = await worker.row("SELECT eid, event FROM events WHERE event = 'deposit' AND refires = 0");
      const fire = async (query) => (await worker.fire(`/e?token=xt_in_local&${query}`)).status;
      assert.equal(await fire(`event=${event}&eid=${eid}&value=5`), "duplicate");
      assert.equal(await fire("event=deposit&eid=new&uid=plus%20uid&value=5"), "queued");
      assert.deepEqual(await worker.row("SELECT link_id, first FROM events WHERE eid = 'new'"), {
        link_id: 3,
        first: 0,
      });
    });
  });
});

test("wrangler adopts it, and applies nothing twice", () => {
  const state = mkdtempSync(join(tmpdir(), "xtracker-migrations-"));
  const d1 = (...args) =>
    execFileSync("wrangler", ["d1", ...args, "--local", "--persist-to", state], {
      cwd: ROOT,
      stdio: "pipe",
    }).toString();
  d1("execute", "DB", "--yes", "--file", OLD);
  assert.match(d1("migrations", "apply", "DB"), /0001_schema\.sql/);
  assert.match(d1("migrations", "apply", "DB"), /No migrations to apply/);
  const names = JSON.parse(d1("execute", "DB", "--json", "--command", "SELECT name FROM d1_migrations ORDER BY id"));
  assert.deepEqual(
    names[0].results.map(({ name }) => name),
    migrations().map(({ name }) => name),
  );
});
