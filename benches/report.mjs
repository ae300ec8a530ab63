// The measured figures as docs/scaling.md shows them: a table for each form of D1, and one of the targets.
import { figures, ratio } from "./load.mjs";
import { TARGETS, digits, missed } from "./targets.mjs";

const TITLES = { xtracker: "XTRACKER", floor: "bare insert", statement: "statement", empty: "empty Worker" };
const title = (name) => TITLES[name] ?? name;
const line = (cells) => `| ${cells.join(" | ")} |`;
const head = (cells) => [line(cells), `|${"---|".repeat(cells.length)}`];
const slashes = (values) => values.map((value) => (value === undefined ? "–" : digits(value))).join(" / ");

/** `all` are the loads: what was asked, by whom, over how many connections, D1 held or not, and the results. */
export function report(all) {
  const forms = [...new Set(all.map(({ where }) => where))];
  return `${[...forms.map((where) => speeds(all.filter((each) => each.where === where))), aims(all)].join("\n\n")}\n`;
}

function speeds(all) {
  const peers = [...new Set(all.flatMap(({ results }) => Object.keys(results)))];
  const rows = [];
  for (const asked of new Set(all.map(({ asked }) => asked))) {
    const loads = all.filter((each) => each.asked === asked);
    const at = loads.map(({ connections }) => connections).join(" / ");
    const row = (what, figure) =>
      rows.push(line([what, ...peers.map((peer) => cell(loads, (results) => figures(results, figure)[peer]))]));
    row(`${asked} a second at ${at} connections`, "rps");
    row("p99, ms", "p99");
    row("CPU each, ms", "cpuMs");
  }
  return [...head([all[0].where, ...peers.map(title)]), ...rows].join("\n");
}

/** A figure over all connections; empty for who was not asked. */
function cell(loads, figure) {
  const values = loads.map(({ results }) => figure(results));
  return values.every((value) => value === undefined) ? "" : slashes(values);
}

function aims(all) {
  const rows = [];
  for (const { asked, where, heldMs } of all.filter(({ connections }) => connections === 1)) {
    for (const { figure, of, at } of TARGETS(heldMs)) {
      const aimed = all.filter((each) => each.asked === asked && each.where === where && each.connections in at);
      if (!aimed.every(({ results }) => of in results)) continue;
      const over = (wanted, one, other) => slashes(aimed.map(({ results }) => ratio(results, wanted, one, other)));
      const targets = aimed.map(({ connections }) => at[connections]);
      const came = aimed.map(({ results }) => ratio(results, figure, "xtracker", of));
      const misses = came.map((value, index) => missed(value, targets[index]));
      const what = `${asked}, ${where}: ${figure === "rps" ? "" : `${figure} `}of the ${title(of)}`;
      const wanted = targets.map(({ least, most }) => (least === undefined ? `at most ${most}` : least)).join(" / ");
      const parts = [`CPU ${title(of)} / XTRACKER ${over("cpuMs", of, "xtracker")}`];
      if (of !== "statement") {
        parts.push(`statement / ${title(of)} ${over(figure, "statement", of)}`);
        parts.push(`XTRACKER / statement ${over(figure, "xtracker", "statement")}`);
      }
      const result = misses.every((by) => by <= 0)
        ? "met"
        : `missed by ${slashes(misses.map((by) => Math.max(0, by)))}: ${parts.join(", ")}`;
      const connections = aimed.map((each) => each.connections).join(" / ");
      rows.push(line([what, connections, wanted, slashes(came), result]));
    }
  }
  return [...head(["target", "connections", "wanted", "measured", "result"]), ...rows].join("\n");
}
