// The built Worker with its D1 watched: every call to the real database and every row that it read is counted, in the
// headers x-test-trips and x-test-rows-read of the answer that they were for, and heard of TEST_DATABASE_DELAY_MS late.
// Local D1 cannot be made to stall without stopping the Worker's own clock as well. /test-away?name=DB_2&is=stalled (or
// refusing, or nothing) has one of several databases away.
import { WorkerEntrypoint } from "cloudflare:workers";
import Built, { Writer } from "../build/index.js";

export { Writer };

/** What every call has cost since somebody last asked for /test-cost: a file's rows are read after its headers. */
let total = { trips: 0, rowsRead: 0, rowsWritten: 0 };

/** What is wrong with a database, by the name of its binding. */
const away = {};

/** After how many calls of whichever database the next ones are all refused, or lose their answers (`mute`). */
let breaksOff = { after: Infinity, is: "" };

// workers-rs takes nothing for a database that is not of a class of this name.
class D1Database {
  constructor(name, database, delayMs, counted) {
    const call = async (work) => {
      counted.trips += 1;
      total.trips += 1;
      if (away[name] === "stalled") await scheduler.wait(60_000);
      if (away[name]) throw new Error("D1_ERROR: Network connection lost.");
      const broken = counted.breaks && breaksOff.after-- <= 0 ? breaksOff.is : "";
      if (broken === "refusing") throw new Error("D1_ERROR: Network connection lost.");
      const result = await work();
      if (broken === "mute") throw new Error("D1_ERROR: Network connection lost.");
      for (const { meta } of [result].flat()) {
        counted.rowsRead += meta.rows_read;
        total.rowsRead += meta.rows_read;
        total.rowsWritten += meta.rows_written;
      }
      if (delayMs > 0) await scheduler.wait(delayMs);
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
  counted = { trips: 0, rowsRead: 0, breaks: false };
  built = new Built(this.ctx, { ...this.env, ...this.watched() });

  watched() {
    const databases = Object.entries(this.env).filter(([name]) => /^DB(_\d+)?$/.test(name));
    const delayMs = Number(this.env.TEST_DATABASE_DELAY_MS);
    return Object.fromEntries(
      databases.map(([name, database]) => [name, new D1Database(name, database, delayMs, this.counted)]),
    );
  }

  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/test-away") {
      away[searchParams.get("name")] = searchParams.get("is");
      return Response.json(away);
    }
    if (pathname === "/test-break-off") {
      breaksOff = { after: Number(searchParams.get("after")), is: searchParams.get("is") };
      return Response.json(breaksOff);
    }
    // Only what somebody works on breaks off, and nothing that comes in meanwhile.
    this.counted.breaks = pathname.endsWith("/move");
    if (pathname === "/test-cost") {
      const cost = Response.json(total);
      total = { trips: 0, rowsRead: 0, rowsWritten: 0 };
      return cost;
    }
    const answer = await this.built.fetch(request);
    const headers = new Headers(answer.headers);
    headers.set("x-test-trips", this.counted.trips);
    headers.set("x-test-rows-read", this.counted.rowsRead);
    return new Response(answer.body, { status: answer.status, headers });
  }

  queue(batch) {
    return this.built.queue(batch);
  }

  scheduled(controller) {
    return this.built.scheduled(controller);
  }
}
