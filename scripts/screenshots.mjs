// Takes the README's pictures: a Worker of its own with make demo's data, in Chromium, light and dark.
// Run by make screenshots; the pictures go to docs/screenshots/.
import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { promisify } from "node:util";
import { startChromium } from "../tests/browser/chromium.mjs";
import { apply, OPERATOR_TOKEN, startWorker, until } from "../tests/harness.mjs";

const ROOT = new URL("..", import.meta.url).pathname;
const FOLDER = `${ROOT}docs/screenshots`;
const run = promisify(execFile);

const real = globalThis.fetch;
globalThis.fetch = async (request, init) => {
  const { url } = new Request(request, init);
  return url.includes("slow.example")
    ? new Response("try later", { status: 503 })
    : url.includes(".example")
      ? new Response("ok")
      : real(request, init);
};

mkdirSync(FOLDER, { recursive: true });
const worker = await startWorker();
const chromium = await startChromium(worker);
try {
  await apply(worker.db, "scripts/seed.sql");
  const operator = (path, body) =>
    worker.fire(path, {
      method: "POST",
      headers: { authorization: `Bearer ${OPERATOR_TOKEN}` },
      body: JSON.stringify(body),
    });
  await worker.db.prepare("UPDATE spaces SET network = 'pocket-option' WHERE id = 1").run();
  await operator("/api/spaces/1/destinations", { kind: "webhook", name: "My server", url: "https://hook.example/" });
  await operator("/api/spaces/1/destinations", {
    kind: "s2s_postback",
    name: "Keitaro",
    url_template: "https://slow.example/?c={uid}&p={value}",
    events: { contact: null, subscribed: null },
  });
  await run("node", ["scripts/demo.mjs"], {
    cwd: ROOT,
    env: { ...process.env, ORIGIN: chromium.origin, VISITORS: "2070", DAYS: "14" },
  });
  const fire = (query) => worker.fire(`/e?token=xt_in_local&${query}`);
  const { uid } = await worker.row("SELECT uid FROM events WHERE event = 'registration' ORDER BY seq DESC LIMIT 1");
  await fire(`event=deposit&uid=${uid}&value=1,250&eid=po-88120`);
  const empty = await fire(`event=deposit&uid=${uid}&value=&currency=USD&eid=po-88121`);
  await fire(`event=deposit&uid=${uid}&value=250.00&currency=USD&eid=po-88122`);
  await fire(`event=deposit&uid=${uid}&value=300.00&currency=USD&eid=po-88122`);
  await fire(`event=deposit&uid=${uid}&sum=80.00&currency=USD&eid=po-88123`);
  await until(
    "the first one was sent",
    async () =>
      (await worker.row("SELECT count(*) AS n FROM deliveries WHERE tries = 0 AND destination_id = 1")).n === 0,
    60_000,
  );

  const take = async (name, path, options = {}) => {
    for (const colorScheme of ["light", "dark"]) {
      const page = await chromium.page({ width: 1280, height: 860, ...options, colorScheme });
      await page.goto(path);
      await options.prepare?.(page);
      if (await page.locator("#connection").count()) await page.locator('#connection[data-state="live"]').waitFor();
      await page.screenshot({ path: `${FOLDER}/${name}-${colorScheme}.png`, fullPage: options.fullPage ?? false });
      await page.context().close();
    }
  };
  await take("overview", "/s/1?period=7d", { height: 1180 });
  await take("event", `/s/1/events/${empty.headers.get("x-event-id")}`);
  await take("health", "/s/1/health", { height: 620 });
  await take("keys", "/s/1/keys", {
    height: 1000,
    prepare: (page) => page.evaluate(() => document.getElementById("network-pocket-option").scrollIntoView()),
  });
  await take("destinations", "/s/1/destinations");
  await take("refused", "/s/1/refused", { height: 900 });
  await take("links", "/s/1/links", { height: 420 });
  await take("phone", "/s/1?period=7d", { width: 390, height: 844 });
} finally {
  await chromium.stop();
  await worker.stop();
  globalThis.fetch = real;
}
console.log(`screenshots: docs/screenshots/`);
