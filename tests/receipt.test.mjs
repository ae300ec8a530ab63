// Receipts of what is on record, by the operator's API and on the pages, and Try a URL (docs/api.md, Receipts).
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { addKey, KEY_SECRET, mintKey, OPERATOR_TOKEN, startWorker } from "./harness.mjs";
import { page } from "./pages.mjs";

const DAY_MS = 24 * 3600 * 1000;

let worker, browser;
before(async () => {
  worker = await startWorker();
  browser = await worker.browser();
});
after(() => worker.stop());

const fire = async (space, query) => worker.fire(`/e?token=${space.ingest}&${query}`);
const operate = async (path) =>
  worker.fire(`/api/spaces/${path}`, { headers: { authorization: `Bearer ${OPERATOR_TOKEN}` } });
const receipt = async (space, what) => (await operate(`${space.id}/${what}`)).receipt;

/** A destination that rests, so that nothing is sent during the test. */
async function destination(space) {
  await worker.db
    .prepare(
      `INSERT INTO destinations (space_id, name, enabled, events, config, secrets, created_at_ms, rest_until_ms)
       VALUES (?, 'Hook', 1, '{"deposit":"Purchase"}', '{}', '', 0, ?)`,
    )
    .bind(space.id, Date.now() + DAY_MS)
    .run();
}

describe("by the operator's API", () => {
  test("an event's receipt says what arrived, what was read, what moved and where it went", async () => {
    const space = await worker.space();
    await destination(space);
    const link = await worker.link(space.id, `receipt-${space.id}`);
    await worker.fire("/clicks", {
      method: "POST",
      headers: { authorization: `Bearer ${space.bearer}` },
      body: JSON.stringify({ uid: "c+1", link_slug: `receipt-${space.id}` }),
    });
    await fire(space, "event=deposit&uid=c+1&amp;eid=1&value=25,50&currency=eur&sub=x");
    const { ok, receipt: told } = await operate(`${space.id}/events/1`);
    assert.equal(ok, true);
    assert.equal(told.raw, "event=deposit&uid=c+1&amp;eid=1&value=25,50&currency=eur&sub=x");
    assert.deepEqual(
      told.parameters.map(({ name, as, understood, notes }) => [name, as, understood, notes.join()]),
      [
        ["event", "event", "deposit", ""],
        ["uid", "uid", "c 1", "plus_restored"],
        ["amp;eid", "eid", "1", "html_amp"],
        ["value", "value", "25.50", "value_decimal_comma"],
        ["currency", "currency", "EUR", ""],
        ["sub", "ignored", null, ""],
      ],
    );
    assert.deepEqual(told.repairs, ["html_amp", "plus_restored"]);
    const { decision } = told;
    assert.deepEqual([decision.status, decision.event.seq, decision.event.click.uid], ["queued", 1, "c+1"]);
    assert.match(decision.reason, /adds 25\.50 EUR to revenue/);
    assert.deepEqual(told.counters, [
      {
        event: "deposit",
        currency: "EUR",
        link: { id: link, name: `receipt-${space.id}` },
        events: 1,
        people: 1,
        amount: "25.50",
      },
    ]);
    const [{ destination: name, as, state, tries }] = told.deliveries;
    assert.deepEqual([name, as, state, tries], ["Hook", "Purchase", "pending", 0]);
    assert.deepEqual(told.again, []);
  });

  test("later arrivals are listed with what was different, and as what the event was then", async () => {
    const space = await worker.space();
    await fire(space, "event=deposit&uid=u&eid=tr-1&value=120.50");
    await fire(space, "event=deposit&uid=u&eid=tr-1&value=120.50");
    await fire(space, "event=deposit&uid=u&eid=tr-1&value=300");
    await fire(space, "event=deposit&uid=other&eid=tr-1&value=120.50&currency=EUR");
    const { again, decision } = await receipt(space, "events/1");
    assert.deepEqual(
      again.map(({ differs }) => differs),
      [[], ["amount"], ["uid", "currency"]],
    );
    assert.ok(again.every(({ received_at_ms }) => Date.now() - received_at_ms < 60_000));
    assert.deepEqual([again[0].version, again[1].version.amount], [null, "300.00"]);
    assert.deepEqual(again[1].version.before, { uid: "u", amount: "120.50", currency: "USD" });
    assert.equal(decision.event.refires, 3);

    // The last is taken, by the row that carries it out: what came before it differed from what the event was.
    const first = JSON.stringify({ event: "deposit", uid: "u", eid: "tr-1", micros: 120_500_000, currency: "USD" });
    await worker.db
      .prepare(
        `INSERT INTO decisions (space_id, seq, n, kind, reason, before, after, at_ms)
         VALUES (?, 1, 1, 'take_last', 'they asked for it', ?, '{"value":"300","micros":300000000}', ?)`,
      )
      .bind(space.id, first, Date.now() + 1)
      .run();
    await new Promise((resolve) => setTimeout(resolve, 5));
    await fire(space, "event=deposit&uid=u&eid=tr-1&value=300");
    const now = await receipt(space, "events/1");
    assert.deepEqual(
      now.again.map(({ differs, decision }) => [differs.join(), decision]),
      [
        ["", null],
        ["amount", 1],
        ["uid,currency", 1],
        ["", null],
      ],
    );
    assert.deepEqual(now.again[1].version.before.amount, "120.50");
    assert.deepEqual(
      now.decision.decisions.map(({ n, kind, reason }) => [n, kind, reason]),
      [[1, "take_last", "they asked for it"]],
    );
    assert.deepEqual(
      now.counters.map(({ amount }) => amount),
      ["300.00"],
    );
  });

  test("what is not counted moved nothing", async () => {
    const space = await worker.space();
    await destination(space);
    await fire(space, "event=deposit&uid=u&eid=1&value=5&test=1");
    const { counters, deliveries, decision } = await receipt(space, "events/1");
    assert.deepEqual([counters, deliveries, decision.event.counted], [[], [], false]);
    assert.match(decision.reason, /a test/);
  });

  test("a refused postback's receipt has the reason, and what it has become", async () => {
    const space = await worker.space();
    await fire(space, "event=deposit&uid=u&value=1,234");
    const told = await receipt(space, "refused/1");
    assert.deepEqual([told.decision.status, told.decision.event, told.decision.refused], ["invalid_value", null, 1]);
    assert.deepEqual(told.decision.notes, ["value_not_a_number"]);
    const value = told.parameters.find(({ name }) => name === "value");
    assert.deepEqual([value.received, value.understood, value.notes], ["1,234", null, ["value_not_a_number"]]);
    assert.deepEqual([told.counters, told.deliveries, told.again, told.decision.became], [[], [], [], undefined]);
    await worker.db.prepare("UPDATE held SET event_seq = 7 WHERE space_id = ?").bind(space.id).run();
    assert.equal((await receipt(space, "refused/1")).decision.became, 7);
  });

  test("a raw query that was removed leaves no parameters, and the decision stays", async () => {
    const space = await worker.space();
    await fire(space, "event=deposit&uid=u&eid=1&value=5");
    await worker.db.prepare("UPDATE events SET raw = '' WHERE space_id = ?").bind(space.id).run();
    const told = await receipt(space, "events/1");
    assert.deepEqual([told.raw, told.parameters], ["", []]);
    assert.equal(told.decision.event.amount, "5.00");
    const shown = page((await browser.get(`/s/${space.id}/events/1`)).text);
    assert.match(shown.section("As it arrived").text, /removed/);
  });

  test("another space's number, a number that is none and a stranger get nothing", async () => {
    const [space, other] = [await worker.space(), await worker.space()];
    await fire(space, "event=contact&uid=u");
    await fire(space, "event=oops");
    for (const what of ["events/1", "refused/1"]) {
      assert.equal((await operate(`${space.id}/${what}`)).code, 200, what);
      assert.equal((await operate(`${other.id}/${what}`)).code, 404, what);
      assert.equal((await worker.fire(`/api/spaces/${space.id}/${what}`)).code, 401, what);
    }
    assert.equal((await operate(`${space.id}/events/x`)).code, 404);
    assert.equal((await operate(`${space.id}/refused/9`)).code, 404);
  });
});

describe("on the pages", () => {
  test("the event's page tells the receipt in its order, with each later arrival", async () => {
    const space = await worker.space();
    await destination(space);
    await fire(space, "event=deposit&uid=u&eid=tr-1&value=120.50");
    await fire(space, "event=deposit&uid=u&eid=tr-1&value=300");
    const shown = page((await browser.get(`/s/${space.id}/events/1`)).text);
    const order = ["What happened", "As it arrived", "As it was read", "Decision", "In the figures", "Sent on"];
    assert.deepEqual(
      shown.headings.filter((heading) => [...order, "Came again"].includes(heading)),
      [...order, "Came again"],
    );
    const came = /came again with 300\.00\u00a0USD in place of 120\.50\u00a0USD; not counted/;
    assert.match(shown.section("What happened").text, came);
    const [again] = shown.section("Came again").items;
    assert.match(again, came);
    assert.equal(shown.section("Came again").times.length, 1);
    const read = shown.section("As it was read").rows;
    assert.deepEqual(
      read.map(({ name, cells }) => [name, cells["As received"].text, cells.Understood.text]),
      [
        ["event", "deposit", "deposit"],
        ["uid", "u", "u"],
        ["eid", "tr-1", "tr-1"],
        ["value", "120.50", "120.50"],
      ],
    );
    assert.equal(shown.section("Decision").terms["Value as read"], "120.50\u00a0USD");
    assert.equal(shown.section("In the figures").rows[0].cells.Revenue.text, "120.50\u00a0USD");
  });

  test("only a deposit with neither eid nor t says that a repeated call counts again", async () => {
    const space = await worker.space();
    for (const [query, says] of [
      ["event=deposit&uid=u&value=5", true],
      ["event=deposit&uid=u&value=5&eid={trade_id}", true],
      ["event=deposit&uid=u&value=5&eid=1", false],
      [`event=deposit&uid=u&value=5&t=${Date.now() - 5000}`, false],
      ["event=registration&uid=u", false],
    ]) {
      const seq = (await fire(space, query)).headers.get("x-event-id");
      const { text } = page((await browser.get(`/s/${space.id}/events/${seq}`)).text).section("What happened");
      assert.equal(/if the network repeats the call, it counts again/.test(text), says, query);
    }
  });

  test("a refused postback has a page of its own, to which the list leads", async () => {
    const space = await worker.space();
    await fire(space, "event=deposit&uid=u&value=1,234");
    await fire(space, "event=deposit&uid=u&value=1,234");
    const list = page((await browser.get(`/s/${space.id}/refused`)).text);
    const path = list.link("Refused postback 1: its receipt");
    assert.equal(path, `/s/${space.id}/refused/1`);
    const shown = page((await browser.get(path)).text);
    assert.equal(shown.heading, "Refused postback 1");
    assert.match(shown.section("What happened").text, /the amount is not a number.*arrived once more/);
    assert.match(shown.section("As it arrived").codes[0], /value=1,234/);
    assert.match(shown.section("Decision").text, /invalid_value/);
    assert.match(shown.section("In the figures").text, /Nothing moved/);
    const other = await worker.space();
    assert.equal((await browser.get(`/s/${other.id}/refused/1`)).code, 404);
  });
});

describe("Try a URL", () => {
  const counts = async () => {
    const tables = ["events", "held", "counters", "deliveries", "clicks", "keys", "unused_keys", "versions"];
    return Object.fromEntries(
      await Promise.all(tables.map(async (name) => [name, await worker.rows(`SELECT * FROM ${name}`)])),
    );
  };
  const attempt = async (space, url, network = "") => {
    const answer = await browser.send(`/s/${space.id}/try`, { url, network });
    return { code: answer.code, html: answer.text, shown: page(answer.text) };
  };

  test("a pasted URL gets its receipt in this space, and nothing is stored", async () => {
    const space = await worker.space();
    await destination(space);
    assert.equal((await browser.get(`/s/${space.id}/try`)).code, 200);
    const before = await counts();
    const query = "event=deposit&uid=u&eid=1&value=25,50";
    for (const url of [
      `${browser.origin}/e?token=${space.ingest}&${query}`,
      `   ${browser.origin}/e?token=${space.ingest}&event=deposit\r\n&uid=u&eid=1\n&value=25,50  `,
      `/e/${space.ingest}/deposit?uid=u&eid=1&value=25,50`,
      `token=${space.ingest}&${query}`,
    ]) {
      const { code, html, shown } = await attempt(space, url);
      assert.equal(code, 200, url);
      assert.match(shown.section("What would happen").text, /It would be answered queued.*add 25\.50 USD/, url);
      assert.match(shown.text, /Its token is this space's current one/, url);
      assert.ok(!html.includes(space.ingest.slice(6)), "the token is not shown again");
      assert.match(shown.section("Sent on").text, /To Hook as Purchase/);
      assert.ok(!shown.text.includes("It calls"), shown.text);
    }
    assert.deepEqual(await counts(), before);
  });

  test("it says whose the token is", async () => {
    const [space, other] = [await worker.space("Mine"), await worker.space("Theirs")];
    const [previous, ended] = [mintKey("xt_in_"), mintKey("xt_in_")];
    await addKey(worker.db, space.id, "ingest", previous, Date.now() + DAY_MS);
    await addKey(worker.db, space.id, "ingest", ended, Date.now() - DAY_MS);
    for (const [token, says] of [
      [`token=${space.ingest}&`, /this space's current one/],
      [`token=${previous}&`, /this space's previous one, which works until/],
      [`token=${ended}&`, /was this space's, and ended/],
      [`token=${other.ingest}&`, /that of another space, Theirs/],
      [`token=${mintKey("xt_in_", KEY_SECRET)}&`, /made by this deployment, and opens nothing/],
      [`token=${mintKey("xt_in_", "another secret")}&`, /unknown to this deployment/],
      [`token=${space.bearer}&`, /is the key of your bot or server/],
      ["token=YOUR_TOKEN&", /a placeholder stands/],
      ["token={token}&", /a placeholder stands/],
      ["token=abc&", /those begin with xt_in_/],
      ["", /no token in it/],
    ]) {
      const { html, shown } = await attempt(space, `https://t.example/e?${token}event=contact&uid=u`);
      assert.match(shown.section("What would happen").text, says, token);
      const opens = /current|previous/.test(says.source);
      assert.equal(/With this space's token, it would be answered queued/.test(shown.text), !opens, token);
      const [, secret] = /xt_.._(\w+)/.exec(token) ?? [];
      assert.ok(!secret || !html.includes(secret), token);
      assert.match(shown.text, /It calls t\.example\. This deployment is at /);
    }
  });

  test("a template's macros are explained, and what is missing is named", async () => {
    const space = await worker.space();
    const before = await counts();
    const template = "event=deposit&uid={sub1}&eid={transaction_id}&amount={sale_amount}";
    const { shown } = await attempt(space, `https://t.example/e?token=YOUR_TOKEN&${template}`);
    const macros = shown.section("Its macros");
    assert.match(macros.text, /Read as a template of Everflow/);
    assert.deepEqual(
      macros.rows.map(({ name, cells }) => [name, cells["Is it right?"].text]),
      [
        ["uid", "yes"],
        ["eid", "no"],
        ["amount", "no"],
      ],
    );
    assert.match(macros.rows[1].cells.Why.text, /identifies the click.*Use \{conversion_id\} for eid/);
    assert.match(macros.rows[2].cells.Why.text, /call it value/);
    assert.match(macros.section("Missing").text, /value: .*Add value=/);
    const chosen = await attempt(space, "event=deposit&uid={click_id}&eid={click_id}&value={sumdep}", "quotex");
    assert.match(chosen.shown.section("Its macros").rows[1].cells.Why.text, /Use \{event_id\} for eid/);
    assert.deepEqual(await counts(), before);
  });

  test("nothing pasted, another path, a stranger's text and another site's form", async () => {
    const space = await worker.space();
    assert.equal((await attempt(space, "  ")).code, 422);
    assert.match((await attempt(space, "/l/summer?a=1")).shown.text, /Its address is none of postbacks/);
    const nasty = await attempt(space, "/e?event=contact&uid=<script>alert(1)</script>&%3Cimg%3E=1");
    assert.ok(!/<script>alert|<img>/.test(nasty.html));
    const foreign = { origin: "https://evil.example", "sec-fetch-site": "cross-site" };
    assert.equal((await browser.send(`/s/${space.id}/try`, { url: "event=contact" }, foreign)).code, 403);
    assert.equal((await browser.send("/s/999999/try", { url: "event=contact" })).code, 404);
  });
});
