// Fires a network's real behaviour (src/network/<name>.scenario.json) at the local deployment that make dev runs, each
// part in a space of its own, and prints what was sent, answered, stored and counted, and what Health finds. Ends with
// 1 where that is not what the scenario says.
//
// NETWORK: a network's name, as its pack's file has it, or all. BASE: where the deployment is (default
// http://127.0.0.1:$PORT). No address but a local one is taken. OPERATOR_TOKEN: the operator's secret (default: that of
// .dev.vars).
import { existsSync, readFileSync } from "node:fs";
import { isLocal } from "./local.mjs";
import { networks, readScenario } from "./scenario.mjs";
import { simulate } from "./simulator.mjs";

const { NETWORK = "", PORT = "8787" } = process.env;
const WIDEST = 76;

function end(text) {
  console.error(`simulate: ${text}`);
  process.exit(1);
}

const BASE = process.env.BASE ?? `http://127.0.0.1:${PORT}`;
if (!URL.canParse(BASE)) end(`${BASE} is no address, such as http://127.0.0.1:8787`);
const { origin, hostname } = new URL(BASE);
if (!isLocal({ hostname }))
  end(`${origin} is not local. What is made up belongs to a local deployment only: make dev, then make simulate`);
const chosen = NETWORK === "all" ? networks() : networks().filter((network) => network === NETWORK);
if (!chosen.length)
  end(
    `say which network, such as make simulate NETWORK=quotex, or all of them, NETWORK=all:\n${networks().join("\n")}`,
  );
const vars = existsSync(".dev.vars") ? readFileSync(".dev.vars", "utf8") : "";
const operator = process.env.OPERATOR_TOKEN ?? /^OPERATOR_TOKEN=(.*)$/m.exec(vars)?.[1];
if (!operator) end("there is no operator's secret in .dev.vars: run make dev first, or set OPERATOR_TOKEN");

const cut = (text) => (text.length > WIDEST ? `${text.slice(0, WIDEST - 1)}…` : text);

function printTable(lines) {
  const columns = ["sent", "answered", "stored", "counted"];
  const rows = [columns, ...lines.map((line) => columns.map((column) => cut(line[column])))];
  const widths = columns.map((_, at) => Math.max(...rows.map((row) => row[at].length)));
  for (const row of rows) console.log(`  ${row.map((cell, at) => cell.padEnd(widths[at])).join("  ")}`.trimEnd());
}

const listed = (figures) => Object.entries(figures).map(([name, figure]) => `${figure} ${name}`);

function printPart(part) {
  console.log(`\n${part.name}\n${part.about ? `${part.about}\n` : ""}`);
  printTable(part.lines);
  const { revenue, events, duplicates, refused, unattributed } = part.end;
  console.log(`\n  revenue:  ${listed(revenue).join(", ") || "none"}`);
  console.log(`  counted:  ${listed(events).join(", ") || "none"}`);
  console.log(`  besides:  ${listed({ duplicate: duplicates, refused, unattributed }).join(", ")}`);
  if (!part.found.length) console.log("  findings: none");
  for (const { cause, sentence, mend } of part.found) console.log(`  finding:  ${cause}\n    ${sentence}\n    ${mend}`);
  if (!part.wrong.length) console.log("  This is what the scenario says.");
  for (const wrong of part.wrong) console.log(`  NOT what the scenario says: ${wrong}`);
}

let wrong = 0;
try {
  for (const network of chosen) {
    const scenario = readScenario(network);
    if (!scenario) end(`src/network/${network}.scenario.json is missing`);
    const result = await simulate(scenario, { origin, operator });
    console.log(`\n== ${result.name} ==\n${result.about}`);
    for (const part of result.parts) {
      printPart(part);
      wrong += part.wrong.length;
    }
  }
} catch (reason) {
  end(
    reason.cause?.code === "ECONNREFUSED"
      ? `nothing answers at ${origin}: run make dev first`
      : (reason.cause?.message ?? reason.message),
  );
}
process.exit(wrong ? 1 : 0);
