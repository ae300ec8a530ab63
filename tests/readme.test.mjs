// Every command that README.md and docs/ tell a user to run is run here, as it stands but for the ports. What runs is
// in blocks of the language sh; a block without a language is for Cloudflare, for a terminal of its own, or takes
// minutes. A line `# → …` is the answer that the command before it must give, with … for anything.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, normalize } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { freePort } from "./dev-server.mjs";
import { apply, OPERATOR_TOKEN, startWorker, until } from "./harness.mjs";

const run = promisify(execFile);
const ROOT = new URL("..", import.meta.url).pathname;
const read = (path) => readFileSync(join(ROOT, path), "utf8");

const inDocs = readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md"));
const MANUAL = ["README.md", ...inDocs.sort().map((name) => `docs/${name}`)];
const DOCUMENTS = [...MANUAL, "CONTRIBUTING.md", "CHANGELOG.md"];

/** The texts of a document's blocks of a language; "" for those that name none. */
const blocks = (path, language) => {
  const all = [...read(path).matchAll(/^```(\w*)\n(.*?)^```$/gms)];
  return all.filter(([, its]) => its === language).map(([, , text]) => text);
};

/** The commands of a document, each with the answer that it promises. A line that ends in \ goes on in the next. */
function commands(path) {
  const found = [];
  for (const line of blocks(path, "sh").join("").replaceAll("\\\n", " ").split("\n")) {
    if (line.startsWith("# → ")) found.at(-1).answer = line.slice("# → ".length);
    else if (line && !line.startsWith("#")) found.push({ command: line });
  }
  return found;
}

const COMMANDS = new Map(MANUAL.map((path) => [path, commands(path)]).filter(([, found]) => found.length));

/** A pattern for a promised answer. */
function pattern(answer) {
  const literal = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${answer.split("…").map(literal).join(".*")}$`, "s");
}

let worker, origin, receiver, folder;
let received = "";

before(async () => {
  worker = await startWorker();
  ({ origin } = new URL((await worker.server.listen()).url));
  await apply(worker.db, "scripts/seed.sql");
  const port = await freePort();
  const command = blocks("docs/destinations.md", "").find((text) => text.startsWith("node scripts/receiver.mjs"));
  const env = { ...process.env, PORT: port };
  receiver = { port, child: spawn("sh", ["-c", `exec ${command}`], { cwd: ROOT, env }) };
  receiver.child.stdout.on("data", (data) => (received += data));
  // Where `make dev` runs: its secrets, and the scripts.
  folder = mkdtempSync(join(tmpdir(), "xtracker-readme-"));
  writeFileSync(join(folder, ".dev.vars"), `OPERATOR_TOKEN=${OPERATOR_TOKEN}\n`);
  symlinkSync(join(ROOT, "scripts"), join(folder, "scripts"));
});
after(() => {
  receiver.child.kill();
  return worker.stop();
});

function here(text) {
  const moved = text.replaceAll("http://127.0.0.1:8787", origin);
  return moved.replaceAll("127.0.0.1:9000", `127.0.0.1:${receiver.port}`);
}

/** Runs the commands of a document in one shell, and gives the output and the exit code of each. */
async function pasted(path) {
  const found = COMMANDS.get(path);
  const said = "printf '\\036%s\\036' $?";
  const lines = found.flatMap(({ command }) => [here(command).replace(/^curl /, "curl -sS "), said]);
  const { stdout } = await run("sh", ["-c", lines.join("\n")], { cwd: folder });
  const pieces = stdout.split("\x1e");
  return found.map((_, index) => ({ output: pieces[2 * index].trim(), code: pieces[2 * index + 1] }));
}

describe("commands", () => {
  for (const [path, expected] of COMMANDS) {
    test(`of ${path} answer what it says`, async () => {
      const results = await pasted(path);
      for (const [index, { command, answer }] of expected.entries()) {
        assert.equal(results[index].code, "0", command);
        assert.ok(answer || !command.startsWith("curl"), `no answer is promised: ${command}`);
        if (answer) assert.match(results[index].output, pattern(answer), command);
      }
    });
  }

  test("stand in every document that a user follows", () => {
    const followed = ["postback", "bot", "links", "destinations", "api", "operating"].map((name) => `docs/${name}.md`);
    for (const path of ["README.md", ...followed]) assert.ok(COMMANDS.has(path), path);
  });

  test("tie the bot's event to its link, and send the deposit to the receiver", async () => {
    const links = await worker.rows("SELECT DISTINCT link_id FROM events WHERE tg_id = 555123");
    assert.deepEqual(links, [{ link_id: 1 }]);
    await until("the receiver has the deposit", () => /^POST \/.*"canonical":"deposit"/ms.test(received));
  });
});

test("the Python client binds and reports, and a retry is the same event and the same click", async () => {
  const [client] = blocks("docs/bot.md", "python");
  const script = `${here(client)}
print(json.dumps(on_start(777, "fb_python-click")))
at = int(time.time() * 1000)
print([report("deposit", uid="python-click", value="5", occurred_at_ms=at)["status"] for _ in range(2)])
clicked, send, lost = click(campaign_name="Summer"), urllib.request.urlopen, []
def lose_the_first_answer(*request, **options):
    answer = send(*request, **options)
    if not lost:
        lost.append(json.load(answer)["uid"])
        raise OSError("the answer was lost")
    return answer
urllib.request.urlopen, time.sleep = lose_the_first_answer, lambda seconds: None
print(json.dumps([clicked, click(campaign_name="Lost"), *lost]))
urllib.request.urlopen = send
try:
    report("deposit", value="abc")
except RuntimeError as refused:
    print(refused)
`;
  const { stdout } = await run("python3", ["-c", script]);
  const [started, twice, clicks, refused] = stdout.trim().split("\n");
  assert.equal(JSON.parse(started).status, "queued");
  assert.equal(twice, "['queued', 'duplicate']");
  assert.equal(JSON.parse(refused).status, "invalid_value");
  const [clicked, retried, lost] = JSON.parse(clicks);
  assert.equal(retried, lost);
  assert.notEqual(retried, clicked);
  assert.deepEqual(await worker.rows("SELECT count(*) AS n FROM clicks WHERE campaign_name = 'Lost'"), [{ n: 1 }]);
  assert.deepEqual(await worker.rows("SELECT tg_id FROM binds WHERE uid = 'python-click'"), [{ tg_id: 777 }]);
});

describe("documents", () => {
  /** The anchor that a heading has on a page. */
  const anchor = (heading) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-");
  const anchors = (path) => [...read(path).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchor(heading));

  for (const path of DOCUMENTS) {
    test(`the links of ${path} lead somewhere`, () => {
      const prose = read(path).replace(/^```.*?^```$/gms, "");
      for (const [, target] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^https?:/.test(target)) continue;
        const [file, part] = target.split("#");
        const place = file ? normalize(join(dirname(path), file)) : path;
        assert.ok(existsSync(join(ROOT, place)), target);
        if (part) assert.ok(anchors(place).includes(part), target);
      }
    });
  }

  test("are all reached from the README", () => {
    const readme = read("README.md");
    for (const path of DOCUMENTS.slice(1)) assert.ok(readme.includes(`(${path})`), path);
  });

  test("have examples of JSON that is JSON", () => {
    for (const path of MANUAL) for (const text of blocks(path, "json")) assert.ok(JSON.parse(text), path);
  });

  test("do not outgrow their readers", () => {
    const lines = (path) => read(path).split("\n").length - 1;
    assert.ok(lines("README.md") <= 130);
    assert.ok(lines("CONTRIBUTING.md") <= 60);
  });
});
