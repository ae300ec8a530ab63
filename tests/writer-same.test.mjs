// What the writer stores in groups is what would have been stored one by one: the same random reports go through the
// object, and through the statement for one report, on two databases.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { addKey, mintKey, sha256, startWorker } from "./harness.mjs";
import { statements } from "./statements.mjs";

const REPORTS = 50_000;
/** Reports that are brought at the same time: some groups of a hundred, and what is left. */
const CHUNK = 250;
const NOW = 1_790_000_000_000;

/** Random numbers that are the same in every run: a number below `n`. */
let state = 20261125;
function below(n) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * n);
}
const oneOf = (all) => all[below(all.length)];

const keys = Array.from({ length: 8 }, () => mintKey("xt_in_"));
const [FIRST, SECOND, THIRD, BEARER, EXPIRED, REVOKED, UNKNOWN] = keys;

let grouped, single;
before(async () => {
  // However slow the machine, nothing is late.
  const world = { entry: "writer-world.mjs", vars: { DB_DEADLINE_MS: "60000" } };
  [grouped, single] = [await startWorker(world), await startWorker(world)];
  await Promise.all([grouped, single].map(({ db }) => fill(db)));
});
after(() => Promise.all([grouped, single].map((worker) => worker?.stop())));

/** Three spaces with their keys, the third with a destination; and events with keys of the form from before. */
async function fill(db) {
  for (const id of [1, 2, 3]) {
    await db.prepare("INSERT INTO spaces (id, name, created_at_ms) VALUES (?, ?, 0)").bind(id, `Space ${id}`).run();
  }
  await addKey(db, 1, "ingest", FIRST);
  await addKey(db, 2, "ingest", SECOND);
  await addKey(db, 3, "ingest", THIRD);
  await addKey(db, 1, "bearer", BEARER);
  await addKey(db, 1, "ingest", EXPIRED, NOW - 1);
  // It ends in the middle of what is received.
  await addKey(db, 2, "ingest", REVOKED, NOW + REPORTS / 2);
  await db
    .prepare(
      `INSERT INTO destinations (space_id, name, enabled, events, config, secrets, created_at_ms)
       VALUES (3, 'Hook', 1, '{"contact":"contact","deposit":"deposit"}', '{}', '', 0)`,
    )
    .run();
  const old = db.prepare(
    `INSERT INTO events (space_id, seq, dedup, event, uid, tg_id, currency, occurred_at_ms, received_at_ms, link_id,
       first, receipt, raw) VALUES (?, ?, ?, 'contact', ?, ?, 'USD', ?, 0, 0, 1, 'old', '')`,
  );
  await db.batch([
    old.bind(1, 1, `c@${NOW}:u1+x`, "u1+x", null, NOW),
    old.bind(1, 2, `c@${NOW + 1}:`, null, 7, NOW + 1),
    old.bind(2, 1, `c@${NOW}:u2+x`, "u2+x", null, NOW),
  ]);
}

/** A random report as the Worker writes it down for the statement (src/db/event.rs, Columns). */
function report(number) {
  const [key_hash, key_kind] = oneOf([
    [FIRST, "ingest"],
    [SECOND, "ingest"],
    [THIRD, "ingest"],
    [BEARER, "bearer"],
    [oneOf(keys), oneOf(["ingest", "bearer"])],
  ]);
  const event = oneOf(["contact", "subscribed", "registration", "deposit"]);
  const letter = event[0];
  const uid = below(4) === 0 ? null : `u${below(2000)}${oneOf(["", "", "", "+x", " x"])}`;
  const tg_id = below(4) === 0 ? below(300) + 1 : null;
  const eid = below(3) === 0 ? null : `e${below(4) === 0 ? below(500) : number}`;
  const occurred_at_ms = NOW + (below(3) === 0 ? below(3) : number * 1000);
  const at = `${letter}@${occurred_at_ms}:`;
  const byTime = uid !== null ? at + uid.replaceAll("+", " ") : tg_id ? `${letter}#${occurred_at_ms}:${tg_id}` : at;
  return {
    key_hash: sha256(key_hash),
    key_kind,
    received_at_ms: NOW + number,
    receipt: `r${number}`,
    dedup: eid === null ? byTime : `${letter}=${eid}`,
    event,
    uid,
    eid,
    tg_id,
    value: event === "deposit" ? "2.5" : null,
    micros: event === "deposit" ? String(below(10 ** 9)) : null,
    currency: oneOf(["USD", "EUR"]),
    occurred_at_ms,
    notes: below(10) === 0 ? '["t_absent"]' : null,
    raw: `n=${number}`,
  };
}

/** A click and a bind, of those that come between two chunks. */
function clickAndBind() {
  const [space, uid, link] = [below(3) + 1, `u${below(2000)}${oneOf(["", "+x"])}`, below(5) + 1];
  const click = "INSERT INTO clicks (space_id, uid, link_id, clicked_at_ms, raw_query) VALUES (?, ?, ?, ?, '')";
  const bind = "INSERT INTO binds VALUES (?, ?, ?, 0)";
  return [
    [`${click} ON CONFLICT DO NOTHING`, space, uid, link, NOW + link],
    [`${bind} ON CONFLICT DO NOTHING`, space, uid, below(300) + 1],
  ];
}

const isStore = (sql) => sql.includes("INTO events (") && sql.includes("0 AS at") && sql.includes("JOIN keys");
const all = statements().filter(isStore);
const STORE = all.find((sql) => sql.includes("older_dedup"));
const STORE_PLAIN = all.find((sql) => !sql.includes("older_dedup"));

/** Stores one by one, by the statements of lone reports; gives what the object would answer. */
async function oneByOne(reports) {
  const results = await post(
    single,
    "/test/batch",
    reports.map((report) => {
      const isPlain = report.tg_id === null && !/[ +]/.test(report.uid ?? "");
      const json = JSON.stringify(report);
      return isPlain ? [STORE_PLAIN, json] : [STORE, json, "plus_restored"];
    }),
  );
  return results.map(([row]) => {
    if (!row) return { outcome: "unknown_key" };
    const { space_id, seq, receipt, has_destinations } = row;
    return { outcome: "stored", space_id, seq, receipt, has_destinations: Boolean(has_destinations) };
  });
}

async function together(reports) {
  const letters = reports.map((report) => `DB ${report.key_hash}\n${JSON.stringify(report)}`);
  return post(grouped, "/test/letters", letters);
}

async function post(worker, path, body) {
  return (await worker.fetch(path, { method: "POST", body: JSON.stringify(body) })).json();
}

test(`${REPORTS} random reports in groups are answered, stored, counted and sent on as one by one`, async () => {
  const kept = [];
  const seen = { queued: 0, duplicate: 0, unknown: 0 };
  for (let number = 0; number < REPORTS; number += CHUNK) {
    const reports = [];
    for (let i = 0; i < CHUNK; i++) {
      // Some come again as they were, as a sender's retry or as one of ours.
      const again = below(8) === 0 && kept.length > 0 && oneOf(kept);
      const retry = again && below(2) === 0 ? { ...again, receipt: `r${number + i}` } : again;
      reports.push(retry || report(number + i));
      if (below(5) === 0) kept.push(reports.at(-1));
    }
    const [answers, expected] = await Promise.all([together(reports), oneByOne(reports)]);
    assert.deepEqual(answers, expected, `chunk at ${number}`);
    answers.forEach(({ outcome, receipt }, index) => {
      const isNew = outcome === "stored" && receipt === reports[index].receipt;
      seen[outcome === "unknown_key" ? "unknown" : isNew ? "queued" : "duplicate"] += 1;
    });
    const others = Array.from({ length: 8 }, clickAndBind).flat();
    await Promise.all([grouped, single].map((worker) => post(worker, "/test/batch", others)));
  }
  assert.ok(
    seen.queued > REPORTS / 3 && seen.duplicate > REPORTS / 20 && seen.unknown > REPORTS / 20,
    JSON.stringify(seen),
  );
  for (const table of ["events", "counters", "deliveries", "clicks", "binds", "versions"]) {
    const [groups, ones] = await Promise.all(
      [grouped, single].map(async ({ rows }) =>
        (await rows(`SELECT * FROM ${table}`)).map((row) => JSON.stringify(row)).sort(),
      ),
    );
    assert.ok(ones.length > 100, `${ones.length} ${table}`);
    assert.deepEqual(groups, ones, table);
  }
  const gaps = await grouped.rows("SELECT space_id FROM events GROUP BY space_id HAVING COUNT(*) <> MAX(seq)");
  assert.deepEqual(gaps, []);
});
