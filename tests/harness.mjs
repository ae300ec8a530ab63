// A Worker of our own build on real workerd and D1, with what tests need around it.
import { createHash, createHmac, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestHarness, unstable_splitSqlQuery as splitSql } from "wrangler";
import { migrations } from "../scripts/schema.mjs";

export const KEY_SECRET = "a key secret for tests only";
export const OPERATOR_TOKEN = "an operator token for tests only";
const LOWER_BASE32HEX = "0123456789abcdefghijklmnopqrstuv";

const ROOT = new URL("..", import.meta.url).pathname;

/** In which of its databases a deployment of the tests has its spaces: a whole suite runs on the second of two. */
const DATABASE = Number(process.env.XTRACKER_TEST_DATABASE ?? 1);

const binding = (number) => (number === 1 ? "DB" : `DB_${number}`);

/** What a message in the queue says of its database. */
export const OF_DATABASE = DATABASE === 1 ? {} : { database: binding(DATABASE) };

/** wrangler.toml with so many databases. */
export const withDatabases = (count) => (toml) => {
  const lines = (number) => [
    "[[d1_databases]]",
    `binding = "${binding(number)}"`,
    `database_name = "xtracker-${number}"`,
    'migrations_dir = "migrations"\n\n',
  ];
  const others = Array.from({ length: count - 1 }, (_, at) => lines(at + 2).join("\n"));
  return toml.replace("# Postbacks that D1 did not take in time.", (text) => others.join("") + text);
};

/**
 * Starts the Worker with an empty database that has the schema. `local: false` is how it is deployed;
 * `configure` changes the text of wrangler.toml first; `entry` is a file of tests/ that stands around the
 * Worker; `databaseDelayMs` has D1 watched, and its every answer late by so much; `databases` is how many there are;
 * `prepare` does something else to each empty database than to migrate it.
 */
export async function startWorker({
  local = true,
  vars = {},
  secrets = {},
  configure: change,
  entry,
  databaseDelayMs,
  databases = DATABASE,
  prepare = migrate,
} = {}) {
  if (databaseDelayMs !== undefined) entry = "watched-database.mjs";
  const changes = [change, databases > 1 && withDatabases(databases)].filter(Boolean);
  if (entry) changes.push((toml) => toml.replace('"build/index.js"', `"${ROOT}tests/${entry}"`));
  const configure = changes.length > 0 && ((toml) => changes.reduce((text, change) => change(text), toml));
  const server = createTestHarness({
    root: ROOT,
    workers: [
      {
        configPath: configure ? writeConfig(configure) : "./wrangler.toml",
        prebuiltWorkerDir: entry ? undefined : `${ROOT}dist`,
        vars: { LOCAL: String(local), TEST_DATABASE_DELAY_MS: databaseDelayMs ?? 0, ...vars },
        secrets: { KEY_SECRET, OPERATOR_TOKEN, DESTINATION_KEY: "a destination key for tests only", ...secrets },
      },
    ],
  });
  await server.listen();
  const worker = server.getWorker();
  const env = await worker.getEnv();
  const db = env[binding(DATABASE)];
  for (let number = 1; number <= databases; number++) {
    await prepare(env[binding(number)]);
    // The Worker's own new spaces go to the smallest.
    if (DATABASE > 1 && number !== DATABASE)
      await env[binding(number)].exec("CREATE TABLE filler AS SELECT zeroblob(2000000) AS bytes");
  }
  /** Has the first database list the spaces of the tests'. */
  const list = async () => {
    if (DATABASE === 1) return;
    const { results } = await db.prepare("SELECT * FROM spaces").all();
    for (const { id, name, time_zone, created_at_ms } of results) await listSpace(id, name, time_zone, created_at_ms);
  };
  const listSpace = (id, name, zone, ms, database = DATABASE) =>
    env.DB.batch([
      env.DB.prepare(
        "INSERT INTO spaces (id, name, time_zone, created_at_ms) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
      ).bind(id, name, zone, ms),
      env.DB.prepare("INSERT INTO space_databases VALUES (?, ?, 1) ON CONFLICT DO NOTHING").bind(id, database),
    ]);
  return {
    server,
    db,
    env,
    fetch: (path, init) => server.fetch(path, init),
    /** Fires a postback and gives its answer with the HTTP code, the headers and what D1 counted. */
    async fire(path, init) {
      const response = await server.fetch(path, init);
      const text = await response.text();
      const [, read, written] = /read=(\d+) written=(\d+)/.exec(response.headers.get("x-d1-cost")) ?? [];
      const cost = { read: Number(read), written: Number(written) };
      return { code: response.status, headers: response.headers, cost, text, ...(text ? JSON.parse(text) : {}) };
    },
    /** What the database did since the last call of this, where it is watched: trips, rowsRead, rowsWritten. */
    cost: async () => (await server.fetch("/test-cost")).json(),
    /** A browser that is signed in, as far as cookies and forms go. */
    async browser() {
      await list();
      const origin = (await server.listen()).url.origin;
      const visit = async (path, init = {}) => {
        const headers = { cookie: visit.cookie ?? "", origin, ...init.headers };
        const response = await server.fetch(path, { redirect: "manual", ...init, headers });
        return { code: response.status, headers: response.headers, text: await response.text() };
      };
      const send = (path, fields = {}, headers = {}) =>
        visit(path, { method: "POST", body: new URLSearchParams(fields), headers });
      const answer = await send("/login", { password: OPERATOR_TOKEN });
      visit.cookie = answer.headers.get("set-cookie")?.split(";")[0];
      return { origin, get: visit, send, cookie: visit.cookie };
    },
    /** Delivers messages to the queue's consumer, as the platform would. */
    async deliver(queue, bodies) {
      const consumer = await worker.getExport();
      const messages = bodies.map((body, index) => ({
        id: String(index),
        timestamp: new Date(),
        attempts: 1,
        body,
      }));
      return consumer.queue(queue, messages);
    },
    async row(sql, ...values) {
      return db
        .prepare(sql)
        .bind(...values)
        .first();
    },
    async rows(sql, ...values) {
      return (
        await db
          .prepare(sql)
          .bind(...values)
          .all()
      ).results;
    },
    /** A space with both keys, put straight into a database. */
    async space(name = "Test", number = DATABASE) {
      const { id } = await env.DB.prepare("INSERT INTO spaces (name, created_at_ms) VALUES (?, 0) RETURNING id")
        .bind(name)
        .first();
      const home = env[binding(number)];
      if (number > 1) {
        await listSpace(id, name, "UTC", 0, number);
        await home.prepare("INSERT INTO spaces (id, name, created_at_ms) VALUES (?, ?, 0)").bind(id, name).run();
      }
      const ingest = mintKey("xt_in_", KEY_SECRET, number);
      const bearer = mintKey("xt_sk_", KEY_SECRET, number);
      await addKey(home, id, "ingest", ingest);
      await addKey(home, id, "bearer", bearer);
      return { id, ingest, bearer };
    },
    /** A link, put straight into the database; gives its id. */
    async link(spaceId, slug, columns = {}) {
      const link = {
        kind: "web",
        target: "https://offer.example/",
        uid_parameter: "uid",
        page: null,
        enabled: 1,
        ...columns,
      };
      const insert = (into, id) =>
        into
          .prepare(
            `
              INSERT INTO links (id, space_id, slug, name, kind, target, uid_parameter, page, enabled, created_at_ms)
              VALUES (?8, ?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, 0) RETURNING id`,
          )
          .bind(spaceId, slug, link.kind, link.target, link.uid_parameter, link.page, link.enabled, id)
          .first();
      // Ids are the first database's to give.
      const { id } = await insert(env.DB, null);
      if (DATABASE === 1) return id;
      await env.DB.prepare("DELETE FROM links WHERE id = ?").bind(id).run();
      await insert(db, id);
      await env.DB.prepare("INSERT INTO slugs (slug, space_id, link_id) VALUES (?, ?, ?)")
        .bind(slug, spaceId, id)
        .run();
      return id;
    },
    stop: () => server.close(),
  };
}

/** wrangler.toml as `configure` changes it, in a file of its own. */
export function writeConfig(configure) {
  const toml = readFileSync(`${ROOT}wrangler.toml`, "utf8");
  const changed = configure(toml);
  if (changed === toml) throw new Error("the change to wrangler.toml changed nothing");
  const folder = mkdtempSync(join(tmpdir(), "xtracker-config-"));
  const path = join(folder, "wrangler.toml");
  writeFileSync(
    path,
    changed
      .replace('"build/index.js"', `"${ROOT}build/index.js"`)
      .replaceAll('"migrations"\n', `"${ROOT}migrations"\n`)
      .replace(/command = .*/, 'command = "true"'),
  );
  return path;
}

/** Runs a file of SQL, named from the root of the repository. */
export const apply = (db, file) => execute(db, readFileSync(`${ROOT}${file}`, "utf8"));

const execute = (db, sql) => db.batch(splitSql(sql).map((statement) => db.prepare(statement)));

/** Brings a database up to date as `wrangler d1 migrations apply` does, which cannot reach that of a test. */
export async function migrate(db, folder) {
  await execute(
    db,
    "CREATE TABLE IF NOT EXISTS d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, " +
      "applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)",
  );
  const { results } = await db.prepare("SELECT name FROM d1_migrations").all();
  const applied = results.map(({ name }) => name);
  for (const { name, sql } of migrations(folder)) {
    if (applied.includes(name)) continue;
    await execute(db, `${sql}\nINSERT INTO d1_migrations (name) VALUES ('${name}');`);
  }
}

export async function addKey(db, spaceId, kind, key, expiresAtMs = null) {
  await db
    .prepare("INSERT INTO keys (hash, space_id, kind, created_at_ms, expires_at_ms) VALUES (?, ?, ?, 0, ?)")
    .bind(sha256(key), spaceId, kind, expiresAtMs)
    .run();
}

/** A key with a good check part, made without the Worker's own code, of a space in a database. */
export function mintKey(prefix, secret = KEY_SECRET, database = DATABASE) {
  const mark = database === 1 ? "" : `z${database.toString(16).padStart(2, "0")}`;
  const body = prefix + mark + base32(randomBytes(16));
  return body + base32(createHmac("sha256", secret).update(body).digest().subarray(0, 6));
}

export const sha256 = (text) => createHash("sha256").update(text).digest("hex");

function base32(bytes) {
  let bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  bits = bits.padEnd(Math.ceil(bits.length / 5) * 5, "0");
  return bits
    .match(/.{5}/g)
    .map((five) => LOWER_BASE32HEX[parseInt(five, 2)])
    .join("");
}

/** Waits until `condition` gives something true, and gives that. */
export async function until(what, condition, limitMs = 15_000) {
  const end = Date.now() + limitMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${limitMs} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Makes D1 refuse every postback until the given work is done. */
export async function withoutDatabase(worker, work) {
  await worker.db.prepare("ALTER TABLE keys RENAME TO keys_away").run();
  try {
    return await work();
  } finally {
    await worker.db.prepare("ALTER TABLE keys_away RENAME TO keys").run();
  }
}

/** The deposits that the counters of a space have, and their whole units. */
export const deposits = (worker, spaceId) =>
  worker.row(
    `
      SELECT total(events) AS events, total(units) AS units
      FROM counters WHERE space_id = ? AND event = 'deposit'`,
    spaceId,
  );
