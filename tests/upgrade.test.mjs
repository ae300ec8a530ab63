// An upgrade in the middle of the traffic (docs/operating.md, Upgrading): the database first, then the code. And what
// is said where the two do not fit.
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { migrate, sha256, startWorker, until } from "./harness.mjs";
import { page } from "./pages.mjs";

const ROOT = new URL("..", import.meta.url).pathname;
const CONNECTIONS = 8;

/** Our migrations, and one that the version before it cannot live with. */
function withNext() {
  const folder = mkdtempSync(join(tmpdir(), "xtracker-migrations-"));
  cpSync(`${ROOT}migrations`, folder, { recursive: true });
  const tables = ["events", "held"];
  const renamed = tables.map((table) => `ALTER TABLE ${table} RENAME COLUMN refires TO came_again;\n`);
  writeFileSync(join(folder, "9999_renamed.sql"), renamed.join(""));
  return folder;
}

/** Fires reports, as networks and a bot would, until it is stopped; gives how many were answered how. */
function traffic(worker, space) {
  const answered = { at_once: 0, later: 0, otherwise: [] };
  let next = 0;
  let goesOn = true;
  const report = (eid) =>
    eid % 2
      ? worker.fetch(`/e?token=${space.ingest}&event=deposit&uid=u${eid % 50}&eid=${eid}&value=2`)
      : worker.fetch("/events", {
          method: "POST",
          headers: { authorization: `Bearer ${space.bearer}` },
          body: JSON.stringify({ event: "deposit", uid: `u${eid % 50}`, eid: String(eid), value: "2" }),
        });
  const connection = async () => {
    while (goesOn) {
      const answer = await report(next++);
      const { status } = await answer.json();
      if (answer.status !== 200 || status !== "queued") answered.otherwise.push([answer.status, status]);
      else answered[answer.headers.get("x-stored") === "later" ? "later" : "at_once"] += 1;
    }
  };
  const connections = Array.from({ length: CONNECTIONS }, connection);
  return {
    answered,
    async stop() {
      goesOn = false;
      await Promise.all(connections);
      return next;
    },
  };
}

test("postbacks throughout an upgrade are all answered queued, and all are stored, each once", async () => {
  const worker = await startWorker({ entry: "next-version.mjs" });
  try {
    const space = await worker.space();
    const fired = traffic(worker, space);
    const { answered } = fired;
    await until("some are stored", () => answered.at_once >= 100);
    await migrate(worker.db, withNext());
    await until("some wait", () => answered.later >= 100);
    const atOnce = answered.at_once;
    const message = { v: 1, kind: "postback", key_hash: sha256(space.ingest), key_kind: "ingest", receipt: "r" };
    const waiting = { ...message, raw: "event=deposit&eid=waiting&value=2", received_at_ms: Date.now() };
    const tried = await worker.deliver("xtracker-postbacks", [JSON.stringify(waiting)]);
    assert.deepEqual([tried.explicitAcks, tried.retryMessages.length], [[], 1]);
    await worker.fetch("/test-deploy");
    await until("they are stored at once again", () => answered.at_once >= atOnce + 100);
    const count = await fired.stop();
    assert.deepEqual(answered.otherwise, []);
    assert.equal(answered.at_once + answered.later, count);
    const stored = () =>
      worker.row(
        `
        SELECT count(*) AS events, count(DISTINCT eid) AS eids, max(seq) AS seq, sum(came_again) AS again,
          (SELECT sum(events) FROM counters WHERE event = 'deposit') AS counted
        FROM events`,
      );
    await until("what waited is stored", async () => (await stored()).events === count, 60_000);
    assert.deepEqual(await stored(), { events: count, eids: count, seq: count, again: 0, counted: count });
  } finally {
    await worker.stop();
  }
});

describe("a database that is not of this version", () => {
  const health = async (worker) => {
    const answer = await worker.fetch("/healthz");
    const { ok, database, schema, hint } = await answer.json();
    return { code: answer.status, ok, database, schema, hint };
  };
  const shown = async (browser, path) => {
    const { code, text } = await browser.get(path);
    return { code, text: page(text).text };
  };
  const OLDER = /The database is older than this version of XTRACKER\. Run make deploy .*migrates the database/;
  const NEWER = /The database is newer than this version of XTRACKER\. .*get the latest version and run make deploy/;

  test("is said to be older where it knows no migration, and what needs none goes on", async () => {
    const worker = await startWorker();
    try {
      const { id, ingest } = await worker.space();
      const browser = await worker.browser();
      assert.deepEqual(await health(worker), {
        code: 200,
        ok: true,
        database: "answers",
        schema: "current",
        hint: undefined,
      });
      assert.doesNotMatch((await shown(browser, `/s/${id}`)).text, /The database is/);
      await worker.db.prepare("DROP TABLE d1_migrations").run();
      const { hint, ...older } = await health(worker);
      assert.deepEqual(older, { code: 503, ok: false, database: "answers", schema: "older" });
      assert.match(hint, OLDER);
      const { code, text } = await shown(browser, `/s/${id}`);
      assert.equal(code, 503);
      assert.match(text, OLDER);
      assert.equal((await worker.fire(`/e?token=${ingest}&event=contact`)).status, "queued");
      // The table of a later version, and nobody can sign in without it.
      await worker.db.prepare("DROP TABLE ended_sessions").run();
      assert.match((await shown(browser, "/")).text, OLDER);
    } finally {
      await worker.stop();
    }
  });

  test("is said to be newer on every page that it still gives, and in place of those that it does not", async () => {
    const worker = await startWorker();
    try {
      const { id } = await worker.space();
      const browser = await worker.browser();
      await migrate(worker.db, withNext());
      const { hint, ...newer } = await health(worker);
      assert.deepEqual(newer, { code: 200, ok: true, database: "answers", schema: "newer" });
      assert.match(hint, NEWER);
      for (const [path, code] of [
        [`/s/${id}/settings`, 200],
        [`/s/${id}/links`, 200],
        [`/s/${id}/refused`, 503],
      ]) {
        const its = await shown(browser, path);
        assert.equal(its.code, code, path);
        assert.match(its.text, NEWER, path);
      }
    } finally {
      await worker.stop();
    }
  });
});
