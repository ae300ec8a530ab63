// The built Worker with a D1 whose answers are late: the real database does its work at once, and
// the Worker hears of it TEST_DATABASE_DELAY_MS later. Local D1 cannot be made to stall without
// stopping the Worker's own clock as well.
import { WorkerEntrypoint } from "cloudflare:workers";
import Built from "../build/index.js";

const later = (delayMs, work) => async (...values) => {
  const result = await work(...values);
  await scheduler.wait(delayMs);
  return result;
};

// workers-rs takes nothing for a database that is not of a class of this name.
class D1Database {
  constructor(database, delayMs) {
    this.prepare = (sql) => statement(database.prepare(sql), delayMs);
  }
}

function statement(prepared, delayMs) {
  return {
    bind: (...values) => statement(prepared.bind(...values), delayMs),
    all: later(delayMs, () => prepared.all()),
  };
}

export default class extends WorkerEntrypoint {
  worker() {
    const DB = new D1Database(this.env.DB, Number(this.env.TEST_DATABASE_DELAY_MS));
    return new Built(this.ctx, { ...this.env, DB });
  }

  fetch(request) {
    return this.worker().fetch(request);
  }

  queue(batch) {
    return this.worker().queue(batch);
  }
}
