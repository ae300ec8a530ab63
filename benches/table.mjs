// The one table of the benchmark: printed as it grows, and in the end in target/bench.json.
import { writeFileSync } from "node:fs";

const rows = [];

/** Adds and prints a row; `values` are numbers or texts by their names. */
export function row(what, values, note = "") {
  rows.push({ what, ...values, note });
  const cells = Object.entries(values).map(
    ([name, value]) => `${name} ${typeof value === "number" ? Number(value.toPrecision(3)) : value}`,
  );
  console.log(`${what.padEnd(52)} ${cells.join(", ")}${note ? `  ${note}` : ""}`);
}

export const write = (path) => writeFileSync(path, `${JSON.stringify(rows, null, 2)}\n`);
