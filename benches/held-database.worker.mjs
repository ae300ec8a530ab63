// Holds D1 for HELD_MS a statement on top of its own time, one after the other, whichever isolate or object asks.
import { DurableObject } from "cloudflare:workers";

export default {
  fetch: (request, { LINE }) => LINE.get(LINE.idFromName("only")).fetch(request),
};

export class Line extends DurableObject {
  #last = Promise.resolve();

  async fetch(request) {
    const body = await request.text();
    const answer = this.#last.then(() => this.#run(request, body));
    this.#last = answer.catch(() => {});
    return answer;
  }

  async #run({ url, method, headers }, body) {
    // One statement comes as an object, a batch as a list of them.
    const statements = body.startsWith("[") ? JSON.parse(body).length : 1;
    await new Promise((resolve) => setTimeout(resolve, this.env.HELD_MS * statements));
    const response = await this.env.DATABASE.fetch(url, { method, headers, body });
    return new Response(await response.text(), response);
  }
}
