// The built Worker and its writer, with a D1 and an object that can be made to misbehave: GET /test/set?name=value.
//   holdMs      D1 works off one statement at a time, and each takes so long; as it is in production
//   stallMs     D1 is asked so much later
//   stallGroupsMs  the same of the object's statements alone
//   poison      D1 refuses every statement that has this text among its values
//   unbound     the Worker has no writer
//   abortAt     the object ends while this many more statements are on its wire
// GET /test/crowd has as many reports of nobody's wait at the object as it takes in.
// POST /test/letters brings reports to the object's door at the same time, and gives its answers; the first caller may
// hang up, which gives none.
// POST /test/batch runs statements, [sql, ...values] each, one after the other.
// GET /test/calls says how many statements were asked for directly, and how many reports each of the object's had.
import { WorkerEntrypoint } from "cloudflare:workers";
import Built, { Writer as BuiltWriter } from "../build/index.js";

const world = { holdMs: 0, stallMs: 0, stallGroupsMs: 0, poison: "", unbound: 0, abortAt: 0 };
let calls = { direct: 0, groups: [] };
/** When D1 is done with what it has been given so far. */
let freeAt = 0;

// workers-rs takes nothing for a database that is not of a class of this name.
class D1Database {
  constructor(database, ctx) {
    const call = async (values, work) => {
      const reports = values.find((value) => String(value).startsWith("["));
      if (ctx) calls.groups.push(JSON.parse(reports ?? "[]").length);
      else calls.direct += 1;
      if (ctx && world.abortAt > 0 && --world.abortAt === 0) {
        await work();
        ctx.abort("the test ends the object");
      }
      if (world.poison && values.some((value) => String(value).includes(world.poison))) {
        throw new Error("D1_ERROR: string or blob too big: SQLITE_TOOBIG");
      }
      const stallMs = ctx ? Math.max(world.stallMs, world.stallGroupsMs) : world.stallMs;
      if (stallMs > 0) await scheduler.wait(stallMs);
      if (world.holdMs > 0) {
        freeAt = Math.max(freeAt, performance.now()) + world.holdMs;
        await scheduler.wait(freeAt - performance.now());
      }
      return work();
    };
    const statement = (prepared, values = []) => ({
      prepared,
      values,
      bind: (...values) => statement(prepared.bind(...values), values),
      all: () => call(values, () => prepared.all()),
    });
    this.prepare = (sql) => statement(database.prepare(sql));
    this.batch = (statements) =>
      call(
        statements.flatMap(({ values }) => values),
        () => database.batch(statements.map(({ prepared }) => prepared)),
      );
  }
}

export class Writer extends BuiltWriter {
  constructor(ctx, env) {
    super(ctx, { ...env, DB: new D1Database(env.DB, ctx) });
  }
}

export default class extends WorkerEntrypoint {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/test/set") {
      for (const [name, value] of searchParams) world[name] = typeof world[name] === "number" ? Number(value) : value;
      return Response.json(world);
    }
    if (pathname === "/test/calls") {
      const told = calls;
      calls = { direct: 0, groups: [] };
      return Response.json(told);
    }
    if (pathname === "/test/crowd") {
      const letter = `DB crowd\n"${"x".repeat(600_000)}"`;
      // One is on the wire, and others wait until one more is sent back.
      for (let said; said?.outcome !== "alone";) {
        said = await Promise.race([this.toWriter(letter), scheduler.wait(100)]);
      }
      return new Response("");
    }
    if (pathname === "/test/letters") {
      const letters = await request.json();
      const hangsUp = searchParams.has("firstHangsUp") && new AbortController();
      const sent = letters.map((letter, index) => this.toWriter(letter, index === 0 && hangsUp.signal));
      if (hangsUp) scheduler.wait(50).then(() => hangsUp.abort());
      return Response.json((await Promise.allSettled(sent)).map(({ value }) => value));
    }
    if (pathname === "/test/batch") {
      const statements = (await request.json()).map(([sql, ...values]) => this.env.DB.prepare(sql).bind(...values));
      return Response.json((await this.env.DB.batch(statements)).map(({ results }) => results));
    }
    return this.built().fetch(request);
  }

  async toWriter(letter, signal) {
    const init = { method: "POST", body: letter, signal: signal || undefined };
    return (await this.env.WRITER.getByName("DB").fetch("https://writer/", init)).json();
  }

  queue(batch) {
    return this.built().queue(batch);
  }

  built() {
    const env = { ...this.env, DB: new D1Database(this.env.DB) };
    if (world.unbound) delete env.WRITER;
    return new Built(this.ctx, env);
  }
}
