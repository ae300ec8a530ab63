// A walk over every page of the dashboard: on a screen and a phone, in light and dark, by keyboard alone.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { OPERATOR_TOKEN, startWorker, until } from "../harness.mjs";
import { assertSound, startChromium } from "./chromium.mjs";

const LONG = "long".repeat(20);
/** Texts as strangers send them: as markup, turned round, wide, and without a place to break. */
const UIDS = ["plain", "<script>alert(1)</script>", "\u202Egnp.exe", "\u{1F600}".repeat(64), "w".repeat(256)];

/** Where the walk goes, by what src/dashboard/address.rs calls it. A page that is new there has to be added here. */
const WALK = {
  // Whoever is signed in is led on.
  Home: [],
  LoginForm: [],
  NewSpaceForm: ["/new"],
  ArchivedSpaces: ["/archived"],
  Guide: ["/start"],
  Overview: ["", "?period=7d", "?period=30d", "?period=custom&from=x&to=y"],
  Events: ["/events", "/events?q=nothing", "/events?event=deposit&from=2026-01-01&min=5"],
  Event: ["/events/1", "/events/2"],
  EntryForm: ["/events/new"],
  SendForm: ["/events/1/send"],
  Refused: ["/refused", "/refused?of=events"],
  RefusedOne: ["/refused/1"],
  Health: ["/health"],
  TryForm: ["/try"],
  MendPreview: ["/mend?of=refused&which=all&mend=set&set_field=currency&set_to=EUR"],
  Replays: ["/replays"],
  Replay: ["/replays/1"],
  Rules: ["/rules"],
  Keys: ["/keys"],
  Links: ["/links"],
  LinkForm: ["/links/new", "/links/new?from=LINK", "/links/LINK"],
  Destinations: ["/destinations"],
  DestinationForm: [
    "/destinations/new?kind=fb_capi",
    "/destinations/new?kind=webhook",
    "/destinations/new?kind=s2s_postback",
    "/destinations/DESTINATION",
  ],
  TestForm: ["/destinations/DESTINATION/test"],
  SettingsForm: ["/settings"],
};
/** What a browser asks for and does not show as a page. */
const NO_PAGES = ["Asset", "Live", "EventsFile", "LinksFile"];
/** The pages of a space in which nothing has happened yet. */
const EMPTY = ["", "/health", "/events", "/refused", "/rules", "/replays", "/links", "/destinations"];

let worker, chromium;
before(async () => {
  worker = await startWorker();
  chromium = await startChromium(worker);
});
after(async () => {
  await chromium?.stop();
  await worker.stop();
});

test("the walk goes to every page that there is", () => {
  const code = readFileSync(new URL("../../src/dashboard/address.rs", import.meta.url), "utf8");
  const body = (name) => code.slice(code.indexOf(`fn ${name}(`)).split("\n}\n")[0];
  const outside = [...body("route").matchAll(/\(false, .*\) => Request::(\w+)/g)].map(([, name]) => name);
  const inside = [...body("screen").matchAll(/Screen::(\w+)/g)].map(([, name]) => name);
  assert.ok(outside.length > 3 && inside.length > 15, "the table of routes has another form");
  const walked = [...Object.keys(WALK), ...NO_PAGES].sort();
  assert.deepEqual([...new Set([...outside, ...inside])].sort(), walked);
});

test("every page is sound at 360 and 1280 px, in light and dark, and works by keyboard alone", async (context) => {
  const page = await chromium.page({ width: 360, height: 740 });
  for (const path of await paths()) {
    const answer = await page.goto(path);
    // The browser itself remarks on the answers that are meant to be refusals.
    page.complaints = page.complaints.filter((text) => !/status of (404|422)/.test(text));
    assert.ok([200, 404, 422].includes(answer.status()), `${path}: ${answer.status()}`);
    await openAll(page);
    await assertSound(page, `${path} at 360 px`);
    await assertReachable(page, path);
    await page.emulateMedia({ colorScheme: "dark" });
    await assertSound(page, `${path} at 360 px in the dark`, ["color-contrast"]);
    await page.setViewportSize({ width: 1280, height: 900 });
    await assertSound(page, `${path} at 1280 px in the dark`, ["color-contrast"]);
    await page.emulateMedia({ colorScheme: "light" });
    await assertSound(page, `${path} at 1280 px`);
    await page.setViewportSize({ width: 360, height: 740 });
  }
  context.diagnostic(`${(await paths()).length} pages`);
  await page.context().close();
});

test("whoever has a keyboard alone signs in, makes a space, leaps over the menu and saves", async () => {
  const page = await chromium.page({ signedIn: false });
  await page.goto("/new");
  await page.waitForURL(/\/login/);
  await page.locator("#password:focus").waitFor();
  await page.keyboard.type(OPERATOR_TOKEN);
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.pathname === "/new");
  await page.locator("#name:focus").waitFor();
  await page.keyboard.type("By keyboard");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/keys\?shown=/);
  const { id } = await worker.row("SELECT id FROM spaces WHERE name = 'By keyboard'");
  await page.goto(`/s/${id}/settings`);
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "Skip to content");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "name", "the first thing of the page itself");
  await page.keyboard.type("Renamed by keyboard");
  await page.keyboard.press("Enter");
  await page.getByText("Saved.").waitFor();
  await page.getByText("Space Renamed by keyboard").waitFor();
  await page.context().close();
});

const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim());

/** A space in which much has happened, one in which nothing has, and the addresses of their pages. */
let places;
async function paths() {
  places ??= await furnish();
  const { full, empty, link, destination } = places;
  const fill = (path) => path.replace("LINK", link).replace("DESTINATION", destination);
  const isOutside = (path) => ["/new", "/archived"].includes(path);
  const of = (name) => WALK[name].map((path) => (isOutside(path) ? path : `/s/${full}${fill(path)}`));
  return ["/s/999", ...Object.keys(WALK).flatMap(of), ...EMPTY.map((path) => `/s/${empty}${path}`)];
}

async function furnish() {
  const { id, ingest } = await worker.space("Every page <script> \u{1F600}");
  const link = await worker.link(id, "every-page", { target: `https://offer.example/${LONG.repeat(3)}` });
  const { id: destination } = await worker.fire(`/api/spaces/${id}/destinations`, {
    method: "POST",
    headers: { authorization: `Bearer ${OPERATOR_TOKEN}` },
    body: JSON.stringify({ kind: "webhook", name: `Hook ${LONG}`, url: "https://hook.example/" }),
  });
  await worker.db.prepare("UPDATE destinations SET failures = 3 WHERE id = ?").bind(destination).run();
  const fire = (query) => worker.fire(`/e?token=${ingest}&${query}`);
  for (const uid of UIDS) {
    const text = encodeURIComponent(uid);
    await fire(`event=deposit&uid=${text}&eid=${text}&value=123456789.123456&currency=USDT`);
    await fire(`event=deposit&uid=${text}&eid=x${text.slice(0, 200)}&value=${text}`);
  }
  await fire("event=deposit&uid=plain&eid=no-value");
  await fire("event=deposit&uid=plain&eid=plain&value=7");
  const browser = await worker.browser();
  await browser.send(`/s/${id}/rules`, { mend: "rename", rename_from: "sum", rename_to: "value" });
  const replay = { of: "refused", which: "these", seq: "1", mend: "set", set_field: "value", set_to: "5" };
  assert.equal((await browser.send(`/s/${id}/replays`, replay)).code, 303);
  await until("it was replayed, and the first tries were made", async () => {
    const done = await worker.row("SELECT count(*) AS n FROM replays WHERE space_id = ? AND ended_at_ms > 0", id);
    const tried = await worker.row("SELECT count(*) AS n FROM deliveries WHERE space_id = ? AND tries > 0", id);
    return done.n > 0 && tried.n > 0;
  });
  return { full: id, empty: (await worker.space("Empty")).id, link, destination };
}

/** Opens what is folded, also what would close the others. */
const openAll = (page) =>
  page.evaluate(() => {
    for (const part of document.querySelectorAll("main details")) {
      part.removeAttribute("name");
      part.open = true;
    }
    return new Promise((resolve) => setTimeout(resolve)); // Until the page has been told.
  });

/** Tab goes to everything that can be used, in the order of the page, and whoever looks sees where it is. */
async function assertReachable(page, what) {
  const expected = await page.evaluate(() => {
    const usable = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
    // Of radio buttons of a name the arrow keys choose.
    const isOther = (part) => {
      if (part.type !== "radio") return false;
      const group = [...part.form.elements[part.name]];
      return part !== (group.find((one) => one.checked) ?? group[0]);
    };
    const seen = (part) => part.checkVisibility({ visibilityProperty: true }) && !part.disabled && !isOther(part);
    const parts = [...document.querySelectorAll(usable)].filter(seen);
    globalThis.walked = [];
    addEventListener("focusin", ({ target }) => {
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(target);
      const marked = (outlineStyle !== "none" && parseFloat(outlineWidth) >= 2) || boxShadow !== "none";
      const { width, height } = target.getBoundingClientRect();
      globalThis.walked.push({ at: parts.indexOf(target), marked: marked && width > 0 && height > 0 });
    });
    document.activeElement.blur();
    document.getElementsByClassName("skip")[0].focus();
    return parts.map((part) => part.outerHTML.slice(0, 120));
  });
  // A field of a date takes several presses.
  for (let presses = 0; presses < expected.length * 8; presses += 10) {
    for (let press = 0; press < 10; press++) await page.keyboard.press("Tab");
    if (await page.evaluate((last) => globalThis.walked.some(({ at }) => at === last), expected.length - 1)) break;
  }
  const walked = await page.evaluate(() => globalThis.walked);
  const first = walked.slice(0, expected.length);
  const away = expected.filter((_, at) => !walked.some((one) => one.at === at));
  assert.deepEqual(away, [], `${what}: Tab does not come to these`);
  assert.deepEqual(
    first.map(({ at }) => at),
    expected.map((_, at) => at),
    `${what}: in the order of the page`,
  );
  const unmarked = first.filter(({ marked }) => !marked).map(({ at }) => expected[at]);
  assert.deepEqual(unmarked, [], `${what}: the focus does not show`);
}
