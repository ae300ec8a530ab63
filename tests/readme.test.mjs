// Everything that the README tells a user to paste is pasted here, as it stands but for the port.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { apply, startWorker } from "./harness.mjs";

const run = promisify(execFile);
const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const blocks = (language) => [...readme.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "gms"))].map(([, text]) => text);

let worker, origin;
before(async () => {
  worker = await startWorker();
  ({ url: origin } = await worker.server.listen());
  await apply(worker.db, "scripts/seed.sql");
});
after(() => worker.stop());

const here = (text) => text.replaceAll("http://127.0.0.1:8787", new URL(origin).origin);

/** The commands of all shell blocks: a line, with the lines that continue it. */
const commands = () =>
  blocks("sh").join("\n").replaceAll("\\\n", " ").split("\n").filter((line) => line && !line.startsWith("#"));

test("every curl of the README works as it stands", async () => {
  assert.ok(commands().length >= 6);
  const expected = {
    "/e?": /^\{"ok":true,"status":"queued"\}$/, "/clicks": /^\{"uid":"my-click-1"\}$/, "/bind": /^\{"ok":true,"matched":true\}$/,
    "/events": /^\{"ok":true,"status":"queued","inbox_id":"[0-9a-f]{16}"\}$/,
  };
  for (const command of commands()) {
    const { stdout } = await run("sh", ["-c", here(command).replace("curl ", "curl -sS ")]);
    const [, pattern] = Object.entries(expected).find(([path]) => command.includes(`8787${path}`));
    assert.match(stdout, pattern, command);
  }
  const attributed = await worker.rows("SELECT DISTINCT link_id FROM events WHERE tg_id = 555123");
  assert.deepEqual(attributed, [{ link_id: 1 }]);
  const [deposit] = commands().filter((line) => line.includes("event=deposit"));
  const { stdout } = await run("sh", ["-c", here(deposit).replace("curl ", "curl -sS ")]);
  assert.equal(stdout, '{"ok":true,"status":"duplicate"}');
});

test("the README's Python client binds and reports, and a retry is the same event and the same click", async () => {
  const [client] = blocks("python");
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
