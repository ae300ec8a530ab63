// A page as its readers have it: by headings, labels, roles and words, whatever its tags and classes are.
import { parse, valid } from "node-html-parser";

const INLINE = new Set(["a", "b", "bdi", "code", "i", "label", "small", "span", "time"]);
const UNSEEN = new Set(["script", "style", "svg", "template"]);

/** The words of an element: what stands in blocks of its own is apart, and lines break anywhere. */
function words(node) {
  if (node.nodeType === 3) return node.textContent;
  const tag = node.rawTagName?.toLowerCase() ?? "";
  if (UNSEEN.has(tag) || node.getAttribute?.("hidden") !== undefined) return "";
  const inner = node.childNodes.map(words).join("");
  return INLINE.has(tag) ? inner : ` ${inner} `;
}

/** With one space for each stretch of them; a no-break space stays what it is. */
const squeezed = (text) => text.replace(/[ \t\r\n]+/g, " ").replace(/^ | $/g, "");
const textOf = (node) => squeezed(words(node));
const matches = (text, wanted) => (wanted instanceof RegExp ? wanted.test(text) : text === wanted);

/** An answer's HTML, to be asked for its parts. What is opened in it has to be closed where it was opened. */
export function page(html) {
  if (!valid(html)) throw new Error(`an element is not closed, or closed elsewhere: ${html}`);
  return new Part(parse(html, { comment: false }));
}

class Part {
  constructor(node) {
    this.node = node;
  }

  #all = (selector) => this.node.querySelectorAll(selector);
  #parts = (selector) => this.#all(selector).map((node) => new Part(node));
  #texts = (selector) => this.#all(selector).map(textOf);

  #one(what, found) {
    if (!found) throw new Error(`no ${what} in: ${this.text.slice(0, 1000)}`);
    return found;
  }

  /** What it says. */
  get text() {
    return textOf(this.node.querySelector("body") ?? this.node);
  }

  /** The page's own heading. */
  get heading() {
    return this.#one("heading", this.#texts("h1")[0]);
  }

  get headings() {
    return this.#texts("h1, h2, h3");
  }

  /** What stands under a heading, that included; undefined where there is none of these words. */
  find(heading) {
    const found = this.#all("h1, h2, h3, summary").find((node) => matches(textOf(node), heading));
    return found && new Part(found.parentNode);
  }

  section(heading) {
    return this.#one(`heading ${heading}`, this.find(heading));
  }

  /** A part by its accessible name. */
  region(name) {
    return this.#one(
      `region ${name}`,
      this.#parts("[aria-label]").find(({ node }) => node.getAttribute("aria-label") === name),
    );
  }

  get paragraphs() {
    return this.#texts("p");
  }

  get items() {
    return this.#texts("li");
  }

  /** What is written to be copied, and what arrived from others. */
  get codes() {
    return this.#texts("code");
  }

  /** What its elements say, each for itself. */
  get pieces() {
    return this.node.children.map(textOf);
  }

  /** What a screen reader speaks at once. */
  get alerts() {
    return this.#texts("[role=alert], [role=status]").filter((text) => text);
  }

  /** The terms of its lists of definitions, with what they mean. */
  get terms() {
    const pairs = this.#all("dt").map((term) => [textOf(term), textOf(term.nextElementSibling)]);
    return Object.fromEntries(pairs);
  }

  /** Every moment: as machines have it, and as it is shown. */
  get times() {
    return this.#all("time").map((node) => ({ at: node.getAttribute("datetime"), text: textOf(node) }));
  }

  /** Where its links lead, by what they say. */
  get links() {
    return Object.fromEntries(this.#all("a").map((node) => [textOf(node), node.getAttribute("href")]));
  }

  link(name) {
    return this.#one(`link ${name}`, this.links[name]);
  }

  /** Addresses of the files that it loads. */
  get assets() {
    return this.#all("link, script, img").map((node) => node.getAttribute("href") ?? node.getAttribute("src"));
  }

  /** The rows of its one table: for each its heading, and its cells by the headings of their columns. */
  get rows() {
    const columns = this.#texts("thead th");
    return this.#parts("tbody tr, tfoot tr").map((row) => {
      const cells = row.#parts("th, td").map((cell, at) => [columns[at], cell]);
      return { name: cells[0][1].text, row, cells: Object.fromEntries(cells) };
    });
  }

  get forms() {
    return this.#all("form").map((node) => new Form(node));
  }

  /** A form by what its button says. */
  form(button) {
    return this.#one(
      `form with the button ${button}`,
      this.forms.find(({ buttons }) => buttons.includes(button)),
    );
  }

  /** The charts: what the caption says, and each bar's value as the table beside it has it. */
  get charts() {
    return this.#all("figure").map((node) => ({
      title: textOf(node.querySelector("figcaption")),
      bars: node.querySelectorAll("tbody tr").map((row) => textOf(row.querySelector("td"))),
    }));
  }
}

class Form extends Part {
  #controls = this.node.querySelectorAll("input, select, textarea").filter((node) => node.getAttribute("name"));

  get action() {
    return this.node.getAttribute("action");
  }

  get buttons() {
    return this.node.querySelectorAll("button").map((node) => node.getAttribute("aria-label") ?? textOf(node));
  }

  /** What it would send. */
  get fields() {
    const sent = this.#controls.filter(
      (node) => node.getAttribute("type") !== "checkbox" || node.hasAttribute("checked"),
    );
    return Object.fromEntries(sent.map((node) => [node.getAttribute("name"), valueOf(node)]));
  }

  /** The control of a name. */
  control(name) {
    return this.#controls.find((node) => node.getAttribute("name") === name);
  }

  /** The name of the control that has the focus when the page opens. */
  get focused() {
    return this.#controls.find((node) => node.hasAttribute("autofocus"))?.getAttribute("name");
  }

  /** Why the fields that are not valid are not, as they are described by it. */
  get errors() {
    const invalid = this.#controls.filter((node) => node.getAttribute("aria-invalid") === "true");
    const described = (node) =>
      node
        .getAttribute("aria-describedby")
        .split(" ")
        .map((id) => textOf(this.node.getElementById(id)));
    return Object.fromEntries(invalid.map((node) => [node.getAttribute("name"), described(node).join(" ")]));
  }
}

function valueOf(control) {
  if (control.localName === "textarea") return control.textContent;
  if (control.localName === "select") return control.querySelector("option[selected]")?.getAttribute("value") ?? "";
  return control.getAttribute("value") ?? "on";
}
