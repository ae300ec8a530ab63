// The floor: nothing but one insert for each request. Whatever stores a row cannot be faster.
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const isLanding = url.pathname.startsWith("/l/");
    const id = isLanding ? crypto.randomUUID() : url.searchParams.get("eid");
    const { meta } = await env.DB.prepare("INSERT INTO floor (id, value) VALUES (?, ?) ON CONFLICT DO NOTHING")
      .bind(id, url.searchParams.get(isLanding ? "fbclid" : "value"))
      .run();
    if (isLanding) return Response.redirect(`https://offer.example/?uid=${id}`);
    return Response.json({ ok: true, status: meta.changes ? "queued" : "duplicate" });
  },
};
