// Brings the Worker to your Cloudflare account: creates what is missing, changes nothing that is there, migrates the
// database, then deploys the code. In a release's folder everything is built, and Node is all that this needs.
//
//   --dry-run   prints the commands and runs none of them
//   --local     on this machine instead, with a database of its own, at http://127.0.0.1:8787 (or PORT) until Ctrl-C
//
// Settings, from the environment: DATABASES, how many databases there are to be at least (default: those that there
// are, else one); WRANGLER, the wrangler to call (default: the project's own); with --local also PORT, and STATE, where
// the databases are kept (default .wrangler/state).
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const IS_RELEASE = existsSync(join(HERE, "wrangler.toml"));
const ROOT = IS_RELEASE ? HERE : dirname(HERE);
const AGAIN = IS_RELEASE ? "node deploy.mjs" : "make deploy";
const SECRETS = ["KEY_SECRET", "OPERATOR_TOKEN", "DESTINATION_KEY"];
const LINES_SHOWN = 15;

const isDryRun = process.argv.includes("--dry-run");
const isLocal = process.argv.includes("--local");
const CONFIG = join(ROOT, "wrangler.toml");
const config = readFileSync(CONFIG, "utf8");
const named = (key) => [...config.matchAll(new RegExp(`^${key} = "(.*)"`, "gm"))].map(([, value]) => value);
const [worker] = named("name");
const [database] = named("database_name");
const queues = [...new Set(named("queue"))].sort();

const say = (text) => console.log(`deploy: ${text}`);

/** Ends with what a command said last, what failed, and what to do. */
function fail(what, remedy, said = "") {
  const lines = said.trimEnd().split("\n").slice(-LINES_SHOWN);
  if (said.trim()) console.error(`deploy: the last lines of it:\n${lines.map((line) => `    ${line}`).join("\n")}`);
  console.error(`deploy: this step failed: ${what}\ndeploy: what to do: ${remedy}`);
  process.exit(1);
}

/** The command that is wrangler: by the project's own Node, since the machine's may be older than wrangler takes. */
function wrangler() {
  if (process.env.WRANGLER) return [process.env.WRANGLER];
  const own = join(ROOT, "node_modules/node/bin", process.platform === "win32" ? "node.exe" : "node");
  return [existsSync(own) ? own : process.execPath, join(ROOT, "node_modules/wrangler/bin/wrangler.js")];
}

const environment = {
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_HIDE_BANNER: "true",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  WRANGLER_LOG_PATH: join(ROOT, ".wrangler/logs"),
  WRANGLER_REGISTRY_PATH: join(ROOT, ".wrangler/registry"),
  ...process.env,
};

/** Calls wrangler: whether it went well, what it answered, and all that it said. */
function call(args, stdio = ["ignore", "pipe", "pipe"]) {
  const [program, ...first] = wrangler();
  const ran = spawnSync(program, [...first, ...args], { cwd: ROOT, env: environment, encoding: "utf8", stdio });
  const answer = ran.stdout ?? "";
  return { isWell: ran.status === 0, answer, said: `${answer}${ran.stderr ?? ""}${ran.error?.message ?? ""}` };
}

/** A step, which a dry run prints instead; gives what wrangler said. */
function change(what, remedy, ...args) {
  say(what);
  if (isDryRun) {
    console.log(`    ${process.env.WRANGLER ?? "wrangler"} ${args.join(" ")}`);
    return "";
  }
  const { isWell, said } = call(args);
  return isWell ? said : fail(what, remedy, said);
}

/**
 * What Cloudflare answers of something that it has; null where it has none. That is believed only where wrangler says
 * so in the words `absent`: anything else that fails, a lost connection or a token without the right, says nothing of
 * what is there, and must not have it made anew. A dry run supposes that nothing is.
 */
function there(what, absent, ...args) {
  if (isDryRun) return null;
  const { isWell, answer, said } = call(args);
  if (isWell) return answer;
  if (absent.test(said)) return null;
  const check = "Check the connection and what the login may do (wrangler whoami)";
  return fail(
    `see whether there is ${what}`,
    `see the lines above; nothing was changed. ${check}, then run ${AGAIN} again`,
    said,
  );
}

/** The packages of a release: wrangler, and the Node that it runs on. */
function install() {
  if (process.env.WRANGLER || existsSync(join(ROOT, "node_modules/wrangler"))) return;
  say("npm ci (wrangler and its Node; half a minute)");
  const options = { cwd: ROOT, stdio: "inherit", shell: process.platform === "win32" };
  if (spawnSync("npm", ["ci", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"], options).status !== 0) {
    fail("install wrangler", "see that npm, which comes with Node.js, reaches its registry (npm ping)");
  }
}

function logIn() {
  const { isWell, said } = call(["whoami"]);
  if (isWell && !said.includes("not authenticated")) return;
  say("log in to Cloudflare");
  if (!call(["login"], "inherit").isWell) {
    fail("log in", "on a machine without a browser set CLOUDFLARE_API_TOKEN");
  }
}

/**
 * The names of the secrets that are set. They stay as they are: destinations' secrets open with DESTINATION_KEY alone,
 * and keys are checked with KEY_SECRET.
 */
function secretsThere() {
  const absent = new RegExp(`Worker "${worker}" not found|\\[code: (10007|10090)\\]`);
  const answer = there("the Worker with its secrets", absent, "secret", "list", "--format", "json");
  if (answer === null) return [];
  try {
    // Before the list wrangler may warn of something.
    const listed = JSON.parse(answer.slice(answer.search(/^\[/m))).map(({ name }) => name);
    if (listed.every((name) => typeof name === "string")) return listed;
  } catch {
    // Said below, as of a list of something else.
  }
  const remedy = `see the lines above, which should be a JSON list; nothing was changed. Run ${AGAIN} again`;
  return fail("read which secrets are set", remedy, answer);
}

const bindingOf = (number) => (number === 1 ? "DB" : `DB_${number}`);
const nameOf = (number) => (number === 1 ? database : `${database}-${number}`);

/**
 * Has wrangler.toml bind as many databases as DATABASES says; gives how many there are. Those of an earlier deployment
 * are bound again, whatever DATABASES and a fresh wrangler.toml say: their spaces would else wait for them in vain.
 */
function bindDatabases() {
  const asked = process.env.DATABASES || "1";
  if (!/^\d{1,3}$/.test(asked)) fail(`read DATABASES=${asked}`, "write a number, such as DATABASES=2");
  const isBound = (number) => config.includes(`\nbinding = "${bindingOf(number)}"\n`);
  const listed = there("the account's databases", /no such list/, "d1", "list", "--json") ?? "";
  const earlier = [...listed.matchAll(new RegExp(`"name": *"${database}-(\\d+)"`, "g"))].map(([, number]) =>
    Number(number),
  );
  let count = Math.max(Number(asked), 1, ...earlier);
  while (isBound(count + 1)) count += 1;
  for (let number = 2; number <= count; number++) {
    if (isBound(number)) continue;
    say(`bind the database ${nameOf(number)} as ${bindingOf(number)}, in wrangler.toml: keep that file`);
    const lines = [
      `binding = "${bindingOf(number)}"`,
      `database_name = "${nameOf(number)}"`,
      'migrations_dir = "migrations"',
    ];
    if (!isDryRun) appendFileSync(CONFIG, `\n[[d1_databases]]\n${lines.join("\n")}\n`);
  }
  return count;
}

/** The names of the migrations that a database has had; `null` where it does not say. */
function migrationsApplied(binding) {
  const names = ["--json", "--command", "SELECT name FROM d1_migrations"];
  const { isWell, answer } = call(["d1", "execute", binding, "--remote", ...names]);
  try {
    return isWell ? JSON.parse(answer)[0].results.map(({ name }) => name) : null;
  } catch {
    return null;
  }
}

/**
 * Before the code: the running version goes on meanwhile, and what it cannot store waits in the queue. wrangler has D1
 * run a migration as a query. That has 30 seconds, and is split into statements in a way of D1's own, known to
 * end a trigger too soon. An import knows neither; it too is done whole or not at all.
 */
function migrate(number) {
  const binding = bindingOf(number);
  const what = `migrate the database ${nameOf(number)}`;
  const again = `nothing of the migration that failed was kept. Run ${AGAIN} again`;
  const apply = ["d1", "migrations", "apply", binding, "--remote"];
  if (isDryRun) return change(what, again, ...apply);
  say(what);
  const { isWell, said } = call(apply);
  if (isWell) return said;
  const applied = migrationsApplied(binding) ?? fail(what, `see the lines above; ${again}`, said);
  const folder = join(ROOT, "migrations");
  const left = readdirSync(folder).filter((name) => name.endsWith(".sql") && !applied.includes(name));
  for (const name of left.sort()) {
    const file = join(temporary(), name);
    const sql = readFileSync(join(folder, name), "utf8");
    writeFileSync(file, `${sql}\nINSERT INTO d1_migrations (name) VALUES ('${name}');\n`);
    const remedy = `see the lines above; as a query it was refused too. ${again}`;
    change(`import ${name}`, remedy, "d1", "execute", binding, "--remote", "--yes", "--file", file);
  }
  return said;
}

/** A folder of its own, only for as long as this runs. */
function temporary() {
  const folder = mkdtempSync(join(tmpdir(), "xtracker-deploy-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const madeUp = () => randomBytes(32).toString("hex");

/** What is typed, unseen; empty where there is nobody to ask. */
async function typed(question) {
  if (!process.stdin.isTTY || isDryRun) return "";
  process.stdout.write(question);
  const nowhere = new Writable({ write: (_text, _encoding, done) => done() });
  const reader = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  reader.on("SIGINT", () => process.exit(130));
  const answer = await reader.question("");
  reader.close();
  console.log();
  return answer.trim();
}

async function missingSecrets(known) {
  const made = {};
  for (const name of SECRETS.filter((name) => !known.includes(name))) {
    const question = `deploy: ${name} is not set. Type one, or press Enter to have it made up: `;
    made[name] = (await typed(question)) || madeUp();
  }
  return made;
}

/** Deploys with secrets in a file: what is an argument or in the environment can be read by others. */
function deployWith(secrets) {
  const file = join(temporary(), "secrets.json");
  writeFileSync(file, JSON.stringify(secrets, null, 2), { mode: 0o600 });
  const more = IS_RELEASE ? "" : "; make build says more about the build";
  const what = IS_RELEASE ? "deploy" : "build and deploy";
  return change(what, `see the lines above${more}. Run ${AGAIN} again`, "deploy", "--secrets-file", file);
}

async function deploy() {
  if (!isDryRun) {
    install();
    logIn();
  }
  const known = secretsThere();
  const numbers = Array.from({ length: bindDatabases() }, (_, at) => at + 1);
  const mayHave = "see that the account may have one more D1 database (free plan: 10)";
  for (const name of numbers.map(nameOf)) {
    if (there(`the database ${name}`, /Couldn't find an? .*D1 DB/, "d1", "info", name) !== null) continue;
    change(`create the database ${name}`, mayHave, "d1", "create", name);
  }
  for (const queue of queues) {
    const absent = new RegExp(`Queue "${queue}" does not exist`);
    if (there(`the queue ${queue}`, absent, "queues", "info", queue) !== null) continue;
    change(`create the queue ${queue}`, "see that Queues are switched on for the account", "queues", "create", queue);
  }
  const secrets = await missingSecrets(known);
  for (const number of numbers) migrate(number);
  const said = deployWith(secrets);
  if (isDryRun) return;
  const [origin] = /https:\/\/[^ \n]+\.workers\.dev/.exec(said) ?? ["the address that your Cloudflare dashboard shows"];
  console.log(`\nThe tracker is at ${origin}.`);
  if (secrets.OPERATOR_TOKEN) {
    console.log("Its operator's secret, shown this once, is the password of the dashboard. Keep it:");
    console.log(`\n    ${secrets.OPERATOR_TOKEN}\n`);
  }
  console.log("Next, open it in a browser, sign in with the operator's secret and create your first space.");
}

/** Secrets of this machine only, made once. */
function localSecrets() {
  const file = join(ROOT, ".dev.vars");
  if (!existsSync(file)) {
    const lines = SECRETS.map((name) => `${name}=${madeUp()}\n`);
    writeFileSync(file, `${lines.join("")}LOCAL=true\n`, { mode: 0o600 });
  }
  return /^OPERATOR_TOKEN=(.*)$/m.exec(readFileSync(file, "utf8"))?.[1];
}

function runHere() {
  install();
  const port = process.env.PORT ?? "8787";
  const state = process.env.STATE ?? join(ROOT, ".wrangler/state");
  const password = localSecrets();
  const remedy = "see the lines above; nothing of the migration that failed was kept";
  for (const [, binding] of config.matchAll(/^binding = "(DB(?:_\d+)?)"/gm)) {
    const apply = ["d1", "migrations", "apply", binding, "--local", "--persist-to", state];
    change(`migrate the local database ${binding}`, remedy, ...apply);
  }
  console.log(`The tracker comes up at http://127.0.0.1:${port}. The password of its dashboard:\n\n    ${password}\n`);
  const [program, ...first] = wrangler();
  const args = ["dev", "--ip", "127.0.0.1", "--port", port, "--persist-to", state];
  const options = { cwd: ROOT, env: environment, stdio: ["ignore", "inherit", "inherit"] };
  const server = spawn(program, [...first, ...args, "--show-interactive-dev-session=false"], options);
  // wrangler ends workerd, which writes out what the database holds.
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => server.kill("SIGTERM"));
  server.on("exit", (code) => process.exit(code ?? 0));
}

await (isLocal ? runHere() : deploy());
