// A buyer's first day, by the screens alone: from a new deployment to the first deposit that is shown by link, and that
// a webhook is told.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { listen } from "../dev-server.mjs";
import { OPERATOR_TOKEN, startWorker, until } from "../harness.mjs";
import { assertSound, startChromium } from "./chromium.mjs";

/** How many clicks it may take, beside typing. */
const MOST_CLICKS = 12;

let worker, chromium, receiver;
const told = [];
before(async () => {
  receiver = createServer(async (request, response) => {
    told.push({ headers: request.headers, body: JSON.parse((await request.toArray()).join("")) });
    response.end("ok");
  });
  receiver.url = `http://127.0.0.1:${await listen(receiver)}/hook`;
  worker = await startWorker();
  chromium = await startChromium(worker);
});
after(async () => {
  await chromium?.stop();
  await worker.stop();
  receiver.closeAllConnections();
  receiver.close();
});

/** A page under hands that count their clicks. */
function hands(page) {
  const clicked = [];
  const click = async (what, locator) => {
    clicked.push(what);
    await locator.click();
  };
  return {
    clicked,
    link: (name) => click(name, page.getByRole("link", { name, exact: true }).first()),
    button: (name, within = page) => click(name, within.getByRole("button", { name, exact: true }).first()),
    /** Unfolds the network of a name. */
    network: (name) => click(name, page.locator("summary", { hasText: name })),
    /** Clicks a card of a choice, whose words go on behind its name. */
    choice: (name) => click(name, page.locator("main").getByRole("link", { name: new RegExp(`^${name}`) })),
    type: (label, text) => page.getByLabel(label, { exact: true }).fill(text),
  };
}

test("a new deployment shows its first deposit by link and tells a webhook by 12 clicks", async (context) => {
  const page = await chromium.page({ signedIn: false });
  const { clicked, link, button, network, choice, type } = hands(page);
  await page.goto("/");
  await type("Password", OPERATOR_TOKEN);
  await button("Sign in");

  await type("Name", "My offer");
  await button("Create the space");
  await network("Pocket Option");
  const deposit = page.locator(".url", { hasText: "deposit" }).locator("visible=true").first();
  await button("Copy", deposit);
  await deposit.getByText("Copied").waitFor();
  const postback = await page.evaluate(() => navigator.clipboard.readText());

  await link("Links");
  await link("New link");
  await type("Name", "Summer");
  await type("Target", "https://offer.example/?click_id={uid}");
  await button("Create the link");
  await page.getByText("Summer").first().waitFor();

  await link("Destinations");
  await choice("Webhook");
  await type("Name", "My server");
  await type("Address", receiver.url);
  await button("Add the destination");
  await page.getByText("Shown only once").waitFor();
  await link("Overview");
  await page.locator('#connection[data-state="live"]').waitFor();

  const uid = await visit("/l/summer");
  const filled = { click_id: uid, trade_id: "tr-1", sumdep: "75.00" };
  const fired = new URL(postback.replaceAll(/\{(\w+)\}/g, (_, name) => filled[name]));
  assert.equal((await worker.fire(fired.pathname + fired.search)).status, "queued");
  const row = page.getByRole("row").filter({ hasText: "Summer" });
  await row.getByText("75.00").waitFor({ timeout: 5000 });
  await until("the webhook is told", () => told.length > 0);
  assert.deepEqual(
    told.map(({ body }) => [body.canonical, body.click.uid, body.data.value, body.data.currency]),
    [["deposit", uid, "75.00", "USD"]],
  );
  assert.match(told[0].headers["webhook-signature"], /^v1,/);

  context.diagnostic(`${clicked.length} clicks: ${clicked.join(", ")}`);
  assert.ok(clicked.length <= MOST_CLICKS, `${clicked.length} clicks: ${clicked.join(", ")}`);
  await assertSound(page, "the overview of the first day");
  await page.context().close();
});

/** Somebody follows the ad's link, and gives the click id with which the offer is called. */
async function visit(path) {
  const answer = await worker.fetch(path, {
    redirect: "manual",
    headers: { "user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X)" },
  });
  const location = answer.headers.get("location") ?? assert.fail(`${path} answered ${answer.status}`);
  return new URL(location).searchParams.get("click_id");
}
