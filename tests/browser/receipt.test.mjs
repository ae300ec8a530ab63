// What a user does with receipts and with Try a URL, in real Chromium on the running Worker.
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

const fire = async (space, query) => await worker.fire(`/e?token=${space.ingest}&${query}`);

test("an event that came again with another amount shows when, and what was different", async () => {
  const space = await worker.space("Receipts");
  await fire(space, "event=deposit&uid=u&eid=tr-1&value=120.50");
  await fire(space, "event=deposit&uid=u&eid=tr-1&value=300");
  await fire(space, "event=deposit&uid=u&amp;value=5");
  const page = await chromium.page();
  await page.goto(`/s/${space.id}/events/1`);
  const again = page
    .locator("#again")
    .getByText("came again with 300.00\u00a0USD in place of 120.50\u00a0USD; not counted");
  await again.waitFor();
  assert.equal(await page.locator("#again time").count(), 1);
  await page.getByRole("heading", { name: "As it was read" }).waitFor();
  await page.getByRole("row", { name: /^value 120\.50/ }).waitFor();
  await assertSound(page, "an event with a conflict");
  await page.goto(`/s/${space.id}/events/2`);
  await page.getByRole("heading", { name: "Repairs" }).waitFor();
  await page.locator("#verdict").getByText("if the network repeats the call, it counts again").waitFor();
  await assertSound(page, "an event that was repaired");
  await page.context().close();
});

test("a refused postback's page is reached from the list", async () => {
  const space = await worker.space("Refusals");
  await fire(space, "event=deposit&uid=u&value=1,234");
  const page = await chromium.page({ width: 360, height: 740 });
  await page.goto(`/s/${space.id}/refused`);
  await page.getByRole("link", { name: "Refused postback 1: its receipt" }).click();
  await page.getByRole("heading", { name: "Refused postback 1" }).waitFor();
  await page.getByText("Nothing moved.").waitFor();
  await assertSound(page, "a refused postback");
  await page.context().close();
});

test("a URL is tried before any traffic, then a template, and nothing is stored", async () => {
  const space = await worker.space("Trying");
  const page = await chromium.page();
  await page.goto(`/s/${space.id}/keys`);
  await page.getByRole("link", { name: "Try a URL" }).click();
  const box = page.getByLabel("URL or template");
  await box.fill(`  ${chromium.origin}/e?token=${space.ingest}&event=deposit&uid=u\n&eid=1&value=25.00`);
  await page.getByRole("button", { name: "Try it" }).click();
  await page.locator("#verdict").getByText("It would be a new deposit, and add 25.00 USD to revenue.").waitFor();
  await page.getByText("Its token is this space's current one.").waitFor();
  assert.ok(!(await page.content()).includes(space.ingest), "the token is not shown again");
  assert.ok(!page.url().includes("token"), "nor is it in the address");
  await assertSound(page, "a tried URL");
  await page.reload();
  await page.getByText("Its token is this space's current one.").waitFor();

  await box.fill(
    "https://t.example/e?token=YOUR_TOKEN&event=deposit&uid={sub1}&eid={transaction_id}&value={sale_amount}",
  );
  await page.getByRole("button", { name: "Try it" }).click();
  await page.getByText("Read as a template of Everflow.").waitFor();
  await page.getByRole("row", { name: /^eid \{transaction_id\} no .*Use \{conversion_id\} for eid/ }).waitFor();
  await page.getByText("It calls t.example.").waitFor();
  await assertSound(page, "a tried template");
  await page.setViewportSize({ width: 360, height: 740 });
  await assertSound(page, "a tried template on a phone");
  const { n } = await worker.row(
    "SELECT (SELECT count(*) FROM events WHERE space_id = ?1) + (SELECT count(*) FROM held WHERE space_id = ?1) AS n",
    space.id,
  );
  assert.equal(n, 0);
  await page.context().close();
});
