// `make release`: what it makes is deployed from another folder, on this machine, with Node alone.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { freePort } from "./dev-server.mjs";
import { until } from "./harness.mjs";

const ROOT = new URL("..", import.meta.url).pathname;
let folder, node, origin, server;
let said = "";

before(async () => {
  execFileSync("node", ["scripts/release.mjs"], { cwd: ROOT, stdio: "pipe" });
  const [archive] = readdirSync(`${ROOT}target`).filter((name) => /^xtracker-[\d.]+\.tar\.gz$/.test(name));
  const elsewhere = mkdtempSync(join(tmpdir(), "xtracker-release-"));
  execFileSync("tar", ["-xzf", `${ROOT}target/${archive}`, "-C", elsewhere]);
  folder = join(elsewhere, archive.replace(".tar.gz", ""));
  // What npm ci would fetch; and a machine that has Node and nothing else.
  symlinkSync(`${ROOT}node_modules`, join(folder, "node_modules"));
  node = join(elsewhere, "bin");
  mkdirSync(node);
  symlinkSync(process.execPath, join(node, "node"));
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  const env = { PATH: node, HOME: elsewhere, PORT: String(port), CI: "1" };
  server = spawn("node", ["deploy.mjs", "--local"], { cwd: folder, env, detached: true });
  for (const stream of [server.stdout, server.stderr]) stream.on("data", (data) => (said += data));
});
after(async () => {
  if (server.exitCode === null) {
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGTERM");
    await ended;
  }
});

test("it has everything, and nothing that would have to be built", () => {
  for (const name of [
    "wrangler.toml",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "build/index_bg.wasm",
    "package-lock.json",
  ])
    assert.ok(existsSync(join(folder, name)), name);
  assert.deepEqual(readdirSync(join(folder, "migrations")), readdirSync(`${ROOT}migrations`));
  assert.doesNotMatch(readFileSync(join(folder, "wrangler.toml"), "utf8"), /\[build\]|command|scripts\//);
  for (const [, target] of readFileSync(join(folder, "README.md"), "utf8").matchAll(/\]\(([^)#:]+)[^)]*\)/g))
    assert.ok(target === "https" || existsSync(join(folder, target)), target);
});

test("it runs on this machine, up to date, and stores a postback once", async () => {
  const health = () =>
    fetch(`${origin}/healthz`).then(
      (answer) => answer.json(),
      () => server.exitCode !== null && { ok: false },
    );
  const { ok, schema, version } = await until("it answers", health, 60_000);
  assert.deepEqual([ok, schema], [true, "current"], said);
  assert.ok(folder.endsWith(`xtracker-${version}`));
  const [, password] = /password of its dashboard:\s+([0-9a-f]{64})/.exec(said);
  const made = await fetch(`${origin}/api/spaces`, {
    method: "POST",
    headers: { authorization: `Bearer ${password}` },
    body: '{"name":"Released"}',
  });
  const { ingest_token: token } = await made.json();
  const fire = async () => (await fetch(`${origin}/e?token=${token}&event=deposit&eid=1&value=5`)).json();
  assert.deepEqual([(await fire()).status, (await fire()).status], ["queued", "duplicate"]);
});

test("a dry run prints what would be deployed", () => {
  const env = { PATH: node };
  const printed = execFileSync("node", ["deploy.mjs", "--dry-run"], { cwd: folder, env, stdio: "pipe" }).toString();
  assert.match(
    printed,
    /d1 create xtracker[^]*d1 migrations apply DB --remote[^]*deploy: deploy\n.*deploy --secrets-file/,
  );
});
