// Writes into schema.sql what the migrations come to, with their comments; what stands there above the line is written
// by hand, and stays.
//
// Every statement is as SQLite itself keeps it, so that schema.sql makes exactly the database that the migrations make.
// SQLite keeps no comment above a statement: that comes from the file that made the table, index, view or trigger last,
// and from those that have altered it since.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

const ROOT = new URL("..", import.meta.url).pathname;
const LINE = "-- Below, by `node scripts/schema.mjs`, what the files in migrations/ come to.\n";

/** The files of a folder, in the order in which wrangler applies them. */
export const migrations = (folder = `${ROOT}migrations`) =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".sql"))
    .sort()
    .map((name) => ({ name, sql: readFileSync(`${folder}/${name}`, "utf8") }));

/** Adds to `comments`, by name, what stands right above the statements that make or alter something. */
function readComments(sql, comments) {
  let comment = "";
  for (const line of sql.split("\n")) {
    const [, verb, name] = /^(CREATE|ALTER) .*?(?:TABLE|INDEX|VIEW|TRIGGER) (?:IF NOT EXISTS )?(\w+)/.exec(line) ?? [];
    if (verb) comments.set(name, (verb === "ALTER" ? comments.get(name) : "") + comment);
    if (line.startsWith("--")) comment += `${line}\n`;
    else if (!line.startsWith("DROP ")) comment = "";
  }
}

/** Text of schema.sql below the line: an index with its table, everything else in the order of its first file. */
export function schemaOf(files) {
  const db = new DatabaseSync(":memory:");
  const comments = new Map();
  for (const { sql } of files) {
    db.exec(sql);
    readComments(sql, comments);
  }
  const kept = db.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL").all();
  const byName = new Map(kept.filter(({ name }) => !name.startsWith("sqlite_")).map((item) => [item.name, item]));
  const order = [];
  for (const item of [...comments.keys()].flatMap((name) => byName.get(name) ?? [])) {
    const table = item.type === "index" ? order.findLastIndex(({ tbl_name }) => tbl_name === item.tbl_name) : -1;
    order.splice(table < 0 ? order.length : table + 1, 0, item);
  }
  if (order.length !== byName.size) throw new Error("a statement of a migration does not begin its line");
  return order.map(({ name, sql }) => `\n${comments.get(name)}${sql};\n`).join("");
}

/** All of schema.sql, as it is and as it should be. */
export function schemaFile() {
  const is = readFileSync(`${ROOT}schema.sql`, "utf8");
  const [head] = is.split(LINE);
  return { is, should: head + LINE + schemaOf(migrations()) };
}

if (process.argv[1] === import.meta.filename) writeFileSync(`${ROOT}schema.sql`, schemaFile().should);
