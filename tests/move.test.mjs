// A space moves from one database to another while postbacks come in, and its move breaks off at every call of a
// database (docs/scaling.md, Moving a space).
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { listen } from "./dev-server.mjs";
import { recount } from "./recount.mjs";
import { OPERATOR_TOKEN, sha256, startWorker, until } from "./harness.mjs";

const QUEUE = "xtracker-postbacks";
const TABLES = [
  "clicks",
  "binds",
  "held",
  "events",
  "counters",
  "retention",
  "links",
  "destinations",
  "deliveries",
  "keys",
  "versions",
  "decisions",
];
let worker, receiver, url, browser;
const arrived = [];
let refusable = 0;
before(async () => {
  worker = await startWorker({ databases: 3, databaseDelayMs: 0 });
  receiver = createServer((request, response) => {
    request.resume().on("end", () => {
      arrived.push(request.headers["webhook-id"]);
      // Not so often in a row that the destination would be given a rest.
      const is = request.url === "/refusing" && refusable++ % 8 === 0 ? 410 : 200;
      response.writeHead(is).end();
    });
  });
  url = `http://127.0.0.1:${await listen(receiver)}`;
  browser = await worker.browser();
});
after(async () => {
  await worker.stop();
  receiver.closeAllConnections();
  receiver.close();
});

const database = (name) => worker.env[name];
const operate = (method, path, body) =>
  worker.fire(`/api/spaces${path}`, {
    method,
    headers: { authorization: `Bearer ${OPERATOR_TOKEN}` },
    body: body && JSON.stringify(body),
  });
const post = (path, key, body) =>
  worker.fire(path, { method: "POST", headers: { authorization: `Bearer ${key}` }, body: JSON.stringify(body) });
const rows = async (name, sql, ...values) =>
  (
    await database(name)
      .prepare(sql)
      .bind(...values)
      .all()
  ).results;
const breakOff = (after, is = "") => worker.fetch(`/test-break-off?after=${after}&is=${is}`);
const goOn = (id, to) => operate("POST", `/${id}/move`, { to });

/** Goes on until it is done; gives what it was doing. */
async function move(id, to) {
  const doing = [];
  for (;;) {
    const answer = await goOn(id, to);
    assert.equal(answer.code, 200, answer.text);
    doing.push(answer.doing);
    if (answer.done) return doing;
    assert.ok(doing.length < 500, "it does not end");
    if (answer.doing.startsWith("waiting")) await new Promise((resume) => setTimeout(resume, 500));
  }
}

/** All rows of a space but those that can be had again, as a text for each table. */
async function dump(name, id) {
  const all = {};
  for (const table of TABLES) {
    const found = await rows(name, `SELECT * FROM ${table} WHERE space_id = ?`, id);
    all[table] = found.map((row) => JSON.stringify(row)).sort();
  }
  return all;
}

/** A space with something of everything. */
async function filled(name) {
  const made = await operate("POST", "", { name, time_zone: "Asia/Kolkata", database: "DB" });
  const space = { id: made.id, ingest: made.ingest_token, bearer: made.bearer };
  const fire = (query) => worker.fire(`/e?token=${space.ingest}&${query}`);
  const slug = `move-${space.id}`;
  const link = { name: "Landing", slug, kind: "web", target: "https://offer.example/?a={uid}" };
  assert.equal((await operate("POST", `/${space.id}/links`, link)).code, 201);
  for (const path of ["sent", "refusing"])
    assert.equal(
      (await operate("POST", `/${space.id}/destinations`, { kind: "webhook", name: path, url: `${url}/${path}` })).code,
      201,
    );
  for (let i = 0; i < 40; i++) {
    const uid = i % 3 === 0 ? `u%2B${i}` : `u${i}`;
    if (i % 2) await post("/clicks", space.bearer, { uid: decodeURIComponent(uid), link_slug: slug });
    await fire(`event=registration&uid=${uid}&eid=r${i}&tg_id=${i % 4 ? 100 + i : ""}`);
    await fire(`event=deposit&uid=${uid}&eid=d${i}&value=${i}.25&currency=${i % 2 ? "EUR" : "USD"}&raw=ä%00%22`);
    if (i % 5 === 0) await post("/bind", space.bearer, { uid: `u${i}`, tg_id: 100 + i });
  }
  await fire("event=deposit&eid=again&value=999999999999.123456");
  await fire("event=deposit&eid=again&value=999999999999.123456");
  await fire("event=deposit&value=abc");
  const decide = async (seq, kind) => {
    const answer = await operate("POST", `/${space.id}/events/${seq}/decisions`, { kind });
    assert.equal(answer.code, 200, answer.text);
  };
  // A version that is open, one that is counted beside its event, one that was taken and given up again.
  for (const eid of ["d1", "d2", "d3"]) await fire(`event=deposit&eid=${eid}&value=77`);
  for (const [seq, kinds] of [
    [4, ["count_both"]],
    [6, ["take_last", "undo"]],
    [8, ["take_out"]],
    [10, ["take_out", "put_in", "undo"]],
  ])
    for (const kind of kinds) await decide(seq, kind);
  await until("all was tried", async () => {
    const [{ n }] = await rows("DB", "SELECT count(*) AS n FROM deliveries WHERE space_id = ? AND tries = 0", space.id);
    return n === 0;
  });
  return { ...space, slug };
}

/** What the user sees of a space. */
async function seen(id) {
  const files = await Promise.all(
    ["/events.csv?period=30d", "/links.csv?period=30d"].map((path) => browser.get(`/s/${id}${path}`)),
  );
  const { text } = await browser.get(`/s/${id}?period=30d`);
  const figures = /<main[^]*<\/main>/.exec(text)[0].replace(/data-[a-z]+="[^"]*"|<time[^]*?<\/time>/g, "");
  return { figures, files: files.map(({ text }) => text) };
}

describe("a move", () => {
  let space, whole, before_;
  before(async () => {
    space = await filled("Moves");
    before_ = await seen(space.id);
    whole = await dump("DB", space.id);
    assert.ok(TABLES.every((table) => table === "retention" || whole[table].length > 0));
  });

  test("takes everything along, leaves nothing behind, and the same is seen", async () => {
    // Two at the same time do no harm.
    const both = await Promise.all([move(space.id, "DB_2"), move(space.id, "DB_2")]);
    for (const doing of both) assert.equal(doing.at(-1), "done");
    assert.deepEqual(await dump("DB_2", space.id), whole);
    for (const table of [...TABLES, "days", "closed_days"])
      assert.deepEqual(await rows("DB", `SELECT * FROM ${table} WHERE space_id = ?`, space.id), [], table);
    assert.deepEqual(await seen(space.id), before_);
    const { spaces } = await operate("GET", "");
    assert.equal(spaces.find(({ id }) => id === space.id).database, "DB_2");
    const moved = "SELECT state, part FROM moves WHERE space_id = ?";
    assert.deepEqual(await rows("DB_2", moved, space.id), [{ state: "arrived", part: -1 }]);
    assert.deepEqual(await goOn(space.id, "DB_2").then(({ done }) => done), true);
  });

  test("old keys and the landing go on, and what they had is still known", async () => {
    const again = await worker.fire(`/e?token=${space.ingest}&event=deposit&eid=d3&uid=u&value=1`);
    assert.equal(again.status, "duplicate");
    const fresh = await worker.fire(`/e?token=${space.ingest}&event=deposit&eid=fresh&uid=u3&value=1`);
    assert.deepEqual([fresh.status, fresh.headers.get("x-test-trips")], ["queued", "1"]);
    assert.equal((await post("/events", space.bearer, { event: "contact", eid: "bearer" })).status, "queued");
    // What was decided before is as it was decided, and can be undone; what was open is open.
    for (const kind of ["undo", "count_both"])
      assert.equal((await operate("POST", `/${space.id}/events/8/decisions`, { kind })).code, 200, kind);
    await recount({ db: database("DB_2") }, space.id, "moved and decided");
    assert.equal((await post("/bind", space.bearer, { uid: "late", tg_id: 7 })).code, 200);
    assert.equal((await worker.fire(`/bind?token=${space.ingest}&uid=late2&tg_id=7`)).code, 200);
    assert.equal((await post("/clicks", space.bearer, { id: "call-1" })).code, 200);
    const [{ n }] = await rows("DB_2", "SELECT count(*) AS n FROM clicks WHERE space_id = ?", space.id);
    assert.equal((await worker.fetch(`/l/${space.slug}`, { redirect: "manual" })).status, 302);
    await until("the visit is stored", async () => {
      const [now] = await rows("DB_2", "SELECT count(*) AS n FROM clicks WHERE space_id = ?", space.id);
      return now.n === n + 1;
    });
    const link = { name: "New", slug: "made-after", kind: "web", target: "https://offer.example/" };
    assert.equal((await operate("POST", `/${space.id}/links`, link)).code, 201);
    const destination = await operate("POST", `/${space.id}/destinations`, { kind: "webhook", name: "new", url });
    assert.equal(destination.code, 201, destination.text);
    assert.equal((await operate("DELETE", `/${space.id}/destinations/${destination.id}`)).code, 200);
    const { key } = await operate("POST", `/${space.id}/keys/ingest`);
    assert.match(key, /^xt_in_z02/);
    assert.equal((await worker.fire(`/e?token=${key}&event=contact&eid=new-key`)).status, "queued");
    space.rotated = key;
  });

  test("goes on to a third database, and home again, with every key of any time", async () => {
    for (const to of ["DB_3", "DB"]) {
      const [{ name }] = [{ name: to === "DB_3" ? "DB_2" : "DB_3" }];
      const all = await dump(name, space.id);
      await move(space.id, to);
      assert.deepEqual(await dump(to, space.id), all);
      for (const [key, eid] of [
        [space.ingest, `old-${to}`],
        [space.rotated, `rotated-${to}`],
      ]) {
        assert.equal((await worker.fire(`/e?token=${key}&event=contact&eid=${eid}`)).status, "queued", `${to} ${eid}`);
      }
      const [{ n }] = await rows(
        to,
        "SELECT count(*) AS n FROM events WHERE space_id = ? AND eid LIKE ?",
        space.id,
        `%-${to}`,
      );
      assert.equal(n, 2);
      assert.equal((await worker.fetch(`/l/${space.slug}`, { redirect: "manual" })).status, 302);
    }
    const slugs = await rows("DB", "SELECT slug FROM slugs WHERE space_id = ?", space.id);
    assert.deepEqual(slugs, []);
  });

  test("is refused where there is no such database or space, or another move is under way", async () => {
    for (const to of ["DB_9", "xtracker", ""]) {
      const refused = await goOn(space.id, to);
      assert.deepEqual([refused.code, refused.field], [422, "to"], refused.text);
    }
    assert.equal((await goOn(999_999, "DB_2")).code, 404);
    await breakOff(6, "refusing");
    assert.equal((await goOn(space.id, "DB_2")).code, 503);
    await breakOff(Infinity);
    const other = await goOn(space.id, "DB_3");
    assert.deepEqual([other.code, other.status], [409, "moving_elsewhere"], other.text);
    const link = { name: "Not now", slug: "not-now", kind: "web", target: "https://offer.example/" };
    for (const [method, path, body] of [
      ["POST", "/links", link],
      ["POST", "/keys/ingest"],
      ["POST", "/destinations", { kind: "webhook", name: "not now", url }],
    ]) {
      const refused = await operate(method, `/${space.id}${path}`, body);
      assert.deepEqual([refused.code, refused.status], [503, "moving"], `${path}: ${refused.text}`);
    }
    // Whoever operates it goes on with a command.
    const origin = browser.origin;
    const env = { ...process.env, SPACE: String(space.id), TO: "DB_2", ORIGIN: origin, OPERATOR_TOKEN };
    const { stdout } = await promisify(execFile)("node", ["scripts/move.mjs"], { env });
    assert.match(stdout, /move: done\n$/);
  });
});

test("postbacks and visits throughout a move that breaks off at every call are stored once, and sent", async () => {
  const space = await filled("Moves under load");
  const [{ n: numbered }] = await rows("DB", "SELECT count(*) AS n FROM events WHERE space_id = ?", space.id);
  const before = arrived.length;
  let fired = 0;
  let visited = 0;
  let later = 0;
  let over = false;
  const load = async (lane) => {
    for (let i = 0; !over; i++) {
      const eid = `load-${lane}-${i}`;
      const answer =
        i % 4 === 3
          ? await post("/events", space.bearer, { event: "deposit", uid: `u${i % 40}`, eid, value: 2 })
          : await worker.fire(`/e?token=${space.ingest}&event=deposit&uid=u${i % 40}&eid=${eid}&value=2`);
      assert.deepEqual([answer.code, answer.status], [200, "queued"], answer.text);
      fired += 1;
      if (answer.headers.get("x-stored")) later += 1;
      if (i % 5 === 0) {
        assert.equal((await worker.fetch(`/l/${space.slug}`, { redirect: "manual" })).status, 302);
        visited += 1;
      }
      await new Promise((resume) => setTimeout(resume, 60));
    }
  };
  const [{ n: clicks }] = await rows("DB", "SELECT count(*) AS n FROM clicks WHERE space_id = ?", space.id);
  const lanes = [load(1), load(2)];
  let calls = 0;
  let broken = 0;
  for (let done = false; !done; calls++) {
    assert.ok(calls < 600, "it does not end");
    await breakOff(calls % 13, calls % 2 ? "mute" : "refusing");
    const answer = await goOn(space.id, "DB_2");
    await breakOff(Infinity);
    assert.ok([200, 503].includes(answer.code), answer.text);
    if (answer.code === 503) broken += 1;
    done = Boolean(answer.done);
    if (answer.doing?.startsWith("waiting")) await new Promise((resume) => setTimeout(resume, 500));
  }
  over = true;
  await Promise.all(lanes);
  assert.ok(broken > 20 && later > 0, `${broken} calls broken off, ${later} postbacks later`);
  await until(
    "what waited is stored",
    async () => {
      const [{ n }] = await rows("DB_2", "SELECT count(*) AS n FROM events WHERE space_id = ?", space.id);
      return n === numbered + fired;
    },
    90_000,
  );
  const [events] = await rows(
    "DB_2",
    "SELECT max(seq) AS last, count(DISTINCT dedup) AS ids, total(refires) AS refires FROM events WHERE space_id = ?",
    space.id,
  );
  assert.deepEqual(events, { last: numbered + fired, ids: numbered + fired, refires: 4 });
  await until(
    "all visits are stored",
    async () => {
      const [{ n }] = await rows("DB_2", "SELECT count(*) AS n FROM clicks WHERE space_id = ?", space.id);
      return n === clicks + visited;
    },
    90_000,
  );
  const counted = await rows(
    "DB_2",
    `SELECT event, currency, sum(events) AS events, sum(people) AS people, sum(units) * 1000000 + sum(micros) AS micros
     FROM counters WHERE space_id = ? AND event <> 'click' GROUP BY 1, 2 ORDER BY 1, 2`,
    space.id,
  );
  const recounted = await rows(
    "DB_2",
    `SELECT event, iif(event = 'deposit', currency, '') AS currency, count(*) AS events, sum(first) AS people,
       sum(coalesce(micros, 0)) AS micros
     FROM events WHERE space_id = ? AND counted = 1 GROUP BY 1, 2 ORDER BY 1, 2`,
    space.id,
  );
  assert.deepEqual(counted, recounted);
  // What was stored there by the queue is due at once; the cron sends it.
  await until(
    "all is sent",
    async () => {
      const ms = Date.now() + 120_000;
      await worker.server.getWorker().scheduled({ scheduledTime: new Date(ms), cron: "* * * * *" });
      const [{ n }] = await rows(
        "DB_2",
        "SELECT count(*) AS n FROM deliveries WHERE space_id = ? AND state NOT IN ('sent', 'failed_permanently')",
        space.id,
      );
      return n === 0;
    },
    60_000,
  );
  const ids = arrived.slice(before);
  assert.equal(new Set(ids).size, 2 * fired);
  assert.equal(ids.length, 2 * fired, "something was sent twice");
  for (const table of [...TABLES, "days", "closed_days"])
    assert.deepEqual(await rows("DB", `SELECT * FROM ${table} WHERE space_id = ?`, space.id), [], table);
  console.log(`${calls} calls, ${broken} broken off; ${fired} postbacks, ${later} of them later`);
});

test("what waits in the queue for the database that a space has left is stored where it is, once", async () => {
  const space = await filled("Waits");
  const message = (eid, raw = `event=deposit&value=3&eid=${eid}`) =>
    JSON.stringify({
      v: 1,
      kind: "postback",
      key_hash: sha256(space.ingest),
      key_kind: "ingest",
      received_at_ms: Date.now(),
      receipt: eid,
      raw,
    });
  const click = (uid) =>
    JSON.stringify({
      v: 1,
      kind: "click",
      space_id: space.id,
      link_id: 1,
      click: { uid, clicked_at_ms: 5, raw_query: "" },
    });
  const batch = [message("w1"), message("w2"), message("w3", "event=deposit&value=no"), click("w-click")];
  await breakOff(6, "refusing");
  assert.equal((await goOn(space.id, "DB_3")).code, 503);
  await breakOff(Infinity);
  const waiting = await worker.deliver(QUEUE, batch);
  assert.deepEqual([waiting.explicitAcks, waiting.retryMessages.length], [[], 4]);
  await move(space.id, "DB_3");
  for (let time = 0; time < 2; time++)
    assert.deepEqual((await worker.deliver(QUEUE, batch)).explicitAcks, ["0", "1", "2", "3"]);
  const found = await rows(
    "DB_3",
    "SELECT eid, refires FROM events WHERE space_id = ? AND eid LIKE 'w%' ORDER BY seq",
    space.id,
  );
  assert.deepEqual(found, [
    { eid: "w1", refires: 0 },
    { eid: "w2", refires: 0 },
  ]);
  assert.equal((await rows("DB_3", "SELECT 1 FROM held WHERE space_id = ? AND refires = 0", space.id)).length, 2);
  assert.equal((await rows("DB_3", "SELECT 1 FROM clicks WHERE uid = 'w-click'")).length, 1);
});

test("many rows and long ones go in pieces; one that was lost on the way is noticed", async () => {
  const space = await filled("Large");
  const insert = (sql) => database("DB").prepare(sql).bind(space.id).run();
  const numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1300)";
  await insert(`
    INSERT INTO clicks (space_id, uid, link_id, clicked_at_ms, raw_query)
    ${numbers} SELECT ?1, 'many' || i, 0, i * 900000, '' FROM n`);
  await insert(`
    INSERT INTO events (space_id, seq, dedup, event, uid, micros, currency, occurred_at_ms, received_at_ms, link_id,
      first, receipt, notes, raw)
    ${numbers} SELECT ?1, 1000 + i, 'd=many' || i, 'deposit', 'many' || i, 9007199254740993 + i, 'USD', i * 900000, 0,
      0, 1, 'r' || i, '["x"]', iif(i % 100 = 0, printf('%.*c', 150000, '"'), 'raw') FROM n`);
  await insert("UPDATE deliveries SET state = 'sent' WHERE space_id = ?1 AND seq > 1000");
  const whole = await dump("DB", space.id);
  assert.ok(whole.events.length > 1300 && whole.counters.length > 1300 && whole.deliveries.length > 2600);
  const began = Date.now();
  let lost = false;
  let copies = 0;
  for (let done = false; !done;) {
    const answer = await goOn(space.id, "DB_2");
    assert.equal(answer.code, 200, answer.text);
    if (answer.doing === "copying deliveries") copies += 1;
    if (answer.doing === "copying deliveries" && !lost) {
      lost = true;
      await database("DB_2").prepare("DELETE FROM events WHERE space_id = ? AND seq = 1234").bind(space.id).run();
    }
    if (answer.doing.startsWith("waiting")) await new Promise((resume) => setTimeout(resume, 500));
    done = answer.done;
  }
  console.log(`${Object.values(whole).flat().length} rows, copied twice: ${Date.now() - began} ms`);
  assert.ok(lost && copies > 1, `${copies} calls copied deliveries`);
  assert.deepEqual(await dump("DB_2", space.id), whole);
  const micros = "SELECT CAST(max(micros) AS TEXT) AS most FROM events WHERE space_id = ?";
  assert.deepEqual(await rows("DB_2", micros, space.id), [{ most: "999999999999123456" }]);
});

test("whoever is late with a step of a move does nothing to the space where it lives", async () => {
  const space = await filled("Late");
  await move(space.id, "DB_2");
  const whole = await dump("DB_2", space.id);
  // What the steps of that move say, as schema and statements have them, long after it is done.
  const [{ began_ms }] = await rows("DB_2", "SELECT began_ms FROM moves WHERE space_id = ?", space.id);
  const sources = new URL("../src/db/", import.meta.url);
  const text = readFileSync(new URL("moves.rs", sources), "utf8");
  const statement = (name) => new RegExp(`const ${name}: &str = "\n([^"]*)"`).exec(text)[1];
  for (const [name, ...values] of [
    ["CLEAR", space.id, 1, began_ms],
    ["ARRIVE", space.id, "[]"],
    ["ARRIVED", space.id, 18],
    ["END_KEYS", space.id],
  ])
    await database("DB_2")
      .prepare(statement(name))
      .bind(...values)
      .run();
  await database("DB").prepare(statement("LEAVE")).bind(space.id, 2, began_ms).run();
  await database("DB").prepare(statement("LIST_THERE")).bind(space.id, 1, 3).run();
  assert.deepEqual(await dump("DB_2", space.id), whole);
  assert.equal((await worker.fire(`/e?token=${space.ingest}&event=contact&eid=late`)).status, "queued");
  assert.deepEqual(await move(space.id, "DB_2"), ["done"]);
});
