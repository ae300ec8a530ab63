// Revenue finds its link whatever comes first: click, bind or event (docs/bot.md).
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startWorker } from "./harness.mjs";

let worker;
before(async () => {
  worker = await startWorker();
});
after(() => worker.stop());

const BASE_MS = Date.now() - 3 * 24 * 60 * 60 * 1000;

/** A space with two links and the things that can happen in it. */
async function scene() {
  const space = await worker.space();
  const links = { a: await worker.link(space.id, `a${space.id}`), b: await worker.link(space.id, `b${space.id}`) };
  const post = async (path, body) => {
    const answer = await worker.fire(path, {
      method: "POST",
      headers: { authorization: `Bearer ${space.bearer}` },
      body: JSON.stringify(body),
    });
    assert.equal(answer.code, 200, answer.text);
    return answer;
  };
  return {
    ...space,
    links,
    click: (uid, link) => post("/clicks", { uid, link_slug: `${link}${space.id}` }),
    bind: (uid, tg_id) => post("/bind", { uid, tg_id }),
    event: (event) => post("/events", event),
    report: () =>
      worker.rows(
        `
          SELECT link_id, event, currency, sum(events) AS events, sum(people) AS people, sum(units) AS units,
            sum(micros) AS micros
          FROM counters WHERE space_id = ? GROUP BY link_id, event, currency HAVING sum(events) <> 0
          ORDER BY link_id, event, currency`,
        space.id,
      ),
  };
}

const permutations = (items) =>
  items.length < 2
    ? [items]
    : items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));

describe("every order of click, bind and event ends in the same report", () => {
  for (const order of permutations(["click", "bind", "byUid", "byTg"])) {
    test(order.join(", "), async () => {
      const s = await scene();
      const steps = {
        click: () => s.click("u", "a"),
        bind: () => s.bind("u", 555),
        byUid: () => s.event({ event: "registration", uid: "u", eid: "r1", occurred_at_ms: BASE_MS }),
        byTg: () => s.event({ event: "deposit", tg_id: 555, eid: "d1", value: "25.50", occurred_at_ms: BASE_MS + 5 }),
      };
      for (const step of order) await steps[step]();
      const link_id = s.links.a;
      assert.deepEqual(await s.report(), [
        { link_id, event: "click", currency: "", events: 1, people: 1, units: 0, micros: 0 },
        { link_id, event: "deposit", currency: "USD", events: 1, people: 1, units: 25, micros: 500_000 },
        { link_id, event: "registration", currency: "", events: 1, people: 1, units: 0, micros: 0 },
      ]);
    });
  }
});

test("a user's event goes to the last click before it, one's own click before the user's", async () => {
  const s = await scene();
  await s.click("u1", "a");
  await s.click("u2", "b");
  // The clicks' own times, moved apart.
  await worker.db
    .prepare("UPDATE clicks SET clicked_at_ms = ? WHERE space_id = ? AND uid = ?")
    .bind(BASE_MS, s.id, "u1")
    .run();
  await worker.db
    .prepare("UPDATE clicks SET clicked_at_ms = ? WHERE space_id = ? AND uid = ?")
    .bind(BASE_MS + 1000, s.id, "u2")
    .run();
  await s.bind("u1", 7);
  await s.bind("u2", 7);
  for (const [eid, occurred_at_ms, uid, link] of [
    ["before", BASE_MS - 500, undefined, "a"],
    ["between", BASE_MS + 500, undefined, "a"],
    ["after", BASE_MS + 1500, undefined, "b"],
    ["own", BASE_MS + 1500, "u1", "a"],
    ["no click of its own", BASE_MS + 500, "u3", "a"],
  ]) {
    await s.event({ event: "contact", tg_id: 7, eid, uid, occurred_at_ms });
    const row = await worker.row("SELECT link_id FROM events WHERE space_id = ? AND eid = ?", s.id, eid);
    assert.equal(row.link_id, s.links[link], eid);
  }
});

test("a plus that became a space finds its click, before and after it", async () => {
  const s = await scene();
  const fire = (query) => worker.fire(`/e?token=${s.ingest}&${query}`);
  await fire("event=registration&uid=a+b/c&eid=early");
  await s.click("a+b/c", "a");
  const late = await fire("event=deposit&value=5&uid=a+b/c&eid=late");
  assert.equal(late.status, "queued");
  const rows = await worker.rows("SELECT link_id, notes FROM events WHERE space_id = ?", s.id);
  for (const row of rows) assert.deepEqual([row.link_id, row.notes], [s.links.a, '["plus_restored"]']);
  await s.click("x y", "b");
  await s.click("x+y", "a");
  await fire("event=contact&uid=x+y&eid=exact");
  assert.equal(
    (await worker.row("SELECT link_id FROM events WHERE space_id = ? AND eid = 'exact'", s.id)).link_id,
    s.links.b,
  );
});

test("people are the first of their kind, by uid or by Telegram user", async () => {
  const s = await scene();
  for (const [i, who] of [{ uid: "u" }, { uid: "u" }, { uid: "v" }, { tg_id: 5 }, { tg_id: 5 }, {}].entries()) {
    await s.event({ event: "deposit", value: 1, eid: `p${i}`, ...who });
  }
  assert.deepEqual(
    (await s.report()).map(({ events, people }) => [events, people]),
    [[6, 3]],
  );
});

test("two spaces attribute apart, though uid and Telegram user are the same", async () => {
  const [one, other] = [await scene(), await scene()];
  await one.click("u", "a");
  await one.bind("u", 9);
  for (const s of [one, other]) await s.event({ event: "contact", uid: "u", tg_id: 9, eid: "same" });
  const link = async ({ id }) => (await worker.row("SELECT link_id FROM events WHERE space_id = ?", id)).link_id;
  assert.deepEqual([await link(one), await link(other)], [one.links.a, 0]);
});

test("an event writes at most 4 rows, 5 with a tg_id, also where it is attributed", async () => {
  const s = await scene();
  await s.click("u", "a");
  await s.bind("u", 5);
  for (const [event, most] of [
    [{ event: "contact", uid: "u", eid: "w1" }, 4],
    [{ event: "deposit", value: 5, uid: "u", eid: "w2", tg_id: 5 }, 5],
    [{ event: "deposit", value: 5, eid: "w3", tg_id: 5 }, 4],
  ]) {
    const answer = await s.event(event);
    assert.ok(answer.cost.written <= most, `${answer.cost.written} rows for ${JSON.stringify(event)}`);
  }
});

test("random orders with duplicates: the counters equal a recount from the events", async () => {
  let seed = Number(process.env.SEED ?? 20261123);
  const random = (below) => (seed = (seed * 1103515245 + 12345) % 2 ** 31) % below;
  const pick = (items) => items[random(items.length)];
  for (let round = 0; round < 8; round++) {
    const s = await scene();
    const steps = [];
    for (let i = 0; i < 40; i++) {
      const uid = pick(["u1", "u2", "u3", "u+4"]);
      const tg_id = pick([1, 2]);
      const event = {
        event: pick(["contact", "subscribed", "registration", "deposit"]),
        eid: `e${random(25)}`,
        value: `${random(100)}.${random(10)}5`,
        currency: pick(["USD", "EUR"]),
        occurred_at_ms: BASE_MS + random(10) * 600_000,
      };
      steps.push(
        pick([
          () => s.click(uid, pick(["a", "b"])),
          () => s.bind(pick([uid, uid.replace("+", " ")]), tg_id),
          () => s.event({ ...event, uid }),
          () => s.event({ ...event, uid: uid.replace("+", " ") }),
          () => s.event({ ...event, tg_id }),
          () => s.event({ ...event, uid, tg_id }),
          () => s.event(event),
        ]),
      );
    }
    // Some in a row, some at the same moment.
    while (steps.length > 0) await Promise.all(steps.splice(0, 1 + random(4)).map((step) => step()));
    assert.deepEqual(await s.report(), await recount(s.id), `round ${round} of seed ${process.env.SEED ?? 20261123}`);
  }
});

/** The report made anew from events, clicks and binds, with the rule of attribution in other words. */
async function recount(spaceId) {
  const events = await worker.rows("SELECT * FROM events WHERE space_id = ? ORDER BY seq", spaceId);
  const clicks = new Map(
    (await worker.rows("SELECT * FROM clicks WHERE space_id = ?", spaceId)).map((click) => [click.uid, click]),
  );
  const binds = await worker.rows("SELECT * FROM binds WHERE space_id = ?", spaceId);
  const clickOf = (uid) =>
    clicks.get(uid) ?? [...clicks.values()].find((click) => click.uid === uid?.replace(" ", "+"));
  const linkOf = ({ uid, tg_id, occurred_at_ms }) => {
    if (clickOf(uid)) return clickOf(uid).link_id;
    const own = binds.filter((bind) => bind.tg_id === tg_id && clickOf(bind.uid)).map((bind) => clickOf(bind.uid));
    const order = (x, y) => x.clicked_at_ms - y.clicked_at_ms || (x.uid < y.uid ? -1 : 1);
    const before = own.filter((click) => click.clicked_at_ms <= occurred_at_ms).sort(order);
    const latest = before.filter((click) => click.clicked_at_ms === before.at(-1)?.clicked_at_ms);
    return (latest[0] ?? own.sort(order)[0])?.link_id ?? 0;
  };
  const rows = new Map();
  const add = (link_id, event, currency, people, micros) => {
    const key = `${String(link_id).padStart(9)}|${event}|${currency}`;
    const row = rows.get(key) ?? { link_id, event, currency, events: 0, people: 0, units: 0, micros: 0 };
    row.events += 1;
    row.people += people;
    row.units += Math.trunc(micros / 1e6);
    row.micros += micros % 1e6;
    rows.set(key, row);
  };
  for (const click of clicks.values()) add(click.link_id, "click", "", 1, 0);
  for (const event of events) {
    add(linkOf(event), event.event, event.event === "deposit" ? event.currency : "", event.first, event.micros ?? 0);
  }
  return [...rows.entries()].sort(([x], [y]) => (x < y ? -1 : 1)).map(([, row]) => row);
}
