// Cloudflare Access in front of the dashboard: who is let in, by tokens signed here with real keys.
import assert from "node:assert/strict";
import { createSign, generateKeyPairSync } from "node:crypto";
import { after, before, test } from "node:test";
import { OPERATOR_TOKEN, startWorker } from "./harness.mjs";
import { page } from "./pages.mjs";

const TEAM = "my-team";
const AUD = "4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2";
const pair = () => generateKeyPairSync("rsa", { modulusLength: 2048 });
const team = pair();
const stranger = pair();
let published = [{ ...team.publicKey.export({ format: "jwk" }), kid: "team-1", alg: "RS256", use: "sig" }];

const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
function token({ claims = {}, header = {}, key = team.privateKey } = {}) {
  const now = Math.floor(Date.now() / 1000);
  const iss = `https://${TEAM}.cloudflareaccess.com`;
  const meant = { aud: [AUD], iss, exp: now + 600, nbf: now - 5, email: "me@example.com", ...claims };
  const signed = `${encode({ alg: "RS256", kid: "team-1", typ: "JWT", ...header })}.${encode(meant)}`;
  return `${signed}.${createSign("RSA-SHA256").update(signed).sign(key).toString("base64url")}`;
}

const real = globalThis.fetch;
let worker,
  asked = [];
before(async () => {
  globalThis.fetch = async (request, init) => {
    asked.push(new Request(request, init).url);
    return Response.json({ keys: published, public_cert: {}, public_certs: [] });
  };
  worker = await startWorker({ local: false, vars: { ACCESS_TEAM: TEAM, ACCESS_AUD: AUD } });
});
after(async () => {
  globalThis.fetch = real;
  await worker.stop();
});

const visit = (jwt, path = "/new") =>
  worker.server.fetch(path, { redirect: "manual", headers: jwt ? { "cf-access-jwt-assertion": jwt } : {} });

test("whom Access lets in is let in, and the team's keys are asked for once", async () => {
  for (let times = 0; times < 3; times++) assert.equal((await visit(token())).status, 200);
  assert.deepEqual(asked, [`https://${TEAM}.cloudflareaccess.com/cdn-cgi/access/certs`]);
});

test("nobody else is: other keys, other applications, other teams, other times, other ways of signing", async () => {
  const now = Math.floor(Date.now() / 1000);
  const good = token();
  const unsigned = `${encode({ alg: "none", kid: "team-1" })}.${good.split(".")[1]}.`;
  const changed = good
    .split(".")
    .with(1, encode({ aud: AUD, iss: `https://${TEAM}.cloudflareaccess.com`, exp: now + 9999 }))
    .join(".");
  for (const [what, jwt] of Object.entries({
    "no token": undefined,
    "another key": token({ key: stranger.privateKey }),
    "an unknown key": token({ header: { kid: "team-9" } }),
    "another application": token({ claims: { aud: ["other"] } }),
    "another team": token({ claims: { iss: "https://evil.cloudflareaccess.com" } }),
    expired: token({ claims: { exp: now - 1 } }),
    "not yet": token({ claims: { nbf: now + 60 } }),
    unsigned,
    changed,
    HS256: token({ header: { alg: "HS256" } }),
    garbage: "a.b.c",
  })) {
    for (const path of ["/", "/new", "/s/1", "/s/1/live"]) {
      const answer = await visit(jwt, path);
      assert.deepEqual([answer.status, answer.headers.get("location")], [403, null], `${what} ${path}`);
    }
  }
});

test("the password and its cookie open nothing where Access is set up", async () => {
  const { url } = await worker.server.listen();
  const answer = await worker.server.fetch("/login", {
    method: "POST",
    redirect: "manual",
    headers: { origin: url.origin },
    body: new URLSearchParams({ password: OPERATOR_TOKEN }),
  });
  const cookie = answer.headers.get("set-cookie")?.split(";")[0] ?? "";
  assert.equal((await worker.server.fetch("/new", { headers: { cookie } })).status, 403);
});

test("half a set-up lets nobody in", async () => {
  const half = await startWorker({ local: false, vars: { ACCESS_AUD: AUD } });
  try {
    const answer = await half.server.fetch("/new", { headers: { "cf-access-jwt-assertion": token() } });
    assert.equal(answer.status, 503);
    assert.match(page(await answer.text()).text, /ACCESS_TEAM/);
  } finally {
    await half.stop();
  }
});
