/** Writes docs/sallyport.schema.json, which gives editors completion and checks for sallyport.yaml: `node tools/generate-schema.ts`. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { jsonSchema } from "#src/config/json-schema.ts";

const file = fileURLToPath(new URL("../docs/sallyport.schema.json", import.meta.url));
writeFileSync(file, jsonSchema());
execFileSync(fileURLToPath(new URL("../node_modules/.bin/biome", import.meta.url)), ["format", "--write", file], { stdio: "ignore" });
