// Asks a peer over so many connections, looks at each answer, and takes turns among peers.
import autocannon from "autocannon";
import { cpuMs } from "./workerd.mjs";

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** A load is about as long as this, by what the last one of the same peer came to. */
const LOAD_MS = 500;
/** Requests of a connection at least, so that the first and the last ones do not decide. */
const LEAST_EACH = 2;

/**
 * What each is asked, and what must come of it: `path` gives the next address, `isRight` judges an answer by its
 * code and body, and `adds` tells that each is stored. An answer that leaves the work for later is right, and counted.
 */
export async function load(peer, { path, isRight, adds }, connections, amount) {
  const cpu = cpuMs(peer);
  const generator = process.cpuUsage();
  let [later, wrong] = [0, ""];
  const result = await autocannon({
    url: peer.origin,
    connections,
    amount,
    sampleInt: 20,
    timeout: 60,
    requests: [
      {
        setupRequest: (request) => ({ ...request, path: path() }),
        onResponse(status, body, _, headers) {
          if (!isRight(status, body, peer)) wrong ||= `${status} ${body}`;
          if (headers["x-stored"] === "later") later += 1;
        },
      },
    ],
  });
  if (adds) peer.fired += amount;
  const ms = result.finish - result.start;
  const { user, system } = process.cpuUsage(generator);
  if (wrong || result.errors > 0) throw new Error(`${peer.name}: ${result.errors} broken, or a wrong answer: ${wrong}`);
  const { p50, p99 } = result.latency;
  return {
    rps: amount / (ms / 1000),
    p50,
    p99,
    cpuMs: (cpuMs(peer) - cpu) / amount,
    later,
    generator: (user + system) / 1000 / ms,
  };
}

/**
 * Rounds of turns among the peers, each beginning with another one. After the first amount, each load takes about as
 * long as every other, as far as the one before tells. Gives, by peer, the results of all rounds.
 */
export async function turns(peers, asked, connections, rounds, firstAmount) {
  const results = Object.fromEntries(peers.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const at of peers.keys()) {
      const peer = peers[(at + round) % peers.length];
      const last = results[peer.name].at(-1);
      const amount = Math.max(LEAST_EACH * connections, last ? Math.round((last.rps * LOAD_MS) / 1000) : firstAmount);
      results[peer.name].push(await load(peer, asked, connections, amount));
    }
  }
  return results;
}

/** The median of a figure, by peer. */
export const figures = (results, figure) =>
  Object.fromEntries(
    Object.entries(results).map(([name, rounds]) => [name, median(rounds.map((each) => each[figure]))]),
  );

/** The median over the rounds of one's figure as a part of another's in the same round. */
export const ratio = (results, figure, one, other) =>
  median(results[one].map((each, round) => each[figure] / results[other][round][figure]));
