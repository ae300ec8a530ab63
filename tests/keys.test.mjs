// Several keys of a space: named, told apart, shown once; what a pasted one is (docs/dashboard.md, Keys, Shown once).
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { addKey, mintKey, OPERATOR_TOKEN, sha256, startWorker } from "./harness.mjs";
import { page } from "./pages.mjs";

let worker, browser;
before(async () => {
  worker = await startWorker({ local: false });
  browser = await worker.browser();
});
after(() => worker.stop());

const operate = (method, path, body) =>
  worker.fire(`/api/spaces${path}`, {
    method,
    headers: { authorization: `Bearer ${OPERATOR_TOKEN}` },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
const fire = (token, query = "event=contact") => worker.fire(`/e?token=${token}&${query}`);
const keysPage = async (id, query = "") => page((await browser.get(`/s/${id}/keys${query}`)).text);
const listed = async (id) => (await operate("GET", `/${id}/keys`)).keys;
const name = async (id, n) => (await listed(id)).find((key) => key.n === n);

/** Sends a form of a page with other fields, and gives the address that it leads to. */
async function submit(form, fields = {}) {
  const answer = await browser.send(form.action, { ...form.fields, ...fields });
  assert.equal(answer.code, 303, answer.text.slice(0, 2000));
  return answer.headers.get("location");
}

/** The page that a form leads to, by its address. */
const follow = async (address) => page((await browser.get(address.split("#")[0])).text);

/** The texts beside the buttons that copy them. */
const copied = (part) => part.node.querySelectorAll("button[data-copy]").map((node) => node.getAttribute("data-copy"));

test("an additional key for a network: made there, shown once, that network's URLs whole and open", async () => {
  const space = await worker.space("Third way");
  const before = await keysPage(space.id);
  assert.equal(copied(before).length, 0, "nothing broken is there to be copied");
  assert.match(before.section("Postback URLs").text, /not whole.*Paste the token.*An additional key.*Rotate a key/);
  const form = before.section("Quotex").form("Make a key for Quotex");
  assert.equal(form.fields.name, "Quotex");
  const shown = await follow(await submit(form, { name: "Quotex, Brazil" }));
  const [token] = shown.section("Shown only once").codes;
  assert.match(token, /^xt_in_[0-9a-v]{36}$/);
  assert.match(shown.section("Shown only once").text, /Quotex, Brazil/);
  const network = shown.section("Quotex");
  assert.ok(network.node.hasAttribute("open"), "that network is open");
  assert.ok(network.codes.length >= 2 && network.codes.every((url) => url.includes(token)), network.codes.join(" "));
  assert.ok(!shown.text.includes("YOUR_TOKEN"));
  // The one that ran still does, and each event knows which one it came with.
  assert.equal((await fire(space.ingest, "event=contact&eid=1")).status, "queued");
  assert.equal((await fire(token, "event=contact&eid=2")).status, "queued");
  const came = await worker.rows("SELECT by_key FROM events WHERE space_id = ? ORDER BY seq", space.id);
  assert.deepEqual(came, [{ by_key: 1 }, { by_key: 3 }]);
  const keys = await listed(space.id);
  assert.deepEqual(
    keys.map(({ n, kind, name, network }) => [n, kind, name, network]),
    [
      [1, "ingest", "Main key", null],
      [2, "bearer", "Bot key", null],
      [3, "ingest", "Quotex, Brazil", "quotex"],
    ],
  );
  assert.ok(Math.abs(keys[2].used_at_ms - Date.now()) < 60_000);
  assert.deepEqual(
    keys.map(({ state }) => state),
    ["current", "current", "current"],
  );
});

/** The URLs of "Another network"; beside its fields stand macros. */
const urls = (read) => read.section("Another network").codes.filter((code) => code.startsWith("http"));

test("for another network the URL that was built is whole with a key of its own", async () => {
  const { id } = await worker.space("Another");
  const builder = (await keysPage(id)).form("Build the URL");
  const macros = { event: "deposit", uid: "[click#id]", eid: "{a+b}", value: "{sum}" };
  const address = await submit(builder, macros);
  const built = await follow(address);
  assert.deepEqual(urls(built), [
    `${browser.origin}/e?token=YOUR_TOKEN&event=deposit&uid=[click#id]&eid={a+b}&value={sum}`,
  ]);
  assert.deepEqual(copied(built), []);
  assert.equal(urls(await follow(address)).length, 1, "it may be reloaded at will");
  const form = built.section("Another network").form("Make a key for this network");
  const shown = await follow(await submit(form, { name: "My network" }));
  const [token] = shown.section("Shown only once").codes;
  assert.deepEqual(urls(shown), [
    `${browser.origin}/e?token=${token}&event=deposit&uid=[click#id]&eid={a+b}&value={sum}`,
  ]);
});

test("a form that is sent twice makes one key; another form, or another name, makes another", async () => {
  const { id } = await worker.space("Twice");
  const form = (await keysPage(id)).form("Make the key");
  assert.deepEqual(Object.keys(form.fields).sort(), ["kind", "name", "network", "nonce", "open"]);
  const sent = { name: "My bot", kind: "bearer" };
  const addresses = await Promise.all([submit(form, sent), submit(form, sent)]);
  assert.equal(addresses[0], addresses[1]);
  const [bearer] = (await follow(addresses[0])).section("Shown only once").codes;
  assert.match(bearer, /^xt_sk_/);
  assert.deepEqual((await listed(id)).map(({ n, kind, name, state }) => [n, kind, name, state]).at(-1), [
    3,
    "bearer",
    "My bot",
    "never_used",
  ]);
  const post = { method: "POST", headers: { authorization: `Bearer ${bearer}` }, body: '{"event":"contact"}' };
  assert.equal((await worker.fire("/events", post)).status, "queued");
  assert.deepEqual(await worker.row("SELECT by_key FROM events WHERE space_id = ?", id), { by_key: 3 });
  await submit(form, { ...sent, name: "Another bot" });
  assert.equal((await listed(id)).length, 4);
});

test("a secret is shown at most twice, and no address has it", async () => {
  const { id } = await worker.space("Once");
  const address = await submit((await keysPage(id)).form("Rotate Main key"));
  const [token] = (await follow(address)).section("Shown only once").codes;
  assert.ok(!address.includes(token.slice(6, 20)));
  assert.ok((await browser.get(address)).text.includes(token), "one reload");
  const third = await follow(address);
  assert.ok(!third.text.includes(token) && third.find("Shown only once") === undefined);
  assert.match(third.alerts[0], /shown already.*rotate its key.*make another key/);
  const other = await worker.space("Other");
  const theirs = await submit((await keysPage(other.id)).form("Rotate Main key"));
  const stolen = await follow(theirs.replace(`/s/${other.id}/`, `/s/${id}/`));
  assert.equal(stolen.find("Shown only once"), undefined, "a page of another space shows nothing of it");
});

test("a rotation keeps the key's number, name and place; each is rotated for itself", async () => {
  const { id, ingest } = await worker.space("Numbers");
  const { n, key } = await operate("POST", `/${id}/keys`, { kind: "ingest", name: "Binomo", network: "binomo" });
  assert.equal(n, 3);
  assert.equal((await fire(key, "event=contact&eid=1")).status, "queued");
  const shown = await follow(await submit((await keysPage(id)).form("Rotate Binomo")));
  const [token] = shown.section("Shown only once").codes;
  assert.ok(shown.section(/^Binomo/).node.hasAttribute("open"));
  for (const [secret, eid] of [
    [token, 2],
    [key, 3],
    [ingest, 4],
  ])
    assert.equal((await fire(secret, `event=contact&eid=${eid}`)).status, "queued");
  assert.deepEqual(
    (await worker.rows("SELECT by_key FROM events WHERE space_id = ? ORDER BY seq", id)).map(({ by_key }) => by_key),
    [3, 3, 3, 1],
  );
  const { state, previous_valid_until_ms: until } = await name(id, 3);
  assert.equal(state, "rotated");
  assert.ok(until > Date.now() + 23 * 3600 * 1000);
  assert.equal((await name(id, 1)).state, "current");
  await submit((await keysPage(id)).form("End the previous key now"));
  assert.deepEqual([(await fire(key)).code, (await fire(token)).code, (await fire(ingest)).code], [401, 200, 200]);
});

test("a key gets another name, also on what came with it, and is ended for good", async () => {
  const { id, ingest } = await worker.space("Ending");
  const { n, key } = await operate("POST", `/${id}/keys`, { kind: "ingest", name: "Old name" });
  await fire(key, "event=deposit&uid=u&eid=1&value=5");
  await fire(key, "event=deposit&uid=u&eid=2&value=abc");
  const rename = (await keysPage(id)).section("Old name").form("Rename it");
  const refused = await browser.send(rename.action, { name: " " });
  assert.equal(refused.code, 422);
  assert.match(page(refused.text).form("Rename it").errors.name ?? "", /^$/);
  assert.match(page(refused.text).alerts.join(), /1 to 60 characters/);
  await submit(rename, { name: "New <name>" });
  for (const path of ["events/1", "refused/1"]) {
    const shown = page((await browser.get(`/s/${id}/${path}`)).text);
    assert.match(shown.section("As it arrived").text, /With the key New <name>\./, path);
    assert.deepEqual((await operate("GET", `/${id}/${path}`)).receipt.key, { n, name: "New <name>" });
  }
  const ending = (await keysPage(id)).section("New <name>").section("End for good");
  assert.match(ending.text, /Last used about \d+ \w+ \d\d:\d\d\. .*answered 401.*nothing of the call is stored/);
  assert.ok(!/last network key/.test(ending.text));
  await submit(ending.form("End New <name> for good"));
  assert.deepEqual([(await fire(key)).code, (await fire(ingest)).code], [401, 200]);
  const { state, ended_at_ms: ended } = await name(id, n);
  assert.equal(state, "ended");
  assert.ok(Math.abs(ended - Date.now()) < 60_000);
  const now = await keysPage(id);
  assert.match(now.section("Ended keys").text, /New <name>: Network key \(ingest token\), ended/);
  assert.match(now.section("Main key").section("End for good").text, /last network key of this space/);
  // Nothing brings it back, and its number is nobody else's.
  const rotate = (await keysPage(id)).section("Main key").form("Rotate Main key");
  const stale = await browser.send(`/s/${id}/keys/${n}/rotate`, { ...rotate.fields, current: "" });
  assert.match(stale.headers.get("location"), /said=stale/);
  assert.equal((await operate("POST", `/${id}/keys/${n}`)).code, 404);
  assert.equal((await operate("POST", `/${id}/keys`, { kind: "ingest", name: "Next" })).n, n + 1);
  const shown = page((await browser.get(`/s/${id}/events/1`)).text);
  assert.match(shown.section("As it arrived").text, /New <name>/);
});

test("a replayed postback is its refused one's key's", async () => {
  const { id } = await worker.space("Replayed");
  const { n, key } = await operate("POST", `/${id}/keys`, { kind: "ingest", name: "Sloppy" });
  await fire(key, "event=deposit&uid=u&eid=1&value=1,234");
  assert.deepEqual(await worker.row("SELECT by_key FROM held WHERE space_id = ?", id), { by_key: n });
  const replay = { held: [1], mend: { kind: "decimal_comma" } };
  assert.equal((await operate("POST", `/${id}/replays`, replay)).ok, true);
  let event;
  for (let look = 0; look < 50 && !event; look++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    event = await worker.row("SELECT by_key FROM events WHERE space_id = ?", id);
  }
  assert.deepEqual(event, { by_key: n });
});

test("a space has at most 20 keys that live, and says so", async () => {
  const { id } = await worker.space("Many");
  for (let n = 3; n <= 20; n++)
    assert.equal((await operate("POST", `/${id}/keys`, { kind: n % 2 ? "ingest" : "bearer", name: `K${n}` })).n, n);
  const form = (await keysPage(id)).section("Quotex").form("Make a key for Quotex");
  const refused = await operate("POST", `/${id}/keys`, { kind: "ingest", name: "21st" });
  assert.deepEqual([refused.code, refused.status], [409, "not_possible"]);
  assert.match(refused.hint, /20 keys.*End one/);
  const shown = await browser.send(form.action, form.fields);
  assert.equal(shown.code, 422);
  assert.match(page(shown.text).section("Quotex").text, /This space has 20 keys.*End one/);
  assert.match((await keysPage(id)).section("Make another key").text, /has 20 keys/);
  assert.equal((await operate("POST", `/${id}/keys/7/end`)).code, 200);
  assert.equal((await operate("POST", `/${id}/keys`, { kind: "ingest", name: "21st" })).n, 21);
  const { results } = await worker.db.prepare("SELECT n FROM key_names WHERE space_id = ? ORDER BY n").bind(id).all();
  assert.deepEqual(
    results.map(({ n }) => n),
    Array.from({ length: 21 }, (_, at) => at + 1),
  );
});

test("names and networks that are none are refused; the old addresses of the API go on", async () => {
  const { id } = await worker.space("API");
  for (const [body, code, field] of [
    [{ kind: "ingest", name: "" }, 422, "name"],
    [{ kind: "ingest", name: "x".repeat(61) }, 422, "name"],
    [{ kind: "ingest", name: "a", network: "nobody" }, 422, "network"],
    [{ kind: "other", name: "a" }, 400, undefined],
  ]) {
    const refused = await operate("POST", `/${id}/keys`, body);
    assert.deepEqual([refused.code, refused.field], [code, field], JSON.stringify(body));
  }
  assert.equal((await operate("PUT", `/${id}/keys/1`, { name: "Renamed" })).code, 200);
  assert.equal((await name(id, 1)).name, "Renamed");
  for (const path of [`/${id}/keys/9`, "/999999/keys/1"]) {
    assert.equal((await operate("PUT", path, { name: "x" })).code, 404);
    assert.equal((await operate("POST", `${path}/end`)).code, 404);
    assert.equal((await operate("POST", path)).code, 404);
  }
  const rotated = await operate("POST", `/${id}/keys/ingest`);
  assert.deepEqual([rotated.code, rotated.n], [200, 1]);
  assert.equal((await operate("POST", `/${id}/keys/1/end`)).code, 200);
  const none = await operate("POST", `/${id}/keys/ingest`);
  assert.deepEqual([none.code, none.status], [409, "not_possible"]);
  const { n } = await operate("POST", `/${id}/keys`, { kind: "ingest", name: "Next" });
  assert.equal((await operate("POST", `/${id}/keys/ingest`)).n, n, "the first of its kind that lives");
});

test("a pasted token is this space's, or is named for what it is: no URL and no test has another", async () => {
  const space = await worker.space("Here");
  const other = await worker.space("Somewhere <else>");
  const old = mintKey("xt_in_");
  await addKey(worker.db, space.id, "ingest", old, Date.now() - 3600_000);
  const previous = mintKey("xt_in_");
  await addKey(worker.db, space.id, "ingest", previous, Date.now() + 3600_000);
  const paste = async (token, fields = {}) => browser.send(`/s/${space.id}/keys/urls`, { token, event: "", ...fields });
  for (const [token, reason] of [
    ["hello", /begin with xt_in_/],
    [mintKey("xt_in_", "another secret"), /No key of this deployment/],
    [mintKey("xt_in_"), /ended more than 29 days ago/],
    [other.ingest, /another space, “Somewhere <else>”/],
    [other.bearer, /another space, “Somewhere <else>”/],
    [space.bearer, /bot key \(bearer\) “Bot key”.*begin with xt_in_/],
    [old, /ended at \d+ \w+ \d\d:\d\d, of “Main key”/],
    [previous, /previous one of the key “Main key”, and works only until \d/],
  ]) {
    const { code, text } = await paste(token);
    assert.equal(code, 422, token);
    const shown = page(text);
    assert.match(shown.form("Fill it in").errors.token, reason);
    assert.ok(!text.includes(token) || token === "hello", "it is in no URL");
    assert.equal(shown.find("Fire a test"), undefined);
    assert.deepEqual(copied(shown), []);
  }
  const { code, headers } = await paste(space.ingest);
  assert.equal(code, 303);
  const address = headers.get("location");
  assert.ok(!address.includes(space.ingest.slice(6, 20)));
  const filled = await follow(address);
  assert.equal(filled.find("Shown only once"), undefined);
  assert.ok(filled.section(/^Pocket Option/).codes.every((url) => url.includes(space.ingest)));
  assert.match(filled.section("Postback URLs").text, /with your key Main key/);
  assert.equal(
    (await fire(space.ingest, filled.link("Fire a test registration").split("&").slice(1).join("&"))).code,
    200,
  );
  await follow(address);
  assert.match((await follow(address)).alerts[0], /pasted is not kept/);
});

test("creating a space leads to it, twice sent makes one, another form makes another", async () => {
  const count = async () => (await operate("GET", "")).spaces.length;
  const before = await count();
  const newForm = async () => page((await browser.get("/new")).text).form("Create the space");
  const form = await newForm();
  const sent = { name: "Twice sent", time_zone: "UTC" };
  const addresses = await Promise.all([submit(form, sent), submit(form, sent)]);
  addresses.push(await submit(form, sent));
  assert.equal(new Set(addresses).size, 1, addresses.join(" "));
  assert.equal(await count(), before + 1);
  const [, id] = /^\/s\/(\d+)\/keys\?shown=/.exec(addresses[0]);
  const shown = (await follow(addresses[0])).section("Shown only once");
  const [token, bearer] = shown.codes;
  assert.match(token, /^xt_in_/);
  assert.match(bearer, /^xt_sk_/);
  assert.match(shown.text, /Main key: Network key \(ingest token\).*Bot key: Bot key \(bearer\)/);
  assert.equal((await fire(token)).status, "queued");
  assert.deepEqual(
    (await worker.rows("SELECT hash FROM keys WHERE space_id = ? ORDER BY n", Number(id))).map(({ hash }) => hash),
    [token, bearer].map(sha256),
  );
  const elsewhere = await submit(form, { ...sent, name: "Typed anew" });
  assert.notEqual(elsewhere, addresses[0]);
  await submit(await newForm(), sent);
  assert.equal(await count(), before + 3);
  // Long after, the form still makes nothing, and leads to the space, which shows nothing any more.
  await worker.db.prepare("UPDATE keys SET created_at_ms = created_at_ms - 600000 WHERE space_id = ?").bind(id).run();
  await follow(addresses[0]);
  assert.equal(await submit(form, sent), addresses[0]);
  assert.match((await follow(addresses[0])).alerts[0], /shown already/);
  assert.equal(await count(), before + 3);
});
