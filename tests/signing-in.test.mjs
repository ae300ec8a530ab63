// The dashboard's door: who gets in, how long, and what browsers are told (docs/dashboard.md, Who may see it).
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import { OPERATOR_TOKEN, startWorker } from "./harness.mjs";
import { page } from "./pages.mjs";

let worker, browser;
before(async () => {
  worker = await startWorker({ local: false });
  browser = await worker.browser();
});
after(() => worker.stop());

const SCREENS = [
  "",
  "/live",
  "/events",
  "/events/1",
  "/events.csv",
  "/links.csv",
  "/health",
  "/refused",
  "/keys",
  "/links",
  "/links/new",
  "/links/1",
  "/destinations",
  "/destinations/new?kind=webhook",
  "/destinations/1",
  "/settings",
];
const ACTIONS = [
  "/keys",
  "/keys/1/rotate",
  "/keys/1/revoke",
  "/keys/1/rename",
  "/keys/1/end",
  "/keys/urls",
  "/links",
  "/links/1",
  "/destinations",
  "/destinations/1",
  "/destinations/1/test",
  "/destinations/1/pause",
  "/destinations/1/resend",
  "/destinations/1/delete",
  "/settings",
];

test("nothing is shown or done without signing in", async () => {
  const { id } = await worker.space();
  const paths = ["/", "/new", ...SCREENS.map((path) => `/s/${id}${path}`)];
  const before = JSON.stringify(await worker.rows("SELECT * FROM keys"));
  for (const cookie of ["", "xtracker_session=9999999999999.00", `${browser.cookie}0`]) {
    for (const path of paths) {
      const answer = await browser.get(path, { headers: { cookie } });
      assert.equal(answer.code, 303, path);
      assert.match(answer.headers.get("location"), /^\/login/, path);
      assert.equal(answer.text, "", path);
    }
    for (const path of ["/new", ...ACTIONS.map((path) => `/s/${id}${path}`)]) {
      const answer = await browser.send(path, { name: "x" }, { cookie });
      assert.deepEqual([answer.code, answer.headers.get("location")], [303, "/login"], path);
    }
  }
  assert.equal(JSON.stringify(await worker.rows("SELECT * FROM keys")), before);
});

test("signing in takes the operator's secret, sets a cookie for nobody else, and goes on", async () => {
  const answer = await browser.send("/login", { password: ` ${OPERATOR_TOKEN}`, next: "/s/1/keys" }, { cookie: "" });
  assert.deepEqual([answer.code, answer.headers.get("location")], [303, "/s/1/keys"]);
  const cookie = answer.headers.get("set-cookie");
  for (const part of ["HttpOnly", "SameSite=Lax", "Secure", "Path=/"]) assert.ok(cookie.includes(part), cookie);
  assert.ok(!cookie.includes(OPERATOR_TOKEN));
  const elsewhere = await browser.send("/login", { password: OPERATOR_TOKEN, next: "//evil.example" }, { cookie: "" });
  assert.equal(elsewhere.headers.get("location"), "/");
  const wrong = await browser.send("/login", { password: "wrong", next: "/s/1" }, { cookie: "" });
  assert.equal(wrong.code, 403);
  assert.match(page(wrong.text).form("Sign in").errors.password, /not the operator's secret/);
  assert.equal(wrong.headers.get("set-cookie"), null);
});

test("signing out ends the session at the server, for every copy of its cookie and for no other sign-in", async () => {
  const { id } = await worker.space();
  const leaving = await worker.browser();
  const copy = { cookie: `other=1; ${leaving.cookie}` };
  assert.equal((await browser.get(`/s/${id}`, { headers: copy })).code, 200);
  const out = await leaving.send("/logout");
  assert.deepEqual([out.code, out.headers.get("location")], [303, "/login"]);
  assert.match(out.headers.get("set-cookie"), /xtracker_session=; .*Max-Age=0/);
  for (const path of ["/", "/new", ...SCREENS.map((path) => `/s/${id}${path}`)]) {
    const answer = await browser.get(path, { headers: copy });
    assert.equal(answer.code, 303, path);
    assert.match(answer.headers.get("location"), /^\/login/, path);
    assert.equal((await browser.get(path)).code === 303, path === "/", `${path} for who stays`);
  }
  for (const path of ["/new", ...ACTIONS.map((path) => `/s/${id}${path}`)]) {
    const answer = await browser.send(path, { name: "x" }, copy);
    assert.deepEqual([answer.code, answer.headers.get("location")], [303, "/login"], path);
  }
  assert.equal((await browser.get("/login", { headers: copy })).code, 200, "it is shown the way in");
  assert.equal((await browser.send("/logout", {}, copy)).code, 303);
});

test("signing in again ends the browser's session before", async () => {
  const first = await worker.browser();
  const again = await first.send("/login", { password: OPERATOR_TOKEN });
  const second = again.headers.get("set-cookie").split(";")[0];
  assert.notEqual(second, first.cookie);
  assert.equal((await first.get("/new")).code, 303);
  assert.equal((await first.get("/new", { headers: { cookie: second } })).code, 200);
});

test("while the database cannot say who signed out, nobody is let in, or told that they are signed out", async () => {
  const { get, send } = await worker.browser();
  await worker.db.prepare("ALTER TABLE ended_sessions RENAME TO ended_sessions_away").run();
  try {
    assert.deepEqual([(await get("/new")).code, (await get("/login")).code], [503, 503]);
    const out = await send("/logout");
    assert.deepEqual([out.code, out.headers.get("set-cookie")], [503, null]);
    assert.equal((await get("/login", { headers: { cookie: "" } })).code, 200);
  } finally {
    await worker.db.prepare("ALTER TABLE ended_sessions_away RENAME TO ended_sessions").run();
  }
  assert.equal((await get("/new")).code, 200);
});

test("a cookie of a sign-in without an id is none", async () => {
  const ends = Date.now() + 3600_000;
  const key = createHash("sha256").update(OPERATOR_TOKEN).digest();
  const sign = (text) => createHmac("sha256", key).update(text).digest("hex");
  for (const value of [
    `${ends}.${sign(`xtracker session until ${ends}`)}`,
    `${ends}..${sign(`xtracker session until ${ends}`)}`,
  ]) {
    assert.equal((await browser.get("/new", { headers: { cookie: `xtracker_session=${value}` } })).code, 303);
  }
});

test("over https every answer of the dashboard says to come back over https alone", async () => {
  const { id } = await worker.space();
  const login = await browser.get("/login", { headers: { cookie: "" } });
  const { assets } = page(login.text);
  assert.equal(assets.length, 3);
  const paths = ["/", "/login", "/new", ...assets, ...SCREENS.map((path) => `/s/${id}${path}`), `/s/999999`];
  const header = async (server, origin, path, init) => {
    // The server's own fetch makes http of it; the Worker's does not.
    const response = await server.getWorker().fetch(`${origin}${path}`, {
      redirect: "manual",
      ...init,
      headers: { cookie: browser.cookie, origin, ...init?.headers },
    });
    await response.body?.cancel();
    return response.headers.get("strict-transport-security");
  };
  const https = (path, init) => header(worker.server, "https://tracker.example", path, init);
  for (const path of paths) {
    assert.equal(await https(path), "max-age=31536000", path);
    assert.equal(await https(path, { headers: { cookie: "" } }), "max-age=31536000", path);
    assert.equal((await browser.get(path)).headers.get("strict-transport-security"), null, `${path} over http`);
  }
  for (const path of ["/login", "/new", ...ACTIONS.map((path) => `/s/${id}${path}`), "/logout"]) {
    assert.equal(
      await https(path, { method: "POST", headers: { origin: "https://evil.example" } }),
      "max-age=31536000",
      path,
    );
    assert.equal(
      await https(path, { method: "POST", headers: { cookie: "" }, body: new URLSearchParams({ password: "wrong" }) }),
      "max-age=31536000",
      path,
    );
  }
  const local = await startWorker({ local: true });
  try {
    assert.equal(
      await header(local.server, "https://localhost:8787", "/login"),
      null,
      "nobody's own machine is bound to https",
    );
  } finally {
    await local.stop();
  }
});

test("one address may be wrong ten times a minute, and is told to wait; the right secret opens always", async () => {
  const sign = (password) => browser.send("/login", { password }, { cookie: "", "cf-connecting-ip": "203.0.113.9" });
  for (let times = 0; times < 13; times++)
    assert.equal((await sign(OPERATOR_TOKEN)).code, 303, "right ones are not counted");
  const tries = [];
  for (let at = 0; at < 13; at++) tries.push(await sign(`guess ${at}`));
  assert.equal(tries[0].code, 403);
  const limited = tries.at(-1);
  assert.deepEqual(
    [limited.code, limited.headers.get("retry-after"), limited.headers.get("set-cookie")],
    [429, "60", null],
  );
  assert.match(page(limited.text).form("Sign in").errors.password, /Wait a minute/);
  const right = await sign(OPERATOR_TOKEN);
  assert.deepEqual([right.code, right.headers.get("location")], [303, "/"]);
  assert.equal((await sign("guess")).code, 429);
});

test("a form of another site is refused, whatever it says", async () => {
  const { id } = await worker.space();
  const before = await worker.rows("SELECT * FROM keys WHERE space_id = ?", id);
  for (const headers of [
    { origin: "https://evil.example" },
    { origin: "null" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { "sec-fetch-site": "none" },
  ]) {
    for (const path of ["/logout", "/new", ...ACTIONS.map((path) => `/s/${id}${path}`)]) {
      assert.equal((await browser.send(path, {}, headers)).code, 403, `${path} ${JSON.stringify(headers)}`);
    }
  }
  assert.deepEqual(await worker.rows("SELECT * FROM keys WHERE space_id = ?", id), before);
});

test("every answer has a policy without inline scripts, and no referrer leaves", async () => {
  const { id } = await worker.space();
  for (const path of ["/login", "/new", "/nowhere/else", ...SCREENS.map((path) => `/s/${id}${path}`)].filter(
    (path) => !path.startsWith("/nowhere"),
  )) {
    const { headers, text } = await browser.get(path);
    assert.match(
      headers.get("content-security-policy"),
      /^default-src 'none'; script-src 'self'; style-src 'self';/,
      path,
    );
    assert.equal(headers.get("referrer-policy"), "same-origin", path);
    assert.equal(headers.get("cache-control"), "no-store", path);
    // The bytes themselves, whatever a parser makes of them.
    assert.ok(
      !/<script(?! type="module" src="\/app.js\?[0-9a-f]{12}")|\son\w+=|\sstyle=|javascript:/i.test(text),
      path,
    );
  }
});

test("style, script and icon are kept under their version, and under no other", async () => {
  const text = await (await worker.fetch("/login")).text();
  const { assets } = page(text);
  assert.equal(assets.length, 3);
  for (const address of assets) {
    assert.match(address, /^\/(app|favicon)\.\w+\?\w+$/);
    const file = await worker.fetch(address);
    assert.deepEqual(
      [file.status, file.headers.get("cache-control")],
      [200, "public, max-age=31536000, immutable"],
      address,
    );
    assert.match(file.headers.get("content-type"), /^(text\/(css|javascript); charset=utf-8|image\/svg\+xml)$/);
    assert.ok((await file.text()).length > 200, address);
    assert.equal((await worker.fetch(address.replace(/\?.*/, "?0"))).headers.get("cache-control"), "no-cache");
  }
});
