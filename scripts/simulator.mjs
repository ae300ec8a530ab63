// Fires a network's scenario at a local deployment, reads what became of it, and says where that is not what the
// scenario says. `make simulate` prints it; tests/simulate.test.mjs checks it.
import { isLocal, query } from "./local.mjs";
import { fill, request, template } from "./scenario.mjs";

const DEADLINE_MS = 60_000;
/** Characters of a click id that tell it from others. */
const UID_SHOWN = 12;
const AGENT = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/130 Mobile Safari/537.36";

/** Waits until the local database says so. */
async function until(what, condition) {
  for (const end = Date.now() + DEADLINE_MS; !(await condition());) {
    if (Date.now() > end) throw new Error(`waited ${DEADLINE_MS / 1000} s in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function send(origin, path, key, method, body) {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const response = await fetch(new URL(path, origin), { method, headers, body: body && JSON.stringify(body) });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${answer.hint ?? ""}`);
  return answer;
}

/** A space for one part of a scenario, with the link that brings its people. */
async function makeSpace(world, name) {
  const made = await send(world.origin, "/api/spaces", world.operator, "POST", { name, database: "DB" });
  const slug = `simulated-${made.id}`;
  const target = "https://offer.example/register";
  const uid_parameter = world.click.replaceAll(/\W/g, "");
  const link = { name: "Offer", slug, kind: "web", target, uid_parameter };
  await send(world.origin, `/api/spaces/${made.id}/links`, world.operator, "POST", link);
  return { id: made.id, token: made.ingest_token, bearer: made.bearer, slug, uid_parameter, uids: {} };
}

/** Brings everybody of a part over the link, or by the call of a program that has a click id of its own. */
async function bring(world, space, part) {
  const own = part.own_clicks ?? {};
  const people = new Set(part.fires.map(({ who }) => who).filter(Boolean));
  for (const who of people) {
    if (own[who]) {
      const click = { uid: own[who], link_slug: space.slug };
      space.uids[who] = (await send(world.origin, "/clicks", space.bearer, "POST", click)).uid;
      continue;
    }
    const address = new URL(`/l/${space.slug}`, world.origin);
    const landing = await fetch(address, { redirect: "manual", headers: { "user-agent": AGENT } });
    space.uids[who] = new URL(landing.headers.get("location")).searchParams.get(space.uid_parameter);
  }
  const stored = `SELECT count(*) FROM clicks WHERE space_id = ${space.id}`;
  await until("the clicks are stored", async () => (await query(world.origin, stored))[0][0][0] === people.size);
}

/** One call, and what it is answered. */
async function call(world, space, url, method) {
  const { path, init } = request(url.replace("TOKEN", space.token), method);
  const response = await fetch(new URL(path, world.origin), init);
  const { status, notes = [] } = await response.json();
  const seq = Number(response.headers.get("x-event-id")) || undefined;
  const later = response.headers.has("x-stored");
  return { url, method: method ?? "GET", code: response.status, status, notes, seq, later };
}

/** Finds the number of a refused postback: another one is the newest, one that came before has its own. */
async function findRefused(world, space, sent) {
  const numbers = (space.refused ??= new Map());
  const as = `${sent.method} ${sent.url}`;
  if (!numbers.has(as)) {
    const newest = `SELECT count(*), max(seq) FROM held WHERE space_id = ${space.id}`;
    await until("the refused postback is kept", async () => {
      const [[[kept, seq]]] = await query(world.origin, newest);
      if (kept > numbers.size) numbers.set(as, seq);
      return kept >= numbers.size && numbers.has(as);
    });
  }
  sent.held = numbers.get(as);
}

/** Fires one line of a part: once, again after each answer, or all at the same moment. */
async function fire(world, space, part, line) {
  const pasted = part.urls[line.url];
  if (!pasted) throw new Error(`${part.name} has no URL ${line.url}`);
  const url = template(world.pack, pasted);
  const uid = line.who ? { [world.click]: space.uids[line.who] } : {};
  const filled = line.as_it_stands ? url : fill(url, { ...world.fill, ...uid, ...line.fill });
  const times = Array.from({ length: line.times ?? 1 });
  const once = () => call(world, space, filled, pasted.method);
  const sent = [];
  if (line.at_once) sent.push(...(await Promise.all(times.map(once))));
  else for (const _ of times) sent.push(await once());
  for (const one of sent) if (one.status.startsWith("invalid")) await findRefused(world, space, one);
  return sent;
}

/** Waits for what the queue has, where the database was too slow for an answer. */
async function settle(world, space, sent) {
  if (!sent.some(({ later }) => later)) return;
  const stored = `SELECT coalesce(sum(1 + refires), 0) FROM events WHERE space_id = ${space.id}`;
  const accepted = sent.filter(({ held }) => !held).length;
  await until("the queue is empty", async () => (await query(world.origin, stored))[0][0][0] >= accepted);
}

/** What is stored of each event, by its number. */
async function readEvents(world, space) {
  const [rows] = await query(
    world.origin,
    `SELECT seq, event, micros, currency, counted FROM events WHERE space_id = ${space.id}`,
  );
  return new Map(rows.map(([seq, event, micros, currency, counted]) => [seq, { event, micros, currency, counted }]));
}

/** Millionths as a decimal, with cents at least. */
export function amount(micros) {
  const digits = String(Math.abs(micros)).padStart(7, "0");
  const rest = digits.slice(-6).replace(/0{1,4}$/, "");
  return `${micros < 0 ? "-" : ""}${digits.slice(0, -6)}.${rest}`;
}

/** How it ended, in the words of a scenario: figures as the reports have them, and what they do not show. */
async function readEnd(world, space) {
  const [figures, [[duplicates, unattributed]], [[refused]], counted] = await query(
    world.origin,
    `SELECT event, currency, sum(events), sum(units) * 1000000 + sum(micros) FROM counters
     WHERE space_id = ${space.id} AND event <> 'click' GROUP BY 1, 2 ORDER BY 1, 2`,
    `SELECT coalesce(sum(refires), 0), count(*) FILTER (WHERE link_id = 0) FROM events WHERE space_id = ${space.id}`,
    `SELECT coalesce(sum(1 + refires), 0) FROM held WHERE space_id = ${space.id}`,
    `SELECT event, iif(event = 'deposit', currency, ''), count(*), coalesce(sum(micros), 0) FROM events
     WHERE space_id = ${space.id} AND counted = 1 GROUP BY 1, 2 ORDER BY 1, 2`,
  );
  const recount = counted.map(([event, currency, n, micros]) => [event, currency, n, event === "deposit" ? micros : 0]);
  const events = {};
  for (const [event, , n] of figures) events[event] = (events[event] ?? 0) + n;
  const money = figures.filter(([event, , , micros]) => event === "deposit" && micros !== 0);
  const revenue = Object.fromEntries(money.map(([, currency, , micros]) => [currency, amount(micros)]));
  const is_recount = JSON.stringify(figures) === JSON.stringify(recount);
  return { revenue, events, duplicates, refused, unattributed, is_recount };
}

const NOTHING = { revenue: {}, events: {}, duplicates: 0, refused: 0, unattributed: 0, findings: [], unchosen: [] };

const text = (value) => (typeof value === "object" ? JSON.stringify(value, Object.keys(value).sort()) : String(value));

/** Where an end is not what the scenario says. */
function compare(ends, end, found, sent) {
  const wrong = [];
  const must = { ...NOTHING, ...ends };
  for (const key of ["revenue", "events", "duplicates", "refused", "unattributed"])
    if (text(end[key]) !== text(must[key])) wrong.push(`${key}: ${text(end[key])}, not ${text(must[key])}`);
  if (!end.is_recount) wrong.push("the counters are not a recount of the events");
  const causes = (findings) => findings.map(({ cause }) => cause).sort();
  if (text(causes(found)) !== text(causes(must.findings)))
    wrong.push(`findings: [${causes(found)}], not [${causes(must.findings)}]`);
  for (const { cause, mend } of must.findings) {
    const finding = found.find((finding) => finding.cause === cause);
    if (finding && mend && !finding.mend.includes(mend)) wrong.push(`${cause} has no ${mend} in its mend`);
  }
  // A network switches off what does not answer with 2xx.
  for (const { code, status } of sent) if (code < 200 || code > 299) wrong.push(`answered ${code} ${status}`);
  return wrong;
}

/** What was sent, to be read: without the token, and the uids of our own clicks short. */
function shown(space, { url, method }) {
  const made = Object.values(space.uids).filter((uid) => uid.length > UID_SHOWN);
  const short = made.reduce((url, uid) => url.replaceAll(uid, `${uid.slice(0, UID_SHOWN)}…`), url);
  return `${method} ${short.replace("/e?token=TOKEN&", "").replace("TOKEN/", "")}`;
}

/** One line of the table for each call, in the order in which they were sent. */
function lines(space, sent, events) {
  const seen = new Set();
  return sent.map((one) => {
    const { code, status, seq, held, later } = one;
    const event = events.get(seq);
    const isFirst = status === "queued" && event && !seen.has(seq);
    if (isFirst) seen.add(seq);
    const what = !event?.micros ? event?.event : `${amount(event.micros)} ${event.currency}`;
    return {
      sent: shown(space, one),
      answered: `${code} ${status}`,
      stored: held ? `refused ${held}` : seq ? `event ${seq}` : later ? "later" : "–",
      counted: isFirst && event.counted ? what : "–",
    };
  });
}

async function runPart(world, part) {
  const { origin, operator, network } = world;
  const space = await makeSpace(world, `${network}: ${part.name}`);
  await bring(world, space, part);
  const sent = [];
  for (const line of part.fires) sent.push(...(await fire(world, space, part, line)));
  await settle(world, space, sent);
  const findings = async () => (await send(origin, `/api/spaces/${space.id}/findings`, operator, "GET")).findings;
  const must = { ...NOTHING, ...part.ends };
  const end = await readEnd(world, space);
  const wrong = [];
  // A sender that behaves does so whether or not somebody has said which network it is.
  const before = must.findings.length ? must.unchosen : (await findings()).map(({ cause }) => cause);
  if (text(before) !== text(must.unchosen))
    wrong.push(`findings before the network is chosen: [${before}], not [${must.unchosen}]`);
  await send(origin, `/api/spaces/${space.id}/network`, operator, "PUT", { network });
  const found = await findings();
  wrong.push(...compare(must, end, found, sent));
  const { name, about } = part;
  return { name, about, lines: lines(space, sent, await readEvents(world, space)), found, end, wrong };
}

/**
 * Runs a network's scenario against the deployment at `origin`, with the operator's secret: gives for each part what
 * was sent, what became of it, what Health finds, and what of it is `wrong`. Refuses any address but a local one.
 */
export async function simulate(scenario, { origin, operator }) {
  if (!isLocal(new URL(origin))) throw new Error(`${origin} is not local. What is made up belongs nowhere else`);
  const { network, pack, click = pack.uid, fill = {} } = scenario;
  const world = { origin, operator, network, pack, click, fill };
  const parts = [];
  for (const part of scenario.parts) parts.push(await runPart(world, part));
  return { network, name: pack.name, about: scenario.about, parts };
}
