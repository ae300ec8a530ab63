// What a user sees of the overview: charts with scales, the period before, one order, in real Chromium.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { startWorker, until } from "../harness.mjs";
import { assertSound, startChromium } from "./chromium.mjs";

const DAY_MS = 24 * 3600 * 1000;

let worker, chromium, full;
before(async () => {
  worker = await startWorker();
  chromium = await startChromium(worker);
  full = await fill();
});
after(async () => {
  await chromium?.stop();
  await worker.stop();
});

const noonDaysAgo = (days) => (Math.floor(Date.now() / DAY_MS) - days) * DAY_MS + DAY_MS / 2;
const dayAgo = (days) => new Date(noonDaysAgo(days)).toISOString().slice(0, 10);

/** Events of a space as they would have come, put straight into the database: its triggers count them. */
const insert = (space, events) =>
  worker.db.batch(
    events
      .toSorted((a, b) => a.ms - b.ms)
      .map(({ event, ms, link = 0, uid = null, amount = null, currency = "USD" }, at) =>
        worker.db
          .prepare(
            `
          INSERT INTO events (space_id, seq, dedup, event, uid, value, micros, currency, occurred_at_ms,
            received_at_ms, link_id, first, receipt, raw)
          SELECT ?1, coalesce((SELECT max(seq) FROM events WHERE space_id = ?1), 0) + 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8,
            ?9, ?10, 'r', ''`,
          )
          .bind(
            space,
            `${event}${ms}-${at}-${uid}`,
            event,
            uid,
            amount && String(amount),
            amount && amount * 1e6,
            currency,
            ms,
            link,
            Number(uid !== null),
          ),
      ),
  );
const click = (space, link, ms, uid) =>
  worker.db
    .prepare("INSERT INTO clicks (space_id, uid, link_id, clicked_at_ms, raw_query) VALUES (?, ?, ?, ?, '')")
    .bind(space, uid, link, ms);

/** 20 links with two months of everything, in three currencies: most dollars by number, most dong by amount. */
async function fill() {
  const { id } = await worker.space("Full");
  const links = [];
  for (let at = 0; at < 20; at++) links.push(await worker.link(id, `full-${at}`, {}));
  const events = [];
  const clicks = [];
  for (let day = 1; day < 60; day++) {
    const ms = noonDaysAgo(day);
    for (let at = 0; at < 6; at++) {
      const link = links[(day * 6 + at) % 20];
      const uid = `visitor-${day}-${at}`;
      clicks.push(click(id, link, ms + at, uid));
      if (at > 0) events.push({ event: "contact", ms, link, uid });
      if (at > 2) events.push({ event: "registration", ms, link, uid });
      if (at > 3) events.push({ event: "deposit", ms, link, uid, amount: 100 + day });
    }
    events.push({ event: "deposit", ms, link: links[day % 20], uid: `eur-${day}`, amount: 40, currency: "EUR" });
    if (day % 3 === 0)
      events.push({ event: "deposit", ms, link: links[day % 7], uid: `vnd-${day}`, amount: 250000, currency: "VND" });
  }
  await worker.db.batch(clicks);
  await insert(id, events);
  await worker.db
    .prepare(
      `
      INSERT INTO destinations (space_id, name, enabled, events, config, secrets, created_at_ms)
      VALUES (?, 'My server', 0, '{}', ?, '', 0)`,
    )
    .bind(id, JSON.stringify({ kind: "webhook", url: "https://hook.example/", method: "POST" }))
    .run();
  return { id, links };
}

/** Texts of a chart that overlap each other, or leave the chart's own panel. */
const collisions = (page) =>
  page.evaluate(() => {
    const found = [];
    for (const chart of document.querySelectorAll("figure")) {
      const panel = chart.closest(".panel").getBoundingClientRect();
      const texts = [...chart.querySelectorAll("figcaption, figcaption b, .said, svg text")].filter(
        (text) => text.localName !== "figcaption",
      );
      const boxes = texts.map((text) => [text.textContent, text.getBoundingClientRect()]);
      for (const [at, [text, a]] of boxes.entries()) {
        if (a.left < panel.left || a.right > panel.right) found.push(`${text} leaves the panel`);
        for (const [other, b] of boxes.slice(at + 1))
          if (a.left < b.right && b.left < a.right && a.top < b.bottom - 1 && b.top < a.bottom - 1)
            found.push(`${text} and ${other}`);
      }
    }
    return found;
  });

test("every chart has a scale with its zero, few round numbers, and texts that do not collide", async () => {
  for (const [width, colorScheme] of [
    [360, "dark"],
    [1280, "light"],
  ]) {
    const page = await chromium.page({ width, colorScheme });
    for (const period of ["yesterday", `custom&from=${dayAgo(200)}&to=${dayAgo(1)}`, "30d"]) {
      await page.goto(`/s/${full.id}?period=${period}`);
      const charts = page.locator("figure");
      const titles = await charts.locator("figcaption").allTextContents();
      const expected = ["Revenue, USD", "Revenue, EUR", "Revenue, VND", "Clicks", "Registrations", "Deposits"];
      const shown = period === "yesterday" ? expected.filter((title) => !title.includes("VND")) : expected;
      assert.deepEqual(
        titles.map((title) =>
          title
            .split(" ")
            .slice(0, title.startsWith("Rev") ? 2 : 1)
            .join(" "),
        ),
        shown,
      );
      for (const chart of await charts.all()) {
        const marks = await chart.locator("svg text.mark").allTextContents();
        assert.ok(marks.length >= 2 && marks.length <= 4 && marks.includes("0"), `${period}: ${marks}`);
        for (const mark of marks) assert.match(mark, /^\d{1,3}(\.\d)?[kMB]?$/);
        assert.equal(await chart.locator("line.zero").count(), 1);
        assert.ok((await chart.locator("svg text.label").count()) > 1);
      }
      assert.deepEqual(await collisions(page), [], `${period} at ${width} px`);
    }
    if (width > 360) await assertSound(page, "full overview"); // On a phone the test of every page looks at it.
    await page.context().close();
  }
});

test("a chart says its values under the pointer, by the arrow keys, and as a table without script", async () => {
  const page = await chromium.page();
  await page.goto(`/s/${full.id}?period=7d`);
  const chart = page.locator("figure", { hasText: "Registrations" });
  const plot = chart.locator(".plot");
  await plot.scrollIntoViewIfNeeded();
  const box = await plot.locator("svg svg").boundingBox();
  await page.mouse.move(box.x + box.width * 0.93, box.y + 30);
  await chart.getByText(/^\d+ \w{3}: 0; the 7 days before: 3$/).waitFor();
  await page.mouse.move(box.x + box.width * 0.5, box.y + 30);
  await chart.getByText(/^\d+ \w{3}: 3; the 7 days before: 3$/).waitFor();
  await page.mouse.move(0, 0);
  await chart.getByText("against the 7 days before").waitFor();

  await plot.focus();
  await page.keyboard.press("Home");
  const first = await plot.getAttribute("aria-valuetext");
  await page.keyboard.press("ArrowRight");
  const second = await plot.getAttribute("aria-valuetext");
  assert.match(first, /: 3; the 7 days before: 3$/);
  assert.notEqual(second, first);
  await chart.getByText(second).waitFor();
  assert.equal(await plot.getAttribute("aria-valuenow"), "2");
  await page.context().close();

  const { text } = await (await worker.browser()).get(`/s/${full.id}?period=7d`);
  assert.ok(text.includes("Show as a table") && !/ style=|<script>/.test(text));
});

test("what is open and focused stays so while the figures move", async () => {
  const { id, ingest } = await worker.space("Touched");
  const fire = (query) => worker.fire(`/e?token=${ingest}&${query}`);
  await fire("event=deposit&uid=u&eid=1&value=5&currency=USD");
  // The day's first hour may be the one that it came in.
  const first = new Date().getUTCHours() === 0 ? "5.00" : "0.00";
  const page = await chromium.page();
  await page.goto(`/s/${id}`);
  await page.locator('#connection[data-state="live"]').waitFor();
  const chart = page.locator("#chart-Deposits");
  await chart.getByText("Show as a table").click();
  await page.locator("#chart-USD .plot").focus();
  await page.keyboard.press("End");
  // A currency with more deposits comes before the one that has the focus.
  for (const eid of [2, 3]) await fire(`event=deposit&uid=u&eid=${eid}&value=7&currency=EUR`);
  await page.locator("#chart-EUR").getByText("14.00").first().waitFor({ timeout: 4000 });
  assert.equal(await page.evaluate(() => document.activeElement.closest("figure")?.id), "chart-USD");
  await page.keyboard.press("Home");
  await page.locator("#chart-USD .said").getByText(`00:00: ${first}\u00a0USD; yesterday: 0.00`).waitFor();
  assert.equal(await chart.locator("details").evaluate((details) => details.open), true);
  await page.context().close();
});

test("reversals hang below the zero line, and their change is an amount", async () => {
  const { id } = await worker.space("Reversed");
  await insert(id, [
    { event: "deposit", ms: noonDaysAgo(2), uid: "a", amount: 50 },
    { event: "deposit", ms: noonDaysAgo(1), uid: "a", amount: -20 },
  ]);
  const page = await chromium.page();
  await page.goto(`/s/${id}?period=yesterday`);
  const chart = page.locator("#chart-USD");
  const [zero, bar] = await Promise.all(
    ["line.zero", "path"].map((part) => chart.locator(part).evaluate((node) => node.getBoundingClientRect().top)),
  );
  assert.ok(Math.abs(bar - zero) < 2, `the bar begins at ${bar}, the zero line is at ${zero}`);
  assert.ok((await chart.locator("svg text.mark").allTextContents()).includes("\u221250"));
  await page.locator("#revenue").getByText("50.00\u00a0USD the day before").waitFor();
  await page.context().close();
});

test("each card says its change against the period before, and the pale line shows it", async () => {
  const { id } = await worker.space("Compared");
  const day = (days, count, event = "registration") =>
    Array.from({ length: count }, (_, at) => ({ event, ms: noonDaysAgo(days) + at, uid: `${event}-${days}-${at}` }));
  await insert(id, [...day(3, 28), ...day(9, 25), ...day(2, 3, "contact"), ...day(10, 4, "subscribed")]);
  const page = await chromium.page();
  const change = async (name) =>
    (
      await page
        .locator(".card", { has: page.getByRole("heading", { name, exact: true }) })
        .locator(".change")
        .textContent()
    ).replaceAll("\u00a0", " ");
  await page.goto(`/s/${id}?period=7d`);
  assert.equal(await change("Registrations"), "+12 % against the 7 days before");
  assert.equal(await change("Contacts"), "new: none the 7 days before");
  assert.equal(await change("Subscribed"), "\u2212100 % against the 7 days before");
  assert.equal(await change("Clicks"), "none the 7 days before either");
  await page.getByText(`The pale line is the 7 days before, ${dayAgo(13)} to ${dayAgo(7)}.`).waitFor();
  assert.equal(await page.locator("#chart-Registrations polyline").count(), 1);
  assert.equal(await page.locator("#chart-Clicks polyline").count(), 0);

  await page.goto(`/s/${id}?period=custom&from=${dayAgo(3)}&to=${dayAgo(3)}`);
  assert.equal(await change("Registrations"), "new: none the day before");
  await page.goto(`/s/${id}`);
  assert.match(await change("Registrations"), /^none yesterday by \d\d:(00|15|30|45) either$/);
  await page.context().close();
});

test("cards fill the width", async () => {
  for (const width of [360, 800, 1280]) {
    const page = await chromium.page({ width });
    await page.goto(`/s/${full.id}?period=30d`);
    const [cards, widest] = await page.evaluate(() => {
      const right = (node) => node.getBoundingClientRect().right;
      const small = [...document.querySelectorAll(".card:not(.revenue)")];
      const lowest = Math.max(...small.map((card) => card.getBoundingClientRect().top));
      return [
        Math.max(...small.filter((card) => card.getBoundingClientRect().top === lowest).map(right)),
        right(document.querySelector(".card.revenue")),
      ];
    });
    assert.ok(Math.abs(cards - widest) < 2, `at ${width} px the last row ends at ${cards} of ${widest}`);
    await page.context().close();
  }
});

test("more registrations than contacts are explained, and no share is above the whole", async () => {
  const { id } = await worker.space("Without a bot");
  await insert(id, [
    { event: "contact", ms: noonDaysAgo(1), uid: "a" },
    ...["a", "b", "c"].map((uid) => ({ event: "registration", ms: noonDaysAgo(1), uid })),
  ]);
  await worker.db.batch(["a", "b", "c", "d"].map((uid) => click(id, 0, noonDaysAgo(1), uid)));
  const page = await chromium.page();
  await page.goto(`/s/${id}?period=yesterday`);
  const gauge = page.locator(".gauges li", { hasText: "registration" }).first();
  const text = (await gauge.textContent()).replaceAll("\u00a0", " ");
  assert.match(text, /Click \u2192 registration 75\.0 %/);
  assert.match(text, /More registrations than contacts: some people registered without writing to the bot/);
  for (const share of await page.locator(".gauges b").allTextContents()) assert.ok(!(parseFloat(share) > 100), share);
  await page.context().close();
});

test("the feed says which days it shows, and of a past period shows what came in it", async () => {
  const page = await chromium.page();
  await page.goto(`/s/${full.id}?period=7d`);
  await page.getByText("The newest events, whatever the period.").waitFor();
  const day = dayAgo(30);
  await page.goto(`/s/${full.id}?period=custom&from=${day}&to=${day}`);
  await page.getByText(`The last that were received on ${day}.`).waitFor();
  const times = await page
    .locator("#feed time")
    .evaluateAll((nodes) => nodes.map((node) => node.dateTime.slice(0, 10)));
  assert.ok(times.length > 5 && times.every((time) => time === day), String(times));
  await page.goto(`/s/${full.id}?period=custom&from=${dayAgo(300)}&to=${dayAgo(290)}`);
  await page.getByText(`The last that were received from ${dayAgo(300)} to ${dayAgo(290)}.`).waitFor();
  assert.equal(await page.getByText("Waiting for the first event").count(), 0);
  await page.context().close();
});

const rowsOf = (page, column) => page.locator(`.by-link tbody ${column}`).allTextContents();

test("the by-link table is sorted by its headings, and stays so with the period and while it moves", async () => {
  const { id, ingest, bearer } = await worker.space("Sorted");
  for (const [slug, deposits] of [
    ["one", 1],
    ["three", 3],
    ["two", 2],
  ]) {
    const link = await worker.link(id, slug);
    const post = { method: "POST", headers: { authorization: `Bearer ${bearer}` } };
    await worker.fire("/clicks", { ...post, body: JSON.stringify({ uid: slug, link_slug: slug }) });
    for (let at = 0; at < deposits; at++)
      await worker.fire(`/e?token=${ingest}&event=deposit&uid=${slug}&eid=${link}-${at}&value=5&currency=USD`);
  }
  for (const width of [360, 1280]) {
    const page = await chromium.page({ width });
    await page.goto(`/s/${id}?period=7d`);
    assert.deepEqual(await rowsOf(page, "th"), ["one", "three", "two", "Unattributed"]);
    await page.getByRole("link", { name: "Deposits", exact: true }).click();
    await page.waitForURL("**/s/*?period=7d&sort=deposits#by-link");
    assert.deepEqual(await rowsOf(page, "th"), ["three", "two", "one", "Unattributed"]);
    assert.equal(await page.locator("[aria-sort]").getAttribute("aria-sort"), "descending");
    assert.equal(await page.locator(".by-link tr").last().getAttribute("id"), "link-total");
    await page.getByRole("link", { name: "Deposits", exact: true }).click();
    await page.waitForURL("**/s/*?period=7d&sort=-deposits#by-link");
    assert.deepEqual(await rowsOf(page, "th"), ["Unattributed", "one", "two", "three"]);
    await page.context().close();
  }
  const page = await chromium.page();
  await page.goto(`/s/${id}?period=7d&sort=deposits`);
  const style = await page
    .locator("#link-total td")
    .first()
    .evaluate((cell) => [getComputedStyle(cell).textAlign, getComputedStyle(cell).fontVariantNumeric]);
  assert.deepEqual(style, ["right", "tabular-nums"]);
  await page.getByRole("link", { name: "30 days" }).click();
  await page.waitForURL("**/s/*?period=30d&sort=deposits");
  await page.locator('#connection[data-state="live"]').waitFor();
  for (let at = 0; at < 3; at++)
    await worker.fire(`/e?token=${ingest}&event=deposit&uid=one&eid=more-${at}&value=5&currency=USD`);
  const first = page.locator(".by-link tbody th").first();
  await until("the table has moved", async () => (await first.textContent()) === "one", 4000);
  await page.context().close();
});

test("clicks alone show within five seconds, and again within the next five", async () => {
  const { id, bearer } = await worker.space("Clicks");
  const page = await chromium.page();
  await page.goto(`/s/${id}`);
  await page.locator('#connection[data-state="live"]').waitFor();
  const clicks = page.locator(".card", { has: page.getByRole("heading", { name: "Clicks" }) }).locator(".big");
  for (const [pause, count] of [
    [0, 1],
    [2300, 2],
  ]) {
    await new Promise((resolve) => setTimeout(resolve, pause)); // Whenever in a question they come.
    await worker.fire("/clicks", { method: "POST", headers: { authorization: `Bearer ${bearer}` }, body: "{}" });
    await clicks.getByText(String(count), { exact: true }).waitFor({ timeout: 5000 });
  }
  await page.context().close();
});

test("a full overview is at most 60 KB of HTML, and the script at most 15 KB compressed", async (t) => {
  const browser = await worker.browser();
  const now = Date.now();
  await insert(
    full.id,
    Array.from({ length: 15 }, (_, at) => ({ event: "deposit", ms: now - at, uid: `now-${at}`, amount: 1234.5 })),
  );
  const { text } = await browser.get(`/s/${full.id}?period=30d&sort=revenue`);
  assert.equal(text.match(/<figure/g).length, 6);
  assert.equal(text.match(/id="event-/g).length, 15);
  assert.ok(text.match(/<tr id="link-\d/g).length > 20);
  const script = gzipSync(readFileSync(new URL("../../target/assets/app.js", import.meta.url))).length;
  t.diagnostic(`${Buffer.byteLength(text)} bytes of HTML, ${script} bytes of script`);
  assert.ok(Buffer.byteLength(text) <= 60_000, `${Buffer.byteLength(text)} bytes of HTML`);
  assert.ok(script <= 15_000, `${script} bytes of script`);
});
