// What the formatter leaves alone: long strings, comments and names of tests.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const ROOT = new URL("..", import.meta.url).pathname;

test("no line of a program is longer than 120 characters", () => {
  const paths = ["benches", "fuzz", "scripts", "tests"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true })
      .filter((name) => name.endsWith(".mjs"))
      .map((name) => `${folder}/${name}`),
  );
  assert.ok(paths.length > 30);
  const long = paths.flatMap((path) =>
    readFileSync(join(ROOT, path), "utf8")
      .split("\n")
      .flatMap((line, at) => ([...line].length > 120 ? [`${path}:${at + 1}`] : [])),
  );
  assert.deepEqual(long, []);
});
