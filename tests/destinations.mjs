// Destinations in the test's own process, and spaces that send to them.
import assert from "node:assert/strict";
import { after, afterEach, before } from "node:test";
import { OPERATOR_TOKEN, startWorker, until } from "./harness.mjs";

export const MINUTE_MS = 60_000;
const realFetch = globalThis.fetch;

/** The Worker under test, while it runs. */
export let worker;
/** How the in-process destinations answer, by host. */
export const answers = {};
/** What arrived at them since the test began. */
export let received = [];

/** Has every destination take what comes. */
export function takeAll() {
  for (const host of Object.keys(answers)) delete answers[host];
}

/** Starts the Worker and the destinations for a file of tests, and clears them after each. */
export function useDestinations() {
  before(async () => {
    // What the Worker fetches goes through Node's own fetch.
    globalThis.fetch = async (input, init) => {
      const request = new Request(input, init);
      const { hostname } = new URL(request.url);
      if (!hostname.endsWith(".example") && hostname !== "graph.facebook.com") return realFetch(input, init);
      const arrived = {
        host: hostname,
        url: request.url,
        method: request.method,
        headers: Object.fromEntries(request.headers),
        body: await request.text(),
        at: Date.now(),
      };
      received.push(arrived);
      return (answers[hostname] ?? (() => new Response("ok")))(arrived);
    };
    worker = await startWorker();
  });
  after(async () => {
    globalThis.fetch = realFetch;
    await worker.stop();
  });
  afterEach(async () => {
    takeAll();
    received = [];
    await worker.db.batch(["DELETE FROM deliveries", "DELETE FROM destinations"].map((sql) => worker.db.prepare(sql)));
  });
}

export const operate = (space, method, path, body) =>
  worker.fire(`/api/spaces/${space.id}/destinations${path}`, {
    method,
    headers: { authorization: `Bearer ${OPERATOR_TOKEN}` },
    body: body && JSON.stringify(body),
  });
export const webhook = (more = {}) => ({ kind: "webhook", name: "Hook", url: "https://hook.example/in", ...more });
export const s2s = (more = {}) => ({
  kind: "s2s_postback",
  name: "S2S",
  url_template: "https://s2s.example/p?c={uid}&v={value}",
  ...more,
});
export const capi = (more = {}) => ({
  kind: "fb_capi",
  name: "FB",
  pixel_id: "123456",
  access_token: "EAABtoken",
  ...more,
});

/** A space with destinations. */
export async function scene(...drafts) {
  const space = await worker.space();
  const destinations = [];
  for (const draft of drafts) {
    const created = await operate(space, "POST", "", draft);
    assert.equal(created.code, 201, created.text);
    destinations.push(created);
  }
  return { ...space, destinations, fire: (query) => worker.fire(`/e?token=${space.ingest}&${query}`) };
}

export const rows = () =>
  worker
    .rows(
      `
      SELECT seq, destination_id, state, tries, due_at_ms, attempts FROM deliveries ORDER BY seq, destination_id`,
    )
    .then((rows) => rows.map((row) => ({ ...row, attempts: JSON.parse(row.attempts ?? "[]") })));
export const settled = (tries = 1) =>
  until(`${tries} tries are on record`, async () => {
    const all = await rows();
    return all.length > 0 && all.every((row) => row.tries >= tries) && all;
  });
/** Lets the minute cron run at a moment of the test's choosing. */
export const cron = (atMs) => worker.server.getWorker().scheduled({ cron: "* * * * *", scheduledTime: new Date(atMs) });
