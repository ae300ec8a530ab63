// The built Worker with its D1 watched: every call to the real database and every row that it read is counted, in the
// headers x-test-trips and x-test-rows-read of the answer that they were for, and heard of TEST_DATABASE_DELAY_MS late.
// Local D1 cannot be made to stall without stopping the Worker's own clock as well.
import { WorkerEntrypoint } from "cloudflare:workers";
import Built, { Writer } from "../build/index.js";

export { Writer };

/** What every call has cost since somebody last asked for /test-cost: a file's rows are read after its headers. */
let total = { trips: 0, rowsRead: 0, rowsWritten: 0 };

// workers-rs takes nothing for a database that is not of a class of this name.
class D1Database {
  trips = 0;
  rowsRead = 0;

  constructor(database, delayMs) {
    const call = async (work) => {
      this.trips += 1;
      total.trips += 1;
      const result = await work();
      for (const { meta } of [result].flat()) {
        this.rowsRead += meta.rows_read;
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
  database = new D1Database(this.env.DB, Number(this.env.TEST_DATABASE_DELAY_MS));
  built = new Built(this.ctx, { ...this.env, DB: this.database });

  async fetch(request) {
    if (new URL(request.url).pathname === "/test-cost") {
      const cost = Response.json(total);
      total = { trips: 0, rowsRead: 0, rowsWritten: 0 };
      return cost;
    }
    const answer = await this.built.fetch(request);
    const headers = new Headers(answer.headers);
    headers.set("x-test-trips", this.database.trips);
    headers.set("x-test-rows-read", this.database.rowsRead);
    return new Response(answer.body, { status: answer.status, headers });
  }

  queue(batch) {
    return this.built.queue(batch);
  }

  scheduled(controller) {
    return this.built.scheduled(controller);
  }
}
