// The built Worker behind senders that hang up: with the header x-test-hangs-up the invocation is answered as soon as
// D1 is asked, and not by the Worker. workerd then goes on with what waitUntil was given alone, as the platform does
// after a disconnect, of which local workerd takes no notice. D1 hears of everything x-test-stall-ms late.
// GET /test-log has the calls.
import { WorkerEntrypoint } from "cloudflare:workers";
import Built, { Writer } from "../build/index.js";

export { Writer };

let calls = [];

// workers-rs takes nothing for a database that is not of a class of this name.
class D1Database {
  constructor(database, stallMs) {
    let isAsked;
    this.asked = new Promise((resolve) => (isAsked = resolve));
    const call = async (work) => {
      calls.push("D1 is asked");
      isAsked();
      await scheduler.wait(stallMs);
      const result = await work();
      calls.push("D1 has answered");
      return result;
    };
    const statement = (prepared) => ({
      prepared,
      bind: (...values) => statement(prepared.bind(...values)),
      all: () => call(() => prepared.all()),
    });
    this.prepare = (sql) => statement(database.prepare(sql));
    this.batch = (statements) => call(() => database.batch(statements.map(({ prepared }) => prepared)));
  }
}

export default class extends WorkerEntrypoint {
  async fetch(request) {
    if (new URL(request.url).pathname === "/test-log") {
      const told = calls;
      calls = [];
      return Response.json(told);
    }
    const waitUntil = this.ctx.waitUntil.bind(this.ctx);
    Object.defineProperty(this.ctx, "waitUntil", {
      value: (work) => {
        calls.push("waitUntil");
        waitUntil(work);
      },
    });
    const stallMs = Number(request.headers.get("x-test-stall-ms"));
    const database = new D1Database(this.env.DB, stallMs);
    const answer = new Built(this.ctx, { ...this.env, DB: database, WRITER: undefined }).fetch(request);
    if (request.headers.has("x-test-hangs-up")) {
      await database.asked;
      return new Response("");
    }
    const response = await answer;
    calls.push("answered");
    return response;
  }

  queue(batch) {
    return new Built(this.ctx, this.env).queue(batch);
  }
}
