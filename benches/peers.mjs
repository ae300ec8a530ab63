// What is compared: XTRACKER as it is deployed, and Workers of plain JavaScript, each on a workerd and D1 of its own.
import { mkdtempSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestHarness } from "wrangler";
import { addKey, apply, mintKey, sha256, startWorker } from "../tests/harness.mjs";

const ROOT = new URL("..", import.meta.url).pathname;
const TOKEN = mintKey("xt_in_");
export const SLUG = "bench";

const commonTables = [
  "CREATE TABLE keys (hash TEXT PRIMARY KEY, space_id INTEGER)",
  `INSERT INTO keys VALUES ('${sha256(TOKEN)}', 1)`,
  "CREATE TABLE links (slug TEXT PRIMARY KEY, id INTEGER, space_id INTEGER, target TEXT)",
  `INSERT INTO links VALUES ('${SLUG}', 1, 1, 'https://offer.example/')`,
  `
      CREATE TABLE events (id INTEGER PRIMARY KEY, space_id INTEGER, event TEXT, uid TEXT, eid TEXT,
        value REAL, at INTEGER, UNIQUE (space_id, event, eid))`,
  "CREATE INDEX events_uid ON events (uid)",
  `
      CREATE TABLE clicks (uid TEXT PRIMARY KEY, space_id INTEGER, link_id INTEGER, fbclid TEXT, at INTEGER)`,
  `
      CREATE TABLE counters (space_id INTEGER, day INTEGER, event TEXT, events INTEGER, value REAL,
        PRIMARY KEY (space_id, day, event))`,
];

let number = 0;
/** A new postback, as a network sends it. */
export const postback = () =>
  `/e?token=${TOKEN}&event=deposit&uid=u${++number}&eid=e${number}&value=25.00&currency=USD`;

/** A message of the spill queue for a postback of its own. */
export function message() {
  const [, raw] = /&(.*)/.exec(postback());
  return JSON.stringify({
    v: 1,
    kind: "postback",
    key_hash: sha256(TOKEN),
    key_kind: "ingest",
    raw,
    received_at_ms: Date.now(),
    receipt: `r${number}`,
  });
}

/** XTRACKER, not in local mode, with one space and one link. */
export const tracker = () =>
  peer("xtracker", async () => {
    const worker = await startWorker({ local: false });
    await addSpace(worker.db);
    await worker.link(1, SLUG);
    return { server: worker.server, worker, stop: worker.stop };
  });

/** XTRACKER of another checkout that is built too: what a change costs shows in one run. */
export const before = (checkout) => () =>
  peer("before", async () => {
    const { startWorker: start } = await import(`${checkout}/tests/harness.mjs`);
    const worker = await start({ local: false });
    await addSpace(worker.db);
    await worker.link(1, SLUG);
    return { server: worker.server, worker, stop: worker.stop };
  });

/** Nothing but one insert for each request. */
export const floor = () =>
  javaScript("floor", "floor.mjs", ["CREATE TABLE floor (id TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID"]);

/** The common way: three calls. */
export const threeCalls = () => javaScript("three calls", "three-calls.mjs", commonTables);

/** XTRACKER's own statement, taken from its wasm, and nothing around it: what of the difference is the database's. */
export const statement = () =>
  javaScript("statement", "statement.mjs", [], { STATEMENT: statementOf(`${ROOT}build/index_bg.wasm`) }, async (db) => {
    await apply(db, "schema.sql");
    await addSpace(db);
  });

/** The statement of a plain postback: the one that knows nothing of a plus in a uid, its second parameter. */
function statementOf(wasm) {
  const begin = "\nINSERT INTO events (";
  const end = " AS has_destinations\n";
  const texts = readFileSync(wasm, "latin1").split(begin).slice(1);
  const text = texts.map((text) => text.split(end)[0]).find((text) => text.length < 4000 && !text.includes("?2"));
  if (!text) throw new Error("the wasm has no statement that stores a plain event");
  return begin + text + end;
}

async function addSpace(db) {
  await db.prepare("INSERT INTO spaces (id, name, created_at_ms) VALUES (1, 'Bench', 0)").run();
  await addKey(db, 1, "ingest", TOKEN);
}

function javaScript(name, file, tables, vars, prepare) {
  return peer(name, async () => {
    const id = file.replace(".mjs", "");
    const server = createTestHarness({ root: ROOT, workers: [{ configPath: config(id, file), vars }] });
    await server.listen();
    const { DB: db } = await server.getWorker().getEnv();
    if (tables.length > 0) await db.batch(tables.map((sql) => db.prepare(sql)));
    await prepare?.(db);
    return { server, stop: () => server.close() };
  });
}

function config(name, file) {
  const folder = mkdtempSync(join(tmpdir(), `xtracker-bench-${name}-`));
  const path = join(folder, "wrangler.toml");
  writeFileSync(
    path,
    `
name = "${name}"
main = "${ROOT}benches/${file}"
compatibility_date = "2026-11-01"
[[d1_databases]]
binding = "DB"
database_name = "${name}"
database_id = "${name}"
`,
  );
  return path;
}

/** Starts one, and has it answer once. */
async function peer(name, begin) {
  const began = performance.now();
  const before = workerds();
  const started = await begin();
  const { origin } = (await started.server.listen()).url;
  const answer = await fetch(`${origin}${postback()}`);
  const text = await answer.text();
  if (!text.includes('"queued"')) throw new Error(`${name}: ${answer.status} ${text}`);
  return {
    name,
    origin,
    ...started,
    pids: workerds().filter((pid) => !before.includes(pid)),
    startMs: performance.now() - began,
  };
}

/** Process ids of workerd below this process, at any depth. */
function workerds() {
  const parents = new Map();
  const names = new Map();
  for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      const [, name, parent] = /\((.*)\) \w (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"));
      parents.set(pid, parent);
      names.set(pid, name);
    } catch {
      /* It has ended. */
    }
  }
  const isOurs = (pid) => pid === String(process.pid) || (parents.has(pid) && isOurs(parents.get(pid)));
  return [...names].filter(([pid, name]) => name.startsWith("workerd") && isOurs(pid)).map(([pid]) => pid);
}

/** Milliseconds of processor time that a peer's processes have used; a tick of the kernel's clock is 10 ms. */
export function cpuMs({ pids }) {
  const of = (pid) => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return pids.reduce((sum, pid) => sum + (Number(of(pid)[11]) + Number(of(pid)[12])) * 10, 0);
}
