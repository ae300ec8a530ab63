// The dashboard's forms and screens, as far as they go without a browser (docs/dashboard.md, docs/api.md).
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { sha256, startWorker } from "./harness.mjs";
import { page } from "./pages.mjs";

let worker, browser;
before(async () => {
  worker = await startWorker({ local: false });
  browser = await worker.browser();
});
after(() => worker.stop());

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
  const { action, fields } = keys.form(`Rotate ${kind === "ingest" ? "Main key" : "Bot key"}`);
  assert.equal(action, `/s/${id}/keys/${kind === "ingest" ? 1 : 2}/rotate`);
  /** Where it leads to. */
  const post = async () => (await browser.send(action, fields)).headers.get("location");
  const shown = ({ code, text }) => [
    code,
    new RegExp(`xt_${kind === "ingest" ? "in" : "sk"}_[0-9a-v]{36}`).exec(text)?.[0],
  ];
  return { fields, post, send: async () => shown(await browser.get(await post())) };
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
  "by a double click": (post) => Promise.all([post(), post(), post()]),
  "one after the other": async (post) => [await post(), await post(), await post()],
})) {
  test(`a form sent twice rotates once and shows the same secret: ${how}`, async () => {
    for (const kind of ["ingest", "bearer"]) {
      const space = await worker.space();
      const { post, send } = await rotateForm(space.id, kind);
      const addresses = await twice(post);
      assert.deepEqual(addresses, Array(3).fill(addresses[0]));
      const shown = await send();
      assert.match(shown[1] ?? "nothing", /^xt_/);
      const [old, made, ...more] = await keysOf(space.id, kind);
      assert.deepEqual(
        [old.hash, made, more],
        [sha256(space[kind]), { hash: sha256(shown[1]), expires_at_ms: null }, []],
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
  const late = await browser.get(await form.post());
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
    const sent = await browser.send(`/s/${space.id}/keys/1/rotate`, fields);
    const { text } = await browser.get(sent.headers.get("location"));
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
    page(text).section("Main key").text,
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
  const { post } = await rotateForm(id);
  const { text } = await browser.get(await post());
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
  const sent = await browser.send(`/s/${id}/keys/urls`, {
    token,
    event: "registration",
    uid: "[clickid]",
    eid: "#tid#",
    value: "{sum}",
    currency: "",
  });
  const built = await browser.get(sent.headers.get("location").split("#")[0]);
  const codes = page(built.text).section("Another network").codes;
  assert.deepEqual(
    codes.filter((code) => code.startsWith("http")),
    [`${browser.origin}/e?token=${token}&event=registration&uid=[clickid]&eid=#tid#`],
  );
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
  assert.equal(added.code, 303);
  const made = await browser.get(added.headers.get("location"));
  const [signing] = page(made.text).section("Signing secret").codes;
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
    const asking = page((await browser.get(`/s/${id}/destinations/${destination}/test`)).text).form("Send the test");
    const sent = await browser.send(asking.action, asking.fields);
    const tested = await browser.get(sent.headers.get("location"));
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
  assert.equal(page(counted).section("Decision").terms["Value as sent"], "1.234,50");
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
  const list = page((await browser.get(`/s/${space.id}/refused`)).text);
  const refused = list.section("Choose The amount “1,234” is ambiguous");
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
    for (const path of ["", "/health", "/events", `/events/${number}`, "/refused", `/events?q=${uid}`]) {
      const shown = await browser.get(`/s/${space.id}${path}`);
      // The bytes themselves, whatever a parser makes of them; what the user typed stays as it is.
      const html = shown.text.replace(/(type="search".*?value=)"[^"]*"/, "$1");
      assert.ok(!/<script>|<img|\u202e|<\/bdi><\/li>/i.test(html), `${path} ${text}`);
      // Health cuts long texts.
      if (at === 3 && path !== "/health") assert.ok(page(shown.text).text.includes(text), path);
    }
  }
});

test("on every page what is opened is closed where it was opened", async () => {
  const space = await worker.space("Balanced");
  const link = await worker.link(space.id, "balanced");
  const { id } = await worker.row(
    `
      INSERT INTO destinations (space_id, name, enabled, events, config, secrets, created_at_ms, missed_from, missed_to)
      VALUES (?, 'Hook', 1, '{"deposit":"Purchase"}', ?, '', 0, 0, 1) RETURNING id`,
    space.id,
    JSON.stringify({ kind: "webhook", url: "https://hook.example/", method: "POST" }),
  );
  await worker.fire(`/e?token=${space.ingest}&event=deposit&uid=a&eid=1&value=5`);
  await worker.fire(`/e?token=${space.ingest}&event=deposit&uid=a&eid=1&value=6`);
  await worker.fire(`/e?token=${space.ingest}&event=deposit&uid=a&eid=2&value=x`);
  const screens = [
    ...["", "/events", "/events/1", "/events/new", "/health", "/refused", "/refused/1", "/mend?of=refused", "/replays"],
    ...["/rules", "/try", "/keys", "/links", "/links/new", `/links/${link}`, "/settings", "/destinations"],
    ...["fb_capi", "webhook", "s2s_postback"].map((kind) => `/destinations/new?kind=${kind}`),
    ...["", "?done=saved&tested=0&shown=0", "/test"].map((rest) => `/destinations/${id}${rest}`),
    `/events/1/send?destination=${id}`,
  ];
  for (const path of ["/new", "/s/999", ...screens.map((screen) => `/s/${space.id}${screen}`)])
    assert.ok(page((await browser.get(path)).text).heading, path);
});
