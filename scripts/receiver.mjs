// Prints what a webhook destination sends: a local receiver to try destinations with.
//
//   node scripts/receiver.mjs [signing secret]
//
// PORT: where it listens on 127.0.0.1 (default 9000). With the destination's signing secret it says whether the
// signature holds.
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const port = Number(process.env.PORT ?? 9000);
const verifier = process.argv[2] && new Webhook(process.argv[2]);

function judge(body, headers) {
  if (!verifier) return "not checked: start the receiver with the signing secret";
  try {
    verifier.verify(body, headers);
    return "good";
  } catch (reason) {
    return `bad: ${reason.message}`;
  }
}

createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const body = Buffer.concat(chunks).toString();
    console.log(`\n${request.method} ${request.url}`);
    for (const name of ["webhook-id", "webhook-timestamp", "webhook-signature"]) {
      if (request.headers[name]) console.log(`${name}: ${request.headers[name]}`);
    }
    if (request.headers["webhook-signature"]) console.log(`signature: ${judge(body, request.headers)}`);
    if (body) console.log(body);
    response.end("ok");
  });
}).listen(port, "127.0.0.1", () => console.log(`waiting on http://127.0.0.1:${port}/ (Ctrl-C ends it)`));
