// Makes of a built Worker what others deploy with Node alone: target/xtracker-<version>/, and an archive of it.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const [, version] = /^version = "(.*)"$/m.exec(readFileSync(join(ROOT, "Cargo.toml"), "utf8"));
const name = `xtracker-${version}`;
const folder = join(ROOT, "target", name);

/** What goes into it, and under which name. The lock has wrangler and its Node as the tests ran them. */
const FILES = {
  "build/index.js": "build/index.js",
  "build/index_bg.wasm": "build/index_bg.wasm",
  "scripts/deploy.mjs": "deploy.mjs",
  "scripts/release.md": "README.md",
  migrations: "migrations",
  docs: "docs",
  "CHANGELOG.md": "CHANGELOG.md",
  LICENSE: "LICENSE",
  ".npmrc": ".npmrc",
  "package.json": "package.json",
  "package-lock.json": "package-lock.json",
};

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
for (const [from, to] of Object.entries(FILES)) cpSync(join(ROOT, from), join(folder, to), { recursive: true });

// It is built already.
const config = readFileSync(join(ROOT, "wrangler.toml"), "utf8");
const withoutBuild = config.replace(/^\[build\]\n(?:.+\n)*\n/m, "");
if (withoutBuild === config) throw new Error("wrangler.toml has no build to leave out");
writeFileSync(join(folder, "wrangler.toml"), withoutBuild);

execFileSync("tar", ["-czf", `${folder}.tar.gz`, "-C", join(ROOT, "target"), name]);
console.log(`release: target/${name}/ and target/${name}.tar.gz`);
