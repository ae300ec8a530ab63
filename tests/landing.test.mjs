// `/l/<slug>`: three kinds of link, the click behind the answer, and who is not counted (docs/links.md).
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { OPERATOR_TOKEN, startWorker, until } from "./harness.mjs";
import { page } from "./pages.mjs";

const PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15";

let worker, space;
before(async () => {
  worker = await startWorker();
  space = await worker.space();
});
after(() => worker.stop());

const visit = (path, headers = {}, method = "GET") =>
  worker.fetch(path, { method, redirect: "manual", headers: { "user-agent": PHONE, ...headers } });
const clickOf = (uid) => until("the click is stored", () => worker.row("SELECT * FROM clicks WHERE uid = ?", uid));
const clicks = async () => (await worker.row("SELECT count(*) AS n FROM clicks")).n;
const operate = (method, path, body) =>
  worker.fire(`/api/spaces/${space.id}${path}`, {
    method,
    headers: { authorization: `Bearer ${OPERATOR_TOKEN}` },
    body: JSON.stringify(body),
  });

test("every kind of link sends the visitor on with a fresh uid", async () => {
  await worker.link(space.id, "bot", { kind: "bot", target: "my_bot" });
  await worker.link(space.id, "channel", { kind: "channel", target: "https://t.me/+AbC" });
  await worker.link(space.id, "web", { target: "https://offer.example/p?a=1&sub={sub}", uid_parameter: "click_id" });
  await worker.link(space.id, "macro", { target: "https://offer.example/{uid}/p?a=1" });
  for (const [slug, pattern] of [
    ["bot", /^https:\/\/t\.me\/my_bot\?start=fb_([0-9a-v]{26})$/],
    ["web", /^https:\/\/offer\.example\/p\?a=1&sub=\{sub\}&click_id=([0-9a-v]{26})$/],
    ["macro", /^https:\/\/offer\.example\/([0-9a-v]{26})\/p\?a=1$/],
  ]) {
    const [one, two] = [await visit(`/l/${slug}`), await visit(`/l/${slug}`)];
    assert.equal(one.status, 302);
    assert.equal(one.headers.get("cache-control"), "no-store");
    const uids = [one, two].map((response) => pattern.exec(response.headers.get("location"))?.[1]);
    assert.ok(uids[0] && uids[0] !== uids[1], `${slug}: ${one.headers.get("location")}`);
    for (const uid of uids) await clickOf(uid);
  }
  const before = await clicks();
  assert.equal((await visit("/l/channel")).headers.get("location"), "https://t.me/+AbC");
  await until("the click on the channel is stored", async () => (await clicks()) === before + 1);
});

test("a target that no browser opens is refused when it is saved", async () => {
  for (const [kind, target] of [
    ["web", "https://[::1"],
    ["web", "https://[::1]x/"],
    ["web", "https://offer.example:99999/"],
    ["web", "https://offer.example:0/"],
    ["web", "https://offer.example:{uid}/"],
    ["web", "https://"],
    ["web", "https://:443/"],
    ["web", "https://256.1.1.1/"],
    ["web", "https://a b.example/"],
    ["web", "https://a%20b.example/"],
    ["web", "https://offer.example/\u0001"],
    ["web", "https://off\ner.example/"],
    ["channel", "https://t.me/+\u0007"],
    ["bot", "my\u0000_bot"],
  ]) {
    const answer = await operate("POST", "/links", { name: "Bad", slug: "bad", kind, target });
    assert.deepEqual([answer.code, answer.field], [422, "target"], target);
  }
});

test("what is not ASCII in a target goes out percent-encoded, of links saved before too", async () => {
  await worker.link(space.id, "before", { target: "https://bücher.example/ä?b=é#ü" });
  await worker.link(space.id, "before-channel", { kind: "channel", target: "https://t.me/日本" });
  const saved = await operate("POST", "/links", {
    name: "Now",
    slug: "now",
    kind: "web",
    target: "https://Bücher.example:8443/{sub}/ä?b=é#ü",
  });
  assert.equal(saved.code, 201, saved.text);
  for (const [slug, pattern] of [
    ["before", /^https:\/\/b%C3%BCcher\.example\/%C3%A4\?b=%C3%A9&uid=[0-9a-v]{26}#%C3%BC$/],
    ["before-channel", /^https:\/\/t\.me\/%E6%97%A5%E6%9C%AC$/],
    ["now", /^https:\/\/xn--bcher-kva\.example:8443\/\{sub\}\/%C3%A4\?b=%C3%A9&uid=[0-9a-v]{26}#%C3%BC$/],
  ]) {
    const response = await visit(`/l/${slug}`);
    assert.equal(response.status, 302);
    assert.match(response.headers.get("location"), pattern);
  }
});

test("the click has what the landing's query and request tell", async () => {
  const link = await worker.link(space.id, "fields");
  const ad = "campaign_id=1&campaign_name=C&adset_id=2&adset_name=S&ad_id=3&ad_name=A";
  const query = `fbclid=IwAR_x&${ad}&placement=feed&utm_campaign=U&site={{site}}`;
  const response = await visit(`/l/fields?${query}`, { cookie: "_fbp=fb.1.2.3; x=y" });
  const row = await clickOf(new URL(response.headers.get("location")).searchParams.get("uid"));
  assert.deepEqual(
    [
      row.space_id,
      row.link_id,
      row.fbclid,
      row.fbp,
      row.campaign_id,
      row.campaign_name,
      row.adset_id,
      row.adset_name,
      row.ad_id,
      row.ad_name,
      row.placement,
      row.user_agent,
    ],
    [space.id, link, "IwAR_x", "fb.1.2.3", "1", "C", "2", "S", "3", "A", "feed", PHONE],
  );
  assert.equal(row.raw_query, query.replace("{{site}}", "{{site}}"));
  assert.match(row.country ?? "", /^[A-Z]{2}$/);
});

test("HEAD, link previews and crawlers are sent on and not counted", async () => {
  await worker.link(space.id, "preview", { target: "https://offer.example/p?a=1" });
  const before = await clicks();
  assert.equal((await visit("/l/preview", {}, "HEAD")).status, 302);
  for (const agent of [
    "TelegramBot (like TwitterBot)",
    "facebookexternalhit/1.1",
    "WhatsApp/2.23.20",
    "Mozilla/5.0 (compatible; Googlebot/2.1)",
  ]) {
    const response = await visit("/l/preview", { "user-agent": agent });
    assert.deepEqual([response.status, response.headers.get("location")], [302, "https://offer.example/p?a=1"]);
  }
  const response = await visit("/l/preview");
  await clickOf(new URL(response.headers.get("location")).searchParams.get("uid"));
  assert.equal(await clicks(), before + 1);
});

test("a link with a page shows it, escaped, under a strict policy", async () => {
  const texts = JSON.stringify({ title: "<b>Free</b> signals", text: "Join & win", button: "Open" });
  await worker.link(space.id, "page", { kind: "bot", target: "my_bot", page: texts });
  const response = await visit("/l/page");
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-security-policy"), /default-src 'none'; style-src 'sha256-/);
  const html = await response.text();
  assert.ok(!html.includes("<b>"));
  const shown = page(html);
  assert.deepEqual([shown.heading, shown.paragraphs[0]], ["<b>Free</b> signals", "Join & win"]);
  const start = new URL(shown.link("Open")).searchParams.get("start");
  await clickOf(/^fb_([0-9a-v]{26})$/.exec(start)[1]);
});

test("an unknown or disabled slug is a plain 404 page", async () => {
  await worker.link(space.id, "off", { enabled: 0 });
  for (const slug of ["off", "nowhere", "%00", "a%2Fb", "x".repeat(3000)]) {
    const response = await visit(`/l/${slug}`);
    assert.equal(response.status, 404, slug);
    assert.match(response.headers.get("content-type"), /text\/html/);
  }
});

test("while D1 is away a known link still sends visitors on, and the click is stored later", async () => {
  await worker.link(space.id, "away");
  await visit("/l/away");
  await worker.db.prepare("ALTER TABLE clicks RENAME TO clicks_away").run();
  let response;
  try {
    response = await visit("/l/away?fbclid=later");
    assert.equal(response.status, 302);
    await until("the click has been set aside", () =>
      worker.server.getLogs().some(({ message }) => message.includes("click_not_stored")),
    );
  } finally {
    await worker.db.prepare("ALTER TABLE clicks_away RENAME TO clicks").run();
  }
  const uid = new URL(response.headers.get("location")).searchParams.get("uid");
  const row = await until(
    "the consumer has stored it",
    () => worker.row("SELECT * FROM clicks WHERE uid = ?", uid),
    40_000,
  );
  assert.equal(row.fbclid, "later");
});

test("a click writes at most 3 rows", async () => {
  const answer = await worker.fire("/clicks", {
    method: "POST",
    headers: { authorization: `Bearer ${space.bearer}` },
    body: JSON.stringify({ uid: "cost", link_slug: "web" }),
  });
  assert.ok(answer.cost.written <= 3, `${answer.cost.written} rows`);
});

test("the operator creates, lists, changes and disables links", async () => {
  const draft = { name: "Summer", slug: "summer", kind: "web", target: "https://offer.example/" };
  const created = await operate("POST", "/links", draft);
  assert.deepEqual([created.code, created.path], [201, "/l/summer"]);
  assert.deepEqual(
    [
      (await operate("POST", "/links", draft)).field,
      (await operate("POST", "/links", { ...draft, slug: "s2", target: "ftp://x" })).field,
    ],
    ["slug", "target"],
  );
  assert.equal((await operate("PUT", `/links/${created.id}`, { ...draft, slug: "bot" })).field, "slug");
  assert.equal((await operate("PUT", `/links/${created.id}`, { ...draft, enabled: false })).code, 200);
  assert.equal((await operate("PUT", "/links/99999", { ...draft, slug: "s3" })).code, 404);
  const { links } = await worker.fire(`/api/spaces/${space.id}/links`, {
    headers: { authorization: `Bearer ${OPERATOR_TOKEN}` },
  });
  const listed = links.find(({ slug }) => slug === "summer");
  const rest = { uid_parameter: "uid", page: null, enabled: false, network: null, archived: false };
  assert.deepEqual(listed, { id: created.id, ...draft, ...rest });
  assert.equal((await visit("/l/summer")).status, 404);
});
