// What every form does with what is wrong in it, as a browser without script has it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startWorker } from "./harness.mjs";
import { page } from "./pages.mjs";

let worker, browser;
before(async () => {
  worker = await startWorker();
  browser = await worker.browser();
});
after(() => worker.stop());

test("all that is wrong with a form is said at once, and everything that was typed stays", async () => {
  const { id } = await worker.space();
  const typed = { uid: "{a b}", eid: "{c}", value: "=", currency: "E?R", event: "contact" };
  for (const [path, fields, wrong] of [
    ["/new", { name: "", time_zone: "Mars" }, ["name", "time_zone"]],
    [`/s/${id}/settings`, { name: "", time_zone: "Mars" }, ["name", "time_zone"]],
    [
      `/s/${id}/links`,
      { name: "", slug: "a b", kind: "web", target: "x", uid_parameter: "a&b", title: "", text: "T", button: "" },
      ["name", "slug", "target", "uid_parameter", "title", "button"],
    ],
    [`/s/${id}/keys/urls`, typed, ["uid", "value", "currency"]],
    [
      `/s/${id}/destinations`,
      {
        kind: "webhook",
        name: "",
        url: "x",
        method: "POST",
        headers: "X-Key: 1\nno colon",
        signing_secret: "whsec_bad",
        "events.deposit": "d".repeat(101),
      },
      ["name", "url", "headers", "signing_secret", "events.deposit"],
    ],
    [
      `/s/${id}/destinations`,
      { kind: "s2s_postback", name: "S", url_template: "{nope}", method: "GET", expected_status: "ok" },
      ["url_template", "expected_status"],
    ],
    [
      `/s/${id}/destinations`,
      { kind: "fb_capi", name: "F", pixel_id: "x", access_token: "a b", action_source: "pub", test_event_code: "c d" },
      ["pixel_id", "access_token", "test_event_code", "action_source"],
    ],
    [
      `/s/${id}/events`,
      {
        event: "deposit",
        uid: "u".repeat(300),
        eid: "e".repeat(300),
        value: "1,2,3.4.5",
        currency: "?",
        occurred_at_ms: "soon",
      },
      ["uid", "eid", "value", "currency", "occurred_at_ms"],
    ],
  ]) {
    const { code, text } = await browser.send(path, fields);
    assert.equal(code, 422, path);
    const form = page(text).forms.find(({ errors }) => Object.keys(errors).length > 0);
    assert.deepEqual(Object.keys(form.errors).sort(), wrong.toSorted(), path);
    const sent = Object.fromEntries(Object.entries(fields).map(([name]) => [name, form.fields[name]]));
    assert.deepEqual(sent, fields, path);
    // Where the form leads to a place of the page, the script does that.
    const focused = path.endsWith("/urls") ? undefined : Object.keys(form.errors)[0];
    assert.equal(form.focused, focused, `${path}: the first wrong field has the focus`);
    assert.match(form.text, new RegExp(`^${wrong.length} things to mend`), path);
  }
});

test("what was typed of a secret comes back unseen, and what is saved of it never does", async () => {
  const { id } = await worker.space();
  const typed = { kind: "fb_capi", name: "", pixel_id: "123456", access_token: "EAAsecret", enabled: "" };
  const refused = await browser.send(`/s/${id}/destinations`, typed);
  const field = page(refused.text).form("Add the destination").control("access_token");
  assert.deepEqual([field.getAttribute("type"), field.getAttribute("value")], ["password", "EAAsecret"]);
  assert.match(refused.headers.get("cache-control"), /no-store/);
  const saved = await browser.send(`/s/${id}/destinations`, { ...typed, name: "F" });
  assert.equal(saved.code, 303);
  const path = saved.headers.get("location");
  assert.ok(!(await browser.get(path)).text.includes("EAAsecret"));
  const changed = await browser.send(path, { ...typed, access_token: "" });
  assert.equal(changed.code, 422);
  assert.ok(!changed.text.includes("EAAsecret"), "nor where the change is refused");
});

test("all that is wrong with a mend is said at once", async () => {
  const { id } = await worker.space();
  const typed = { mend: "map", map_from: "", map_word: "w".repeat(65), map_to: "deposit" };
  const { code, text } = await browser.send(`/s/${id}/rules`, typed);
  assert.equal(code, 422);
  const form = page(text).form("Put it on");
  assert.deepEqual(Object.keys(form.errors), ["map_from", "map_word"]);
  assert.equal(form.focused, "map_from");
  assert.match(form.errors.map_from, /the parameter as it arrives.*the word as it arrives/);
});
