// Moves a space to another database (docs/scaling.md, Moving a space): asks the deployment to go on until it is done.
// Broken off, it is begun again by the same command.
//
// SPACE: the space's id. TO: the database's binding, such as DB_2. ORIGIN: where the deployment is (default
// http://127.0.0.1:$PORT). OPERATOR_TOKEN: the operator's secret (default: that of .dev.vars).
import { existsSync, readFileSync } from "node:fs";

const { SPACE = "", TO = "", PORT = "8787" } = process.env;
const ORIGIN = process.env.ORIGIN ?? `http://127.0.0.1:${PORT}`;
const PAUSE_MS = 2_000;
/** Refusals one after the other, at the end of which somebody should look. */
const PATIENCE = 30;

function end(text) {
  console.error(`move: ${text}`);
  process.exit(1);
}
if (!/^\d+$/.test(SPACE) || !/^DB(_\d+)?$/.test(TO)) end("say which and where to, such as make move SPACE=3 TO=DB_2");
const local = existsSync(".dev.vars") ? readFileSync(".dev.vars", "utf8") : "";
const token = process.env.OPERATOR_TOKEN ?? /^OPERATOR_TOKEN=(.*)$/m.exec(local)?.[1];
if (!token) end("set OPERATOR_TOKEN to the operator's secret");

async function goOn() {
  const response = await fetch(new URL(`/api/spaces/${SPACE}/move`, ORIGIN), {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify({ to: TO }),
  });
  const answer = await response.json();
  if (response.status >= 500 || response.status === 429) throw new Error(answer.hint);
  if (!answer.ok) end(answer.hint);
  return answer;
}

let refused = 0;
let said;
for (;;) {
  let answer;
  try {
    answer = await goOn();
    refused = 0;
  } catch (reason) {
    refused += 1;
    if (refused === PATIENCE) end(`${reason.message} Nothing is lost: run it again`);
    answer = { doing: reason.message, pause: true };
  }
  if (answer.doing !== said) console.log(`move: ${(said = answer.doing)}`);
  if (answer.done) break;
  if (answer.pause || answer.doing.startsWith("waiting")) await new Promise((resume) => setTimeout(resume, PAUSE_MS));
}
