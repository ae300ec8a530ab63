// Scenarios: how each network really fires, in src/network/<name>.scenario.json beside its pack. Here they are read,
// and what they say becomes requests; scripts/simulator.mjs fires them. docs/changing.md says what they are made of,
// under A network pack.
import { existsSync, readdirSync, readFileSync } from "node:fs";

const FOLDER = new URL("../src/network/", import.meta.url);
const SCENARIO = ".scenario.json";

const named = (ends) =>
  readdirSync(FOLDER)
    .filter(ends)
    .map((name) => name.split(".")[0])
    .sort();

/** The networks that have a pack, by their files' names. */
export const networks = () => named((name) => name.endsWith(".json") && !name.endsWith(SCENARIO));

/** The networks that have a scenario. */
export const scenarios = () => named((name) => name.endsWith(SCENARIO));

const read = (name) => JSON.parse(readFileSync(new URL(name, FOLDER), "utf8"));

/** A network's pack. */
export const readPack = (network) => read(`${network}.json`);

/** A network's scenario with its pack; `undefined` for a network that has none. */
export function readScenario(network) {
  if (!existsSync(new URL(network + SCENARIO, FOLDER))) return undefined;
  return { network, pack: readPack(network), ...read(network + SCENARIO) };
}

/** A ready-made URL as the keys page shows it (src/network/mod.rs), without its origin. */
export function readyUrl(pack, event, means) {
  if (pack.base_only) return `/e/TOKEN/${event}`;
  const amount = event === "deposit" && pack.amounts.find((amount) => !means || amount.means === means);
  if (means && !amount) throw new Error(`the pack of ${pack.name} has no amount that means ${means}`);
  const parameters = [
    ["uid", pack.uid ?? "REPLACE"],
    ["eid", pack.eid[event]],
    ["value", amount && amount.macro],
    ["currency", amount && pack.currency],
  ];
  const filled = parameters.filter(([, text]) => text).map(([name, text]) => `&${name}=${text}`);
  return `/e?token=TOKEN&event=${event}${filled.join("")}`;
}

/** A URL as a part's user has pasted it: a ready-made one, with what was put in place of its texts and behind it. */
export function template(pack, pasted) {
  let url = readyUrl(pack, pasted.event, pasted.means);
  for (const [text, other] of Object.entries(pasted.put ?? {})) {
    if (!url.includes(text)) throw new Error(`${url} of ${pack.name} has no ${text} to put ${other} in its place`);
    url = url.replace(text, other);
  }
  return url + (pasted.add ?? "");
}

/** Fills macros in, in values alone: what stands in a parameter's name is nobody's macro, and stays. */
export function fill(url, values) {
  const filled = (text) => Object.entries(values).reduce((text, [name, value]) => text.replaceAll(name, value), text);
  const parts = url.split("&").map((part) => {
    const at = part.indexOf("=") + 1;
    return part.slice(0, at) + filled(part.slice(at));
  });
  return parts.join("&");
}

/** The request of a URL: GET, or POST with all but the token in the body, as a form or as JSON. */
export function request(url, method = "GET") {
  // As it is, a # would begin what is never sent.
  const whole = url.replaceAll("#", "%23");
  if (method === "GET") return { path: whole, init: { redirect: "manual" } };
  const [path, query = ""] = whole.split("?");
  const pairs = query.split("&");
  const isToken = (pair) => pair.startsWith("token=");
  const rest = pairs.filter((pair) => !isToken(pair)).join("&");
  const [body, type] =
    method === "POST JSON"
      ? [JSON.stringify(Object.fromEntries(new URLSearchParams(rest))), "application/json"]
      : [rest, "application/x-www-form-urlencoded"];
  const init = { redirect: "manual", method: "POST", headers: { "content-type": type }, body };
  return { path: [path, ...pairs.filter(isToken)].join("?"), init };
}
