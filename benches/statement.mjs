// XTRACKER's one statement, and as little as can be around it: no check, no deadline, no second place to put the event.
import { sha256 } from "./sha256.mjs";

export default {
  async fetch(request, env) {
    const { search, searchParams: query } = new URL(request.url);
    const now = Date.now();
    const report = {
      key_hash: await sha256(query.get("token")),
      key_kind: "ingest",
      received_at_ms: now,
      receipt: crypto.randomUUID(),
      dedup: `e=${query.get("eid")}`,
      event: query.get("event"),
      uid: query.get("uid"),
      eid: query.get("eid"),
      value: query.get("value"),
      micros: "25000000",
      currency: query.get("currency"),
      occurred_at_ms: now,
      raw: search,
    };
    const { results } = await env.DB.prepare(env.STATEMENT).bind(JSON.stringify(report)).all();
    return Response.json({ ok: true, status: results[0].receipt === report.receipt ? "queued" : "duplicate" });
  },
};
