// The lists in a browser: cards that are mended as a whole, filters by mouse and keyboard, a page on a phone, the file.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { deposits, startWorker } from "../harness.mjs";
import { assertSound, startChromium } from "./chromium.mjs";

let worker, chromium;
before(async () => {
  worker = await startWorker();
  chromium = await startChromium(worker);
});
after(async () => {
  await chromium?.stop();
  await worker.stop();
});

const fire = (space, query) => worker.fire(`/e?token=${space.ingest}&${query}`);

test("equal refused amounts are one card, ticked and mended as a whole, and the tab counts them", async () => {
  const space = await worker.space("Cards");
  for (const at of [1, 2, 3]) await fire(space, `event=deposit&uid=u${at}&eid=${at}&value=1,23${at}`);
  await fire(space, "event=deposit&uid=v&eid=v&value=abc");
  const page = await chromium.page();
  await page.goto(`/s/${space.id}/links`);
  await page.getByRole("link", { name: "Refused 4 open" }).click();
  await page.getByRole("heading", { name: "The amount “abc” is not a number" }).waitFor();
  const card = page.locator("#refused-3");
  await card.getByText("3 times, last just now.").waitFor();
  await card.getByText("The single ones").click();
  assert.equal(await card.locator(".ones li").count(), 3);
  await assertSound(page, "the cards");
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/cards.png`, fullPage: true });
  await card.getByRole("checkbox", { name: "The amount “1,233” is ambiguous" }).check();
  await page.getByLabel("Thousands: 1,234 is 1234").check();
  await page.getByRole("button", { name: "Preview" }).click();
  await page.getByText("3 would be stored, 0 are known already, 0 would stay refused.").waitFor();
  await page.getByRole("button", { name: "Replay them" }).click();
  await page.getByText("Done: 3 of 3.").waitFor();
  assert.deepEqual(await deposits(worker, space.id), { events: 3, units: 1231 + 1232 + 1233 });
  await page.getByRole("link", { name: "Refused 1 open" }).waitFor();
  await page.context().close();
});

test("events are filtered by keyboard, the address says by what, and each part is cleared", async () => {
  const space = await worker.space("Narrow");
  for (const [eid, event] of ["deposit", "contact", "deposit"].entries())
    await fire(space, `event=${event}&uid=u${eid}&eid=${eid}&value=5`);
  const page = await chromium.page();
  await page.goto(`/s/${space.id}/events`);
  await page.getByText("Filters", { exact: true }).focus();
  await page.keyboard.press("Enter");
  await page.locator("select[name=event]").selectOption("deposit");
  await page.getByLabel("Amount from").fill("5");
  await page.getByLabel("Amount from").press("Enter");
  await page.getByText("Filtered by").waitFor();
  assert.equal(new URL(page.url()).search, "?event=deposit&min=5", "nothing that is empty");
  assert.deepEqual(await page.locator("tbody th").allTextContents(), ["Event 3", "Event 1"]);
  await assertSound(page, "a filtered list");
  await page.getByRole("link", { name: /^event: deposit.*clear it/ }).click();
  await page.waitForURL((url) => url.search === "?min=5");
  await page.getByRole("link", { name: /^amount from: 5.*clear it/ }).click();
  await page.waitForURL((url) => url.search === "");
  assert.equal(await page.locator("tbody th").count(), 3);
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/wide.png` });
  const [right, number] = await page
    .locator("tbody tr")
    .first()
    .locator("td.number")
    .evaluate((cell) => [getComputedStyle(cell).textAlign, getComputedStyle(cell).fontVariantNumeric]);
  assert.deepEqual([right, number], ["right", "tabular-nums"]);
  await page.getByRole("button", { name: "Copy" }).first().click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "u2");
  await page.context().close();
});

test("on a phone a page of events is three screens at most, and ids are not broken", async () => {
  const space = await worker.space("Phone");
  const { id } = await worker.row(
    `INSERT INTO destinations (space_id, name, enabled, events, config, secrets, created_at_ms)
     VALUES (?, 'Facebook main', 0, '{}', '{"kind":"webhook"}', '', 0) RETURNING id`,
    space.id,
  );
  await worker.db
    .prepare(
      `INSERT INTO events (space_id, seq, dedup, event, uid, micros, currency, occurred_at_ms, received_at_ms,
        link_id, first,
         receipt, raw)
       WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)
       SELECT ?1, i, 'x=' || i, iif(i % 2, 'deposit', 'registration'),
         'lf3hfpp7hv3v68j4tt0nrm2k6c' || i, 123450000, 'USD',
         ?2, ?2, 0, 0, 'r', '' FROM n`,
    )
    .bind(space.id, Date.now())
    .run();
  await worker.db
    .prepare(
      `INSERT INTO deliveries (space_id, seq, destination_id, target, state, due_at_ms)
       SELECT space_id, seq, ?2, 'x', 'sent', 0 FROM events WHERE space_id = ?1`,
    )
    .bind(space.id, id)
    .run();
  for (const colorScheme of ["light", "dark"]) {
    const page = await chromium.page({ width: 360, height: 800, colorScheme });
    await page.goto(`/s/${space.id}/events`);
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/events-${colorScheme}.png` });
    const older = await page.getByRole("link", { name: "Older", exact: true }).boundingBox();
    assert.ok(older.y + older.height <= 3 * 800, `Older ends ${Math.round(older.y + older.height)} px down`);
    const lines = await page.locator("#uid-60").evaluate((id) => id.getClientRects().length);
    assert.equal(lines, 1);
    await assertSound(page, `events in ${colorScheme}`);
    await page.getByText("Filters", { exact: true }).click();
    await assertSound(page, `their filters in ${colorScheme}`);
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/events-${colorScheme}.png` });
    await page.context().close();
  }
});

test("the file of what is listed has a spreadsheet's mark, the click's ad and the key", async () => {
  const { id, ingest, bearer } = await worker.space("File");
  await worker.fire("/clicks", {
    method: "POST",
    headers: { authorization: `Bearer ${bearer}` },
    body: JSON.stringify({ uid: "visitor", campaign_name: "Sommer für Köln", ad_name: "Ad 7", placement: "feed" }),
  });
  await worker.fire(`/e?token=${ingest}&event=deposit&uid=visitor&eid=1&value=25&currency=USD`);
  await worker.fire(`/e?token=${ingest}&event=registration&uid=visitor&eid=2`);
  const page = await chromium.page();
  await page.goto(`/s/${id}/events?event=deposit`);
  const coming = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download these as CSV" }).click();
  const text = readFileSync(await (await coming).path(), "utf8");
  assert.equal(text.codePointAt(0), 0xfeff);
  const [names, deposit, ...others] = text.slice(1).trim().split(/\r?\n/);
  const row = Object.fromEntries(names.split(",").map((name, at) => [name, deposit.split(",")[at]]));
  assert.deepEqual(
    [row.campaign_name, row.ad_name, row.placement, row.key],
    ["Sommer für Köln", "Ad 7", "feed", "Main key"],
  );
  assert.match(row.clicked, /^\d{4}-\d\d-\d\d /);
  assert.deepEqual(others, [], "the filter's events alone");
  await page.context().close();
});
