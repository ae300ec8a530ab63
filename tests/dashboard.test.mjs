// The dashboard's door and forms, as far as they go without a browser (docs/dashboard.md, docs/api.md).
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import { OPERATOR_TOKEN, sha256, startWorker } from "./harness.mjs";
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
  "/keys/ingest/rotate",
  "/keys/ingest/revoke",
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

test("a form comes back with what was typed and the reason beside its field", async () => {
  const { id } = await worker.space();
  const link = {
    name: "<b>My</b> link",
    slug: "my slug",
    kind: "web",
    target: "https://offer.example/",
    uid_parameter: "uid",
    enabled: "on",
  };
  for (const [path, fields, field, typed, reason = /./] of [
    ["/new", { name: "", time_zone: "Mars/Base" }, "name", { time_zone: "Mars/Base" }],
    ["/new", { name: "Offer", time_zone: "Mars/Base" }, "time_zone", { name: "Offer" }],
    [`/s/${id}/links`, link, "slug", { name: "<b>My</b> link" }],
    [`/s/${id}/destinations`, { kind: "webhook", name: "W", url: "ftp://x" }, "url", { url: "ftp://x" }],
    [
      `/s/${id}/destinations`,
      { kind: "webhook", name: "W", url: "https://hook.example/", headers: "no colon" },
      "headers",
      { url: "https://hook.example/" },
    ],
    [
      `/s/${id}/destinations`,
      { kind: "s2s_postback", name: "S", url_template: "https://x.example/?a={nope}" },
      "url_template",
      { url_template: "https://x.example/?a={nope}" },
    ],
    [
      `/s/${id}/destinations`,
      { kind: "s2s_postback", name: "S", url_template: "https://x.example/", expected_status: "ok" },
      "expected_status",
      { name: "S" },
    ],
    [
      `/s/${id}/destinations`,
      { kind: "fb_capi", name: "F", pixel_id: "x", access_token: "EAAsecret" },
      "pixel_id",
      { pixel_id: "x" },
    ],
    [`/s/${id}/settings`, { name: "Offer", time_zone: "x" }, "time_zone", { name: "Offer" }],
    ...["+05:37", "+0530", "-05", "\u221205:00", "IST"].flatMap((time_zone) =>
      ["/new", `/s/${id}/settings`].map((path) => [path, { name: "Offer", time_zone }, "time_zone", { name: "Offer" }]),
    ),
    [`/s/${id}/keys/urls`, { uid: "{a b}", event: "deposit" }, "uid", { uid: "{a b}" }],
    [`/s/${id}/keys/urls`, { token: "xt_sk_wrong" }, "token", {}, /begin with xt_in_/],
  ]) {
    const { code, text } = await browser.send(path, fields);
    assert.equal(code, 422, `${path} ${field}`);
    const form = page(text).forms.find(({ errors }) => field in errors);
    assert.match(form?.errors[field] ?? "", reason, `${path} ${field}: ${text}`);
    for (const [name, value] of Object.entries(typed)) assert.equal(form.fields[name], value, `${path} ${field}`);
    assert.ok(!text.includes("EAAsecret"), "a secret does not come back");
  }
});

test("zones by their IANA names are taken", async () => {
  const { id } = await worker.space();
  for (const time_zone of ["Etc/GMT+5", "UTC", "GMT", "Asia/Kathmandu", "America/Argentina/Buenos_Aires"]) {
    assert.equal((await browser.send(`/s/${id}/settings`, { name: "Offer", time_zone })).code, 303, time_zone);
    assert.deepEqual(await worker.row("SELECT time_zone FROM spaces WHERE id = ?", id), { time_zone });
  }
});

/** The rotate form of a kind of key, as a page of the space has it. */
async function rotateForm(id, kind = "ingest") {
  const keys = page((await browser.get(`/s/${id}/keys`)).text);
  const { action, fields } = keys.form(`Rotate the ${kind === "ingest" ? "Ingest token" : "Bearer"}`);
  assert.equal(action, `/s/${id}/keys/${kind}/rotate`);
  const shown = ({ code, text }) => [
    code,
    new RegExp(`xt_${kind === "ingest" ? "in" : "sk"}_[0-9a-v]{36}`).exec(text)?.[0],
  ];
  return { fields, send: async () => shown(await browser.send(action, fields)) };
}
const keysOf = (id, kind) =>
  worker.rows(
    `
    SELECT hash, expires_at_ms
    FROM keys WHERE space_id = ? AND kind = ? ORDER BY created_at_ms, expires_at_ms IS NULL`,
    id,
    kind,
  );

for (const [how, twice] of Object.entries({
  "by a double click": (send) => Promise.all([send(), send(), send()]),
  "one after the other": async (send) => [await send(), await send(), await send()],
})) {
  test(`a form sent twice rotates once and shows the same secret: ${how}`, async () => {
    for (const kind of ["ingest", "bearer"]) {
      const space = await worker.space();
      const { send } = await rotateForm(space.id, kind);
      const answers = await twice(send);
      assert.match(answers[0][1] ?? "nothing", /^xt_/);
      assert.deepEqual(answers, Array(3).fill([200, answers[0][1]]));
      const [old, made, ...more] = await keysOf(space.id, kind);
      assert.deepEqual(
        [old.hash, made, more],
        [sha256(space[kind]), { hash: sha256(answers[0][1]), expires_at_ms: null }, []],
      );
      assert.ok(old.expires_at_ms > Date.now() + 23.9 * 3600 * 1000, "the one before keeps its 24 hours");
    }
  });
}

test("a form shows its secret again for five minutes, while it is the current one, not for another page", async () => {
  const space = await worker.space();
  const stale = await rotateForm(space.id);
  const form = await rotateForm(space.id);
  const [, token] = await form.send();
  assert.deepEqual(await stale.send(), [200, undefined], "another page of the same time rotates nothing");
  const keys = await keysOf(space.id, "ingest");
  await worker.db
    .prepare("UPDATE keys SET created_at_ms = created_at_ms - 300000 WHERE hash = ?")
    .bind(sha256(token))
    .run();
  const late = await browser.send(`/s/${space.id}/keys/ingest/rotate`, form.fields);
  assert.match(page(late.text).alerts[0], /Nothing was rotated/);
  assert.ok(!late.text.includes(token));
  await worker.db
    .prepare("UPDATE keys SET created_at_ms = created_at_ms + 300000 WHERE hash = ?")
    .bind(sha256(token))
    .run();
  assert.deepEqual(await keysOf(space.id, "ingest"), keys);
  const [, next] = await (await rotateForm(space.id)).send();
  assert.notEqual(next, token);
  assert.deepEqual(await form.send(), [200, undefined]);
  assert.deepEqual(await (await rotateForm(space.id)).send().then(([code]) => code), 200);
  for (const fields of [{}, { current: "0" }, { ...form.fields, nonce: "" }, { ...form.fields, current: "" }]) {
    const { text } = await browser.send(`/s/${space.id}/keys/ingest/rotate`, fields);
    assert.match(page(text).alerts[0], /Nothing was rotated/);
  }
});

test("rotating again after a secret was lost does not end the one that networks use", async () => {
  const space = await worker.space();
  const fire = (token) => worker.fire(`/e?token=${token}&event=contact`);
  const [, lost] = await (await rotateForm(space.id)).send();
  const [{ expires_at_ms: until }] = await keysOf(space.id, "ingest");
  const { text } = await browser.get(`/s/${space.id}/keys`);
  assert.match(
    page(text).section("Ingest token").text,
    /The current key was never used, and stops working at once\. The previous key works until it expires\./,
  );
  const [, second] = await (await rotateForm(space.id)).send();
  assert.deepEqual([(await fire(space.ingest)).code, (await fire(lost)).code], [200, 401]);
  assert.equal((await keysOf(space.id, "ingest"))[0].expires_at_ms, until);
  // Once the new one is in use, a rotation gives it the 24 hours.
  assert.equal((await fire(second)).code, 200);
  const [, third] = await (await rotateForm(space.id)).send();
  assert.deepEqual(
    [(await fire(space.ingest)).code, (await fire(second)).code, (await fire(third)).code],
    [401, 200, 200],
  );
});

test("ready-made URLs have the real token right after rotation, and escape what copying would change", async () => {
  const { id } = await worker.space();
  const { fields } = await rotateForm(id);
  const { text } = await browser.send(`/s/${id}/keys/ingest/rotate`, fields);
  const [token] = page(text).section("Shown only once").codes;
  assert.match(token, /^xt_in_[0-9a-v]{36}$/);
  const macros = "uid={click_id}&eid={trade_id}&value={sumdep}&currency=USD";
  const url = `${browser.origin}/e?token=${token}&event=deposit&${macros}`;
  assert.ok(
    page(text)
      .section(/^Pocket Option/)
      .codes.includes(url),
    text,
  );
  assert.ok(!/&(?!#\d+;|amp;|lt;|gt;|quot;)/.test(text), "no bare & anywhere");
  assert.ok(
    page(text)
      .section(/^Binomo/)
      .codes.includes(`${browser.origin}/e/${token}/deposit`),
    "Binomo's URL has no ?",
  );
  const built = await browser.send(`/s/${id}/keys/urls`, {
    token,
    event: "registration",
    uid: "[clickid]",
    eid: "#tid#",
    value: "{sum}",
    currency: "",
  });
  assert.deepEqual(page(built.text).section("Another network").codes, [
    `${browser.origin}/e?token=${token}&event=registration&uid=[clickid]&eid=#tid#`,
  ]);
});

test("a network that takes no ? in its URL is served by the path", async () => {
  const { ingest } = await worker.space();
  const first = await worker.fire(`/e/${ingest}/deposit?uid=u&eid=7&value=5`);
  assert.deepEqual([first.code, first.text], [200, '{"ok":true,"status":"queued"}']);
  assert.equal((await worker.fire(`/e?token=${ingest}&event=deposit&eid=7`)).status, "duplicate");
  assert.equal((await worker.fire(`/e/${ingest}/refund?uid=u`)).status, "invalid_event");
});

test("a link is made, changed and switched off", async () => {
  const { id } = await worker.space();
  const fields = {
    name: "Summer",
    slug: `s${id}`,
    kind: "web",
    target: "https://offer.example/",
    uid_parameter: "",
    title: "",
    text: "",
    button: "",
    enabled: "on",
  };
  assert.equal((await browser.send(`/s/${id}/links`, fields)).code, 303);
  const list = await browser.get(`/s/${id}/links`);
  assert.deepEqual(
    page(list.text).rows.map(({ name, cells }) => [name, ...cells.Address.codes]),
    [["Summer", `${browser.origin}/l/s${id}`]],
  );
  const link = (await worker.row("SELECT id FROM links WHERE space_id = ?", id)).id;
  const form = await browser.get(`/s/${id}/links/${link}`);
  assert.equal(page(form.text).form("Save").fields.target, "https://offer.example/");
  const taken = await browser.send(`/s/${id}/links`, fields);
  assert.equal(taken.code, 422);
  assert.ok(
    page(taken.text).forms.some(({ errors }) => errors.slug),
    taken.text,
  );
  assert.equal((await browser.send(`/s/${id}/links/${link}`, { ...fields, name: "Winter", enabled: "" })).code, 303);
  assert.deepEqual(await worker.row("SELECT name, enabled, uid_parameter FROM links WHERE id = ?", link), {
    name: "Winter",
    enabled: 0,
    uid_parameter: "uid",
  });
  const other = await worker.space("Other");
  assert.equal((await browser.get(`/s/${other.id}/links/${link}`)).code, 404);
  assert.equal((await browser.send(`/s/${other.id}/links/${link}`, { ...fields, slug: "stolen" })).code, 404);
});

test("a destination is added, tested, paused and removed, and its secrets are not shown again", async () => {
  const { id } = await worker.space();
  const fields = {
    kind: "webhook",
    name: "Hook",
    url: "https://hook.example/x",
    method: "POST",
    headers: "Authorization: Bearer s3cret",
    "events.deposit": "Purchase",
    "events.contact": "",
    enabled: "on",
  };
  const added = await browser.send(`/s/${id}/destinations`, fields);
  assert.equal(added.code, 200);
  const [signing] = page(added.text).section("Signing secret").codes;
  assert.match(signing, /^whsec_[A-Za-z0-9+/=]+$/);
  const { id: destination, events } = await worker.row("SELECT id, events FROM destinations WHERE space_id = ?", id);
  assert.deepEqual(JSON.parse(events), { deposit: "Purchase" });
  const real = globalThis.fetch;
  const got = [];
  globalThis.fetch = async (request, init) => {
    got.push(new Request(request, init));
    return new Response("fine <b>");
  };
  try {
    const tested = await browser.send(`/s/${id}/destinations/${destination}/test`);
    const said = Object.values(page(tested.text).section("Test result").terms);
    assert.ok(said.includes("It was accepted.") && said.includes("fine <b>"), said.join("; "));
    assert.equal(got[0].headers.get("authorization"), "Bearer s3cret");
  } finally {
    globalThis.fetch = real;
  }
  const kept = await browser.send(`/s/${id}/destinations/${destination}`, { ...fields, headers: "", name: "Hook 2" });
  assert.equal(kept.code, 303);
  const shown = await browser.get(`/s/${id}/destinations/${destination}`);
  assert.match(page(shown.text).section("Settings").text, /Saved: authorization/);
  assert.ok(!shown.text.includes("s3cret") && !shown.text.includes(signing));
  await browser.send(`/s/${id}/destinations/${destination}/pause`, { enabled: "" });
  assert.deepEqual(await worker.row("SELECT enabled FROM destinations WHERE id = ?", destination), { enabled: 0 });
  const other = await worker.space("Other");
  assert.equal((await browser.get(`/s/${other.id}/destinations/${destination}`)).code, 404);
  await browser.send(`/s/${other.id}/destinations/${destination}/delete`);
  assert.ok(
    await worker.row("SELECT 1 FROM destinations WHERE id = ?", destination),
    "another space's form removes nothing",
  );
  await browser.send(`/s/${id}/destinations/${destination}/delete`);
  assert.equal(await worker.row("SELECT 1 FROM destinations WHERE id = ?", destination), null);
});

test("an event says in one look why revenue did not move", async () => {
  const space = await worker.space();
  const fire = async (query) => (await worker.fire(`/e?token=${space.ingest}&${query}`)).headers.get("x-event-id");
  const event = async (number) => (await browser.get(`/s/${space.id}/events/${number}`)).text;
  const verdict = async (number) => page(await event(number)).section("What happened").text;
  const empty = await verdict(await fire("event=deposit&uid=u&eid=1&value="));
  assert.match(empty, /added nothing to revenue/);
  assert.match(empty, /value macro resolved empty/);
  const number = await fire("event=deposit&uid=u&eid=2&value=1.234,50&currency=eur");
  await fire("event=deposit&uid=u&eid=2&value=9");
  const counted = await event(number);
  assert.match(await verdict(number), /Counted: 1,234\.50\u00a0EUR was added/);
  assert.match(await verdict(number), /arrived once more\. It was counted once/);
  assert.equal(page(counted).section("As it was read").terms["Value as sent"], "1.234,50");
  assert.ok(!counted.includes(space.ingest.slice(6)), "the token is nowhere");
  assert.match(
    await verdict(await fire("event=deposit&uid=u&eid=3&value=-5")),
    /5\.00\u00a0USD was subtracted from revenue/,
  );
  assert.match(await verdict(await fire("event=contact&eid=4")), /unattributed: it came without a click id/);
  assert.match(
    await verdict(await fire("event=deposit&eid=%7Btrade_id%7D&uid=u&value=1")),
    /did not fill its macro for the transaction id/,
  );
  await worker.fire(`/e?token=${space.ingest}&event=deposit&uid=u&value=1,234`);
  const refused = page((await browser.get(`/s/${space.id}/refused`)).text).section(/the amount is not a number/);
  assert.match(refused.section("As it arrived").codes[0], /value=1,234/);
  assert.equal((await browser.get(`/s/${space.id}/events/9999`)).code, 404);
});

test("an event is found by number, click id, transaction id and Telegram id, in its own space alone", async () => {
  const space = await worker.space();
  const other = await worker.space("Other");
  await worker.fire(`/e?token=${space.ingest}&event=deposit&uid=find-me&eid=tx-77&value=5&tg_id=4711`);
  const found = async (wanted, id = space.id) => {
    const { text } = await browser.get(`/s/${id}/events?q=${encodeURIComponent(wanted)}`);
    return page(text).links["Event 1"] === `/s/${space.id}/events/1`;
  };
  for (const wanted of ["1", "find-me", "tx-77", "4711", " find-me "]) {
    assert.equal(await found(wanted), true, wanted);
    assert.equal(await found(wanted, other.id), false, wanted);
  }
  assert.equal(await found("FIND-ME"), false);
});

test("strangers' texts are shown and never interpreted", async () => {
  const space = await worker.space();
  const nasty = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\u202Egnp.exe",
    "😀".repeat(64),
    "{{7*7}}",
    "</bdi></li>",
  ];
  for (const [at, text] of nasty.entries()) {
    const uid = encodeURIComponent(text);
    const answer = await worker.fire(
      `/e?token=${space.ingest}&event=deposit&uid=${uid}&eid=${uid}&value=${uid}&x=${uid}`,
    );
    assert.equal(answer.status, "invalid_value", text);
    const { headers } = await worker.fire(`/e?token=${space.ingest}&event=contact&uid=${uid}&eid=${uid}`);
    const number = headers.get("x-event-id");
    for (const path of ["", "/events", `/events/${number}`, "/refused", `/events?q=${uid}`]) {
      const shown = await browser.get(`/s/${space.id}${path}`);
      // The bytes themselves, whatever a parser makes of them; what the user typed stays as it is.
      const html = shown.text.replace(/(type="search".*?value=)"[^"]*"/, "$1");
      assert.ok(!/<script>|<img|\u202e|<\/bdi><\/li>/i.test(html), `${path} ${text}`);
      if (at === 3) assert.ok(page(shown.text).text.includes(text), path);
    }
  }
});

test("files of events and links are for a spreadsheet, and hold no formula", async () => {
  const space = await worker.space();
  await worker.link(space.id, `csv-${space.id}`);
  await worker.fire(`/e?token=${space.ingest}&event=deposit&uid==cmd&eid=a,b&value=1234.50`);
  await worker.fire(`/e?token=${space.ingest}&event=deposit&uid=u2&eid=c&value=-5&currency=EUR`);
  const dressed = ["＝1+1", " ＠SUM(A1)", "\u0001x", "\u3000=1"];
  for (const [at, value] of dressed.entries())
    await worker.fire(`/e?token=${space.ingest}&event=contact&value=${encodeURIComponent(value)}&eid=${at}`);
  const events = await browser.get(`/s/${space.id}/events.csv?period=today`);
  assert.match(events.headers.get("content-disposition"), /^attachment; filename="events-\d{4}-\d\d-\d\d-/);
  const lines = events.text.trim().split("\r\n");
  assert.equal(lines.length, 3 + dressed.length);
  for (const line of lines.slice(3)) assert.match(line, /^\d+,contact,,,'[^,]+,20\d\d-/);
  assert.match(
    lines[1],
    /^1,deposit,1234\.50,USD,1234\.50,\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,[^,]*,UTC,'=cmd,"a,b",,,1,0,$/,
  );
  assert.match(lines[2], /^2,deposit,-5\.00,EUR,-5,/);
  const links = await browser.get(`/s/${space.id}/links.csv?period=7d`);
  assert.deepEqual(links.text.split("\r\n"), [
    "link,clicks,contacts,subscribed,registrations,deposits,first_deposits,revenue_USD,revenue_EUR",
    `csv-${space.id},0,0,0,0,0,0,0.00,0.00`,
    "Unattributed,0,4,0,0,2,2,1234.50,-5.00",
    "Total,0,4,0,0,2,2,1234.50,-5.00",
    "",
  ]);
});

test("a file of many events is whole", async () => {
  const space = await worker.space();
  await worker.db
    .prepare(
      `
    INSERT INTO events (space_id, seq, dedup, event, currency, occurred_at_ms, received_at_ms, link_id, first,
      receipt, raw)
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
    SELECT ?1, i, 'x=' || i, 'contact', 'USD', ?2, ?2, 0, 0, 'r', '' FROM n`,
    )
    .bind(space.id, Date.now())
    .run();
  const { text } = await browser.get(`/s/${space.id}/events.csv?period=today`);
  const numbers = text
    .trim()
    .split("\r\n")
    .slice(1)
    .map((line) => Number(line.split(",")[0]));
  assert.deepEqual(
    numbers,
    Array.from({ length: 5000 }, (_, at) => at + 1),
  );
});
