// Several databases: where a space is, what leads to it, and what one that is away holds up (docs/scaling.md).
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, afterEach, before, describe, test } from "node:test";
import { listen } from "./dev-server.mjs";
import { mintKey, OPERATOR_TOKEN, sha256, startWorker, until } from "./harness.mjs";

const QUEUE = "xtracker-postbacks";
let worker, one, two;
before(async () => {
  worker = await startWorker({ databases: 2, databaseDelayMs: 0, vars: { DB_DEADLINE_MS: "700" } });
  one = await worker.space("In the first", 1);
  two = await worker.space("In the second", 2);
});
after(() => worker.stop());

const operate = (method, path, body, key = OPERATOR_TOKEN) =>
  worker.fire(`/api/spaces${path}`, {
    method,
    headers: { authorization: `Bearer ${key}` },
    body: body && JSON.stringify(body),
  });
const post = (path, key, body) =>
  worker.fire(path, { method: "POST", headers: { authorization: `Bearer ${key}` }, body: JSON.stringify(body) });
const count = async (number, table, spaceId) => {
  const db = number === 1 ? worker.env.DB : worker.env[`DB_${number}`];
  return (await db.prepare(`SELECT count(*) AS n FROM ${table} WHERE space_id = ?`).bind(spaceId).first()).n;
};
const away = (name, is) => worker.fetch(`/test-away?name=${name}&is=${is}`);
/** A run of the cron in a minute of ten: in the first old things are removed, in the sixth it looks for findings. */
const cron = (minute) => {
  const scheduledTime = new Date(Math.floor(Date.now() / 600_000) * 600_000 + minute * 60_000);
  return worker.server.getWorker().scheduled({ scheduledTime, cron: "* * * * *" });
};

test("everything with a key is one round trip to the key's own database", async () => {
  for (const [number, space] of [
    [1, one],
    [2, two],
  ]) {
    for (const [path, init, status] of [
      [`/e?token=${space.ingest}&event=deposit&uid=a&eid=1&value=5`, undefined, "queued"],
      [`/e?token=${space.ingest}&event=deposit&uid=a&eid=1&value=5`, undefined, "duplicate"],
      [`/e?token=${space.ingest}&event=deposit&value=abc`, undefined, "invalid_value"],
      [`/bind?token=${space.ingest}&uid=b&tg_id=5`, undefined, undefined],
    ]) {
      const answer = await worker.fire(path, init);
      assert.deepEqual([answer.status, answer.headers.get("x-test-trips")], [status, "1"], path);
    }
    for (const [path, body] of [
      ["/events", { event: "contact", uid: "a", tg_id: 5 }],
      ["/bind", { uid: "a", tg_id: 5 }],
      ["/clicks", { uid: "a" }],
    ]) {
      const answer = await post(path, space.bearer, body);
      assert.deepEqual([answer.code, answer.headers.get("x-test-trips")], [200, "1"], path);
    }
    const other = 3 - number;
    for (const [table, rows] of Object.entries({ events: 2, held: 1, binds: 2, clicks: 1 })) {
      assert.equal(await count(number, table, space.id), rows, table);
      assert.equal(await count(other, table, space.id), 0, table);
    }
  }
});

test("a key of a database that knows it not is unknown, and so is one that was made up", async () => {
  for (const key of [
    mintKey("xt_in_", undefined, 2),
    mintKey("xt_in_", "another secret", 2),
    mintKey("xt_in_", "another secret", 9),
    two.ingest.replace("z02", ""),
    one.ingest.replace("xt_in_", "xt_in_z02"),
  ]) {
    const answer = await worker.fire(`/e?token=${key}&event=contact`);
    assert.deepEqual([answer.code, answer.status], [401, "invalid_token"], key);
  }
});

test("a postback for a database that is no longer bound waits for it", async () => {
  const answer = await worker.fire(`/e?token=${mintKey("xt_in_", undefined, 3)}&event=contact&eid=unbound`);
  assert.deepEqual([answer.code, answer.status, answer.headers.get("x-stored")], [200, "queued", "later"]);
});

describe("making spaces", () => {
  const size = (name) =>
    worker.fire("/healthz").then(({ databases }) => databases.find((other) => other.name === name).bytes);

  test("a new one goes to the smallest database, or where the operator says", async () => {
    for (const [full, expected] of [
      ["DB", "DB_2"],
      ["DB_2", "DB"],
    ]) {
      while ((await size(full)) <= (await size(expected)))
        await worker.env[full].exec(
          "CREATE TABLE IF NOT EXISTS filler (bytes); INSERT INTO filler VALUES (zeroblob(500000))",
        );
      const made = await operate("POST", "", { name: `Where ${expected} is smallest` });
      assert.equal(made.code, 201, made.text);
      const { spaces } = await operate("GET", "");
      assert.equal(spaces.find(({ id }) => id === made.id).database ?? "DB", expected);
      assert.equal(made.ingest_token.startsWith("xt_in_z02"), expected === "DB_2", made.ingest_token);
      const fired = await worker.fire(`/e?token=${made.ingest_token}&event=contact&eid=1`);
      assert.deepEqual([fired.status, fired.headers.get("x-event-id")], ["queued", "1"]);
      assert.equal(await count(expected === "DB" ? 1 : 2, "events", made.id), 1);
    }
    for (const name of ["DB", "DB_2"]) {
      const made = await operate("POST", "", { name: `Named ${name}`, database: name });
      assert.equal(made.code, 201, made.text);
      assert.equal(await count(name === "DB" ? 1 : 2, "keys", made.id), 2);
    }
    for (const database of ["DB_3", "xtracker", ""]) {
      const refused = await operate("POST", "", { name: "Nowhere", database });
      assert.deepEqual([refused.code, refused.field], [422, "database"], refused.text);
    }
  });

  test("one that broke off is not listed, and leads nowhere", async () => {
    const before = (await operate("GET", "")).spaces.length;
    await worker.env.DB_2.exec("ALTER TABLE keys RENAME TO keys_away");
    const broken = await operate("POST", "", { name: "Broken off", database: "DB_2" });
    await worker.env.DB_2.exec("ALTER TABLE keys_away RENAME TO keys");
    assert.equal(broken.code, 503, broken.text);
    const { spaces } = await operate("GET", "");
    assert.equal(spaces.length, before);
    const { id } = await worker.env.DB.prepare("SELECT max(id) AS id FROM spaces").first();
    assert.ok(spaces.every((space) => space.id !== id));
    const link = { name: "L", slug: "nowhere", kind: "web", target: "https://offer.example/" };
    for (const path of ["/links", "/destinations"])
      assert.equal((await operate("POST", `/${id}${path}`, { ...link, url: "https://d.example/" })).code, 404);
  });
});

describe("the dashboard", () => {
  let browser;
  before(async () => {
    browser = await worker.browser();
  });

  test("every screen is its own space's, and leads to all spaces", async () => {
    for (const [space, name] of [
      [one, "In the first"],
      [two, "In the second"],
    ]) {
      for (const path of [
        "",
        "/health",
        "/events",
        "/refused",
        "/keys",
        "/links",
        "/links/new",
        "/destinations",
        "/settings",
      ]) {
        const screen = await browser.get(`/s/${space.id}${path}`);
        assert.equal(screen.code, 200, path);
        for (const other of ["In the first", "In the second"])
          assert.ok(screen.text.includes(other), `${name} ${path}`);
      }
      const file = await browser.get(`/s/${space.id}/events.csv`);
      assert.equal(file.text.trim().split("\n").length, 3, file.text);
    }
    assert.equal((await browser.get("/s/99999")).code, 404);
  });

  test("a form that makes a space twice makes one, also where another database has become the smallest", async () => {
    const fields = { name: "Twice", time_zone: "UTC", made_by: "a form of its own" };
    const make = async () => {
      const { code, headers } = await browser.send("/new", fields);
      assert.equal(code, 303);
      return headers.get("location");
    };
    const before = (await operate("GET", "")).spaces.length;
    const first = await make();
    const [, id] = /^\/s\/(\d+)\/keys/.exec(first);
    const place = async () => (await operate("GET", "")).spaces.find((space) => space.id === Number(id)).database;
    const placed = (await place()) ?? "DB";
    await worker.env[placed].exec("CREATE TABLE grown AS SELECT zeroblob(1900000) AS a, zeroblob(1900000) AS b");
    assert.equal(await make(), first);
    assert.equal((await place()) ?? "DB", placed);
    assert.equal((await operate("GET", "")).spaces.length, before + 1);
    for (const [number, name] of [
      [1, "DB"],
      [2, "DB_2"],
    ])
      assert.equal(await count(number, "keys", Number(id)), name === placed ? 2 : 0);
    const shown = (await browser.get(first)).text;
    const [token] = /xt_in_[0-9a-v]{36,}/.exec(shown);
    assert.equal((await worker.fire(`/e?token=${token}&event=contact`)).status, "queued");
    await worker.env[placed].exec("DROP TABLE grown");
  });

  test("a new name and zone is seen on the space and in the list", async () => {
    const sent = await browser.send(`/s/${two.id}/settings`, { name: "Renamed", time_zone: "Europe/Berlin" });
    assert.equal(sent.code, 303, sent.text);
    const { spaces } = await operate("GET", "");
    const listed = spaces.find(({ id }) => id === two.id);
    const renamed = { id: two.id, name: "Renamed", time_zone: "Europe/Berlin", archived: false, database: "DB_2" };
    assert.deepEqual(listed, renamed);
    await browser.send(`/s/${two.id}/settings`, { name: "In the second", time_zone: "UTC" });
  });

  test("a space of another database is put away in both lists, and brought back", async () => {
    const listed = async () => (await operate("GET", "")).spaces.find(({ id }) => id === two.id).archived;
    const stored = worker.env.DB_2.prepare("SELECT archived_at_ms FROM spaces WHERE id = ?").bind(two.id);
    const own = async () => (await stored.first()).archived_at_ms !== null;
    await browser.send(`/s/${two.id}/settings/archive`, { archived: "on" });
    assert.deepEqual([await listed(), await own()], [true, true]);
    const menu = (await browser.get(`/s/${one.id}`)).text;
    assert.ok(!menu.includes("In the second") && menu.includes("/archived"), menu);
    assert.equal((await operate("PUT", `/${two.id}/archived`, { archived: false })).code, 200);
    assert.deepEqual([await listed(), await own()], [false, false]);
  });

  test("keys that it makes say their database", async () => {
    const rotated = await operate("POST", `/${two.id}/keys/bearer`);
    assert.match(rotated.key, /^xt_sk_z02[0-9a-v]{36}$/);
    assert.equal((await post("/events", rotated.key, { event: "contact", eid: "rotated" })).status, "queued");
  });
});

describe("links", () => {
  const draft = (slug, more = {}) => ({ name: slug, slug, kind: "web", target: "https://offer.example/", ...more });
  const lands = async (slug) => (await worker.fetch(`/l/${slug}`, { redirect: "manual" })).status;

  test("a slug is one link's over all databases, and its clicks are in its space's", async () => {
    for (const [number, space, slug] of [
      [1, one, "first"],
      [2, two, "second"],
    ]) {
      assert.equal((await operate("POST", `/${space.id}/links`, draft(slug))).code, 201);
      const before = await count(number, "clicks", space.id);
      assert.equal(await lands(slug), 302);
      await until("the click is stored", async () => (await count(number, "clicks", space.id)) === before + 1);
    }
    for (const [space, slug] of [
      [one, "second"],
      [two, "first"],
      [two, "second"],
    ]) {
      const taken = await operate("POST", `/${space.id}/links`, draft(slug));
      assert.deepEqual([taken.code, taken.field], [422, "slug"], `${space.id} ${slug}`);
    }
    const ids = (await Promise.all([one, two].map(({ id }) => operate("GET", `/${id}/links`)))).map(
      ({ links }) => links[0].id,
    );
    assert.notEqual(ids[0], ids[1]);
    for (const [space, id, slug] of [
      [one, ids[0], "second"],
      [two, ids[1], "first"],
    ]) {
      const taken = await operate("PUT", `/${space.id}/links/${id}`, draft(slug));
      assert.deepEqual([taken.code, taken.field], [422, "slug"], slug);
    }
  });

  test("a new slug takes the old one's place, which is free again", async () => {
    const { id } = await operate("POST", `/${two.id}/links`, draft("before"));
    assert.equal((await operate("PUT", `/${two.id}/links/${id}`, draft("behind"))).code, 200);
    assert.deepEqual([await lands("before"), await lands("behind")], [404, 302]);
    assert.equal((await operate("POST", `/${one.id}/links`, draft("before"))).code, 201);
    assert.equal((await operate("PUT", `/${two.id}/links/${id}`, draft("before"))).field, "slug");
    assert.equal((await operate("PUT", `/${two.id}/links/99999`, draft("of-none"))).code, 404);
    assert.equal((await operate("POST", `/${one.id}/links`, draft("of-none"))).code, 201);
  });

  test("what breaks off between the databases leaves nothing half, and goes through the second time", async () => {
    const refusing = async (work) => {
      await worker.env.DB_2.exec(
        "CREATE TRIGGER no_links BEFORE INSERT ON links BEGIN SELECT RAISE(ABORT, 'not now'); END; " +
          "CREATE TRIGGER no_change BEFORE UPDATE ON links BEGIN SELECT RAISE(ABORT, 'not now'); END",
      );
      const answer = await work();
      await worker.env.DB_2.exec("DROP TRIGGER no_links; DROP TRIGGER no_change");
      return answer;
    };
    const create = () => operate("POST", `/${two.id}/links`, draft("half"));
    assert.equal((await refusing(create)).code, 503);
    assert.equal(await lands("half"), 404);
    const made = await create();
    assert.equal(made.code, 201, made.text);
    assert.equal(await lands("half"), 302);
    const change = () => operate("PUT", `/${two.id}/links/${made.id}`, draft("whole"));
    assert.equal((await refusing(change)).code, 503);
    assert.equal(await lands("whole"), 404);
    assert.equal((await change()).code, 200);
    assert.equal(await lands("whole"), 302);
    assert.equal((await operate("POST", `/${one.id}/links`, draft("half"))).code, 201);
  });
});

describe("deliveries", () => {
  let receiver, url;
  const arrived = [];
  before(async () => {
    receiver = createServer((request, response) => {
      request.resume().on("end", () => {
        arrived.push([request.url, request.headers["webhook-id"]]);
        response.end("ok");
      });
    });
    url = `http://127.0.0.1:${await listen(receiver)}`;
  });
  after(() => {
    receiver.closeAllConnections();
    receiver.close();
  });
  afterEach(() => Promise.all(["DB", "DB_2"].map((name) => away(name, ""))));

  test("each space's go to its own destinations, at once and by the cron; ids are unique over all", async () => {
    const ids = [];
    for (const space of [one, two]) {
      const made = await operate("POST", `/${space.id}/destinations`, {
        kind: "webhook",
        name: "d",
        url: `${url}/${space.id}`,
      });
      assert.equal(made.code, 201, made.text);
      ids.push(made.id);
    }
    assert.notEqual(ids[0], ids[1]);
    for (const space of [one, two]) {
      await worker.fire(`/e?token=${space.ingest}&event=contact&eid=delivered`);
      await until("it is sent", () => arrived.some(([path]) => path === `/${space.id}`));
    }
    // What nobody tried yet.
    for (const name of ["DB", "DB_2"])
      await worker.env[name].exec("UPDATE deliveries SET state = 'pending', tries = 0, attempts = NULL, due_at_ms = 0");
    arrived.length = 0;
    await cron(1);
    assert.deepEqual(arrived.map(([path]) => path).sort(), [`/${one.id}`, `/${two.id}`].sort());
    for (const [space, id] of [
      [one, ids[1]],
      [two, ids[0]],
    ]) {
      const path = `/${space.id}/destinations/${id}`;
      for (const [method, rest, body] of [
        ["PUT", "", { kind: "webhook", name: "d", url: `${url}/other` }],
        ["GET", "/deliveries"],
        ["POST", "/resend", { all_failed: true }],
        ["POST", "/test"],
        ["DELETE", ""],
      ])
        assert.equal((await operate(method, `${path}${rest}`, body)).code, 404, `${method} ${path}${rest}`);
    }
  });

  test("a database that is away holds up no postback, delivery or message of the other", async () => {
    const message = (space, eid, database) =>
      JSON.stringify({
        v: database ? 2 : 1,
        kind: "postback",
        key_hash: sha256(space.ingest),
        key_kind: "ingest",
        received_at_ms: Date.now(),
        receipt: eid,
        database,
        raw: `event=deposit&value=1&eid=${eid}`,
      });
    for (const [lost, there, number] of [
      ["DB_2", one, 1],
      ["DB", two, 2],
    ]) {
      for (const is of ["refusing", "stalled"]) {
        await away(lost, is);
        const began = Date.now();
        const answer = await worker.fire(`/e?token=${there.ingest}&event=contact&eid=${lost}-${is}`);
        assert.deepEqual([answer.status, answer.headers.get("x-stored")], ["queued", null]);
        assert.ok(Date.now() - began < 600, `${Date.now() - began} ms`);
        const health = await worker.fire("/healthz");
        assert.deepEqual([health.code, health.ok, health.database], [503, false, "away"]);
        assert.deepEqual(Object.fromEntries(health.databases.map(({ name, state }) => [name, state])), {
          DB: "answers",
          DB_2: "answers",
          [lost]: "away",
        });
        const batch = [message(one, `${lost}-${is}-1`), message(two, `${lost}-${is}-2`, "DB_2")];
        const result = await worker.deliver(QUEUE, batch);
        assert.deepEqual(result.explicitAcks, [String(number - 1)]);
        assert.deepEqual(
          result.retryMessages.map(({ msgId }) => msgId),
          [String(2 - number)],
        );
        const own = worker.env[number === 1 ? "DB" : "DB_2"];
        await own.exec("UPDATE deliveries SET state = 'pending', tries = 0, attempts = NULL, due_at_ms = 0");
        arrived.length = 0;
        const swept = Date.now();
        // Whatever the cron of that minute does besides.
        for (const minute of [0, 1, 5]) await cron(minute);
        assert.ok(Date.now() - swept < 15_000, `${Date.now() - swept} ms`);
        assert.ok(arrived.length > 0 && arrived.every(([path]) => path === `/${there.id}`), JSON.stringify(arrived));
        await away(lost, "");
        const again = await worker.deliver(QUEUE, batch);
        assert.equal(again.explicitAcks.length, 2);
      }
    }
    for (const [number, space] of [
      [1, one],
      [2, two],
    ]) {
      const db = worker.env[number === 1 ? "DB" : "DB_2"];
      const { results } = await db
        .prepare("SELECT refires FROM events WHERE space_id = ? AND event = 'deposit' AND eid LIKE 'DB%'")
        .bind(space.id)
        .all();
      assert.deepEqual(results, Array(4).fill({ refires: 0 }));
    }
    const { code, databases } = await worker.fire("/healthz");
    assert.equal(code, 200);
    assert.ok(
      databases.every(({ bytes }) => bytes > 10_000),
      JSON.stringify(databases),
    );
  });
});

test("no key, number or id of one space opens anything of the other", async () => {
  for (const [own, other, number] of [
    [one, two, 1],
    [two, one, 2],
  ]) {
    const before = {};
    const tables = ["events", "held", "binds", "clicks", "links", "destinations"];
    for (const table of tables) before[table] = await count(3 - number, table, other.id);
    for (const path of [`/e?token=${own.ingest}&event=contact&eid=x`, `/bind?token=${own.ingest}&uid=x&tg_id=6`])
      assert.equal((await worker.fire(path)).code, 200);
    for (const [path, body] of [
      ["/events", { event: "contact", eid: "y" }],
      ["/bind", { uid: "y", tg_id: 6 }],
      ["/clicks", { uid: "y" }],
    ])
      await post(path, own.bearer, body);
    // A slug of the other space is none of one's own.
    const slug = number === 1 ? "second" : "first";
    assert.equal((await post("/clicks", own.bearer, { uid: "z", link_slug: slug })).status, "invalid_link");
    for (const table of tables) assert.equal(await count(3 - number, table, other.id), before[table], table);
  }
});
