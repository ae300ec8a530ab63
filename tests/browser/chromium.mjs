// Chromium on the running Worker. What a page says on its console, and every breach of its policy, is a fault.
import assert from "node:assert/strict";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import axe from "axe-core";
import { chromium } from "playwright-core";
import { OPERATOR_TOKEN } from "../harness.mjs";

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/** The browser of this machine; `make test` installs Debian's where it may. */
function executable() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const paths = NAMES.flatMap((name) => process.env.PATH.split(delimiter).map((folder) => join(folder, name)));
  const found = paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  if (!found) throw new Error(`no Chromium: install it (Debian: apt-get install chromium), or name it in CHROMIUM`);
  return found;
}

/** Starts it on a Worker of the harness. */
export async function startChromium(worker) {
  const { origin } = (await worker.server.listen()).url;
  const browser = await chromium.launch({
    executablePath: executable(),
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  let session;
  return {
    origin,
    /** A page that is signed in, and what it complained of. */
    async page({ width = 1280, height = 900, colorScheme = "light", signedIn = true, scale = 1 } = {}) {
      const context = await browser.newContext({
        baseURL: origin,
        viewport: { width, height },
        colorScheme,
        deviceScaleFactor: scale,
        timezoneId: "Asia/Kolkata",
        permissions: ["clipboard-read", "clipboard-write"],
      });
      const page = await context.newPage();
      page.complaints = [];
      page.on("console", (message) => page.complaints.push(`${message.type()}: ${message.text()}`));
      page.on("pageerror", (error) => page.complaints.push(`error: ${error.message}`));
      await page.addInitScript(() =>
        addEventListener("securitypolicyviolation", (event) =>
          console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`),
        ),
      );
      // Signing in takes a while, so one session serves all pages.
      if (signedIn && session) await context.addCookies(session);
      else if (signedIn) {
        await signIn(page);
        session = await context.cookies();
      }
      return page;
    },
    stop: () => browser.close(),
  };
}

export async function signIn(page) {
  await page.goto("/login");
  await page.getByLabel("Password").fill(OPERATOR_TOKEN);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL((url) => url.pathname !== "/login");
}

/** No complaint, nothing wider than the screen, nothing that a screen reader stumbles over; of that, `rules` alone. */
export async function assertSound(page, what, rules) {
  const width = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  const widest = () =>
    [...document.querySelectorAll("main *, header > *")]
      .filter((part) => part.getBoundingClientRect().right > innerWidth)
      .map((part) => part.outerHTML.slice(0, 90));
  assert.ok(
    width[0] <= width[1],
    `${what}: ${width[0]} px wide on a screen of ${width[1]}: ${(await page.evaluate(widest)).slice(-3).join("\n")}`,
  );
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axe.source);
  const { violations, passes } = await page.evaluate(
    (runOnly) => globalThis.axe.run(runOnly ? { runOnly } : {}),
    rules,
  );
  assert.ok(passes.length >= (rules?.length ?? 6), `${what}: axe looked at it`);
  const serious = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  assert.deepEqual(
    serious.map(
      ({ id, nodes }) =>
        `${id}: ${nodes
          .map(({ html }) => html)
          .slice(0, 3)
          .join(" ")}`,
    ),
    [],
    what,
  );
  assert.deepEqual(page.complaints, [], what);
}
