// What the benchmark aims at, as a part of another's figure in the same round, and what became of it.
import { ratio } from "./load.mjs";

const STATEMENT = { figure: "rps", of: "statement", at: { 1: { least: 0.97 } } };
const THREE_CALLS = {
  figure: "rps",
  of: "three calls",
  at: { 16: { least: 2 }, 64: { least: 2 }, 256: { least: 2 } },
};
const IN_PROCESS = [
  STATEMENT,
  {
    figure: "rps",
    of: "floor",
    at: { 1: { least: 0.85 }, 16: { least: 0.85 }, 64: { least: 1 }, 256: { least: 1 } },
  },
  THREE_CALLS,
];
const HELD = [
  STATEMENT,
  { figure: "rps", of: "floor", at: { 16: { least: 3.5 }, 64: { least: 12 }, 256: { least: 30 } } },
  { figure: "p99", of: "floor", at: { 64: { most: 0.1 } } },
  THREE_CALLS,
];

/** The targets of new postbacks and of duplicates, by whether D1 is held: by connections, at least or at most what. */
export const TARGETS = (heldMs) => (heldMs > 0 ? HELD : IN_PROCESS);
export const WASM_GZIP_KB = { most: 360 };

export const digits = (value) => Number(value.toPrecision(3));

/** By how much a target is missed; nothing or less where it is met. */
export const missed = (value, { least, most }) => (least === undefined ? value - most : least - value);

/** The same in words. */
export function verdict(value, target) {
  const by = missed(value, target);
  const wanted = target.least === undefined ? `at most ${target.most}` : `at least ${target.least}`;
  return by > 0 ? `${wanted} wanted: MISSED by ${Number(by.toPrecision(2))}` : `${wanted} wanted: met`;
}

/** The rows of the targets of one load: what was measured, the verdict, and where one is missed the reason. */
export function judge(heldMs, connections, results) {
  return TARGETS(heldMs)
    .filter(({ at, of }) => connections in at && of in results)
    .map(({ figure, of, at }) => {
      const value = ratio(results, figure, "xtracker", of);
      const said = verdict(value, at[connections]);
      const note = said.endsWith("met") ? said : `${said}, ${reason(results, figure, of)}`;
      return { what: `${figure} of ${of}`, value: digits(value), note };
    });
}

/** Where the difference lies: in the statement that any Worker would have to run, or in ours around it. */
function reason(results, figure, of) {
  const part = (what, one, other) => digits(ratio(results, what, one, other));
  const parts = [`by CPU: ${of} / xtracker ${part("cpuMs", of, "xtracker")}`];
  if (of === "statement") return parts.join(", ");
  parts.push(`the database's part: statement / ${of} ${part(figure, "statement", of)}`);
  parts.push(`the Worker's: xtracker / statement ${part(figure, "xtracker", "statement")}`);
  if (of !== "floor") parts.push(`as far as one insert comes: floor / ${of} ${part(figure, "floor", of)}`);
  if ("empty" in results) parts.push(`no database at all: empty / ${of} ${part(figure, "empty", of)}`);
  return parts.join(", ");
}
