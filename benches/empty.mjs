// The ceiling: no database at all. Nothing on this machine can be faster.
export default {
  fetch: ({ url }) =>
    new URL(url).pathname.startsWith("/l/")
      ? Response.redirect("https://offer.example/")
      : Response.json({ ok: true, status: "queued" }),
};
