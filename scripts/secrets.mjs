// The JSON that scripts/deploy.sh reads from wrangler and writes for it, from stdin to stdout.
//
//   names  the names in the answer of `wrangler secret list --format json`, one a line; refuses what is no such list
//   json   lines of NAME=value as the file that `wrangler deploy --secrets-file` takes
import { text } from "node:stream/consumers";

/** Before the list wrangler may warn of something. */
function names(answer) {
  const listed = JSON.parse(answer.slice(answer.search(/^\[/m))).map(({ name }) => name);
  if (!listed.every((name) => typeof name === "string")) throw new Error("a secret without a name");
  return listed.join("\n");
}

function json(lines) {
  const pairs = lines
    .split("\n")
    .filter((line) => line)
    .map((line) => {
      const end = line.indexOf("=");
      return [line.slice(0, end), line.slice(end + 1)];
    });
  return JSON.stringify(Object.fromEntries(pairs), null, 2);
}

const commands = { names, json };
console.log(commands[process.argv[2]](await text(process.stdin)));
