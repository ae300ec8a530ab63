// What a user decides about events, in real Chromium on the running Worker. After each step the counters are what a
// recount finds, and a reload repeats nothing.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startWorker } from "../harness.mjs";
import { recount } from "../recount.mjs";
import { assertSound, startChromium } from "./chromium.mjs";

const HOUR_MS = 3_600_000;

let worker, chromium;
before(async () => {
  worker = await startWorker();
  chromium = await startChromium(worker);
});
after(async () => {
  await chromium?.stop();
  await worker.stop();
});

/** A space on the screen, with what happens in it. */
async function scene(name) {
  const space = await worker.space(name);
  const page = await chromium.page();
  const decisions = async () =>
    (await worker.row("SELECT count(*) AS n FROM decisions WHERE space_id = ?", space.id)).n;
  return {
    ...space,
    page,
    fire: (query) => worker.fire(`/e?token=${space.ingest}&${query}`),
    open: (seq) => page.goto(`/s/${space.id}/events/${seq}`),
    /** Presses a button, and again by reloading what it led to; gives the revenue of its recount. */
    async press(button) {
      await page.getByRole("button", { name: button }).click();
      await page.waitForURL(/\/events\/\d+$/);
      const { revenue } = await recount(worker, space.id, button);
      const made = await decisions();
      await page.reload();
      assert.equal(await decisions(), made, `${button}: a reload decides nothing`);
      assert.deepEqual((await recount(worker, space.id, "reloaded")).revenue, revenue);
      return (revenue.USD ?? 0) / 1_000_000;
    },
  };
}

test("a conflict is decided each of the three ways, and undone", async () => {
  const s = await scene("Conflict");
  await s.fire("event=deposit&uid=u&eid=tr-1&value=120.50");
  await s.fire("event=deposit&uid=u&eid=tr-1&value=300");
  await s.open(1);
  const conflict = s.page.getByRole("heading", { name: "Conflict: it came again and says something else" });
  await conflict.waitFor();
  await assertSound(s.page, "a conflict");
  for (const [button, revenue] of [
    [/^Keep 120\.50.USD \(now\)$/, 120.5],
    [/^Take 300\.00.USD: revenue \+179\.50.USD$/, 300],
    [/^Count both: revenue \+300\.00.USD$/, 420.5],
  ]) {
    assert.equal(await s.press(button), revenue, String(button));
    assert.equal(await conflict.count(), 0, "it is decided");
    assert.equal(await s.press(/^Undo decision \d+$/), 120.5);
    assert.equal(await conflict.count(), 1, "it is open again");
  }
  await assertSound(s.page, "a record of decisions");
  await s.page.context().close();
});

test("two equal deposits are merged and parted", async () => {
  const s = await scene("Twins");
  const t = Date.now() - HOUR_MS;
  await s.fire(`event=deposit&uid=u&value=25&t=${t}`);
  await s.fire(`event=deposit&uid=u&value=25&t=${t + 1000}`);
  await s.page.goto(`/s/${s.id}/events`);
  await s.page.getByText("the same as event 1?").waitFor();
  await s.open(1);
  await s.page.getByRole("heading", { name: "Possible duplicate: event 2 looks the same as event 1" }).waitFor();
  await assertSound(s.page, "a possible duplicate");
  assert.equal(await s.press(/^Merge: count once/), 25);
  await s.page.getByText("Not counted: the same as event 1. It stays on record").waitFor();
  assert.equal(await s.press("Undo decision 1"), 50);
  assert.equal(await s.press("They are two"), 50);
  assert.equal(await s.page.getByRole("heading", { name: /Possible duplicate/ }).count(), 0);
  assert.equal(await s.press("Undo decision 3"), 50);
  await s.page.context().close();
});

test("a test is taken out and put back, and an event is entered by hand", async () => {
  const s = await scene("Test");
  await s.fire("event=deposit&uid=u&eid=1&value=25");
  await s.open(1);
  await s.page.getByText("Take it out of the figures").click();
  await s.page.getByLabel("Why").selectOption("A test");
  await assertSound(s.page, "taking out");
  assert.equal(await s.press("Take it out"), 0);
  await s.page.goto(`/s/${s.id}/events`);
  await s.page.getByText("not counted: A test").waitFor();
  await assertSound(s.page, "a list with an event that is out");
  await s.open(1);
  assert.equal(await s.press("Put it into the figures"), 25);

  await s.page.goto(`/s/${s.id}/events`);
  await s.page.getByRole("link", { name: "Enter an event by hand" }).click();
  await s.page.getByLabel("Click id").fill("u");
  await s.page.getByLabel("Amount").fill("1,234");
  await s.page.getByRole("button", { name: "Enter" }).click();
  await s.page.getByText("Write a plain number such as 25.00.").waitFor();
  s.page.complaints = s.page.complaints.filter((text) => !text.includes("status of 422"));
  await assertSound(s.page, "a refused entry");
  await s.page.getByLabel("Amount").fill("12.50");
  await s.page.getByRole("button", { name: "Enter" }).dblclick();
  await s.page.waitForURL(/\/events\/2$/);
  await s.page.getByText("It was entered by hand").waitFor();
  assert.equal((await recount(worker, s.id, "entered")).revenue.USD, 37_500_000);
  await s.page.context().close();
});
