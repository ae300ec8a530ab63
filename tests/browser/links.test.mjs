// Links and the guide in real Chromium, by the screens alone.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startWorker } from "../harness.mjs";
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

test("the guide leads from a new space to a link whose ad address is copied", async () => {
  const { id } = await worker.space("Guided");
  const page = await chromium.page();
  await page.goto(`/s/${id}`);
  await page.locator(".next").getByRole("link", { name: "Choose your network" }).click();
  await page.getByLabel("Network", { exact: true }).selectOption({ label: "Pocket Option (PocketPartners)" });
  await page.getByRole("button", { name: "Choose it" }).click();
  await page.locator('[aria-current="step"]', { hasText: "Put the postback URL" }).waitFor();
  await assertSound(page, "the guide");
  for (const step of ["I have done it", "I don't need this: Fire a test"])
    await page.getByRole("button", { name: step }).first().click();
  await page.getByRole("link", { name: "Create a link" }).click();
  await page.locator(".next").getByText("Create a tracking link").waitFor();
  await page.getByLabel("Name", { exact: true }).fill("Summer");
  await page.getByLabel("Target", { exact: true }).fill("https://offer.example/?a=1");
  await page.getByRole("button", { name: "Fit it to the network" }).click();
  await page.locator("#fits").getByText("They fit").waitFor();
  await assertSound(page, "a new link that was fitted");
  await page.getByRole("button", { name: "Create the link" }).click();
  const facebook = page.locator("#ads .url", { hasText: "Facebook" });
  await facebook.getByRole("button", { name: "Copy" }).click();
  await facebook.getByText("Copied").waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(copied.split("&")[0], `${chromium.origin}/l/summer?campaign_id={{campaign.id}}`);
  await page.locator(".next").getByText("Add a destination").waitFor();
  await assertSound(page, "a link");
  await page.context().close();
});

test("links, the guide and what is put away are sound on a phone and in the dark", async () => {
  const { id } = await worker.space("Sound");
  const link = await worker.link(id, "a-rather-long-end-of-an-address-that-would-break-in-the-middle-of-its-line");
  await worker.link(id, "put-away");
  const { id: away } = await worker.space("Old offer");
  const home = worker.db;
  await home.prepare("UPDATE links SET archived_at_ms = 1 WHERE slug = 'put-away'").run();
  await home.prepare("UPDATE spaces SET archived_at_ms = 1 WHERE id = ?").bind(away).run();
  await home.prepare("UPDATE links SET network = 'cake' WHERE id = ?").bind(link).run();
  for (const [width, colorScheme] of [
    [360, "light"],
    [1280, "dark"],
  ]) {
    const page = await chromium.page({ width, colorScheme });
    for (const path of ["/start", "/links", `/links/${link}`, "/settings"]) {
      await page.goto(`/s/${id}${path}`);
      await assertSound(page, `${path} at ${width}`);
    }
    await page.goto(`/s/${id}/links`);
    assert.ok(await page.getByRole("link", { name: "Clicks", exact: true }).isVisible(), "it can be sorted");
    const { width: ofName } = await page.locator("tbody th").first().boundingBox();
    assert.ok(ofName >= 140, `the name of a link has ${ofName} px`);
    await page.goto("/archived");
    await assertSound(page, `put away at ${width}`);
    await page.goto(`/s/${id}/links?archived=1&sort=-clicks`);
    await page.getByText("put-away").first().waitFor();
    await page.context().close();
  }
});

test("an address stays on one line, numbers stand to the right, and a heading sorts by keyboard", async () => {
  const { id } = await worker.space("Table");
  await worker.link(id, "b-table");
  await worker.link(id, "a-table");
  const page = await chromium.page();
  await page.goto(`/s/${id}/links`);
  const lines = await page
    .locator("code.address")
    .first()
    .evaluate((code) => code.getClientRects().length);
  assert.equal(lines, 1);
  const number = page.locator("td.number").first();
  const { textAlign, fontVariantNumeric } = await number.evaluate((cell) => {
    const { textAlign, fontVariantNumeric } = getComputedStyle(cell);
    return { textAlign, fontVariantNumeric };
  });
  assert.deepEqual([textAlign, fontVariantNumeric], ["right", "tabular-nums"]);
  await page.getByRole("link", { name: "Link", exact: true }).focus();
  await page.keyboard.press("Enter");
  await page.waitForURL("**/links?sort=name");
  assert.equal(await page.locator("th[aria-sort]").getAttribute("aria-sort"), "ascending");
  assert.deepEqual(await page.locator("tbody th").allTextContents(), ["a-table", "b-table"]);
  await page.context().close();
});
