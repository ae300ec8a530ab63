// `make deploy` against a stand-in for wrangler, since a test has no Cloudflare account: which calls it makes,
// in which order, and what it leaves alone.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, cpSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { migrations } from "../scripts/schema.mjs";

const ROOT = new URL("..", import.meta.url).pathname;
const run = promisify(execFile);

/** What wrangler 4 says, to stderr, of what is not there. */
const ABSENT = {
  "d1 info":
    "Couldn't find a D1 DB named 'xtracker' (bound as 'xtracker') in the API. " +
    "Run 'wrangler d1 create xtracker' to create it.",
  "queues info": 'Queue "NAME" does not exist. To create it, run: wrangler queues create NAME',
  "secret list": 'Worker "xtracker" not found.\n\nIf this is a new Worker, run `wrangler deploy` first to create it.',
};
const SECRETS = ["KEY_SECRET", "OPERATOR_TOKEN", "DESTINATION_KEY"];
const listed = (names) =>
  JSON.stringify(
    names.map((name) => ({ name, type: "secret_text" })),
    null,
    "  ",
  );

/**
 * Runs the script with a wrangler that finds, or does not find, what it asks for. `says` has what it says instead
 * to some questions: `out` and exit code 0, or `error` and 1. `env` is added to the environment, `root` where it runs.
 */
async function deploy({ there, secrets = SECRETS, says = {}, env = {}, root = ROOT }, ...args) {
  const folder = mkdtempSync(join(tmpdir(), "xtracker-deploy-"));
  const names = ["wrangler", "calls", "uploaded", "imported"];
  const [stub, calls, uploaded, imported] = names.map((name) => join(folder, name));
  const answers = { "d1 list": { out: "[]" }, ...says };
  for (const [question, absent] of Object.entries({ ...ABSENT, ...answers })) {
    const { out, error } =
      answers[question] ?? (there ? { out: question === "secret list" ? listed(secrets) : "" } : { error: absent });
    const [kind, text] = error === undefined ? ["out", out] : ["error", `✘ [ERROR] ${error}`];
    writeFileSync(join(folder, `${question}.${kind}`), text);
  }
  writeFileSync(
    stub,
    `#!/bin/sh
echo "$*" >>${calls}
said="${folder}/$1 $2"
if [ -e "$said.error" ]; then sed "s/NAME/$3/g" "$said.error" >&2; exit 1; fi
if [ -e "$said.out" ]; then cat "$said.out"; fi
case "$*" in *--file*) cat "$7" >>${imported};; esac
if [ "$1" = deploy ]; then cp "$3" ${uploaded}; echo "  https://xtracker.example.workers.dev"; fi
`,
  );
  chmodSync(stub, 0o755);
  const ran = run("sh", ["scripts/deploy.sh", ...args], {
    cwd: root,
    env: { ...process.env, WRANGLER: stub, ...env },
  });
  const { code = 0, stdout, stderr } = await ran.catch((failed) => failed);
  const read = (path) => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return "";
    }
  };
  const called = read(calls).trim().split("\n");
  return { code, stdout, stderr, calls: called, uploaded: read(uploaded), imported: read(imported) };
}

const QUEUES = ["xtracker-deliveries", "xtracker-postbacks", "xtracker-postbacks-dead"];

test("a first deployment creates what is missing, migrates, then deploys the Worker with its secrets", async () => {
  const { stdout, calls, uploaded } = await deploy({ there: false });
  const creations = calls.filter((call) => call.includes("create"));
  assert.deepEqual(creations, ["d1 create xtracker", ...QUEUES.map((queue) => `queues create ${queue}`)]);
  const order = ["d1 create", "d1 migrations apply DB --remote", "deploy"];
  const places = order.map((call) => calls.findIndex((made) => made.startsWith(call)));
  assert.deepEqual(
    places,
    places.toSorted((x, y) => x - y),
  );
  assert.ok(places.every((place) => place >= 0));
  const secrets = JSON.parse(uploaded);
  assert.deepEqual(Object.keys(secrets), ["KEY_SECRET", "OPERATOR_TOKEN", "DESTINATION_KEY"]);
  for (const value of Object.values(secrets)) assert.match(value, /^[0-9a-f]{64}$/);
  assert.ok(stdout.includes(secrets.OPERATOR_TOKEN) && !stdout.includes(secrets.KEY_SECRET));
  assert.match(stdout, /at https:\/\/xtracker\.example\.workers\.dev\.[^]*sign in with the operator.s secret/);
  assert.ok(!calls.some((call) => call.includes("seed")));
});

test("a second deployment creates nothing and leaves the secrets as they are", async () => {
  const { calls, uploaded } = await deploy({ there: true });
  assert.deepEqual(
    calls.filter((call) => call.includes("create")),
    [],
  );
  assert.deepEqual(JSON.parse(uploaded), {});
});

test("a secret that is missing from the list is made, and no other", async () => {
  const { code, stdout, uploaded } = await deploy({
    there: true,
    secrets: ["KEY_SECRET", "DESTINATION_KEY", "MY_OPERATOR_TOKEN"],
  });
  assert.equal(code, 0);
  assert.deepEqual(Object.keys(JSON.parse(uploaded)), ["OPERATOR_TOKEN"]);
  assert.ok(stdout.includes(JSON.parse(uploaded).OPERATOR_TOKEN));
  const warned = await deploy({
    there: true,
    says: { "secret list": { out: `▲ [WARNING] A newer version is there.\n${listed(SECRETS)}` } },
  });
  assert.deepEqual(JSON.parse(warned.uploaded), {});
});

test("a Worker that does not exist has no secrets, in whichever words wrangler says so", async () => {
  for (const error of [
    ABSENT["secret list"],
    "A request to the Cloudflare API failed.\n\n  This Worker does not exist on your account. [code: 10007]",
    "workers.api.error.environment_not_found [code: 10090]",
  ]) {
    const { code, uploaded } = await deploy({ there: true, says: { "secret list": { error } } });
    assert.equal(code, 0, error);
    assert.deepEqual(Object.keys(JSON.parse(uploaded)), SECRETS, error);
  }
});

test("where nobody knows which secrets are set, or what is there, nothing is changed", async () => {
  for (const [question, said] of [
    ["secret list", { error: "A fetch request failed, likely due to a connectivity issue." }],
    [
      "secret list",
      {
        error: "A request to the Cloudflare API (/accounts/x/workers) failed.\n\n  Authentication error [code: 10000]",
      },
    ],
    ["secret list", { error: 'Worker "other" not found.' }],
    ["secret list", { error: "Too many requests. [code: 100079]" }],
    ["secret list", { out: "<html>502 Bad Gateway</html>" }],
    ["secret list", { out: "" }],
    ["secret list", { out: '{"errors":[]}' }],
    ["secret list", { out: '[{"type":"secret_text"}]' }],
    ["secret list", { out: `${listed(SECRETS).slice(0, -20)}` }],
    ["d1 info", { error: "A fetch request failed, likely due to a connectivity issue." }],
    ["queues info", { error: "Authentication error [code: 10000]" }],
  ]) {
    const { code, stderr, calls, uploaded } = await deploy({ there: true, says: { [question]: said } });
    const what = `${question}: ${JSON.stringify(said)}`;
    assert.equal(code, 1, what);
    assert.equal(uploaded, "", what);
    assert.deepEqual(
      calls.filter((call) => !/^(whoami|secret list|d1 info|d1 list|queues info)/.test(call)),
      [],
      what,
    );
    const reason = (said.error ?? said.out).split("\n").at(-1).trim();
    assert.ok(stderr.includes(reason), `${what}: ${stderr}`);
    assert.match(
      stderr,
      /this step failed: (see whether there is|read which secrets) [^]*what to do: .*nothing was changed/,
      what,
    );
  }
});

test("a dry run prints the commands and calls nothing", async () => {
  const { stdout, calls } = await deploy({ there: false }, "--dry-run");
  assert.deepEqual(calls, [""]);
  assert.match(
    stdout,
    /d1 create xtracker[^]*queues create[^]*d1 migrations apply DB --remote[^]*deploy --secrets-file/,
  );
});

describe("a migration that D1 does not take as a query", () => {
  const refused = { error: "A request to the Cloudflare API failed.\n\n  incomplete input: SQLITE_ERROR [code: 7500]" };
  const applied = (names) => ({ out: JSON.stringify([{ results: names.map((name) => ({ name })), success: true }]) });
  const all = migrations();

  test("is imported with its record, and then the Worker is deployed", async () => {
    const says = { "d1 migrations": refused, "d1 execute": applied([]) };
    const { code, calls, imported } = await deploy({ there: true, says });
    assert.equal(code, 0);
    assert.equal(
      imported,
      all.map(({ name, sql }) => `${sql}\nINSERT INTO d1_migrations (name) VALUES ('${name}');\n`).join(""),
    );
    const kinds = calls.filter((call) => /^(d1 [em]|deploy)/.test(call)).map((call) => call.split(" --")[0]);
    assert.deepEqual(kinds, ["d1 migrations apply DB", "d1 execute DB", ...all.map(() => "d1 execute DB"), "deploy"]);
  });

  test("is not done twice where it was applied all the same", async () => {
    const says = { "d1 migrations": refused, "d1 execute": applied(all.map(({ name }) => name)) };
    const { code, imported } = await deploy({ there: true, says });
    assert.deepEqual([code, imported], [0, ""]);
  });

  test("keeps the Worker from being deployed where D1 cannot be asked, or does not take it at all", async () => {
    for (const error of ["Authentication error [code: 10000]", "no such table: d1_migrations"]) {
      const says = { "d1 migrations": refused, "d1 execute": { error } };
      const { code, stderr, calls, uploaded } = await deploy({ there: true, says });
      assert.deepEqual([code, uploaded], [1, ""]);
      assert.ok(!calls.some((call) => call.startsWith("deploy")));
      assert.match(stderr, /incomplete input[^]*this step failed: migrate the database[^]*nothing of the migration/);
    }
  });
});

/** The repository with a wrangler.toml that a deployment may change. A linked script would be run where it leads to. */
function copyOfRoot() {
  const root = mkdtempSync(join(tmpdir(), "xtracker-deploy-root-"));
  const copied = ["scripts", "wrangler.toml"];
  for (const name of readdirSync(ROOT)) if (!copied.includes(name)) symlinkSync(join(ROOT, name), join(root, name));
  for (const name of copied) cpSync(join(ROOT, name), join(root, name), { recursive: true });
  return root;
}

test("DATABASES has more databases created, given the schema and bound, once and for good", async () => {
  const root = copyOfRoot();
  const bindings = () => [...readFileSync(join(root, "wrangler.toml"), "utf8").matchAll(/binding = "(DB.*)"/g)];
  const names = ["xtracker", "xtracker-2", "xtracker-3"];
  const first = await deploy({ there: false, root, env: { DATABASES: "3" } });
  assert.equal(first.code, 0, first.stderr);
  const made = (calls, what) => calls.filter((call) => call.startsWith(what));
  assert.deepEqual(
    made(first.calls, "d1 create"),
    names.map((name) => `d1 create ${name}`),
  );
  assert.deepEqual(
    made(first.calls, "d1 migrations"),
    ["DB", "DB_2", "DB_3"].map((binding) => `d1 migrations apply ${binding} --remote`),
  );
  assert.deepEqual(
    bindings().map(([, name]) => name),
    ["DB", "DB_2", "DB_3"],
  );
  const toml = readFileSync(join(root, "wrangler.toml"), "utf8");
  assert.match(
    toml,
    /\n\[\[d1_databases\]\]\nbinding = "DB_3"\ndatabase_name = "xtracker-3"\nmigrations_dir = "migrations"\n/,
  );
  // Whoever deploys again need not say so, and loses none.
  const again = await deploy({ there: true, root });
  assert.equal(made(again.calls, "d1 migrations").length, 3);
  assert.equal(readFileSync(join(root, "wrangler.toml"), "utf8"), toml);
  const dry = await deploy({ there: false, root, env: { DATABASES: "4" } }, "--dry-run");
  assert.match(dry.stdout, /bind the database xtracker-4 as DB_4[^]*d1 create xtracker-4[^]*d1 migrations apply DB_4 /);
  assert.equal(bindings().length, 3);
});

test("a fresh checkout binds the databases that an earlier deployment made", async () => {
  const root = copyOfRoot();
  const out = JSON.stringify([{ name: "other-9" }, { name: "xtracker" }, { name: "xtracker-2" }], null, 2);
  const { calls, code } = await deploy({ there: true, root, says: { "d1 list": { out } } });
  assert.equal(code, 0);
  assert.ok(calls.includes("d1 migrations apply DB_2 --remote"), calls.join("\n"));
  assert.match(readFileSync(join(root, "wrangler.toml"), "utf8"), /binding = "DB_2"/);
  const wrong = await deploy({ there: true, root, env: { DATABASES: "two" } });
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /DATABASES=two/);
});
