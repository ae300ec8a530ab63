// What the benchmark aims at, as a part of another's figure in the same round, and what became of it.
import { ratio } from "./load.mjs";

const IN_PROCESS = [
  { connections: 1, figure: "rps", of: "statement", least: 0.97 },
  { connections: 1, figure: "rps", of: "floor", least: 0.85 },
  { connections: 16, figure: "rps", of: "floor", least: 0.85 },
  { connections: 64, figure: "rps", of: "floor", least: 1 },
  { connections: 256, figure: "rps", of: "floor", least: 1 },
];
const AS_IN_PRODUCTION = [
  { connections: 1, figure: "rps", of: "statement", least: 0.97 },
  { connections: 16, figure: "rps", of: "floor", least: 3.5 },
  { connections: 64, figure: "rps", of: "floor", least: 12 },
  { connections: 256, figure: "rps", of: "floor", least: 30 },
  { connections: 64, figure: "p99", of: "floor", most: 0.1 },
];
const TWICE_THREE_CALLS = [16, 64, 256].map((connections) => ({
  connections,
  figure: "rps",
  of: "three calls",
  least: 2,
}));

/** By whether D1 is held; duplicates have all of them but those of the three calls. */
export const targets = (heldMs) => [...(heldMs > 0 ? AS_IN_PRODUCTION : IN_PROCESS), ...TWICE_THREE_CALLS];

export const WASM_GZIP_KB = { most: 360 };

const digits = (value) => Number(value.toPrecision(3));

/** Whether a target is met, or by how much it is missed. */
export function verdict(value, { least, most }) {
  const missed = least === undefined ? value - most : least - value;
  const wanted = least === undefined ? `at most ${most}` : `at least ${least}`;
  return missed > 0 ? `${wanted} wanted: MISSED by ${Number(missed.toPrecision(2))}` : `${wanted} wanted: met`;
}

/** The rows of the targets of one load: what was measured, the verdict, and where one is missed the reason. */
export function judge(heldMs, connections, results) {
  return targets(heldMs)
    .filter((target) => target.connections === connections && target.of in results)
    .map((target) => {
      const value = ratio(results, target.figure, "xtracker", target.of);
      const said = verdict(value, target);
      return {
        what: `${target.figure} of ${target.of}`,
        value: digits(value),
        note: said.endsWith("met") ? said : `${said}, ${reason(results, target)}`,
      };
    });
}

/** Where the difference lies: in the statement that any Worker would have to run, or in ours around it. */
function reason(results, { figure, of }) {
  const part = (one, other) => digits(ratio(results, figure, one, other));
  if (of === "statement") return `ours around it: xtracker / statement ${part("xtracker", "statement")}`;
  const parts = [
    `the database's part: statement / ${of} ${part("statement", of)}`,
    `the Worker's: xtracker / statement ${part("xtracker", "statement")}`,
  ];
  if (of !== "floor") parts.push(`as far as one insert comes: floor / ${of} ${part("floor", of)}`);
  if ("empty" in results) parts.push(`no database at all: empty / ${of} ${part("empty", of)}`);
  return parts.join(", ");
}
