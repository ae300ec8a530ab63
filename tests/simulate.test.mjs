// What `make simulate` fires: every network's scenario, against the built Worker, with the ends that it names.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { networks, readPack, readScenario, readyUrl, scenarios } from "../scripts/scenario.mjs";
import { simulate } from "../scripts/simulator.mjs";
import { OPERATOR_TOKEN, startWorker } from "./harness.mjs";

const ROOT = new URL("..", import.meta.url).pathname;
const run = promisify(execFile);

let worker, origin;
before(async () => {
  worker = await startWorker();
  ({ origin } = (await worker.server.listen()).url);
});
after(() => worker.stop());

const make = (settings) =>
  run("node", ["scripts/simulate.mjs"], {
    cwd: ROOT,
    env: { ...process.env, BASE: origin, OPERATOR_TOKEN, ...settings },
  });

test("every pack has a scenario, and no scenario is without a pack", () => {
  assert.ok(networks().length >= 19);
  assert.deepEqual(scenarios(), networks());
});

test("a scenario's URLs are those of the keys page", async () => {
  const space = await worker.space();
  const { get } = await worker.browser();
  const { text } = await get(`/s/${space.id}/keys`);
  const plain = text.replaceAll("&#38;", "&").replaceAll("&amp;", "&");
  for (const network of networks()) {
    const pack = readPack(network);
    const urls = [readyUrl(pack, "registration"), readyUrl(pack, "deposit")];
    urls.push(...pack.amounts.map(({ means }) => readyUrl(pack, "deposit", means)));
    for (const url of urls) assert.ok(plain.includes(`${url.replace("TOKEN", "YOUR_TOKEN")}<`), `${network}: ${url}`);
  }
});

for (const network of networks()) {
  test(`${network} ends as its scenario says`, async () => {
    const { parts } = await simulate(readScenario(network), { origin, operator: OPERATOR_TOKEN });
    for (const { name, wrong, lines } of parts)
      assert.deepEqual(wrong, [], `${name}\n${lines.map((line) => Object.values(line).join("  ")).join("\n")}`);
    assert.deepEqual(parts[0].found, [], "the first part is the sender that is set up right");
    assert.ok(Object.keys(parts[0].end.events).length > 1, "it sends more than one kind of event");
  });
}

test("it prints a line for each postback, what is found, and what it came to", async () => {
  const { stdout } = await make({ NETWORK: "quotex" });
  for (const line of [
    /^ {2}sent +answered +stored +counted$/m,
    /^ {2}GET event=deposit&uid=\w{12}…&eid=88001&value=50&status=ftd&\S+ +200 queued +event 2 +50\.00 USD$/m,
    /^ {2}GET event=deposit&uid=\w{12}…&eid=88001&\S+ +200 duplicate +event 2 +–$/m,
    /^ {2}GET event=deposit&uid=\{click_id\}&\S+ +200 invalid_value +refused 1 +–$/m,
    /^ {2}revenue: {2}175\.50 USD$/m,
    /^ {2}counted: {2}3 deposit, 2 registration$/m,
    /^ {2}besides: {2}3 duplicate, 0 refused, 0 unattributed$/m,
    /^ {2}finding: {2}withdrawal_counted\n {4}1 withdrawal .*\n {4}In Quotex's .* write value=\{sumdep\}/m,
  ])
    assert.match(stdout, line);
  assert.equal(stdout.match(/This is what the scenario says/g).length, readScenario("quotex").parts.length);
  assert.ok(!stdout.includes("xt_in_"), "no token is printed");
  assert.ok(stdout.split("\n").every((line) => !line.startsWith("  GET") || line.length <= 130));
});

test("without a network that is known it lists them", async () => {
  for (const NETWORK of ["", "quotx", "quotex.scenario", "../network/quotex"])
    await assert.rejects(make({ NETWORK }), ({ code, stderr }) => {
      assert.equal(code, 1);
      return networks().every((network) => stderr.includes(`\n${network}\n`));
    });
});

test("an address that is not local is refused before anything is sent", async () => {
  for (const BASE of ["https://xtracker.example.workers.dev", "http://127.0.0.1.example.com", "http://192.168.0.1"]) {
    await assert.rejects(
      make({ BASE, NETWORK: "quotex" }),
      ({ code, stderr }) => code === 1 && /not local/.test(stderr),
    );
    await assert.rejects(simulate(readScenario("quotex"), { origin: BASE, operator: OPERATOR_TOKEN }), /not local/);
  }
});

test("a pack that has changed changes what is sent", async () => {
  const scenario = readScenario("everflow");
  scenario.pack.eid.deposit = "{adv1}";
  scenario.parts = scenario.parts.slice(0, 1);
  const { parts } = await simulate(scenario, { origin, operator: OPERATOR_TOKEN });
  assert.ok(parts[0].lines.some(({ sent }) => sent.includes("eid={adv1}")));
  assert.ok(
    parts[0].wrong.some((wrong) => wrong.startsWith("findings: [macro_unresolved")),
    parts[0].wrong.join("\n"),
  );
  scenario.parts[0].urls.deposit = { event: "deposit", put: { "{conversion_id}": "{transaction_id}" } };
  await assert.rejects(simulate(scenario, { origin, operator: OPERATOR_TOKEN }), /has no \{conversion_id\}/);
});

// The last one: from here on, nothing is counted.
test("it ends with 1, and says what is wrong, where the product is", async () => {
  await worker.db.exec("DROP TRIGGER events_count");
  await assert.rejects(make({ NETWORK: "voluum" }), ({ code, stdout }) => {
    assert.match(stdout, /NOT what the scenario says: events: \{\}, not \{"deposit":1,"registration":2\}/);
    assert.match(stdout, /NOT what the scenario says: the counters are not a recount of the events/);
    return code === 1;
  });
});
