// What a page does by itself. Every part of the dashboard works without it, but for being live.
import morphdom from "morphdom";

/** Waits, or until `signal` says to stop. */
const pause = (ms, signal) => new Promise((resolve) => {
  const timer = setTimeout(resolve, ms);
  signal?.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
});

// The live part of the overview. One question at a time waits at the server for something new, so that an
// open page costs a few requests a minute; a hidden one asks nothing.

const CONNECTION = { live: "Live", lost: "Connection lost, trying again", off: "Paused" };
const SHORTEST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
const LONGEST_QUESTION_MS = 40_000;

function live(place) {
  const connection = document.getElementById("connection");
  const spoken = document.getElementById("spoken");
  let asking;

  const say = (state) => {
    connection.dataset.state = state;
    connection.querySelector(".word").textContent = CONNECTION[state];
  };

  const ask = async (signal) => {
    const seen = place.querySelector("[data-seen]").dataset.seen;
    const url = `${place.dataset.live}&seen=${encodeURIComponent(seen)}`;
    const timeout = AbortSignal.timeout(LONGEST_QUESTION_MS);
    const answer = await fetch(url, { signal: AbortSignal.any([signal, timeout]), redirect: "manual" });
    if (answer.type === "opaqueredirect") return location.reload(); // The session has ended.
    if (answer.status === 204) return;
    if (!answer.ok) throw new Error(`answered ${answer.status}`);
    show(await answer.text());
  };

  const show = (html) => {
    const next = document.createElement("div");
    next.innerHTML = html;
    const fresh = [];
    const before = place.querySelector("#feed")?.firstElementChild;
    const focused = document.activeElement;
    morphdom(place, next, {
      childrenOnly: true,
      onBeforeElUpdated: keepTouched,
      onNodeAdded: (node) => {
        if (node.id?.startsWith("event-")) fresh.push(node);
        return node;
      },
    });
    if (document.activeElement !== focused && place.contains(focused)) focused.focus({ preventScroll: true });
    place.querySelectorAll(".plot").forEach(dress);
    for (const node of fresh) node.classList.add("fresh");
    sayNeeds(place);
    const newest = place.querySelector("#feed")?.firstElementChild;
    if (newest && before !== newest && fresh.includes(newest)) {
      const words = [...newest.querySelectorAll(".tag, .amount")].map((part) => part.textContent.trim());
      spoken.textContent = `New: ${words.filter(Boolean).join(", ")}`;
    }
  };

  const run = async () => {
    asking = new AbortController();
    const { signal } = asking;
    for (let failures = 0; !signal.aborted;) {
      if (failures === 0) say("live");
      try {
        await ask(signal);
        failures = 0;
        await pause(SHORTEST_PAUSE_MS, signal);
      } catch {
        if (signal.aborted) break;
        failures += 1;
        say("lost");
        await pause(Math.min(1000 * 2 ** (failures - 1), LONGEST_PAUSE_MS), signal);
      }
    }
  };

  const follow = () => {
    asking?.abort();
    if (document.hidden) say("off");
    else run();
  };
  document.addEventListener("visibilitychange", follow);
  window.addEventListener("online", follow);
  follow();
}

/** The title of the tab says how many things need the user. */
function sayNeeds(place) {
  const needs = Number(place.querySelector("[data-needs]").dataset.needs);
  document.title = (needs > 0 ? `(${needs}) ` : "") + document.title.replace(/^\(\d+\) /, "");
}

/** What the user has opened, and what a chart was given here, stays when the server's next HTML comes. */
function keepTouched(from, to) {
  if (from.matches("details, .plot"))
    for (const { name, value } of from.attributes) if (!to.hasAttribute(name)) to.setAttribute(name, value);
  return true;
}

// Charts: the value under the pointer, or where the arrow keys are, stands above the bars, and is said to screen
// readers. A slider is what these leave the arrow keys to.

const KEYS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, Home: -Infinity, End: Infinity };
const chartRows = (plot) => plot.closest("figure").querySelector("tbody").rows;

/** Readies a chart for pointer and keys; again after its HTML has changed. */
function dress(plot) {
  const { length } = chartRows(plot);
  const attributes = { role: "slider", tabindex: 0, "aria-valuemin": 1, "aria-valuemax": length };
  attributes["aria-label"] = plot.firstElementChild.getAttribute("aria-label");
  for (const [name, value] of Object.entries(attributes)) plot.setAttribute(name, value);
  point(plot, plot.at);
  if (plot.isDressed) return;
  plot.isDressed = true;
  const follow = ({ clientX }) => {
    const { left, width } = plot.querySelector("svg svg").getBoundingClientRect();
    point(plot, Math.floor(((clientX - left) / width) * chartRows(plot).length));
  };
  plot.addEventListener("pointermove", follow);
  plot.addEventListener("pointerdown", follow);
  plot.addEventListener("pointerleave", () => plot.matches(":focus-visible") || point(plot));
  plot.addEventListener("focus", () => plot.matches(":focus-visible") && point(plot, plot.at ?? Infinity));
  plot.addEventListener("blur", () => point(plot));
  plot.addEventListener("keydown", (event) => {
    if (event.key === "Escape") point(plot);
    if (!(event.key in KEYS)) return;
    event.preventDefault();
    point(plot, (plot.at ?? 0) + KEYS[event.key]);
  });
}

/** Shows and says one bar of a chart, or none. */
function point(plot, at) {
  const rows = chartRows(plot);
  plot.at = at === undefined ? at : Math.min(Math.max(at, 0), rows.length - 1);
  const row = rows[plot.at ?? rows.length - 1];
  const [label, value, before] = [...row.cells].map((cell) => cell.textContent);
  const earlier = before === undefined ? "" : `; ${row.closest("table").tHead.rows[0].cells[2].textContent}: ${before}`;
  const text = `${label}: ${value}${plot.dataset.unit}${earlier}`;
  plot.setAttribute("aria-valuenow", row.rowIndex);
  plot.setAttribute("aria-valuetext", text);
  plot.closest("figure").querySelector(".said b").textContent = at === undefined ? "" : text;
  const cursor = plot.querySelector(".cursor");
  cursor.setAttribute("x", (plot.at ?? -1) * cursor.getAttribute("width"));
}

// Copy buttons.

async function copy(button) {
  const text = document.getElementById(button.dataset.copy).textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(document.getElementById(button.dataset.copy));
    button.textContent = "Press Ctrl+C";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
}

// Macros are written into the field beside which they are listed, where the cursor is.

function insert(button) {
  const field = document.getElementById(button.dataset.insert);
  const text = button.parentElement.querySelector("code").textContent;
  field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
  field.focus();
}

// An address that is wider than its place scrolls, by the keyboard as well.

function makeReachable() {
  for (const text of document.querySelectorAll(".copied")) {
    if (text.scrollWidth > text.clientWidth) text.tabIndex = 0;
    else text.removeAttribute("tabindex");
  }
}

// The tab of this page is in view, also in browsers that do not open a row where they are told to.

function showTab(tab) {
  const row = tab.parentElement;
  const left = tab.offsetLeft - row.offsetLeft;
  if (left + tab.offsetWidth > row.scrollLeft + row.clientWidth) row.scrollLeft = left + tab.offsetWidth - row.clientWidth;
}

// How long a previous key still works.

function countdown(place) {
  const left = Number(place.dataset.until) - Date.now();
  const part = (ms) => String(Math.floor(left / ms) % 60).padStart(2, "0");
  place.textContent = left > 0 ? `(${Math.floor(left / 3_600_000)}:${part(60_000)}:${part(1000)} left)` : "(ended)";
}

// The test postback: the browser calls the very address that a network would.

async function fire(link, event) {
  event.preventDefault();
  const place = document.getElementById("fired");
  place.textContent = "Firing…";
  try {
    const answer = await fetch(link.href, { credentials: "omit" });
    const { status } = await answer.json();
    const number = answer.headers.get("x-event-id");
    const means = { queued: ", which means that it is stored", duplicate: ", which means that it was known" };
    place.textContent = `The tracker answered “${status}”${means[status] ?? ""}. `;
    if (number) {
      const seen = document.createElement("a");
      seen.href = link.dataset.events + number;
      seen.textContent = `See event ${number}`;
      place.append(seen);
    }
  } catch {
    place.textContent = "The tracker could not be reached. Check your connection and try again.";
  }
}

document.querySelectorAll(".plot").forEach(dress);

const place = document.querySelector("[data-live]");
if (place) live(place);

for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
}

for (const button of document.querySelectorAll("button[data-insert]")) {
  button.hidden = false;
  button.addEventListener("click", () => insert(button));
}

for (const left of document.querySelectorAll("[data-until]")) {
  countdown(left);
  setInterval(countdown, 1000, left);
}

makeReachable();
window.addEventListener("resize", makeReachable);
document.addEventListener("toggle", makeReachable, true);

const tab = document.querySelector(".tabs [aria-current]");
if (tab) showTab(tab);

const test = document.getElementById("fire");
test?.addEventListener("click", (event) => fire(test, event));

// A URL that was asked for is shown, wherever it stands.
document.getElementById(location.hash.slice(1))?.closest("details")?.setAttribute("open", "");

// Where the address names a place of the page, the browser goes there, and puts the focus on nothing.
if (location.hash) {
  addEventListener("load", () => requestAnimationFrame(() => document.querySelector("[aria-invalid='true']")?.focus()));
}

// Time zones that this browser knows, and its own as the first choice of a new space.
const zones = document.getElementById("zones");
if (zones) {
  for (const name of ["UTC", ...Intl.supportedValuesOf("timeZone")]) {
    zones.append(Object.assign(document.createElement("option"), { value: name }));
  }
  const field = document.getElementById("time_zone");
  const isNew = location.pathname === "/new" && field.value === "UTC";
  if (isNew) field.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC";
}

// A filter's address has what is filtered, and no empty fields.
for (const form of document.querySelectorAll("form[role=search]")) {
  form.addEventListener("formdata", ({ formData }) => {
    for (const [name, value] of [...formData]) if (value === "") formData.delete(name);
  });
}
