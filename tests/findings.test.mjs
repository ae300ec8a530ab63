// Why postbacks did not count: the findings as a program and as a person reads them, muted and not, and the postbacks
// whose key opens nothing.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { mintKey, OPERATOR_TOKEN, sha256, startWorker, until } from "./harness.mjs";

const HOUR_MS = 3600 * 1000;
const DAY_MS = 24 * HOUR_MS;

let worker, browser;
before(async () => {
  worker = await startWorker();
  browser = await worker.browser();
});
after(() => worker.stop());

const operator = (path, method = "GET", body) =>
  worker.fire(`/api/spaces/${path}`, {
    method,
    headers: { authorization: `Bearer ${OPERATOR_TOKEN}` },
    body: body && JSON.stringify(body),
  });
const findings = async ({ id }) => (await operator(`${id}/findings`)).findings;
const fire = (space, query, init) => worker.fire(`/e?token=${space.ingest}&${query}`, init);
/** The rows of keys that open nothing, once there are so many postbacks among them. */
const unknownKeys = (count) =>
  until(`${count} postbacks are written down`, async () => {
    const rows = await worker.rows("SELECT * FROM unknown_keys");
    return rows.reduce((sum, row) => sum + row.count, 0) >= count && rows;
  });

test("a right configuration has no findings, and a retry is none", async () => {
  const space = await worker.space();
  for (const eid of ["1", "2", "2"]) await fire(space, `event=deposit&uid=a&eid=${eid}&value=25.00&currency=USD`);
  const answer = await operator(`${space.id}/findings`);
  assert.deepEqual([answer.code, answer.text], [200, '{"ok":true,"findings":[]}']);
  const { text } = await browser.get(`/s/${space.id}/health`);
  assert.match(text, /Nothing to mend among the newest 2 postbacks/);
  assert.doesNotMatch((await browser.get(`/s/${space.id}`)).text, /health">See what to change/);
  assert.equal((await operator("999/findings")).code, 404);
});

test("a finding says what happened, what to change, how much is at stake and which events they were", async () => {
  const space = await worker.space();
  await fire(space, "event=deposit&uid=%7Bclick_id%7D&eid=1&value=%7Bsumdep%7D");
  await fire(space, "event=registration&uid=a&eid=2");
  const [finding, ...others] = await findings(space);
  assert.deepEqual(others, []);
  assert.equal(finding.cause, "template_opened");
  assert.ok(finding.sentence && finding.mend);
  assert.deepEqual([finding.count, finding.money, finding.seqs, finding.held, finding.muted], [1, [], [], [1], false]);
  assert.ok(finding.first_seen_ms === finding.last_seen_ms && Date.now() - finding.last_seen_ms < 60_000);
  const { text } = await browser.get(`/s/${space.id}/health`);
  assert.ok(text.includes(`/s/${space.id}/refused/1`), "the page leads to the refused postback");
  const overview = (await browser.get(`/s/${space.id}`)).text;
  assert.ok(overview.includes(`href="/s/${space.id}/health">See what to change`), "and the overview to the page");
});

test("a muted finding is said no more, until it is to be said again, also by a program", async () => {
  const space = await worker.space();
  await fire(space, "event=deposit&uid=%7Bclick_id%7D&eid=1&value=%7Bsumdep%7D");
  const [{ cause, source }] = await findings(space);
  const page = `/s/${space.id}/health`;
  const { code, headers } = await browser.send(`${page}/mute`, { cause, source });
  assert.deepEqual([code, headers.get("location")], [303, page]);
  assert.deepEqual(
    (await findings(space)).map(({ muted }) => muted),
    [true],
  );
  assert.match((await browser.get(page)).text, /Muted \(1\)/);
  assert.doesNotMatch((await browser.get(`/s/${space.id}`)).text, /health">See what to change/);
  await browser.send(`${page}/mute`, { cause, source, again: "on" });
  assert.equal((await findings(space))[0].muted, false);
  assert.equal((await operator(`${space.id}/findings`, "PUT", { cause, source, muted: true })).code, 200);
  assert.equal((await findings(space))[0].muted, true);
  assert.equal((await operator("999/findings", "PUT", { cause, source, muted: true })).code, 404);
});

test("the network that is chosen is the source, and names its own macros", async () => {
  const space = await worker.space();
  await fire(space, "event=deposit&uid=%7Bcid%7D&eid=1&value=5");
  assert.equal((await findings(space))[0].source, "unknown");
  assert.equal((await operator(`${space.id}/network`, "PUT", { network: "everflow" })).code, 200);
  const [finding] = await findings(space);
  assert.equal(finding.source, "everflow");
  assert.match(finding.mend, /\{sub1\}/);
  await browser.send(`/s/${space.id}/health/network`, { network: "quotex" });
  assert.equal((await findings(space))[0].source, "quotex");
  assert.match((await browser.get(`/s/${space.id}/health`)).text, /value="quotex" selected/);
  assert.equal((await operator(`${space.id}/network`, "PUT", { network: "no-such" })).field, "network");
  await operator(`${space.id}/network`, "PUT", { network: "" });
  assert.equal((await findings(space))[0].source, "unknown");
});

test("postbacks with a key that has ended are counted by hour and sender, and no key is kept", async () => {
  const space = await worker.space();
  const other = await worker.space();
  await worker.db
    .prepare("UPDATE keys SET expires_at_ms = ? WHERE hash = ?")
    .bind(Date.now() - 2 * DAY_MS, sha256(space.ingest))
    .run();
  for (let times = 0; times < 41; times++)
    await fire(space, `event=deposit&uid=a&eid=${times}&value=5`, { headers: { "cf-connecting-ip": "203.0.113.7" } });
  const rows = await unknownKeys(41);
  assert.deepEqual(
    rows.map(({ space_id, address, is_ours, count }) => ({ space_id, address, is_ours, count })),
    [{ space_id: space.id, address: "203.0.113.7", is_ours: 1, count: 41 }],
  );
  assert.ok(!JSON.stringify(rows).includes(space.ingest.slice(0, 14)), "a key's beginning alone is kept");
  const [finding] = await findings(space);
  assert.equal(finding.cause, "key_unknown");
  assert.match(finding.sentence, /^41 postbacks since .* came with a key that was revoked on \w+day/);
  assert.deepEqual(await findings(other), [], "it is nobody else's");
});

test("a flood of keys that nobody made fills a bounded number of rows", async () => {
  const before = await worker.row("SELECT count(*) AS n FROM unknown_keys");
  for (let burst = 0; burst < 3; burst++) {
    const from = (number) => ({ headers: { "cf-connecting-ip": `198.51.${burst}.${number}` } });
    const forged = Array.from({ length: 200 }, (_, number) =>
      worker.fire(`/e?token=${mintKey("xt_in_", "forged")}&event=contact`, from(number)),
    );
    for (const { code } of await Promise.all(forged)) assert.equal(code, 401);
  }
  const rows = () => worker.row("SELECT count(*) AS n FROM unknown_keys");
  // What was written just now is added to after 25 seconds.
  await until("some are written down", async () => (await rows()).n > before.n, 40_000);
  assert.ok((await rows()).n <= before.n + 50, "an hour has at most 50 rows of them");
  assert.deepEqual(await findings(await worker.space()), [], "and nobody is told of keys that somebody tries");
});

test("the cron looks at spaces that something has come to, so that the overview knows", async () => {
  const space = await worker.space();
  await fire(space, "event=deposit&uid=%7Bclick_id%7D&eid=1&value=%7Bsumdep%7D");
  let minute = Math.floor(Date.now() / 600_000) * 600_000 + 5 * 60_000;
  // The plan's calls are enough for one space a run; databases, and spaces that nobody has looked at yet, take turns.
  const health = await until("its turn has come", async () => {
    minute += 600_000;
    await worker.server.getWorker().scheduled({ cron: "* * * * *", scheduledTime: new Date(minute) });
    return worker.row("SELECT findings, first FROM health WHERE space_id = ?", space.id);
  });
  assert.equal(health.findings, 1);
  assert.ok(health.first.length > 20);
});
