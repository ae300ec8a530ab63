// `wrangler dev` with its state in a folder, for what must survive its process.
import { execFileSync, spawn } from "node:child_process";
import { createServer as createTcpServer } from "node:net";
import { KEY_SECRET, OPERATOR_TOKEN, until } from "./harness.mjs";

const ROOT = new URL("..", import.meta.url).pathname;

export const listen = (server) =>
  new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server.address().port)));

export async function freePort() {
  const server = createTcpServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * A server that can be started again on the same state; with the schema in its databases, which are named by their
 * bindings, and not started yet. `more` are variables.
 */
export async function devServer(state, config = "wrangler.toml", databases = ["DB"], more = {}) {
  for (const name of databases)
    execFileSync(
      "wrangler",
      ["d1", "migrations", "apply", name, "--config", config, "--local", "--persist-to", state],
      { cwd: ROOT, stdio: "pipe" },
    );
  const secrets = { KEY_SECRET, OPERATOR_TOKEN, DESTINATION_KEY: "a destination key for tests only" };
  const vars = { LOCAL: "true", ...secrets, ...more };
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  let child;
  return {
    port,
    origin,
    /** Starts it in a process group of its own; `config` is a file to take instead of wrangler.toml. */
    async start(config = "wrangler.toml") {
      child = spawn(
        "wrangler",
        [
          "dev",
          "--config",
          config,
          "--port",
          port,
          "--ip",
          "127.0.0.1",
          "--persist-to",
          state,
          "--show-interactive-dev-session=false",
          ...Object.entries(vars).flatMap(([name, value]) => ["--var", `${name}:${value}`]),
        ],
        { cwd: ROOT, stdio: "ignore", detached: true },
      );
      await until(
        "the Worker answers",
        () =>
          fetch(`${origin}/healthz`).then(
            () => true,
            () => false,
          ),
        60_000,
      );
    },
    /** Ends every process of it at once, with no chance to write anything out. */
    kill: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve(true);
        child.once("exit", () => resolve(true));
        process.kill(-child.pid, "SIGKILL");
      }),
    async operate(method, path, body) {
      const response = await fetch(`${origin}/api/spaces${path}`, {
        method,
        headers: { authorization: `Bearer ${OPERATOR_TOKEN}` },
        body: body && JSON.stringify(body),
      });
      return response.json();
    },
    /** The minute cron, as if it ran so much later. */
    cron: (aheadMs) => fetch(`${origin}/cdn-cgi/local/scheduled?cron=*+*+*+*+*&time=${Date.now() + aheadMs}`),
  };
}
