// The keys page as a media buyer uses it: whole URLs by a key of the network's own, and nothing done again by a reload.
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

const keysOf = async (id) => (await worker.row("SELECT count(*) AS n FROM key_names WHERE space_id = ?", id)).n;

test("an additional key for a network is made and shown; a reload makes nothing, the next shows nothing", async () => {
  const { id } = await worker.space("Additional");
  const page = await chromium.page();
  await page.goto(`/s/${id}/keys`);
  assert.equal(await page.getByRole("button", { name: "Copy" }).count(), 0);
  await assertSound(page, "without a token");
  await page.getByText("Quotex", { exact: true }).click();
  const network = page.locator("#network-quotex");
  assert.equal(await network.getByLabel("Name of the new key").inputValue(), "Quotex");
  await network.getByRole("button", { name: "Make a key for Quotex" }).click();
  const token = await page.locator("#token-now").textContent();
  await page.getByRole("link", { name: "The postback URLs for Quotex, whole" }).click();
  const line = network.locator(".url", { hasText: "deposit" }).first();
  await line.getByRole("button", { name: "Copy" }).click();
  await line.getByText("Copied").waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  assert.ok(copied.startsWith(`${chromium.origin}/e?token=${token}&event=deposit`), copied);
  await assertSound(page, "with a new key");
  assert.ok(!page.url().includes(token));
  await page.reload();
  assert.equal(await page.locator("#token-now").textContent(), token);
  await page.reload();
  await page.getByText("This secret was shown already").waitFor();
  assert.equal(await page.getByText(token).count(), 0);
  assert.equal(await keysOf(id), 3);
  await page.context().close();
});

test("by keyboard, on a phone and in the dark: a key is renamed, and ended after its last use was read", async () => {
  const { id, ingest } = await worker.space("Phone");
  await worker.fire(`/e?token=${ingest}&event=contact&uid=u&eid=1`);
  const page = await chromium.page({ width: 360, colorScheme: "dark" });
  await page.goto(`/s/${id}/keys`);
  const key = page.locator("#key-1");
  await key.getByText("Rename", { exact: true }).press("Enter");
  await key.getByLabel("New name").fill("Facebook, Brazil and everything else that is long");
  await key.getByLabel("New name").press("Enter");
  await page.getByText("The key has its new name").waitFor();
  await page.locator("#key-1 summary", { hasText: "End for good" }).press("Enter");
  await page
    .locator("#key-1")
    .getByText(/Last used about .* answered 401/)
    .waitFor();
  await assertSound(page, "a phone");
  await page.getByRole("button", { name: /^End Facebook, Brazil/ }).press("Enter");
  await page.getByText("The key has ended for good.").waitFor();
  assert.equal((await worker.fire(`/e?token=${ingest}&event=contact`)).code, 401);
  await page.goto(`/s/${id}/events/1`);
  await page.getByRole("link", { name: /^Facebook, Brazil/ }).waitFor();
  await page.context().close();
});

test("a space is created once, however often its page is reloaded or its button clicked", async () => {
  const page = await chromium.page();
  const count = async () => (await worker.row("SELECT count(*) AS n FROM spaces")).n;
  const before = await count();
  await page.goto("/new");
  await page.getByLabel("Name", { exact: true }).fill("Created once");
  await page.getByRole("button", { name: "Create the space" }).dblclick();
  await page.locator("#bearer-now").waitFor();
  await page.reload();
  await page.waitForLoadState();
  assert.equal(await count(), before + 1);
  await page.context().close();
});

test("another space's token fires no test", async () => {
  const [here, there] = [await worker.space("Here"), await worker.space("There")];
  const page = await chromium.page();
  await page.goto(`/s/${here.id}/keys`);
  await page.getByLabel("Your ingest token").fill(there.ingest);
  await page.getByRole("button", { name: "Fill it in" }).click();
  await page.getByText("another space, “There”").waitFor();
  assert.equal(await page.locator("#fire").count(), 0);
  // The browser itself says that the form was refused.
  page.complaints = page.complaints.filter((complaint) => !complaint.includes("status of 422"));
  await assertSound(page, "a refused token");
  await page.context().close();
});
