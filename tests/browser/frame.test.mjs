// What stands around every page, and how every form behaves, in real Chromium.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startWorker } from "../harness.mjs";
import { assertSound, startChromium } from "./chromium.mjs";

/** What the head of a page and its menu may take of a phone's screen, in CSS pixels. */
const HEAD_PX = 110;
const MENU_PX = 48;

let worker, chromium;
before(async () => {
  worker = await startWorker();
  chromium = await startChromium(worker);
});
after(async () => {
  await chromium?.stop();
  await worker.stop();
});

const box = (page, selector) => page.locator(selector).first().boundingBox();

test("on a phone the head is low, the menu is one row, and the tab of the page is in view", async () => {
  const { id } = await worker.space("A space with a name that is rather long for a phone");
  const page = await chromium.page({ width: 360, height: 740 });
  for (const path of ["", "/health", "/destinations", "/keys", "/settings"]) {
    await page.goto(`/s/${id}${path}`);
    const [head, menu, tab] = [
      await box(page, ".top"),
      await box(page, "nav.tabs"),
      await box(page, ".tabs [aria-current]"),
    ];
    assert.ok(head.height <= HEAD_PX, `${path}: the head is ${head.height} px high`);
    assert.ok(menu.height <= MENU_PX, `${path}: the menu is ${menu.height} px high`);
    assert.ok(tab.x >= 0 && tab.x + tab.width <= 360, `${path}: its tab is at ${tab.x} to ${tab.x + tab.width}`);
  }
  await page.context().close();
});

test("the brand stands where the page begins, at every width", async () => {
  const { id } = await worker.space("Edges");
  const page = await chromium.page();
  for (const width of [360, 800, 1280, 1600]) {
    await page.setViewportSize({ width, height: 500 });
    await page.goto(`/s/${id}`);
    const [brand, main] = [await box(page, ".brand"), await box(page, "main h1")];
    assert.ok(Math.abs(brand.x - main.x) < 1, `${width} px: ${brand.x} and ${main.x}`);
  }
  await page.context().close();
});

test("the browser's tab counts what needs the user, also while the overview is live", async () => {
  const { id, ingest } = await worker.space("Counted");
  const page = await chromium.page();
  await page.goto(`/s/${id}`);
  assert.equal(await page.title(), "Overview · Counted · XTRACKER");
  await page.locator('#connection[data-state="live"]').waitFor();
  await worker.fire(`/e?token=${ingest}&event=deposit&uid=u&eid=1&value=abc`);
  await worker.fire(`/e?token=${ingest}&event=deposit&uid=u&eid=2&value=5`);
  await page.waitForFunction(() => document.title === "(1) Overview · Counted · XTRACKER", null, { timeout: 4000 });
  await page.goto(`/s/${id}/links`);
  assert.equal(await page.title(), "(1) Links · Counted · XTRACKER");
  await page.context().close();
});

test("the password has the focus, and settings stay where they are saved, and say so", async () => {
  const { id } = await worker.space("Before");
  const out = await chromium.page({ signedIn: false });
  await out.goto("/login");
  assert.equal(await out.evaluate(() => document.activeElement.name), "password");
  await out.context().close();
  const page = await chromium.page();
  await page.goto(`/s/${id}/settings`);
  await page.getByLabel("Name", { exact: true }).fill("After");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("status").getByText("Saved.").waitFor();
  assert.match(page.url(), new RegExp(`/s/${id}/settings`));
  assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "After");
  await page.context().close();
});

test("a form with two faults names both, leads to each, and has the focus on the first", async () => {
  const { id } = await worker.space("Faults");
  const page = await chromium.page({ width: 360, height: 740 });
  await page.goto(`/s/${id}/destinations/new?kind=webhook`);
  await page.getByLabel("Name", { exact: true }).fill("Hook");
  await page.getByLabel("Address").fill("no address");
  await page.getByRole("textbox", { name: "Custom headers" }).fill("no colon");
  await page.getByLabel("Signing secret").fill("whsec_mine");
  await page.getByLabel("Name for deposit").fill("Purchase");
  await page.getByRole("button", { name: "Add the destination" }).click();
  const list = page.getByRole("alert");
  await list.getByText("3 things to mend").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), "url");
  assert.equal(await page.getByRole("textbox", { name: "Custom headers" }).inputValue(), "no colon");
  assert.equal(await page.getByLabel("Signing secret").inputValue(), "whsec_mine");
  assert.equal(await page.getByLabel("Name for deposit").inputValue(), "Purchase");
  await list.getByRole("link", { name: "Custom headers" }).click();
  assert.match(page.url(), /#headers$/);
  page.complaints = page.complaints.filter((text) => !/status of 422/.test(text));
  await assertSound(page, "a refused form");

  // The page of the keys goes to a place of its own, where browsers leave autofocus out.
  await page.goto(`/s/${id}/keys`);
  await page.getByText("Another network").click();
  await page.getByLabel("Macro for the amount").fill("a b");
  await page.getByRole("button", { name: "Build the URL" }).click();
  await page.locator("#value-error").waitFor();
  await page.waitForFunction(() => document.activeElement.id === "value");
  await page.context().close();
});

test("macros stand beside the field that wants them, and are written in where the cursor is", async () => {
  const { id } = await worker.space("Macros");
  const page = await chromium.page();
  await page.goto(`/s/${id}/destinations/new?kind=s2s_postback`);
  const address = page.getByLabel("Address with macros");
  await address.fill("https://aff.example/?c=&s=1");
  await address.evaluate((field) => field.setSelectionRange(23, 23));
  await page.getByText("Macros that are filled in").click();
  await page.getByRole("button", { name: "Insert {uid}" }).click();
  assert.equal(await address.inputValue(), "https://aff.example/?c={uid}&s=1");
  assert.equal(await page.evaluate(() => document.activeElement.id), "url_template");
  await page.keyboard.type("!");
  assert.equal(await address.inputValue(), "https://aff.example/?c={uid}!&s=1");
  await page.goto(`/s/${id}/keys`);
  await page.getByText("Another network").click();
  await page.getByText("What other networks call it").first().click();
  await page.getByRole("button", { name: "Insert {click_id}" }).first().click();
  assert.equal(await page.getByLabel("Macro for the click id").inputValue(), "{click_id}");
  await page.context().close();
});

test("an address is one line, beside its copy button, and scrolls by keyboard where it is longer", async () => {
  const { id } = await worker.space("Addresses");
  const slug = "a-rather-long-address-of-a-landing-page-for-a-phone";
  const link = await worker.link(id, slug);
  const page = await chromium.page({ width: 360, height: 740 });
  await page.goto(`/s/${id}/links/${link}`);
  const [text, button] = [await box(page, ".copied"), await box(page, "button.copy")];
  assert.ok(text.height < 40, `it is ${text.height} px high`);
  assert.ok(button.y < text.y + text.height && button.y + button.height > text.y, "the button stands beside it");
  assert.ok(button.x + button.width <= 360 && text.x + text.width <= button.x + 1);
  await page.locator("#url").focus();
  await page.keyboard.press("End");
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() => document.getElementById("url").scrollLeft > 0);
  await page.context().close();
});
