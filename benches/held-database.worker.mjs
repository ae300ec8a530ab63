// Holds D1 for HELD_MS a call on top of its own time, one after the other, whichever isolate or object asks. A call is
// a statement or a batch: what takes D1 several milliseconds is to make a write safe, and a batch is one transaction.
import { DurableObject } from "cloudflare:workers";

export default {
  fetch: (request, { LINE }) => LINE.get(LINE.idFromName("only")).fetch(request),
};

export class Line extends DurableObject {
  #last = Promise.resolve();

  async fetch(request) {
    const answer = this.#last.then(() => this.#run(request));
    this.#last = answer.catch(() => {});
    return answer;
  }

  async #run(request) {
    await new Promise((resolve) => setTimeout(resolve, this.env.HELD_MS));
    const response = await this.env.DATABASE.fetch(request);
    return new Response(await response.text(), response);
  }
}
