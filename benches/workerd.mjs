// A Worker on a workerd and D1 of its own, asked on workerd's own socket. The local server of wrangler puts a second
// workerd and a Worker of miniflare's before each request, which cost more than the Workers that are compared here.
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, parse } from "node:path";
import { Miniflare, convertV4MiniflareOptions } from "miniflare";
import { unstable_getMiniflareWorkerOptions as optionsOf } from "wrangler";

const HERE = import.meta.dirname;
const COMPATIBILITY_DATE = "2026-11-01";

/**
 * Starts a Worker, alone on its workerd. `options` are miniflare's, with `modules`; `heldMs` makes D1 slow, for
 * whichever way leads to it (held-database.mjs). Gives its origin, its process, and its databases by binding, which are
 * not slow from here.
 */
export async function startOnWorkerd(options, heldMs = 0) {
  const databases = Object.entries(options.d1Databases);
  const before = workerds();
  const said = new Map();
  const server = new Miniflare(
    convertV4MiniflareOptions({
      handleStructuredLogs: ({ message }) => said.set(message, (said.get(message) ?? 0) + 1),
      workers: [
        {
          ...(heldMs > 0 ? hold(options, heldMs) : options),
          name: "measured",
          unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
        },
        // Nobody calls this one: it has the databases as they are.
        { name: "plain", modules: true, script: "export default {}", d1Databases: options.d1Databases },
      ],
    }),
  );
  await server.ready;
  const byBinding = await Promise.all(
    databases.map(async ([binding]) => [binding, await server.getD1Database(binding, "plain")]),
  );
  return {
    origin: (await server.unsafeGetDirectURL("measured")).origin,
    pids: workerds().filter((pid) => !before.includes(pid)),
    databases: Object.fromEntries(byBinding),
    /** What it has logged, and how often. */
    said,
    /** Gives the queue's consumer a batch of messages. */
    async deliver(queue, bodies) {
      const worker = await server.getWorker("measured");
      return worker.queue(
        queue,
        bodies.map((body, at) => ({ id: String(at), timestamp: new Date(), attempts: 1, body })),
      );
    },
    stop: () => server.dispose(),
  };
}

/** The built Worker of a checkout with all that its wrangler.toml binds, as dist/ has it. */
export function built(root, bindings) {
  const { main, workerOptions } = optionsOf(join(root, "wrangler.toml"));
  const entry = join(root, "dist", `${parse(main).name}.js`);
  const wasm = [...readFileSync(entry, "utf8").matchAll(/^import .* from "\.\/(.*\.wasm)";$/gm)].map(
    ([, name]) => name,
  );
  return {
    ...workerOptions,
    bindings: { ...workerOptions.bindings, ...bindings },
    modulesRoot: dirname(entry),
    modules: [
      { type: "ESModule", path: entry },
      ...wasm.map((name) => ({ type: "CompiledWasm", path: join(dirname(entry), name) })),
    ],
  };
}

/** A Worker of this folder, with D1 and nothing else. */
export const plain = (files, bindings = {}) => ({
  compatibilityDate: COMPATIBILITY_DATE,
  bindings,
  d1Databases: { DB: { id: "DB" } },
  modulesRoot: HERE,
  modules: files.map((file) => ({ type: "ESModule", path: join(HERE, file) })),
});

/** The same Worker, whose every database is held. */
function hold({ d1Databases, unsafeBindings = [], ...options }, heldMs) {
  const plugin = { package: join(HERE, "held-database.mjs"), name: "held-database" };
  const held = Object.entries(d1Databases).map(([name, { id }]) => ({
    name,
    type: plugin.name,
    plugin,
    options: { id, heldMs },
  }));
  return { ...options, unsafeBindings: [...unsafeBindings, ...held] };
}

/** Process ids of workerd below this process, at any depth. */
function workerds() {
  const parents = new Map();
  const names = new Map();
  for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      const [, name, parent] = /\((.*)\) \w (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"));
      parents.set(pid, parent);
      names.set(pid, name);
    } catch {
      /* It has ended. */
    }
  }
  const isOurs = (pid) => pid === String(process.pid) || (parents.has(pid) && isOurs(parents.get(pid)));
  return [...names].filter(([pid, name]) => name.startsWith("workerd") && isOurs(pid)).map(([pid]) => pid);
}

/** Milliseconds of processor time that a peer's processes have used; a tick of the kernel's clock is 10 ms. */
export function cpuMs({ pids }) {
  const of = (pid) => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return pids.reduce((sum, pid) => sum + (Number(of(pid)[11]) + Number(of(pid)[12])) * 10, 0);
}
