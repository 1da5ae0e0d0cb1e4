/**
 * `npm run build`: the published package's `dist/`. Node strips no types below node_modules, so each source becomes a
 * JavaScript file of the same shape, line by line, beside its declarations; only specifiers change, from `.ts` to
 * `.js`. `--out DIR` builds elsewhere, `--also ROOM` builds one more folder, without declarations.
 */
import { spawnSync } from "node:child_process";
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { importsOf, resolveImport } from "#test/support/imports.ts";

const ROOT = join(import.meta.dirname, "..");
const ROOMS = ["src", "protocols", "policies"];
/** `from "./x.ts"`, `import "#src/x.ts"`, `import("./x.ts")`: what stands before, the quote, the path without its ending. */
const SPECIFIER = /(\b(?:from|import)\s*\(?\s*)(["'])((?:\.{1,2}\/|#)[^"'\n]+)\.ts\2/g;

const { values: flags } = parseArgs({
  options: { out: { type: "string", default: join(ROOT, "dist") }, also: { type: "string", multiple: true, default: [] } },
});
build(resolve(flags.out), [...ROOMS, ...flags.also]);

function build(out: string, rooms: readonly string[]): void {
  rmSync(out, { recursive: true, force: true });
  const files = globSync(`{${rooms.join(",")}}/**/*`, { cwd: ROOT, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1));
  const sources = files.filter((path) => path.endsWith(".ts"));
  for (const path of sources)
    put(join(out, javascript(path)), rewritten(stripTypeScriptTypes(readFileSync(join(ROOT, path), "utf8"), { mode: "strip" })));
  for (const path of files.filter((file) => !/\.(ts|md)$/.test(file))) put(join(out, path), readFileSync(join(ROOT, path)));
  declare(out);
  put(join(out, "package.json"), `${JSON.stringify(ownPackage(), null, 2)}\n`);
  check(
    out,
    sources.map((path) => javascript(path)),
  );
  process.stdout.write(`${sources.length} files in ${out}\n`);
}

function javascript(path: string): string {
  return path.replace(/\.ts$/, ".js");
}

function rewritten(code: string): string {
  return code.replaceAll(SPECIFIER, "$1$2$3.js$2");
}

function put(path: string, content: string | Buffer): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

function declare(out: string): void {
  const compiler = join(ROOT, "node_modules", ".bin", "tsc");
  const { status, error } = spawnSync(compiler, ["-p", join(ROOT, "tsconfig.build.json"), "--outDir", out], {
    cwd: ROOT,
    stdio: "inherit",
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error("the types do not check: nothing was built");
  for (const path of globSync("**/*.d.ts", { cwd: out })) {
    writeFileSync(join(out, path), rewritten(readFileSync(join(out, path), "utf8")));
  }
}

/** `#src/x.js` means a file of dist/ to what lies in dist/. */
function ownPackage(): object {
  return { type: "module", private: true, imports: Object.fromEntries(ROOMS.map((room) => [`#${room}/*`, `./${room}/*`])) };
}

/** Every import of ours leads to a file that was built. */
function check(out: string, built: readonly string[]): void {
  for (const path of built) {
    for (const { specifier } of importsOf(readFileSync(join(out, path), "utf8"))) {
      if (/^[.#]/.test(specifier) && !existsSync(join(out, resolveImport(path, specifier))))
        throw new Error(`${path} imports ${specifier}, which was not built`);
    }
  }
}
