// Fires believable traffic at the local deployment, through its real endpoints, so that reports have something to
// show. Who does what is the same at every run: a second run finds its events stored already, and adds visits only.
//
// Events are told when they happened, but a visit is always of now. So a click carries its time in its fbclid, and at
// the end all of them are moved there in the local database, which wrangler dev lets its own machine change.
//
// ORIGIN: where the deployment is (default http://127.0.0.1:$PORT). No address but a local one is taken.
// VISITORS: how many come (default 1200). DAYS: on how many days (default 30). DAYS_AGO: which is the last of them
// (default 0, today).
import { isLocal, query } from "./local.mjs";

const ORIGIN = new URL(process.env.ORIGIN ?? `http://127.0.0.1:${process.env.PORT ?? 8787}`);
const TOKEN = "xt_in_local";
const BEARER = "xt_sk_local";
const VISITORS = Number(process.env.VISITORS ?? 1200);
const DAYS = Number(process.env.DAYS ?? 30);
const DAYS_AGO = Number(process.env.DAYS_AGO ?? 0);
const AT_ONCE = 12;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const NOW_MS = Date.now();
const LAST_DAY = Math.floor(NOW_MS / DAY_MS) - DAYS_AGO;
const AGENT = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/130 Mobile Safari/537.36";
const LINKS = ["demo-bot", "demo-bot", "demo-web", "demo-web", "demo-web", "demo-channel"];
const CAMPAIGNS = [
  ["120210001", "Broad IN"],
  ["120210002", "Lookalike BR"],
  ["120210003", "Retarget"],
];
const CURRENCIES = ["USD", "USD", "USD", "EUR"];

if (!isLocal(ORIGIN)) {
  console.error(
    `demo: ${ORIGIN.origin} is not local. Demo data belongs to a local deployment only: make dev, then make demo`,
  );
  process.exit(1);
}

/** The same numbers at every run: a linear congruential generator, seeded for each visitor. */
function randomness(seed) {
  let state = (seed * 2654435761) % 2 ** 32;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const tally = {};
async function count(what, response) {
  const answer =
    response.status === 302 || response.headers.get("content-type")?.startsWith("text/html")
      ? { status: response.ok || response.status === 302 ? "sent on" : "not sent on" }
      : await response.json();
  const result = answer.status ?? (answer.uid || answer.ok ? "stored" : "refused");
  const key = `${what} ${result}`;
  tally[key] = (tally[key] ?? 0) + 1;
  if (response.status >= 400) throw new Error(`${what}: ${response.status} ${JSON.stringify(answer)}`);
  return answer;
}

const fire = async (parameters) =>
  count("postback", await fetch(new URL(`/e?${new URLSearchParams({ token: TOKEN, ...parameters })}`, ORIGIN)));

const post = async (path, body) =>
  count(
    path.slice(1),
    await fetch(new URL(path, ORIGIN), {
      method: "POST",
      headers: { authorization: `Bearer ${BEARER}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    }),
  );

/** One visitor's day: a click, and with falling odds what follows it. The part of today that is over is a whole day. */
async function visitor({ day, number }) {
  const random = randomness(day * 7919 + number + 1);
  const chance = (share) => random() < share;
  const pick = (items) => items[Math.floor(random() * items.length)];
  const link = pick(LINKS);
  const [campaign_id, campaign_name] = pick(CAMPAIGNS);
  const endMs = Math.min((day + 1) * DAY_MS, NOW_MS);
  let atMs = day * DAY_MS + Math.floor(random() ** 0.7 * 0.8 * (endMs - day * DAY_MS));
  const later = (minutes) => (atMs = Math.min(atMs + Math.ceil(random() * minutes * MINUTE_MS), endMs));
  const id = `demo-${day}-${number}`;
  const fbclid = `demo-${atMs}-${number}`;

  const query = new URLSearchParams({
    fbclid,
    campaign_id,
    campaign_name,
    placement: pick(["feed", "reels", "story"]),
  });
  const landing = await fetch(new URL(`/l/${link}?${query}`, ORIGIN), {
    redirect: "manual",
    headers: { "user-agent": AGENT },
  });
  await count("visit", landing);
  // Over a channel's invite link no uid travels: there the bot reports the click it made up itself.
  const carried = /(?:fb_|click_id=)([0-9a-v]{26})/.exec(landing.headers.get("location") ?? "")?.[1];
  const uid =
    carried ??
    (await post("/clicks", { uid: id, link_slug: link, fbclid: `${fbclid}-bot`, campaign_id, campaign_name })).uid;

  if (!chance(0.62)) return;
  const tg_id = 500_000_000 + number;
  if (link !== "demo-web") await post("/bind", { uid, tg_id });
  await post("/events", { event: "contact", uid, tg_id, eid: `${id}-contact`, occurred_at_ms: later(5) });
  if (chance(0.55))
    await post("/events", { event: "subscribed", tg_id, uid, eid: `${id}-subscribed`, occurred_at_ms: later(20) });
  if (!chance(0.34)) return;
  await fire({ event: "registration", uid, eid: `${id}-registration`, t: later(90) });
  if (!chance(0.42)) return;
  const currency = pick(CURRENCIES);
  for (let deposit = 1; deposit <= 1 + Math.floor(random() * 3); deposit++) {
    const value = chance(0.03) ? "" : pick(["10", "25.00", "50", "100", "250.00", "19,90"]);
    const postback = { event: "deposit", uid, eid: `${id}-deposit-${deposit}`, value, currency, t: later(120) };
    await fire(postback);
    if (chance(0.08)) await fire(postback); // A network that fires twice.
  }
}

function progress(done) {
  const share = done / VISITORS;
  if (process.stdout.isTTY) {
    const bar = "#".repeat(Math.round(share * 30)).padEnd(30, ".");
    process.stdout.write(`\r[${bar}] ${done} of ${VISITORS} visitors`);
  } else if (done % Math.ceil(VISITORS / 4) === 0) {
    console.log(`${done} of ${VISITORS} visitors`);
  }
}

/** Who comes, day by day: more at one end of the week than at the other, and no two days alike. */
function visitors() {
  const days = Array.from({ length: DAYS }, (_, at) => LAST_DAY - DAYS + 1 + at);
  const weights = days.map((day) => 1 + 0.35 * Math.sin((2 * Math.PI * day) / 7) + 0.5 * randomness(day)());
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  let [upTo, before] = [0, 0];
  return days.flatMap((day, at) => {
    upTo += weights[at];
    const [first, end] = [before, Math.round((upTo / whole) * VISITORS)];
    before = end;
    return Array.from({ length: end - first }, (_, number) => ({ day, number }));
  });
}

const VISITS = "SELECT count(*) FROM clicks WHERE fbclid GLOB 'demo-*' AND fbclid NOT GLOB '*-bot'";

/** A landing answers before its click is stored. */
async function visitsAreStored(expected) {
  for (const end = Date.now() + 60_000; ; await new Promise((resolve) => setTimeout(resolve, 200))) {
    const [[[stored]]] = await query(ORIGIN, VISITS);
    if (stored >= expected) return;
    if (Date.now() > end) throw new Error(`${expected - stored} visits are not stored after a minute`);
  }
}

/** Gives every click the time in its fbclid, and its counters with it. */
async function moveClicks() {
  const meant = "CAST(substr(fbclid, 6) AS INTEGER)";
  const misplaced = `fbclid GLOB 'demo-*' AND clicked_at_ms <> ${meant}`;
  const tally = (time, times) => `
    INSERT INTO tally (space_id, at_ms, link_id, event, currency, events, people, micros)
    SELECT space_id, ${time}, link_id, 'click', '', ${times}, ${times}, 0 FROM clicks WHERE ${misplaced}`;
  await query(
    ORIGIN,
    tally("clicked_at_ms", -1),
    tally(meant, 1),
    `UPDATE clicks SET clicked_at_ms = ${meant} WHERE ${misplaced}`,
  );
}

const coming = visitors();
let next = 0;
let done = 0;
async function worker() {
  while (next < VISITORS) {
    await visitor(coming[next++]);
    progress(++done);
  }
}

try {
  const [[[before]]] = await query(ORIGIN, VISITS);
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  await visitsAreStored(before + VISITORS);
  await moveClicks();
} catch (reason) {
  const text =
    reason.cause?.code === "ECONNREFUSED" ? `nothing answers at ${ORIGIN.origin}: run make dev first` : reason.message;
  console.error(`\ndemo: ${text}`);
  process.exit(1);
}
const date = (day) => new Date(day * DAY_MS).toISOString().slice(0, 10);
const spread =
  DAYS === 1 ? `1 day, ${date(LAST_DAY)}` : `${DAYS} days, ${date(LAST_DAY - DAYS + 1)} to ${date(LAST_DAY)}`;
console.log(
  `\ndemo: this is the traffic of ${spread}. The clicks came just now, and were moved back in the local database.`,
);
for (const [what, times] of Object.entries(tally).sort()) console.log(`${String(times).padStart(6)}  ${what}`);
