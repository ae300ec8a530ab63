// A table of senders as they are, fired at the real thing: those that are set up wrong get the right sentence, those
// that are set up right get none.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { OPERATOR_TOKEN, startWorker } from "./harness.mjs";

const SOURCES = JSON.parse(readFileSync(new URL("sources.json", import.meta.url), "utf8"));

let worker;
before(async () => {
  worker = await startWorker();
});
after(() => worker.stop());

const operator = (path, method = "GET", body) =>
  worker.fire(`/api/spaces/${path}`, {
    method,
    headers: { authorization: `Bearer ${OPERATOR_TOKEN}` },
    body: body && JSON.stringify(body),
  });

async function click(space, uids) {
  const headers = { authorization: `Bearer ${space.bearer}` };
  for (const uid of uids) await worker.fire("/clicks", { method: "POST", headers, body: JSON.stringify({ uid }) });
}

/** A query with its times: `@ms-60000@` is a minute before its source began; `@s…@` and `@us…@` are in their units. */
function timed(query, beganMs) {
  const units = { ms: (ms) => ms, s: (ms) => Math.floor(ms / 1000), us: (ms) => ms * 1000 };
  return query.replaceAll(/@(ms|s|us)([+-]\d+)@/g, (_, unit, by) => units[unit](beganMs + Number(by)));
}

/** Lets a source send all it sends, in a space of its own, and gives its findings. */
async function findings(source) {
  const space = await worker.space(source.name);
  await click(space, source.clicks);
  if (source.other_space_clicks) await click(await worker.space("Another"), source.other_space_clicks);
  if (source.network) await operator(`${space.id}/network`, "PUT", { network: source.network });
  const beganMs = Date.now();
  for (const { q } of source.fire) await worker.fire(`/e?token=${space.ingest}&${timed(q, beganMs)}`);
  return (await operator(`${space.id}/findings`)).findings;
}

/** Does something for each source, a few at a time. */
async function each(sources, work) {
  const left = [...sources];
  const one = async () => {
    for (let source = left.shift(); source; source = left.shift()) await work(source);
  };
  await Promise.all([one(), one(), one(), one()]);
}

// What takes hours to show is shown by the rules' own tests.
const atOnce = SOURCES.filter(({ fire }) => !fire.some(({ after_s }) => after_s));
const misconfigured = atOnce.filter(({ cause }) => cause);
const right = atOnce.filter(({ cause }) => !cause);

test(`${misconfigured.length} sources that are set up wrong get the right sentence`, async () => {
  assert.ok(misconfigured.length >= 60);
  await each(misconfigured, async (source) => {
    const found = await findings(source);
    const causes = found.map(({ cause }) => cause);
    const finding = found.find(({ cause }) => cause === source.cause);
    assert.ok(finding, `${source.name}: ${source.cause} is not among [${causes}]`);
    assert.ok(found.length <= 2, `${source.name}: ${causes}`);
    for (const words of source.mend_has) assert.ok(finding.mend.includes(words), `${source.name}: ${finding.mend}`);
    assert.ok(finding.sentence.length > 20 && finding.count > 0 && finding.seqs.length + finding.held.length > 0);
  });
});

test(`${right.length} sources that are set up right get none`, async () => {
  assert.ok(right.length >= 60);
  await each(right, async (source) => assert.deepEqual(await findings(source), [], source.name));
});
