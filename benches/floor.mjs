// The floor: nothing but one insert for each request. Whatever stores a row cannot be faster.
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const { meta } = await env.DB.prepare("INSERT INTO floor (eid, value) VALUES (?, ?) ON CONFLICT DO NOTHING")
      .bind(url.searchParams.get("eid"), url.searchParams.get("value")).run();
    return Response.json({ ok: true, status: meta.changes ? "queued" : "duplicate" });
  },
};
