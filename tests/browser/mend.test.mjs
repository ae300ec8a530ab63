// Mending in a browser: a refused amount from the list to revenue, once.
import assert from "node:assert/strict";
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

test("a refused 1,234 is chosen, previewed, replayed: revenue moves once, and a reload repeats nothing", async () => {
  const space = await worker.space("Mend");
  await fire(space, "event=deposit&uid=u&eid=t-1&value=1,234");
  await fire(space, "event=deposit&uid=u&eid=t-2&value=abc");
  const page = await chromium.page();
  await page.goto(`/s/${space.id}`);
  await page.getByRole("link", { name: /^Refused/ }).click();
  await page.locator("#refused-1").getByRole("checkbox").check();
  await page.getByRole("button", { name: "Preview" }).click();
  await page.getByRole("alert").getByText("Choose what is to be mended.").waitFor();
  assert.ok(await page.locator("#refused-1").getByRole("checkbox").isChecked(), "what was chosen stays chosen");
  // The browser itself remarks on the answer that is meant to be a refusal.
  page.complaints = page.complaints.filter((text) => !/status of 422/.test(text));
  await page.getByLabel("Thousands: 1,234 is 1234").check();
  await assertSound(page, "the list");
  await page.getByRole("button", { name: "Preview" }).click();

  await page.getByText("1 would be stored, 0 are known already, 0 would stay refused.").waitFor();
  await page.locator("#money").getByText("+1,234.00\u00a0USD").waitFor();
  assert.equal((await deposits(worker, space.id)).events, 0);
  await assertSound(page, "the preview");
  await page.reload();
  await page.getByRole("button", { name: "Replay them" }).dblclick();
  await page.getByText("Done: 1 of 1.").waitFor();
  await assertSound(page, "the replay");
  await page.reload();
  assert.deepEqual(await deposits(worker, space.id), { events: 1, units: 1234 });

  await page.getByRole("link", { name: "Event 1", exact: true }).click();
  await page.getByText("Counted: 1,234.00\u00a0USD was added to revenue.").waitFor();
  await page.getByText("It was mended by hand, by replay 1 of this space: 1,234 is read as 1234.").waitFor();
  await page.getByRole("link", { name: /^Refused/ }).click();
  assert.equal(await page.locator("#refused-1").count(), 0, "what was replayed is done with");
  await page.getByLabel("also those replayed").check();
  await page.getByRole("button", { name: "Filter" }).click();
  await page.locator("#refused-1").getByText("Replayed: event 1").waitFor();
  await page.goBack();
  await page.goto(`/s/${space.id}/mend?seq=1&mend=thousands`);
  await page.getByText("There is nothing to do").waitFor();
  await page.getByRole("link", { name: "Overview", exact: true }).click();
  await page.getByText("1,234.00\u00a0USD").first().waitFor();
  assert.deepEqual(await deposits(worker, space.id), { events: 1, units: 1234 });
  await page.context().close();
});

test("a mend that stays on is a rule: shown where it acted, and ended", async () => {
  const space = await worker.space("Rule");
  for (const eid of ["a", "b"]) await fire(space, `event=deposit&uid=u&eid=${eid}&sum=25`);
  const page = await chromium.page();
  await page.goto(`/s/${space.id}/refused?of=events`);
  await page.getByLabel("Note").fill("value_empty");
  await page.getByRole("button", { name: "Filter" }).click();
  await page.getByLabel("All that match").check();
  await page.getByLabel("Another name: read").check();
  await page.getByLabel("The name as it arrives").fill("sum");
  await page.getByLabel("The parameter that it is").selectOption("value");
  await page.getByRole("button", { name: "Preview" }).click();
  await page.locator("#money").getByText("+50.00\u00a0USD").waitFor();
  await page.getByLabel("This rule stays on for what comes next").check();
  await page.getByRole("button", { name: "Change them" }).click();
  await page.getByText("Done: 2 of 2.").waitFor();
  assert.deepEqual(await deposits(worker, space.id), { events: 2, units: 50 });

  assert.deepEqual((await fire(space, "event=deposit&uid=u&eid=c&sum=5")).notes, ["rule:1"]);
  await page.goto(`/s/${space.id}/events/3`);
  await page.getByText("Rule 1 of this space changed how it was read: sum is read as value.").waitFor();
  await assertSound(page, "the event");
  await page.goto(`/s/${space.id}/rules`);
  await assertSound(page, "the rules");
  await page.getByRole("button", { name: "End rule 1" }).click();
  await page.waitForURL(`**/s/${space.id}/rules`);
  assert.equal(await page.getByRole("button", { name: "End rule 1" }).count(), 0);
  assert.deepEqual((await fire(space, "event=deposit&uid=u&eid=d&sum=5")).notes, ["value_empty"]);

  await page.locator("#new").getByLabel("Currency: deposits without one are in").check();
  await page.getByLabel("Their currency").fill("E");
  await page.getByRole("button", { name: "Put it on" }).click();
  await page.getByRole("alert").getByText("The currency must be 3 to 5 letters").waitFor();
  await page.getByLabel("Their currency").fill("EUR");
  await page.getByRole("button", { name: "Put it on" }).click();
  await page.locator("#rule-2").getByText("deposits without a currency are in EUR").waitFor();
  await page.context().close();
});

test("one value of an event is set on its own page, and every screen fits a phone", async () => {
  const space = await worker.space("One");
  await fire(space, "event=deposit&uid=u&eid=one");
  await fire(space, `event=deposit&uid=${"w".repeat(256)}&eid=two&value=abc`);
  const page = await chromium.page({ width: 360, height: 740, colorScheme: "dark" });
  await page.goto(`/s/${space.id}/events/1`);
  await page.getByText("Mend this event").click();
  await page.getByLabel("Set one value:").check();
  await page.getByLabel("Its value").fill("12.50");
  await page.getByRole("button", { name: "Preview" }).click();
  await page.getByText("+12.50\u00a0USD").waitFor();
  await assertSound(page, "the preview on a phone");
  await page.getByRole("button", { name: "Change them" }).click();
  await page.getByText("Done: 1 of 1.").waitFor();
  assert.equal((await worker.row("SELECT micros FROM events WHERE eid = 'one'")).micros, 12_500_000);
  for (const path of ["/refused", "/refused?of=events", "/mend?seq=1&mend=none", "/rules", "/replays", "/replays/1"]) {
    await page.goto(`/s/${space.id}${path}`);
    await assertSound(page, path);
  }
  await page.context().close();
});
