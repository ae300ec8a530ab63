// What a destination on the network can do to us, and what a killed worker leaves: `wrangler dev` with its state
// on disk, and a real HTTP receiver.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { devServer, freePort, listen } from "./dev-server.mjs";
import { until } from "./harness.mjs";

const folder = mkdtempSync(join(tmpdir(), "xtracker-faults-"));
const state = join(folder, "state");
let server, ingest, spaceId;
const fire = async (query) => (await fetch(`${server.origin}/e?token=${ingest}&${query}`)).json();
const operate = (...call) => server.operate(...call);
const cron = (aheadMs) => server.cron(aheadMs);
const deliveries = async (id) => (await operate("GET", `/${spaceId}/destinations/${id}/deliveries`)).deliveries;

before(async () => {
  server = await devServer(state);
  await server.start();
  ({ id: spaceId, ingest_token: ingest } = await operate("POST", "", { name: "Faults" }));
});
after(async () => {
  await server.kill();
  rmSync(folder, { recursive: true, force: true });
});

describe("what a destination can do", () => {
  const servers = [];
  after(() =>
    servers.forEach((server) => {
      server.closeAllConnections?.();
      server.close();
    }),
  );
  const serve = async (handler) => {
    const server = createServer(handler);
    servers.push(server);
    return `http://127.0.0.1:${await listen(server)}/`;
  };

  test("refuse, reset, say nothing, never end, redirect, show a bad certificate: each ends as documented", async () => {
    const silent = (request) => request.resume();
    const certificate = join(folder, "certificate");
    execFileSync(
      "openssl",
      [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "1",
        "-subj",
        "/CN=other.example",
        "-keyout",
        `${certificate}.key`,
        "-out",
        `${certificate}.crt`,
      ],
      { stdio: "ignore" },
    );
    const tls = createTlsServer(
      { key: readFileSync(`${certificate}.key`), cert: readFileSync(`${certificate}.crt`) },
      (_, response) => response.end("ok"),
    );
    servers.push(tls);
    let redirected = 0;
    const elsewhere = await serve((_, response) => {
      redirected++;
      response.end();
    });
    const chunk = "a".repeat(512);
    const cases = {
      refusing: [`http://127.0.0.1:${await freePort()}/`, "retrying", null],
      resetting: [await serve((request) => request.socket.destroy()), "retrying", null],
      silent: [await serve(silent), "retrying", null],
      "wrong certificate": [`https://127.0.0.1:${await listen(tls)}/`, "retrying", null],
      redirecting: [
        await serve((_, response) => response.writeHead(307, { location: elsewhere }).end()),
        "failed_permanently",
        307,
      ],
      endless: [
        await serve((_, response) => {
          const timer = setInterval(() => response.write(chunk), 5);
          response.on("close", () => clearInterval(timer));
        }),
        "sent",
        200,
      ],
      "endless refusal": [
        await serve((_, response) => {
          response.writeHead(503, { "retry-after": "120" });
          const timer = setInterval(() => response.write(chunk), 5);
          response.on("close", () => clearInterval(timer));
        }),
        "retrying",
        503,
      ],
      "a body without an end": [await serve((_, response) => response.writeHead(200).write("OK")), "sent", 200],
      "a refusal without an end": [
        await serve((_, response) => response.writeHead(410).write("gone")),
        "failed_permanently",
        410,
      ],
      good: [await serve((_, response) => response.end("thanks")), "sent", 200],
    };
    const ids = {};
    for (const [name, [url]] of Object.entries(cases)) {
      const created = await operate("POST", `/${spaceId}/destinations`, { kind: "webhook", name, url });
      assert.ok(created.ok, JSON.stringify(created));
      ids[name] = created.id;
    }
    const fired = Date.now();
    assert.equal((await fire("event=contact&eid=faults")).status, "queued");
    for (const [name, [, expected, status]] of Object.entries(cases)) {
      const [row] = await until(
        `${name} is on record`,
        async () => {
          const rows = await deliveries(ids[name]);
          return rows[0]?.tries === 1 && rows;
        },
        25_000,
      );
      assert.deepEqual([row.state, row.attempts[0].status], [expected, status], name);
      assert.ok(Buffer.byteLength(row.attempts[0].answer) <= 1024, name);
      if (name === "silent")
        assert.ok(
          row.attempts[0].duration_ms >= 9_900 && row.attempts[0].duration_ms < 12_000,
          `${row.attempts[0].duration_ms} ms`,
        );
      if (name === "a body without an end") assert.equal(row.attempts[0].answer, "OK");
      if (name === "good") assert.ok(row.attempts[0].at_ms - fired < 2000, "a slow destination held up a good one");
      if (name === "endless refusal")
        assert.ok(row.due_at_ms - row.attempts[0].at_ms >= 119_000, "Retry-After was not heard");
      await operate("DELETE", `/${spaceId}/destinations/${ids[name]}`);
    }
    assert.equal(redirected, 0);
  });
});

test("a body that never arrives in full is answered, and held as far as it came", async () => {
  const sent = Date.now();
  const answer = await new Promise((resolve, reject) => {
    const socket = connect(server.port, "127.0.0.1", () => {
      const head = [
        `POST /e?token=${ingest}&event=contact&eid=cut HTTP/1.1`,
        "Host: x",
        "Content-Type: application/x-www-form-urlencoded",
        "Content-Length: 100",
      ];
      socket.write(`${head.join("\r\n")}\r\n\r\nuid=half`);
    });
    socket
      .on("data", (data) => resolve(data.toString()))
      .on("error", reject)
      .on("end", () => resolve("closed"));
  });
  assert.match(answer, /^HTTP\/1\.1 400 /);
  assert.ok(answer.includes('"invalid_request"') && answer.includes("body_incomplete"), answer);
  assert.ok(Date.now() - sent < 15_000);
});

test("a worker killed between claim and record: every event_id arrives, none is made up", async () => {
  const arrived = { one: [], two: [] };
  let killAfter = Infinity;
  let killed;
  const receiver = createServer((request, response) => {
    request.resume().on("end", () => {
      arrived[request.url.slice(1)].push(request.headers["webhook-id"]);
      // The request is taken; the worker dies before it can write that down.
      if (arrived.one.length + arrived.two.length >= killAfter && !killed) {
        killed = server.kill();
        return;
      }
      response.end("ok");
    });
  });
  const receiverPort = await listen(receiver);
  try {
    const ids = [];
    for (const name of Object.keys(arrived)) {
      ids.push(
        (
          await operate("POST", `/${spaceId}/destinations`, {
            kind: "webhook",
            name,
            url: `http://127.0.0.1:${receiverPort}/${name}`,
          })
        ).id,
      );
    }
    let events = 0;
    for (let round = 0; round < 3; round++) {
      killed = undefined;
      killAfter = arrived.one.length + arrived.two.length + 7;
      const answers = await Promise.allSettled(
        Array.from({ length: 10 }, (_, i) => fire(`event=deposit&value=1&eid=kill-${round}-${i}`)),
      );
      await until("the worker is killed", () => killed);
      await killed;
      await server.start();
      // Whoever got no answer comes back, as networks do.
      for (let i = 0; i < 10; i++)
        assert.match((await fire(`event=deposit&value=1&eid=kill-${round}-${i}`)).status, /queued|duplicate/);
      events += answers.length;
      await until(
        "all is sent",
        async () => {
          await cron(120_000);
          const rows = (await Promise.all(ids.map(deliveries))).flat();
          return rows.length === 2 * events && rows.every(({ state }) => state === "sent");
        },
        40_000,
      );
    }
    for (const [name, received] of Object.entries(arrived)) {
      assert.equal(new Set(received).size, events, name);
      assert.ok(received.length >= events);
    }
    assert.equal(new Set([...arrived.one, ...arrived.two]).size, 2 * events);
    assert.ok(arrived.one.length + arrived.two.length > 2 * events, "no delivery was cut between claim and record");
  } finally {
    receiver.closeAllConnections();
    receiver.close();
  }
});
