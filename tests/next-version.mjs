// The built Worker, and from /test-deploy on the version after it: one that knows a column by the name that a later
// migration gave it. What waits in the queue outlives the change, as it does a deployment.
import { WorkerEntrypoint } from "cloudflare:workers";
import Built, { Writer as BuiltWriter } from "../build/index.js";

let isDeployed = false;

// workers-rs takes nothing for a database that is not of a class of this name.
class D1Database {
  constructor(database) {
    this.prepare = (sql) => database.prepare(isDeployed ? sql.replaceAll("refires", "came_again") : sql);
    this.batch = (statements) => database.batch(statements);
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
    if (new URL(request.url).pathname !== "/test-deploy") return this.built.fetch(request);
    isDeployed = true;
    return new Response();
  }

  queue(batch) {
    return this.built.queue(batch);
  }

  scheduled(controller) {
    return this.built.scheduled(controller);
  }
}
