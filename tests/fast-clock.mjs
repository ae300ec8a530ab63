// The built Worker with a clock that runs TEST_SPEED times as fast, timers included, and a database that can be lost:
// `/test/database?is=refusing` has every statement refused, `is=mute` executed and its answer lost, `is=there` ends it.
// Local D1 and workerd's own clock can be made to do neither. `/test/statements` says how many were sent.
import { WorkerEntrypoint } from "cloudflare:workers";
import Built, { Writer as BuiltWriter } from "../build/index.js";

const RealDate = Date;
const realSetTimeout = setTimeout;
let speed = 1;
let began;
let database = "there";
let statements = 0;

class FastDate extends RealDate {
  constructor(...given) {
    if (given.length > 0) super(...given);
    else super(FastDate.now());
  }

  static now() {
    const now = RealDate.now();
    began ??= now;
    return Math.round(began + (now - began) * speed);
  }
}
globalThis.Date = FastDate;
globalThis.setTimeout = (work, ms, ...rest) => realSetTimeout(work, ms / speed, ...rest);

// workers-rs takes nothing for a database that is not of a class of this name.
class D1Database {
  constructor(real) {
    const call = async (count, work) => {
      statements += count;
      if (database === "refusing") throw new Error("D1_ERROR: Network connection lost.");
      const result = await work();
      if (database === "mute") throw new Error("D1_ERROR: Network connection lost.");
      return result;
    };
    const statement = (prepared) => ({
      prepared,
      bind: (...values) => statement(prepared.bind(...values)),
      all: () => call(1, () => prepared.all()),
    });
    this.prepare = (sql) => statement(real.prepare(sql));
    this.batch = (all) => call(all.length, () => real.batch(all.map(({ prepared }) => prepared)));
  }
}

export class Writer extends BuiltWriter {
  constructor(ctx, env) {
    super(ctx, { ...env, DB: new D1Database(env.DB) });
  }
}

export default class extends WorkerEntrypoint {
  built = new Built(this.ctx, { ...this.env, DB: new D1Database(this.env.DB) });

  fetch(request) {
    speed = Number(this.env.TEST_SPEED);
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/test/database") database = searchParams.get("is");
    else if (pathname !== "/test/statements") return this.built.fetch(request);
    return Response.json({ database, statements, now: Date.now() });
  }

  scheduled(controller) {
    return this.built.scheduled(controller);
  }

  queue(batch) {
    return this.built.queue(batch);
  }
}
