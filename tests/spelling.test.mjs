// A uid with a plus in it arrives in many spellings. Whatever comes first, they are one person with one link.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { OF_DATABASE, OPERATOR_TOKEN, sha256, startWorker, until } from "./harness.mjs";
import { page } from "./pages.mjs";

let worker;
before(async () => {
  worker = await startWorker();
});
after(() => worker.stop());

const BASE_MS = Date.now() - 3 * 24 * 60 * 60 * 1000;
const TOGETHER = 12;
const EXACT = "g+h+i",
  MANGLED = "g h i",
  HALF = "g+h i";

/** A space whose days are all closed, with two links and the things that can happen in it. */
async function scene() {
  const space = await worker.space();
  const links = { a: await worker.link(space.id, `a${space.id}`), b: await worker.link(space.id, `b${space.id}`) };
  await worker.db
    .prepare("INSERT INTO closed_days (space_id, from_bucket, to_bucket) VALUES (?, 0, 1e9)")
    .bind(space.id)
    .run();
  const ask = async (path, init) => {
    const answer = await worker.fire(path, init);
    assert.equal(answer.code, 200, `${path} ${answer.text}`);
    return answer;
  };
  const post = (path, body) =>
    ask(path, { method: "POST", headers: { authorization: `Bearer ${space.bearer}` }, body: JSON.stringify(body) });
  const message = (kind, body) => JSON.stringify({ v: 1, kind, ...OF_DATABASE, ...body });
  return {
    ...space,
    links,
    click: (uid, link) => post("/clicks", { uid, link_slug: `${link}${space.id}` }),
    /** A click of a landing that waited in the queue. */
    lateClick: (uid, link, clicked_at_ms) =>
      worker.deliver("postbacks", [
        message("click", { space_id: space.id, link_id: links[link], click: { uid, clicked_at_ms, raw_query: "" } }),
      ]),
    bind: (uid, tg_id) => post("/bind", { uid, tg_id }),
    /** The way that loses a plus: a query that nobody encoded. */
    bindByQuery: (query) => ask(`/bind?token=${space.ingest}&${query}`),
    event: (event) => post("/events", event),
    fire: (query) => ask(`/e?token=${space.ingest}&${query}`),
    /** Postbacks that waited in the queue, stored together. */
    lateEvents: (queries) =>
      worker.deliver(
        "postbacks",
        queries.map((raw, i) =>
          message("postback", {
            key_hash: sha256(space.ingest),
            key_kind: "ingest",
            received_at_ms: Date.now(),
            receipt: `${raw}${i}`,
            raw,
          }),
        ),
      ),
    events: () =>
      worker.rows("SELECT eid, uid, link_id, first, notes FROM events WHERE space_id = ? ORDER BY seq", space.id),
    report: (table) =>
      worker.rows(
        `
          SELECT link_id, event, sum(events) AS events, sum(people) AS people, sum(units) AS units
          FROM ${table} WHERE space_id = ? GROUP BY link_id, event
          HAVING sum(events) <> 0 OR sum(people) <> 0 OR sum(units) <> 0 ORDER BY link_id, event`,
        space.id,
      ),
  };
}

const permutations = (items) =>
  items.length < 2
    ? [items]
    : items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));

async function inEveryOrder(steps, run) {
  const orders = permutations(steps);
  for (let at = 0; at < orders.length; at += TOGETHER) {
    await Promise.all(orders.slice(at, at + TOGETHER).map((order, i) => run(order, at + i)));
  }
}

const SPELLED = { exact: "g%2Bh%2Bi", mangled: "g+h+i", half: "g%2Bh+i" };
const VALUES = { exact: 1, mangled: 10, half: 100, user: 1000 };

/** The postback of a step: a deposit by a spelling of the uid, or by the Telegram user alone. */
const query = (step, at) => {
  const person = step === "user" ? "tg_id=5" : `uid=${SPELLED[step]}`;
  return `event=deposit&eid=${step}&value=${VALUES[step]}&t=${BASE_MS + at}&${person}`;
};

describe("every order of click, bind and event, in every spelling", () => {
  const steps = ["click", "bind", "exact", "mangled", "half"];
  /** With the Telegram user's own event at another place each time. */
  const inEveryOrderWithUser = (run) =>
    inEveryOrder(steps, (order, i) => run(order.toSpliced(i % (steps.length + 1), 0, "user"), i));

  async function check(s, order) {
    const said = order.join(", ");
    const link_id = s.links.a;
    const events = await s.events();
    assert.deepEqual(
      events.map(({ eid }) => eid),
      order.filter((step) => step in VALUES),
      said,
    );
    assert.deepEqual(
      events.map((event) => event.link_id),
      [link_id, link_id, link_id, link_id],
      said,
    );
    const firsts = events.filter(({ first }) => first).map(({ eid }) => eid);
    const person = order.find((step) => step in SPELLED);
    assert.deepEqual(
      firsts,
      order.filter((step) => step === person || step === "user"),
      said,
    );
    for (const { eid, notes } of events) {
      assert.equal(notes, eid === "mangled" || eid === "half" ? '["plus_restored"]' : null, `${eid} of ${said}`);
    }
    const report = [
      { link_id, event: "click", events: 1, people: 1, units: 0 },
      { link_id, event: "deposit", events: 4, people: 2, units: 1111 },
    ];
    assert.deepEqual([await s.report("counters"), await s.report("days")], [report, report], said);
  }

  test("ends in one link, one first of a kind and the same report", async () => {
    await inEveryOrderWithUser(async (order, i) => {
      const s = await scene();
      const bind = [
        () => s.bind(EXACT, 5),
        () => s.bindByQuery("uid=g+h+i&tg_id=5"),
        () => s.bindByQuery("uid=g%2Bh+i&tg_id=5"),
      ][Math.floor(i / 6) % 3];
      for (const [at, step] of order.entries()) {
        if (step === "click") await s.click(EXACT, "a");
        else if (step === "bind") await bind();
        else await s.fire(query(step, at));
      }
      await check(s, order);
    });
  });

  test("also where what came in a row waited in the queue together", async () => {
    await inEveryOrderWithUser(async (order, i) => {
      // Every third six of the orders: what is stored together differs less.
      if (Math.floor(i / 6) % 3 !== 0) return;
      const s = await scene();
      let waiting = [];
      const store = async () => {
        if (waiting.length > 0) await s.lateEvents(waiting);
        waiting = [];
      };
      for (const [at, step] of order.entries()) {
        if (step in VALUES) waiting.push(query(step, at));
        else await store();
        if (step === "click") await s.lateClick(EXACT, "a", BASE_MS - 1);
        if (step === "bind") await s.bindByQuery("uid=g+h+i&tg_id=5");
      }
      await store();
      await check(s, order);
    });
  });
});

test("of two clicks that differ by a plus, each has what is spelled like it, in every order", async () => {
  await inEveryOrder(["plus", "space", "events", "bind"], async (order) => {
    const s = await scene();
    const steps = {
      plus: () => s.click("e+f", "a"),
      space: () => s.click("e f", "b"),
      events: async () => {
        for (const uid of ["e+f", "e f"]) await s.event({ event: "contact", uid, eid: uid });
        await s.event({ event: "contact", tg_id: 7, eid: "user" });
      },
      bind: () => s.bind("e f", 7),
    };
    for (const step of order) await steps[step]();
    const found = Object.fromEntries((await s.events()).map(({ eid, link_id, notes }) => [eid, [link_id, notes]]));
    const { a, b } = s.links;
    assert.deepEqual(found, { "e+f": [a, null], "e f": [b, null], user: [b, null] }, order.join());
  });
});

test("what two clicks are equally like goes to the earlier one, in every order", async () => {
  await inEveryOrder(["early", "late", "events", "bind"], async (order) => {
    const s = await scene();
    const steps = {
      early: () => s.lateClick("k l+m", "a", BASE_MS),
      late: () => s.lateClick("k+l m", "b", BASE_MS + 1),
      events: async () => {
        await s.event({ event: "contact", uid: "k l m", eid: "event" });
        await s.event({ event: "contact", tg_id: 8, eid: "user" });
      },
      bind: () => s.bind("k l m", 8),
    };
    for (const step of order) await steps[step]();
    const found = Object.fromEntries((await s.events()).map(({ eid, link_id, notes }) => [eid, [link_id, notes]]));
    assert.deepEqual(found, { event: [s.links.a, '["plus_restored"]'], user: [s.links.a, null] }, order.join());
    const counted = (await s.report("counters")).filter(({ event }) => event === "contact");
    assert.deepEqual(counted, [{ link_id: s.links.a, event: "contact", events: 2, people: 2, units: 0 }]);
  });
});

test("a uid is bound once, whatever it is spelled like", async () => {
  for (const [first, second] of permutations([EXACT, MANGLED, HALF])) {
    for (const clicked of [true, false]) {
      const s = await scene();
      if (clicked) await s.click(EXACT, "a");
      const answers = [await s.bind(first, 1), await s.bind(second, 2), await s.bind(second, 1)];
      assert.deepEqual(
        answers.map(({ matched, notes }) => [matched, notes]),
        [
          [clicked, undefined],
          [clicked, ["bound_to_another"]],
          [clicked, undefined],
        ],
      );
      assert.deepEqual(await worker.rows("SELECT uid, tg_id FROM binds WHERE space_id = ?", s.id), [
        { uid: first, tg_id: 1 },
      ]);
    }
  }
  const s = await scene();
  await s.click("e+f", "a");
  await s.click("e f", "b");
  for (const [i, uid] of ["e+f", "e f"].entries()) assert.equal((await s.bind(uid, i + 1)).notes, undefined, uid);
});

test("a destination gets the click's spelling and what is known of its user", async (t) => {
  const s = await scene();
  const bodies = [];
  const { fetch } = globalThis;
  t.after(() => {
    globalThis.fetch = fetch;
  });
  globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    if (new URL(request.url).hostname !== "hook.example") return fetch(input, init);
    bodies.push(await request.json());
    return new Response("ok");
  };
  const created = await worker.fire(`/api/spaces/${s.id}/destinations`, {
    method: "POST",
    headers: { authorization: `Bearer ${OPERATOR_TOKEN}` },
    body: JSON.stringify({ kind: "webhook", name: "Hook", url: "https://hook.example/" }),
  });
  assert.equal(created.code, 201, created.text);
  await s.click(EXACT, "a");
  await s.bindByQuery("uid=g+h+i&tg_id=5");
  await s.fire("event=registration&eid=r&uid=g%2Bh+i");
  const [{ click }] = await until("the webhook is called", () => bodies.length > 0 && bodies);
  assert.deepEqual([click.uid, click.tg_id], [EXACT, 5]);
});

test("the dashboard spells a uid as its click does, and finds it by every spelling", async () => {
  const s = await scene();
  await s.fire("event=registration&eid=mangled&uid=g+h+i");
  await s.fire("event=deposit&value=5&eid=half&uid=g%2Bh+i");
  const browser = await worker.browser();
  const get = async (path) => (await browser.get(`/s/${s.id}${path}`)).text;
  const uids = async () => page(await get("/events")).rows.map(({ cells }) => cells["Click id"].text);
  assert.deepEqual(await uids(), [HALF, MANGLED]);
  await s.click(EXACT, "a");
  assert.deepEqual(await uids(), [EXACT, EXACT]);
  assert.match(await get("/events.csv?period=7d"), /(g\+h\+i.*){2}/s);
  for (const uid of [EXACT, MANGLED, HALF]) {
    const found = page(await get(`/events?q=${encodeURIComponent(uid)}`));
    for (const seq of [1, 2]) assert.equal(found.links[`Event ${seq}`], `/s/${s.id}/events/${seq}`, `${uid} ${seq}`);
  }
  const one = page(await get("/events/1"));
  assert.equal(one.section("Decision").terms["Click id (uid)"], EXACT);
  assert.equal(one.section("Same person").items.length, 2, "the other event of the same person");
});

test("without an eid, one report in two spellings is one event, also beside a row from before", async () => {
  const s = await scene();
  const t = Date.now();
  const status = async (uid, at = t) => (await s.fire(`event=deposit&value=7&uid=${uid}&t=${at}`)).status;
  assert.deepEqual(
    [await status("a+b"), await status("a%2Bb"), await status("a+b", t - 1)],
    ["queued", "duplicate", "queued"],
  );
  // Until now the key had the uid as it was spelled.
  await worker.db
    .prepare("UPDATE events SET dedup = ?, uid = 'c+d' WHERE space_id = ? AND seq = 1")
    .bind(`d@${t}:c+d`, s.id)
    .run();
  assert.equal(await status("c%2Bd"), "duplicate");
});
