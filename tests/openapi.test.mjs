// The API's description: served, complete, and true, which schemathesis tries on the Worker.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { networks } from "../scripts/scenario.mjs";
import { listen } from "./dev-server.mjs";
import { OPERATOR_TOKEN, startWorker } from "./harness.mjs";

const ROOT = new URL("..", import.meta.url).pathname;
const HOUR_MS = 3600 * 1000;
/** It takes half a minute on two idle cores, a minute on busy ones. */
const SCHEMATHESIS_DEADLINE_MS = 240_000;

const described = JSON.parse(readFileSync(`${ROOT}assets/openapi.json`, "utf8"));
const schemas = described.components.schemas;
const operations = Object.entries(described.paths).flatMap(([path, item]) => {
  const methods = ["get", "post", "put", "delete"].filter((method) => item[method]);
  return methods.map((method) => ({ method: method.toUpperCase(), path, ...item[method] }));
});

let worker;
let origin;
before(async () => {
  worker = await startWorker({ entry: "no-network.mjs" });
  origin = (await worker.server.listen()).url.origin;
});
after(() => worker.stop());

/** The one file below src/ that has this text in it, wherever it has moved to. */
function source(text) {
  const files = readdirSync(`${ROOT}src`, { recursive: true }).filter((name) => name.endsWith(".rs"));
  const found = files.map((name) => readFileSync(`${ROOT}src/${name}`, "utf8")).filter((code) => code.includes(text));
  assert.equal(found.length, 1, `one file has: ${text}`);
  return found[0];
}

/** The texts in quotes between a line of a source and the end of what it begins. */
function textsOf(code, beginning) {
  const block = code.slice(code.indexOf(beginning)).split(/\n {4}\}\n/)[0];
  return [...block.matchAll(/"([^"]+)"/g)].map(([, text]) => text);
}

test("the description is served without a key, may be kept, and is the one in assets/", async () => {
  const answer = await worker.fetch("/api/openapi.json");
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("content-type"), "application/json");
  assert.equal(answer.headers.get("cache-control"), "public, max-age=300");
  assert.ok((await answer.text()) === JSON.stringify(described), "the build has this description, without its spaces");
  const [, version] = /^version = "(.+)"$/m.exec(readFileSync(`${ROOT}Cargo.toml`, "utf8"));
  assert.equal(described.info.version, version);
  assert.equal(new Set(operations.map(({ operationId }) => operationId)).size, operations.length);
});

test("every route that programs call is described, and no other", () => {
  const code = source("pub enum Route {");
  const part = (name) => code.slice(code.indexOf(`fn ${name}(`)).split("\n}\n")[0];
  // `("PUT", ["spaces", space_id, "links", link_id])` is PUT /spaces/{}/links/{}.
  const segment = (pattern) => /^"(.*)"$/.exec(pattern)?.[1] ?? "{}";
  const path = (patterns) => patterns.split(", ").filter(Boolean).map(segment);
  const arms = (name, prefix) =>
    [...part(name).matchAll(/\("([A-Z]+)", \[(.*?)\]\)/g)].map(
      ([, method, patterns]) => `${method} ${[prefix, ...path(patterns)].join("/")}`,
    );
  const ofSpaces = operations.filter(({ path }) => path.startsWith("/api/spaces"));
  const ofApi = ofSpaces.map(({ method, path }) => `${method} ${path.replaceAll(/\{\w+\}/g, "{}")}`);
  const routed = [...arms("api", "/api"), ...arms("destinations", "/api/spaces/{}/destinations")];
  assert.ok(routed.length > 10, "the table of routes has another form");
  assert.deepEqual(ofApi.sort(), routed.sort());
  const first = [...part("route").matchAll(/^ {8}\["(\w+)"/gm)].map(([, segment]) => `/${segment}`);
  const others = new Set(operations.map(({ path }) => path.split("/").slice(0, 2).join("/")));
  // A visitor's browser comes over /l.
  assert.deepEqual([...new Set(first)].filter((path) => path !== "/l").sort(), [...others].sort());
});

test("every status word, note and problem is described, and no other", () => {
  const statuses = textsOf(source("pub enum Status {"), "pub fn word(self)");
  const answers = Object.values(schemas)
    .map((schema) => schema.properties?.status)
    .filter(Boolean);
  const named = answers.flatMap((status) => status.enum ?? (typeof status.const === "string" ? [status.const] : []));
  const problem = /Self::new\(\s*\d+,\s*"(\w+)"/g;
  // A page that does not render is a browser's matter.
  const problems = [...source("pub struct Problem {").matchAll(problem)]
    .map(([, word]) => word)
    .filter((word) => word !== "not_shown");
  assert.ok(statuses.length > 10 && problems.length > 5, "the words have another form");
  assert.deepEqual([...new Set(named)].sort(), [...new Set([...statuses, ...problems])].sort());

  assert.deepEqual(schemas.NetworkName.enum, ["", ...networks()]);

  const code = source("impl fmt::Display for Note");
  const fields = textsOf(code, "pub fn name(self)");
  const written = ["Note", "Broken"].flatMap((type) => textsOf(code, `impl fmt::Display for ${type} `));
  const [words, ...patterns] = schemas.Note.anyOf;
  assert.deepEqual(written.filter((text) => !text.includes("{")).sort(), [...words.enum].sort());
  const fill = (text) =>
    text.endsWith("{}") ? fields.map((field) => text.replace("{}", field)) : [text.replaceAll(/\{\w+\}/g, "12")];
  const filled = written.filter((text) => text.includes("{")).flatMap(fill);
  assert.equal(filled.length, 3 * fields.length + 3);
  for (const note of filled)
    assert.ok(
      patterns.some(({ pattern }) => new RegExp(pattern).test(note)),
      note,
    );
});

/** The description with what it cannot say: what the time is, which zones and links there are, addresses of ours. */
function narrowed(receiver) {
  const copy = structuredClone(described);
  const { schemas } = copy.components;
  const now = Date.now();
  Object.assign(schemas.Time, { minimum: now - 365 * 24 * HOUR_MS, maximum: now + 23 * HOUR_MS, examples: [now] });
  schemas.SpaceDraft.properties.time_zone.enum = ["UTC", "Asia/Kolkata"];
  schemas.SpaceDraft.properties.database.enum = ["DB", null];
  schemas.Move.properties.to = { const: "DB" };
  schemas.ClickReport.properties.link_slug.enum = ["demo-bot", null];
  schemas.WebhookDraft.properties.url = { enum: [`${receiver}/webhook`] };
  schemas.WebhookDraft.properties.signing_secret.enum = [null, `whsec_${btoa("of 24 bytes, as it must be")}`];
  schemas.S2sPostbackDraft.properties.url_template = { enum: [`${receiver}/s2s?c={uid}`] };
  const web = schemas.LinkDraft.oneOf.at(-1);
  web.properties.target = { enum: ["https://offer.example/{uid}", "http://127.0.0.1:8080/?a=1"] };
  for (const kind of ["FbCapiDraft", "FbCapiChange"]) {
    schemas[kind].properties.event_source_url.enum = [null, "https://shop.example/"];
  }
  return copy;
}

/** Spaces to try things on, and the one that reports go to. */
async function spaces(receiver) {
  // Low numbers are what is tried most; there is something to be changed under them.
  for (const slug of ["first", "second"]) {
    const { id } = await worker.space();
    await worker.link(id, slug);
    await worker.fetch(`/api/spaces/${id}/destinations`, {
      method: "POST",
      headers: { authorization: `Bearer ${OPERATOR_TOKEN}` },
      body: JSON.stringify({ kind: "webhook", name: slug, url: `${receiver}/webhook` }),
    });
  }
  // And a number that nobody comes upon: its keys are not rotated.
  await worker.db.prepare("INSERT INTO spaces (id, name, created_at_ms) VALUES (730100, 'Far away', 0)").run();
  const space = await worker.space();
  await worker.link(space.id, "demo-bot");
  return space;
}

/** Runs it on a description; gives its exit code and what it said. */
async function schemathesis(description, space) {
  const folder = mkdtempSync(join(tmpdir(), "xtracker-openapi-"));
  const file = join(folder, "openapi.json");
  writeFileSync(file, JSON.stringify(description));
  const settings = ["--config-file", "tests/schemathesis.toml", "--no-color"];
  const child = spawn("sh", ["scripts/schemathesis.sh", ...settings, "run", file, "--url", origin], {
    cwd: ROOT,
    timeout: SCHEMATHESIS_DEADLINE_MS,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      INGEST: space.ingest,
      BEARER: space.bearer,
      OPERATOR: OPERATOR_TOKEN,
      HYPOTHESIS_STORAGE_DIRECTORY: folder,
      PYTHONDONTWRITEBYTECODE: "1",
    },
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += text));
  return { code: await new Promise((resolve) => child.once("close", resolve)), said };
}

test("schemathesis finds nothing on workerd that the description does not say", async () => {
  execFileSync("sh", ["scripts/schemathesis.sh"], { cwd: ROOT, stdio: "inherit" });
  const receiver = createServer((request, response) => request.resume().on("end", () => response.end("taken")));
  const address = `http://127.0.0.1:${await listen(receiver)}`;
  const { code, said } = await schemathesis(narrowed(address), await spaces(address));
  receiver.close();
  assert.equal(code, 0, said);
  const [, tested] = /Tested: (\d+)/.exec(said);
  assert.equal(Number(tested), operations.length, said);
  console.log(said.slice(said.indexOf("= SUMMARY")));
});
