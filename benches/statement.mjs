// XTRACKER's one statement, and as little as can be around it: no check, no deadline, no second place to put the event.
import { sha256 } from "./sha256.mjs";

export default {
  async fetch(request, env) {
    const { search, searchParams: query } = new URL(request.url);
    const now = Date.now();
    const report = [
      await sha256(query.get("token")),
      now,
      crypto.randomUUID(),
      `e=${query.get("eid")}`,
      query.get("event"),
      query.get("uid"),
      query.get("eid"),
      null,
      query.get("value"),
      "25000000",
      query.get("currency"),
      now,
      null,
      search,
      "ingest",
      null,
    ];
    const { results } = await env.DB.prepare(env.STATEMENT).bind(JSON.stringify(report), "plus_restored").all();
    return Response.json({ ok: true, status: results[0].receipt === report[2] ? "queued" : "duplicate" });
  },
};
