// What is compared: XTRACKER as it is deployed, and Workers of plain JavaScript, each on a workerd and D1 of its own.
import { readFileSync } from "node:fs";
import { KEY_SECRET, OPERATOR_TOKEN, addKey, mintKey, sha256 } from "../tests/harness.mjs";
import { built, plain, startOnWorkerd } from "./workerd.mjs";

const ROOT = new URL("..", import.meta.url).pathname;
const TOKEN = mintKey("xt_in_");
export const SLUG = "bench";
/** No peer but ours gives up on a slow D1, and 256 statements of several milliseconds come near our usual deadline:
 * what is measured is how fast D1 is used, not how fast it is given up. */
const DEADLINE_MS = 60_000;

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

const of = (number) => `/e?token=${TOKEN}&event=deposit&uid=u${number}&eid=e${number}&value=25.00&currency=USD`;
let number = 0;
/** A new postback, as a network sends it. */
export const postback = () => of(++number);

/** The postbacks that every peer has stored before its duplicates are measured, and then each of them again. */
export const KNOWN = 256;
export function known() {
  let at = 0;
  return () => of(`known${++at % KNOWN}`);
}

export const landing = () => `/l/${SLUG}?fbclid=x`;

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

/** XTRACKER of a checkout that is built, not in local mode, with one space and one link. */
function tracker(name, root, change = (options) => options) {
  const bindings = {
    LOCAL: "false",
    KEY_SECRET,
    OPERATOR_TOKEN,
    DESTINATION_KEY: "a destination key for the bench",
    DB_DEADLINE_MS: String(DEADLINE_MS),
  };
  return peer(
    name,
    () => change(built(root, bindings)),
    "events",
    async ({ DB: db, ...more }) => {
      const { apply } = await import(`${root}/tests/harness.mjs`);
      for (const each of [db, ...Object.values(more)]) await apply(each, "schema.sql");
      await addSpace(db);
      await db
        .prepare(
          `
          INSERT INTO links (space_id, slug, name, kind, target, uid_parameter, enabled, created_at_ms)
          VALUES (1, ?1, ?1, 'web', 'https://offer.example/', 'uid', 1, 0)`,
        )
        .bind(SLUG)
        .run();
    },
  );
}

export const xtracker = tracker("xtracker", ROOT);

/** XTRACKER of another checkout: what a change costs shows in one run. */
export const before = (checkout) => tracker("before", checkout);

/** The name of the binding of the object that lets concurrent postbacks share a statement. */
const WRITER = "WRITER";

/** XTRACKER whose postbacks each go to D1 on their own, where it would group them; else nothing. */
export function ungrouped() {
  const { durableObjects = {} } = built(ROOT, {});
  if (!(WRITER in durableObjects)) return [];
  const without = ({ durableObjects: { [WRITER]: _, ...others }, ...options }) => ({
    ...options,
    durableObjects: others,
  });
  return [tracker("ungrouped", ROOT, without)];
}

/** Nothing but an answer. */
export const empty = peer("empty", () => plain(["empty.mjs"]));

/** Nothing but one insert for each request. */
export const floor = peer(
  "floor",
  () => plain(["floor.mjs"]),
  "floor",
  ({ DB }) => DB.prepare("CREATE TABLE floor (id TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID").run(),
);

/** The common way: three calls. */
export const threeCalls = peer(
  "three calls",
  () => plain(["three-calls.mjs", "sha256.mjs"]),
  "events",
  ({ DB }) => DB.batch(commonTables.map((sql) => DB.prepare(sql))),
);

/** XTRACKER's own statement, taken from its wasm, and nothing around it: what of the difference is the database's. */
export const statement = peer(
  "statement",
  () => plain(["statement.mjs", "sha256.mjs"], { STATEMENT: statementOf(`${ROOT}build/index_bg.wasm`) }),
  "events",
  async ({ DB }) => {
    const { apply } = await import("../tests/harness.mjs");
    await apply(DB, "schema.sql");
    await addSpace(DB);
  },
);

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

/** A peer that has not begun: `begin` starts it, with D1 held or not, and has it answer once. */
function peer(name, options, table, prepare) {
  return async (heldMs) => {
    const began = performance.now();
    const started = await startOnWorkerd(options(), heldMs);
    const { DB: db } = started.databases;
    try {
      await prepare?.(started.databases);
      const answer = await fetch(`${started.origin}${postback()}`);
      const text = await answer.text();
      if (!text.includes('"queued"')) throw new Error(`${name}: ${answer.status} ${text}`);
    } catch (error) {
      await started.stop();
      throw error;
    }
    return {
      name,
      ...started,
      startMs: performance.now() - began,
      /** How many postbacks it has stored; nothing where it stores none. */
      stored: async () => table && (await db.prepare(`SELECT count(*) AS n FROM ${table}`).first()).n,
      /** How many new postbacks it was asked to store. */
      fired: 1,
    };
  };
}
