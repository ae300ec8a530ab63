// Links as a buyer makes and keeps them, and spaces that are put away (docs/links.md, docs/dashboard.md).
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { OPERATOR_TOKEN, startWorker, until } from "./harness.mjs";
import { page } from "./pages.mjs";

let worker, browser;
before(async () => {
  worker = await startWorker({ local: false });
  browser = await worker.browser();
});
after(() => worker.stop());

const WEB = { name: "Summer sale", kind: "web", target: "https://offer.example/?a=1", enabled: "on" };
/** Sends the form of a new link and gives the page that it leads to. */
async function create(id, fields) {
  const sent = await browser.send(`/s/${id}/links`, { ...WEB, ...fields });
  assert.equal(sent.code, 303, sent.text);
  const path = sent.headers.get("location");
  return { path, link: Number(/links\/(\d+)/.exec(path)[1]), ...page((await browser.get(path)).text) };
}
const shown = async (path) => page((await browser.get(path)).text);
const operate = (method, path, body) =>
  worker.fire(`/api/spaces${path}`, {
    method,
    headers: { authorization: `Bearer ${OPERATOR_TOKEN}` },
    body: body && JSON.stringify(body),
  });

test("a link of a network takes its parameter, and the page shows landing, parameter and macro", async () => {
  const { id } = await worker.space();
  await browser.send(`/s/${id}/health/network`, { network: "pocket-option" });
  const form = (await shown(`/s/${id}/links/new`)).form("Create the link");
  assert.equal(form.fields.network, "pocket-option", "the space's network is taken");
  const made = await create(id, { slug: `fit-${id}`, network: "pocket-option" });
  const link = await shown(made.path);
  const fit = link.section(/^How it fits Pocket Option/);
  assert.deepEqual(fit.codes, [
    "https://offer.example/?a=1&click_id=0123456789abcdefghijklmnop",
    "click_id",
    "uid={click_id}",
  ]);
  assert.match(fit.text, /They fit/);
  assert.match(link.alerts.join(), /Saved/);
  assert.equal(new URL(link.link("Postback URLs"), "http://x").searchParams.get("network"), "pocket-option");
});

test("a parameter that does not come back is warned of, and put right without script", async () => {
  const { id } = await worker.space();
  const typed = { ...WEB, network: "pocket-option", uid_parameter: "sub1", slug: `wrong-${id}` };
  // Before it is saved, in the form alone.
  const fitted = await browser.send(`/s/${id}/links`, { ...typed, fit: "on", target: "https://o.example/?click_id=x" });
  assert.equal(fitted.code, 200);
  const { fields } = page(fitted.text).form("Create the link");
  assert.deepEqual(
    [fields.name, fields.uid_parameter, fields.target],
    ["Summer sale", "click_id", "https://o.example/?click_id={uid}"],
  );
  assert.match(page(fitted.text).text, /They fit/);
  assert.equal((await worker.rows("SELECT id FROM links WHERE space_id = ?", id)).length, 0, "nothing was saved");
  // And once it is.
  const { path, link } = await create(id, typed);
  const wrong = await shown(path);
  assert.match(wrong.text, /sub1 does not come back/);
  const button = wrong.form("Use click_id");
  assert.equal((await browser.send(button.action, button.fields)).code, 303);
  assert.match((await shown(path)).text, /They fit/);
  const { uid_parameter } = await worker.row("SELECT uid_parameter FROM links WHERE id = ?", link);
  assert.equal(uid_parameter, "click_id");
});

test("what no source says is not guessed", async () => {
  const { id } = await worker.space();
  const { path } = await create(id, { slug: `unsaid-${id}`, network: "adcombo" });
  assert.match((await shown(path)).text, /Look at your offer link/);
  const unknown = await browser.send(`/s/${id}/links`, { ...WEB, network: "no-such" });
  assert.equal(unknown.code, 422);
});

test("the ad's address has each system's macros, and a visit keeps none that nobody filled", async () => {
  const { id } = await worker.space();
  const { path, link } = await create(id, { slug: `ads-${id}` });
  const [plain, ...ads] = (await shown(path)).section("For your ads").codes;
  assert.equal(plain, `${browser.origin}/l/ads-${id}`);
  assert.deepEqual(
    ads.map((url) => new URL(url).searchParams.get("campaign_id")),
    ["{{campaign.id}}", "__CAMPAIGN_ID__", "{campaignid}"],
  );
  for (const url of ads) {
    const { pathname, search } = new URL(url);
    assert.equal((await worker.fetch(pathname + search, { redirect: "manual" })).status, 302);
  }
  await until("the clicks are stored", async () => {
    const clicks = await worker.rows(
      "SELECT campaign_id, campaign_name, adset_id, ad_id, ad_name, placement FROM clicks WHERE link_id = ?",
      link,
    );
    for (const click of clicks)
      assert.ok(
        Object.values(click).every((value) => value === null),
        JSON.stringify(click),
      );
    return clicks.length === ads.length;
  });
});

test("a bot is the same however it is written", async () => {
  const { id } = await worker.space();
  for (const target of ["https://t.me/my_bot", "t.me/my_bot/", "@my_bot", "my_bot"]) {
    const { link } = await create(id, { kind: "bot", target, name: `As ${target}` });
    assert.equal((await worker.row("SELECT target FROM links WHERE id = ?", link)).target, "my_bot");
  }
  const started = await browser.send(`/s/${id}/links`, { ...WEB, kind: "bot", target: "t.me/my_bot?start=x" });
  assert.match(page(started.text).form("Create the link").errors.target, /start parameter of their own/);
});

test("an address is made from the name and is free, and a form sent twice makes one link", async () => {
  const { id } = await worker.space();
  const other = await worker.space("Other");
  const name = `Winter ${id}`;
  await create(other.id, { name });
  const [one, again] = await Promise.all([create(id, { name }), create(id, { name })]);
  assert.equal(one.link, again.link);
  await create(id, { name, target: "https://other.example/" });
  const slugs = (await worker.rows("SELECT slug FROM links WHERE space_id = ? ORDER BY id", id)).map(
    ({ slug }) => slug,
  );
  assert.deepEqual(slugs, [`winter-${id}-2`, `winter-${id}-3`]);
});

test("a link is copied, put away, still lands and counts, and is brought back", async () => {
  const { id } = await worker.space();
  const { link } = await create(id, { slug: `keep-${id}`, uid_parameter: "sub1", title: "T", button: "B" });
  const copy = (await shown(`/s/${id}/links/new?from=${link}`)).form("Create the link").fields;
  assert.deepEqual(
    [copy.name, copy.slug, copy.uid_parameter, copy.title],
    ["Summer sale copy", `keep-${id}-2`, "sub1", "T"],
  );
  const away = (await shown(`/s/${id}/links/${link}`)).form("Put it away");
  assert.equal((await browser.send(away.action, away.fields)).code, 303);
  const list = await shown(`/s/${id}/links`);
  assert.match(list.text, /Every link is put away/);
  const byLink = async () => (await shown(`/s/${id}`)).section("By link").text;
  assert.doesNotMatch(await byLink(), /Summer sale/);
  assert.deepEqual(
    (await shown(list.link("Archived (1)"))).rows.map(({ name }) => name),
    ["Summer sale"],
  );
  const visit = await worker.fetch(`/l/keep-${id}`, { redirect: "manual", headers: { "user-agent": "Mozilla/5.0" } });
  assert.equal(visit.status, 200);
  await until("the click is counted", () => worker.row("SELECT uid FROM clicks WHERE link_id = ?", link));
  assert.match(await byLink(), /Summer sale/);
  // Saving its form leaves it where it is.
  const { action, fields } = (await shown(`/s/${id}/links/${link}`)).form("Save");
  await browser.send(action, { ...fields, name: "Kept" });
  assert.deepEqual(
    (await operate("GET", `/${id}/links`)).links.map(({ name, archived, network }) => [name, archived, network]),
    [["Kept", true, null]],
  );
  const back = (await shown(`/s/${id}/links/${link}`)).form("Bring it back");
  await browser.send(back.action, back.fields);
  assert.deepEqual(
    (await shown(`/s/${id}/links`)).rows.map(({ name }) => name),
    ["Kept"],
  );
  // A program may do the same, and one that knows nothing of it changes nothing.
  const draft = { name: "Kept", slug: `keep-${id}`, kind: "web", target: "https://offer.example/" };
  const listed = async () => (await operate("GET", `/${id}/links`)).links[0];
  await operate("PUT", `/${id}/links/${link}`, { ...draft, archived: true, network: "cake" });
  await operate("PUT", `/${id}/links/${link}`, draft);
  assert.deepEqual([(await listed()).archived, (await listed()).network], [true, "cake"]);
  await operate("PUT", `/${id}/links/${link}`, { ...draft, archived: false, network: "" });
  assert.deepEqual([(await listed()).archived, (await listed()).network], [false, null]);
});

test("the list is sorted by what its address says", async () => {
  const { id, bearer } = await worker.space();
  for (const [name, clicks] of [
    ["beta", 2],
    ["Alpha", 0],
    ["gamma", 1],
  ]) {
    await create(id, { name, slug: `${name}-${id}` });
    for (let click = 0; click < clicks; click++)
      await worker.fire("/clicks", {
        method: "POST",
        headers: { authorization: `Bearer ${bearer}` },
        body: JSON.stringify({ link_slug: `${name}-${id}` }),
      });
  }
  const names = async (query) => (await shown(`/s/${id}/links${query}`)).rows.map(({ name }) => name);
  assert.deepEqual(await names(""), ["beta", "Alpha", "gamma"]);
  assert.deepEqual(await names("?sort=name"), ["Alpha", "beta", "gamma"]);
  assert.deepEqual(await names("?sort=clicks"), ["beta", "gamma", "Alpha"]);
  assert.deepEqual(await names("?sort=-clicks"), ["Alpha", "gamma", "beta"]);
  assert.equal((await shown(`/s/${id}/links`)).link("Clicks"), "?sort=clicks");
});

test("a space is put away and brought back, and what arrives for it counts", async () => {
  const { id, ingest } = await worker.space("Old offer");
  const form = (await shown(`/s/${id}/settings`)).form("Put it away");
  assert.equal((await browser.send(form.action, form.fields)).code, 303);
  const other = await worker.space("New offer");
  const menu = (await shown(`/s/${other.id}`)).links;
  assert.equal(menu["Old offer"], undefined);
  assert.equal(menu["Put away (1)"], "/archived");
  const away = await shown("/archived");
  assert.equal(away.link("Old offer"), `/s/${id}`);
  assert.equal((await worker.fire(`/e?token=${ingest}&event=contact&uid=u`)).status, "queued");
  const { spaces } = await operate("GET", "");
  assert.equal(spaces.find((space) => space.id === id).archived, true);
  const back = away.form("Bring it back: Old offer");
  assert.equal((await browser.send(back.action, back.fields)).headers.get("location"), `/s/${id}`);
  assert.equal((await shown(`/s/${other.id}`)).link("Old offer"), `/s/${id}`);
  assert.equal((await operate("PUT", `/${id}/archived`, { archived: true })).code, 200);
  assert.match((await shown(`/s/${id}/settings`)).text, /This space is put away/);
  assert.equal((await operate("PUT", `/${id}/archived`, { archived: false })).code, 200);
  assert.equal((await operate("PUT", "/99999/archived", { archived: true })).code, 404);
});

test("home leads on where every space is put away", async () => {
  const spaces = (await operate("GET", "")).spaces;
  const all = (archived) => Promise.all(spaces.map(({ id }) => operate("PUT", `/${id}/archived`, { archived })));
  await all(true);
  assert.equal((await browser.get("/")).headers.get("location"), "/archived");
  assert.equal((await browser.get("/archived")).code, 200);
  await all(false);
  assert.match((await browser.get("/")).headers.get("location"), /^\/s\/\d+$/);
});
