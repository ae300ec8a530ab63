// Destinations as somebody at a screen meets them: a test that asks, a pause that offers, one event sent by hand.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { received, rows, s2s, scene, settled, useDestinations, worker } from "../destinations.mjs";
import { until } from "../harness.mjs";
import { assertSound, startChromium } from "./chromium.mjs";

useDestinations();
let chromium;
const started = async () => (chromium ??= await startChromium(worker));
after(() => chromium?.stop());

/** The same page on a phone in the dark, and on a desk in the light, is sound. */
async function soundEverywhere(page, what) {
  for (const [width, colorScheme] of [
    [360, "dark"],
    [1280, "light"],
  ]) {
    await page.setViewportSize({ width, height: 800 });
    await page.emulateMedia({ colorScheme });
    await assertSound(page, `${what} at ${width} px in ${colorScheme}`);
  }
}

test("a destination is made and tested by the keyboard, and nothing leaves unasked, twice or by a reload", async () => {
  const { id } = await worker.space("Tests");
  const page = await (await started()).page();
  await page.goto(`/s/${id}/destinations/new?kind=s2s_postback`);
  await page.getByLabel("Name", { exact: true }).fill("Tracker");
  await page.getByLabel("Address with macros").fill("https://s2s.example/p?subid={uid}&payout={value}&tid={eid}");
  await page.getByRole("button", { name: "Add the destination" }).press("Enter");
  await page.getByRole("status").getByText("Saved.").waitFor();
  assert.equal(await page.locator("#health p").first().innerText(), "Nothing has been sent yet.");
  await page.reload();
  const { n } = await worker.row("SELECT count(*) AS n FROM destinations WHERE space_id = ?", id);
  assert.equal(n, 1, "a reload makes no second one");
  await soundEverywhere(page, "a new destination");

  await page.getByRole("link", { name: "Send a test…" }).press("Enter");
  const request = page.locator("#request");
  await request
    .getByText(/^GET https:\/\/s2s\.example\/p\?subid=xtracker-test-\w+&payout=1\.00&tid=xtracker-test/)
    .waitFor();
  await page.getByText("This network or tracker will take it for a real sale.").waitFor();
  await soundEverywhere(page, "what a test would send");
  assert.equal(received.length, 0, "nothing has left");
  await page.getByRole("button", { name: "Send the test" }).dblclick();
  await page.getByText("It was accepted.").waitFor();
  const places = await page.evaluate(() => {
    const button = [...document.querySelectorAll("#health .row a")][0].getBoundingClientRect();
    return [button.bottom, document.querySelector("#tested").getBoundingClientRect().top];
  });
  assert.ok(places[1] >= places[0] && places[1] - places[0] < 60, `the result stands under its button: ${places}`);
  await soundEverywhere(page, "the result of a test");
  await page.reload();
  await page.getByText("It was accepted.").waitFor();
  assert.equal(received.length, 1);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("what came during a pause is offered and sent, and an event's page sends it once more", async () => {
  const space = await scene(s2s());
  const page = await (await started()).page();
  const path = `/s/${space.id}/destinations/${space.destinations[0].id}`;
  await page.goto(path);
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByRole("status").getByText("Paused.").waitFor();
  for (const eid of [1, 2]) await space.fire(`event=deposit&uid=u${eid}&eid=${eid}&value=5`);
  await page.reload();
  await page.getByText("2 events came while paused. They can be sent").waitFor();
  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByRole("status").getByText("Resumed.").waitFor();
  await page.goto(`/s/${space.id}/destinations`);
  await soundEverywhere(page, "the list with an offer");
  await page.getByRole("link", { name: "2 events came while paused" }).click();
  await soundEverywhere(page, "an offer");
  await page.getByRole("button", { name: "Send them" }).dblclick();
  await page.getByRole("status").getByText("is being sent").waitFor();
  await until("both were sent", async () => (await rows()).every(({ state }) => state === "sent"));
  assert.equal(received.length, 2);

  await page.goto(`${path}`);
  await page.getByRole("link", { name: "Event 2" }).click();
  await page.locator("#sent details summary").click();
  await page.getByText("GET https://s2s.example/p?c=u2&v=5.00").waitFor();
  await soundEverywhere(page, "an event with what was sent");
  await page.getByRole("button", { name: "Show what it would get…" }).click();
  await page.getByText("has been sent this event before").waitFor();
  await soundEverywhere(page, "what an event would send");
  await page.getByRole("button", { name: "Send it" }).dblclick();
  await until("it was sent again", () => received.length === 3);
  await settled();
  await page.reload();
  assert.equal(received.length, 3);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});
