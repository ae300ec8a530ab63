// What a user does with the dashboard, in real Chromium on the running Worker.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startWorker } from "../harness.mjs";
import { assertSound, signIn, startChromium } from "./chromium.mjs";

let worker, chromium;
before(async () => {
  worker = await startWorker();
  chromium = await startChromium(worker);
});
after(async () => {
  await chromium?.stop();
  await worker.stop();
});

const fire = async (token, query) => await worker.fire(`/e?token=${token}&${query}`);
/** Waits for a text at most two seconds: what a user is promised. */
const within2s = (locator) => locator.waitFor({ state: "visible", timeout: 2000 });

test("a new deployment leads from signing in to the first event", async () => {
  const page = await chromium.page({ signedIn: false });
  await page.goto("/");
  await signIn(page);
  await page.getByRole("heading", { name: "Create your first space" }).waitFor();
  assert.equal(await page.getByLabel("Time zone for reports").inputValue(), "Asia/Calcutta");
  await page.getByLabel("Name", { exact: true }).fill("My <offer>");
  await page.getByLabel("Time zone for reports").fill("Asia/Kolkata");
  await page.getByRole("button", { name: "Create the space" }).click();
  await page.getByRole("heading", { name: "Shown only once" }).waitFor();
  const token = await page.locator("#token-now").textContent();
  assert.match(token, /^xt_in_[0-9a-v]{36}$/);
  assert.match(await page.locator("#bearer-now").textContent(), /^xt_sk_[0-9a-v]{36}$/);

  await page.locator("summary", { hasText: "Pocket Option" }).click();
  const line = page.locator(".url", { hasText: "deposit" }).locator("visible=true").first();
  await line.getByRole("button", { name: "Copy" }).click();
  await line.getByText("Copied").waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(
    copied,
    `${chromium.origin}/e?token=${token}&event=deposit&uid={click_id}&eid={trade_id}&value={sumdep}&currency=USD`,
  );

  await page.getByRole("link", { name: "Fire a test registration" }).click();
  await page.getByText("answered “queued”").waitFor();
  await assertSound(page, "keys");
  await page.getByRole("link", { name: "See event 1" }).click();
  await page.locator("#verdict").getByText("Not counted").waitFor();
  await page.getByRole("link", { name: "Overview", exact: true }).click();
  await within2s(page.locator("#feed").getByText("registration"));
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL("**/login");
  await page.goto("/s/1");
  assert.match(page.url(), /\/login\?next=\/s\/1$/);
  await assertSound(page, "login");
  await page.context().close();
});

test("an old token works after rotation and no more once it is revoked", async () => {
  const { id, ingest } = await worker.space("Rotation");
  const page = await chromium.page();
  await page.goto(`/s/${id}/keys`);
  const section = page.locator("#key-1");
  await section.getByText("Rotate", { exact: true }).click();
  await section.getByRole("button", { name: "Rotate Main key" }).click();
  const token = await page.locator("#token-now").textContent();
  await section.getByText(/\(2[34]:\d\d:\d\d left\)/).waitFor();
  assert.deepEqual(
    [(await fire(ingest, "event=contact")).status, (await fire(token, "event=contact")).status],
    ["queued", "queued"],
  );
  await section.getByRole("button", { name: "End the previous key now" }).click();
  await page.waitForURL(`**/s/${id}/keys?said=revoked#key-1`);
  assert.deepEqual([(await fire(ingest, "event=contact")).code, (await fire(token, "event=contact")).code], [401, 200]);
  assert.equal(await page.getByText(token).count(), 0, "the new one is not shown again");
  await page.getByLabel("Your ingest token").fill(token);
  await page.getByRole("button", { name: "Fill it in" }).click();
  await page.locator("#fire").waitFor();
  await assertSound(page, "keys with a pasted token");
  await page.context().close();
});

test("a double click on Rotate makes one secret, shows it, and leaves the old one its 24 hours", async () => {
  const { id, ingest } = await worker.space("Double click");
  const page = await chromium.page();
  await page.goto(`/s/${id}/keys`);
  const section = page.locator("#key-1");
  await section.getByText("Rotate", { exact: true }).click();
  await section.getByRole("button", { name: "Rotate Main key" }).dblclick();
  const token = await page.locator("#token-now").textContent();
  assert.deepEqual(await worker.rows("SELECT count(*) AS n FROM keys WHERE space_id = ? AND kind = 'ingest'", id), [
    { n: 2 },
  ]);
  assert.deepEqual(
    [(await fire(ingest, "event=contact")).status, (await fire(token, "event=contact")).status],
    ["queued", "queued"],
  );
  await page.context().close();
});

test("a deposit moves revenue, feed and the link's row within two seconds, without reload", async () => {
  const { id, ingest, bearer } = await worker.space("Live");
  const link = await worker.link(id, "live-link");
  await worker.fire("/clicks", {
    method: "POST",
    headers: { authorization: `Bearer ${bearer}` },
    body: JSON.stringify({ uid: "visitor", link_slug: "live-link" }),
  });
  const page = await chromium.page();
  await page.goto(`/s/${id}`);
  await page.getByText("Waiting for the first event").waitFor();
  await page.locator('#connection[data-state="live"]').waitFor();
  await page.evaluate(() => {
    globalThis.stayed = true;
  });
  await fire(ingest, "event=deposit&uid=visitor&eid=1&value=25.00&currency=USD");
  await within2s(page.locator("#revenue").getByText("25.00"));
  await within2s(page.locator("#feed").getByText("25.00\u00a0USD"));
  await within2s(page.locator(`#link-${link}`).getByText("25.00 USD"));
  await within2s(page.locator("#spoken").getByText("New: deposit, 25.00"));
  await fire(ingest, "event=deposit&uid=visitor&eid=2&value=1000.50&currency=USD");
  await within2s(page.locator("#revenue").getByText("1,025.50"));
  assert.equal(await page.locator("#feed li").count(), 2);
  assert.equal(await page.evaluate(() => globalThis.stayed), true, "the page was not loaded again");
  await assertSound(page, "overview");
  await page.context().close();
});

test("a delivery shows its destination and how it went, without reload", async () => {
  const { id, ingest } = await worker.space("Delivery");
  await worker.db
    .prepare(
      `
      INSERT INTO destinations (space_id, name, enabled, events, config, secrets, created_at_ms)
      VALUES (?, 'My hook', 1, '{"deposit":"Purchase"}', '{}', '', 0)`,
    )
    .bind(id)
    .run();
  const page = await chromium.page();
  await page.goto(`/s/${id}`);
  await page.locator('#connection[data-state="live"]').waitFor();
  await fire(ingest, "event=deposit&uid=u&eid=1&value=5");
  await within2s(page.locator("#feed").getByText("→ My hook"));
  await page.context().close();
});

test("a lost connection is told and mended, and a hidden page asks nothing", async () => {
  const { id, ingest } = await worker.space("Lost");
  const page = await chromium.page();
  let asked = 0;
  page.on("request", (request) => {
    if (request.url().includes("/live?")) asked += 1;
  });
  await page.goto(`/s/${id}`);
  await page.locator('#connection[data-state="live"]').waitFor();
  await page.context().setOffline(true);
  await page.evaluate(() => dispatchEvent(new Event("online"))); // Breaks the waiting question off.
  await page.locator('#connection[data-state="lost"]').waitFor();
  await fire(ingest, "event=deposit&uid=u&eid=1&value=7");
  await page.context().setOffline(false);
  await page.locator("#revenue").getByText("7.00").waitFor({ timeout: 10_000 });
  await page.locator('#connection[data-state="live"]').waitFor();

  const hide = (hidden) =>
    page.evaluate((value) => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => value });
      document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);
  await hide(true);
  await page.locator('#connection[data-state="off"]').waitFor();
  asked = 0;
  await fire(ingest, "event=deposit&uid=u&eid=2&value=1");
  await new Promise((resolve) => setTimeout(resolve, 2500)); // What must not happen has no condition to wait for.
  assert.equal(asked, 0);
  await hide(false);
  await within2s(page.locator("#revenue").getByText("8.00"));
  page.complaints = page.complaints.filter((text) => !text.includes("ERR_INTERNET_DISCONNECTED"));
  await assertSound(page, "overview after a lost connection");
  await page.context().close();
});

test("a deposit without an amount is explained on its event's page", async () => {
  const { id, ingest } = await worker.space("Explained");
  await fire(ingest, "event=deposit&uid=u&eid=1&value=&currency=USD");
  const page = await chromium.page();
  await page.goto(`/s/${id}`);
  await page.getByText("A deposit came without an amount").waitFor();
  await page.getByRole("link", { name: "See why" }).click();
  await page.locator("#verdict").getByText("came without an amount and added nothing to revenue").waitFor();
  await page.locator("#verdict").getByText("The value macro resolved empty").waitFor();
  await page.context().close();
});
