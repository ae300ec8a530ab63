// D1 as in production, for miniflare: a binding of D1 whose calls wait in one line for each database, before the local
// D1 itself. workerd's own D1 binding stands before it, so that no Worker sees a difference but the time.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { D1_PLUGIN, kVoid } from "miniflare";

const NAME = "held-database";

const held = ({ config }) =>
  Object.entries(config.env ?? {})
    .filter(([, { type }]) => type === `unsafe:${NAME}`)
    .map(([binding, { dev }]) => ({ binding, service: `${NAME}:${dev.options.id}`, ...dev.options }));

/** The service that miniflare's own binding of D1 leads to. */
function local({ binding, id }, shared) {
  const [{ wrapped }] = D1_PLUGIN.getBindings({ config: { env: { [binding]: { type: "d1", id } } } }, shared);
  return wrapped.innerBindings[0].service;
}

export const plugins = {
  [NAME]: {
    getBindings: (options) =>
      held(options).map(({ binding, service }) => ({
        name: binding,
        wrapped: {
          moduleName: "cloudflare-internal:d1-api",
          innerBindings: [{ name: "fetcher", service: { name: service } }],
        },
      })),
    getNodeBindings: () => ({}),
    getServices: ({ options, sharedOptions }) =>
      held(options).map((database) => ({
        name: database.service,
        worker: {
          compatibilityDate: "2026-11-01",
          modules: [
            {
              name: "held-database.worker.mjs",
              esModule: readFileSync(join(import.meta.dirname, "held-database.worker.mjs"), "utf8"),
            },
          ],
          durableObjectNamespaces: [{ className: "Line", uniqueKey: database.service }],
          durableObjectStorage: { inMemory: kVoid },
          bindings: [
            { name: "LINE", durableObjectNamespace: { className: "Line" } },
            { name: "DATABASE", service: local(database, sharedOptions) },
            { name: "HELD_MS", json: String(database.heldMs) },
          ],
        },
      })),
  },
};
