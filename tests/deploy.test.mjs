// `make deploy` against a stand-in for wrangler, since a test has no Cloudflare account: which calls it makes,
// in which order, and what it leaves alone.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const ROOT = new URL("..", import.meta.url).pathname;
const run = promisify(execFile);

/** Runs the script with a wrangler that finds, or does not find, what it asks for. */
async function deploy({ there, secrets }, ...args) {
  const folder = mkdtempSync(join(tmpdir(), "xtracker-deploy-"));
  const [stub, calls, uploaded] = ["wrangler", "calls", "uploaded"].map((name) => join(folder, name));
  writeFileSync(stub, `#!/bin/sh
echo "$*" >>${calls}
case "$1 $2" in
  "d1 info"|"queues info") ${there ? "exit 0" : "exit 1"} ;;
  "secret list") echo '${JSON.stringify(secrets.map((name) => ({ name, type: "secret_text" })))}' ;;
  "deploy --secrets-file") cp "$3" ${uploaded}; echo "  https://xtracker.example.workers.dev" ;;
esac
`);
  chmodSync(stub, 0o755);
  const { stdout } = await run("sh", ["scripts/deploy.sh", ...args], { cwd: ROOT, env: { ...process.env, WRANGLER: stub } });
  const read = (path) => { try { return readFileSync(path, "utf8"); } catch { return ""; } };
  return { stdout, calls: read(calls).trim().split("\n"), uploaded: read(uploaded) };
}

const QUEUES = ["xtracker-deliveries", "xtracker-postbacks", "xtracker-postbacks-dead"];

test("a first deployment creates what is missing, then the schema, then the Worker with its secrets", async () => {
  const { stdout, calls, uploaded } = await deploy({ there: false, secrets: [] });
  const creations = calls.filter((call) => call.includes("create"));
  assert.deepEqual(creations, ["d1 create xtracker", ...QUEUES.map((queue) => `queues create ${queue}`)]);
  const order = ["d1 create", "d1 execute xtracker --remote --yes --file schema.sql", "deploy"];
  const places = order.map((call) => calls.findIndex((made) => made.startsWith(call)));
  assert.deepEqual(places, places.toSorted((x, y) => x - y));
  assert.ok(places.every((place) => place >= 0));
  const secrets = JSON.parse(uploaded);
  assert.deepEqual(Object.keys(secrets), ["KEY_SECRET", "OPERATOR_TOKEN", "DESTINATION_KEY"]);
  for (const value of Object.values(secrets)) assert.match(value, /^[0-9a-f]{64}$/);
  assert.ok(stdout.includes(secrets.OPERATOR_TOKEN) && !stdout.includes(secrets.KEY_SECRET));
  assert.match(stdout, /at https:\/\/xtracker\.example\.workers\.dev\.[^]*sign in with the operator.s secret/);
  assert.ok(!calls.some((call) => call.includes("seed")));
});

test("a second deployment creates nothing and leaves the secrets as they are", async () => {
  const { calls, uploaded } = await deploy({ there: true, secrets: ["KEY_SECRET", "OPERATOR_TOKEN", "DESTINATION_KEY"] });
  assert.deepEqual(calls.filter((call) => call.includes("create")), []);
  assert.deepEqual(JSON.parse(uploaded), {});
});

test("a dry run prints the commands and calls nothing", async () => {
  const { stdout, calls } = await deploy({ there: false, secrets: [] }, "--dry-run");
  assert.deepEqual(calls, [""]);
  assert.match(stdout, /d1 create xtracker[^]*queues create[^]*d1 execute[^]*deploy --secrets-file/);
});
