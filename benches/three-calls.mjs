// The common way: look the token up, insert the event, raise the counter, each in a call of its own.
async function sha256(text) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export default {
  async fetch(request, env) {
    const query = new URL(request.url).searchParams;
    const key = await env.DB.prepare("SELECT space_id FROM keys WHERE hash = ?").bind(await sha256(query.get("token"))).first();
    if (!key) return Response.json({ ok: false, status: "invalid_token" }, { status: 401 });
    const value = Number(query.get("value"));
    if (Number.isNaN(value)) return Response.json({ ok: false, status: "invalid_value" });
    const now = Date.now();
    const { meta } = await env.DB.prepare("INSERT INTO events (space_id, event, uid, eid, value, at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
      .bind(key.space_id, query.get("event"), query.get("uid"), query.get("eid"), value, now).run();
    if (!meta.changes) return Response.json({ ok: true, status: "duplicate" });
    await env.DB.prepare("INSERT INTO counters (space_id, day, event, events, value) VALUES (?, ?, ?, 1, ?) ON CONFLICT DO UPDATE SET events = events + 1, value = value + excluded.value")
      .bind(key.space_id, Math.floor(now / 86400000), query.get("event"), value).run();
    return Response.json({ ok: true, status: "queued" });
  },
};
