// node minify_json.mjs FROM TO: writes the JSON of one file into another, without its spaces.
import { readFileSync, writeFileSync } from "node:fs";

const [from, to] = process.argv.slice(2);
writeFileSync(to, JSON.stringify(JSON.parse(readFileSync(from, "utf8"))));
