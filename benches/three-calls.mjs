// The common way: look up, insert, raise the counter, each in a call of its own.
import { sha256 } from "./sha256.mjs";

export default {
  async fetch(request, env) {
    const { pathname, searchParams: query } = new URL(request.url);
    return pathname.startsWith("/l/") ? landing(env.DB, pathname.slice(3), query) : postback(env.DB, query);
  },
};

async function postback(db, query) {
  const key = await db
    .prepare("SELECT space_id FROM keys WHERE hash = ?")
    .bind(await sha256(query.get("token")))
    .first();
  if (!key) return Response.json({ ok: false, status: "invalid_token" }, { status: 401 });
  const value = Number(query.get("value"));
  if (Number.isNaN(value)) return Response.json({ ok: false, status: "invalid_value" });
  const now = Date.now();
  const { meta } = await db
    .prepare(
      `
      INSERT INTO events (space_id, event, uid, eid, value, at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    )
    .bind(key.space_id, query.get("event"), query.get("uid"), query.get("eid"), value, now)
    .run();
  if (!meta.changes) return Response.json({ ok: true, status: "duplicate" });
  await count(db, key.space_id, now, query.get("event"), value);
  return Response.json({ ok: true, status: "queued" });
}

async function landing(db, slug, query) {
  const link = await db.prepare("SELECT id, space_id, target FROM links WHERE slug = ?").bind(slug).first();
  if (!link) return new Response("Not found", { status: 404 });
  const uid = crypto.randomUUID();
  const now = Date.now();
  await db
    .prepare("INSERT INTO clicks (uid, space_id, link_id, fbclid, at) VALUES (?, ?, ?, ?, ?)")
    .bind(uid, link.space_id, link.id, query.get("fbclid"), now)
    .run();
  await count(db, link.space_id, now, "click", 0);
  return Response.redirect(`${link.target}?uid=${uid}`);
}

async function count(db, spaceId, now, event, value) {
  await db
    .prepare(
      `
      INSERT INTO counters (space_id, day, event, events, value)
      VALUES (?, ?, ?, 1, ?) ON CONFLICT DO UPDATE SET events = events + 1, value = value + excluded.value`,
    )
    .bind(spaceId, Math.floor(now / 86400000), event, value)
    .run();
}
