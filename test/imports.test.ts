/**
 * The import table of the house: which room may know of which. The linter holds the same table as patterns; here
 * every import of every file is read and judged again, and the linter is shown one planted breach of each rule.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, matchesGlob } from "node:path/posix";
import { describe, test } from "node:test";
import { importsOf, resolveImport } from "#test/support/imports.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";
import { ROOT, read, repositoryFiles } from "#test/support/tree.ts";

interface Room {
  readonly files: readonly string[];
  /** Globs of what may be imported; `<own>` is the room's own folder: the first two names of the path. */
  readonly may: readonly string[];
  /** Only with `import type`. */
  readonly types?: readonly string[];
  readonly never?: readonly string[];
}

const CONTRACT = ["policies/question.ts", "policies/decision.ts"];
const PURE_NODE = ["node:buffer", "node:crypto"];
/** Rooms that put everything together: the command line, the console, the demonstration. */
const ON_TOP = ["src/cli/**", "src/console/**", "src/demo/**", "src/main.ts"];

/** The first room whose files match a path is its room. */
const ROOMS: readonly Room[] = [
  { files: ["policies/registry.ts"], may: ["policies/*.ts", "policies/*/*.ts"] },
  { files: ["policies/*.ts"], may: ["policies/*.ts", "npm:zod"] },
  { files: ["policies/*/**"], may: ["policies/*.ts", "<own>/**", "npm:zod"], never: ["policies/registry.ts", "policies/decide.ts"] },
  { files: ["protocols/wire/**"], may: ["<own>/**", ...PURE_NODE], types: CONTRACT },
  {
    files: ["protocols/sql/**"],
    may: ["<own>/**", "protocols/wire/*", "npm:libpg-query", "npm:@guanmingchiu/sqlparser-ts", ...PURE_NODE],
    types: CONTRACT,
  },
  { files: ["protocols/*/**"], may: ["<own>/**", "protocols/wire/*", "protocols/sql/**", ...PURE_NODE], types: CONTRACT },
  { files: ["src/main.ts"], may: ["src/**", "npm:*", "npm:@*/*", "node:*", "node:*/*"] },
  { files: ["src/cli/**", "src/console/**", "src/demo/**"], may: ["**"], never: ["test/**", "bench/**", "tools/**", "src/main.ts"] },
  {
    files: ["src/**"],
    // The catalogue's shape is a contract, as the records of src/audit are: the reader fills it, SQL reads it.
    may: [
      "src/**",
      "protocols/wire/*",
      "protocols/*/protocol.ts",
      "protocols/sql/catalogue.ts",
      "policies/*.ts",
      "npm:*",
      "npm:@*/*",
      "node:*",
      "node:*/*",
    ],
    never: ON_TOP,
  },
  { files: ["test/**"], may: ["**"], never: ["src/main.ts"] },
  { files: ["bench/**", "tools/**", "bin/**", "deploy/**"], may: ["**"], never: ["test/**/*.test.ts"] },
];

const sources = repositoryFiles().filter((path) => /^(policies|protocols|src|test|bench|tools|deploy)\/.*\.ts$/.test(path));

function breach(from: string, specifier: string, typeOnly: boolean): string | undefined {
  const room = ROOMS.find((candidate) => candidate.files.some((glob) => matchesGlob(from, glob)));
  if (room === undefined) return "stands in no room";
  const to = resolveImport(from, specifier);
  const own = from.split("/").slice(0, 2).join("/");
  const covered = (globs: readonly string[] = []) => globs.some((glob) => matchesGlob(to, glob.replace("<own>", own)));
  if (covered(room.never)) return `may never import ${to}`;
  if (covered(room.may) || (typeOnly && covered(room.types))) return undefined;
  return covered(room.types) ? `may import only types of ${to}` : `may not import ${to}`;
}

function writing(specifier: string): string | undefined {
  if (specifier.startsWith("..")) return "leaves its folder: write it with #";
  if (/^[.#]/.test(specifier) && !/\.(ts|json)$/.test(specifier)) return "lacks its extension";
  if (/^[.#]/.test(specifier) || specifier.startsWith("node:")) return undefined;
  return process.getBuiltinModule(specifier) === undefined ? undefined : "lacks node:";
}

describe("imports", () => {
  test("every import keeps to the table, and is written as the house writes it", () => {
    const breaches: string[] = [];
    for (const path of sources) {
      for (const { specifier, typeOnly, line } of importsOf(read(path))) {
        const complaint = writing(specifier) ?? breach(path, specifier, typeOnly);
        if (complaint !== undefined) breaches.push(`${path}:${line} ${specifier}: ${complaint}`);
      }
    }
    assert.deepEqual(breaches, []);
    assert.ok(sources.length > 10, "no sources were found");
  });

  test("every import of ours leads to a file", () => {
    const missing: string[] = [];
    for (const path of sources) {
      for (const { specifier, line } of importsOf(read(path))) {
        if (/^[.#]/.test(specifier) && !existsSync(join(ROOT, resolveImport(path, specifier))))
          missing.push(`${path}:${line} ${specifier}`);
      }
    }
    assert.deepEqual(missing, []);
  });

  test("no import is overlooked: each string that looks like one of ours was read as one", () => {
    for (const path of sources.filter((source) => !source.startsWith("test/") && !source.startsWith("tools/"))) {
      const text = read(path);
      const seen = importsOf(text).map((found) => found.specifier);
      for (const [, specifier] of text.matchAll(/(?<![.\w])(?:from|import)\s*\(?\s*["']([^"'\n]+)["']/g))
        assert.ok(seen.includes(specifier ?? ""), `${path}: ${specifier}`);
    }
  });
});

/** One breach of each rule, and one import beside it that the rule must let through. */
const PLANTED = [
  { from: "policies/decide.ts", bad: "./access/decide.ts", good: "./policy.ts" },
  { from: "policies/decide.ts", bad: "node:fs", good: "./registry.ts" },
  { from: "policies/decision.ts", bad: "#protocols/wire/fault.ts", good: "./question.ts" },
  { from: "policies/registry.ts", bad: "#src/audit/records.ts", good: "#policies/access/decide.ts" },
  { from: "policies/access/decide.ts", bad: "#policies/registry.ts", good: "#policies/question.ts" },
  { from: "policies/access/decide.ts", bad: "#policies/decide.ts", good: "./rules.ts" },
  { from: "policies/access/decide.ts", bad: "#policies/masking/decide.ts", good: "#policies/policy.ts" },
  { from: "policies/access/rules.ts", bad: "node:crypto", good: "zod" },
  { from: "protocols/wire/fault.ts", bad: "#protocols/sql/catalogue.ts", good: "./limits.ts" },
  { from: "protocols/wire/fault.ts", bad: "#policies/policy.ts", good: "node:buffer" },
  { from: "protocols/sql/lexer.ts", bad: "#protocols/postgres/decode.ts", good: "#protocols/wire/fault.ts" },
  { from: "protocols/postgres/session.ts", bad: "#protocols/mysql/decode.ts", good: "#protocols/sql/postgres/facts.ts" },
  { from: "protocols/postgres/session.ts", bad: "#src/tls/issue.ts", good: "./decode.ts" },
  { from: "protocols/postgres/session.ts", bad: "node:net", good: "#protocols/wire/effect.ts" },
  { from: "protocols/postgres/session.ts", bad: "node:tls", good: "node:crypto" },
  { from: "protocols/postgres/session.ts", bad: "node:fs", good: "node:buffer" },
  { from: "protocols/postgres/session.ts", bad: "pino", good: "./frame.ts" },
  { from: "src/gateway/pump.ts", bad: "#protocols/postgres/decode.ts", good: "#protocols/postgres/protocol.ts" },
  { from: "src/gateway/pump.ts", bad: "#policies/access/decide.ts", good: "#policies/decide.ts" },
  { from: "src/gateway/pump.ts", bad: "#src/cli/serve.ts", good: "#src/tls/issue.ts" },
  { from: "src/gateway/pump.ts", bad: "#test/support/relay.ts", good: "node:net" },
  { from: "src/cli/serve.ts", bad: "#test/support/relay.ts", good: "#protocols/postgres/decode.ts" },
] as const;

describe("planted breaches", () => {
  for (const { from, bad, good } of PLANTED) {
    test(`the table refuses ${bad} in ${from}, and lets ${good} pass`, () => {
      assert.notEqual(breach(from, bad, false), undefined);
      assert.equal(breach(from, good, false), undefined);
    });
  }

  test("a value of the policies' contract is refused in a protocol; its type passes", () => {
    assert.match(breach("protocols/postgres/session.ts", "#policies/question.ts", false) ?? "", /only types/);
    assert.equal(breach("protocols/postgres/session.ts", "#policies/question.ts", true), undefined);
  });

  test("the linter refuses the same, and lets the same pass", async () => {
    const found = await lintPlanted();
    for (const plant of PLANTED) {
      assert.ok(found.has(`${plant.from} ${plant.bad}`), `the linter lets ${plant.bad} pass in ${plant.from}`);
      assert.ok(!found.has(`${plant.from} ${plant.good}`), `the linter refuses ${plant.good} in ${plant.from}`);
    }
  });
});

/** Our configuration over files that hold nothing but the planted imports, one a line: `file specifier` of those refused. */
async function lintPlanted(): Promise<ReadonlySet<string>> {
  const folder = await scratchFolder("planted");
  try {
    const lines = new Map<string, string[]>();
    for (const { from, bad, good } of PLANTED) lines.set(from, [...(lines.get(from) ?? []), bad, good]);
    for (const [path, specifiers] of lines) {
      mkdirSync(join(folder, dirname(path)), { recursive: true });
      writeFileSync(join(folder, path), specifiers.map((specifier) => `import "${specifier}";\n`).join(""));
    }
    copyFileSync(join(ROOT, "biome.json"), join(folder, "biome.json"));
    const options = ["lint", "--only=style/noRestrictedImports", "--vcs-enabled=false", "--max-diagnostics=none", "--reporter=json"];
    const { stdout, error } = spawnSync(join(ROOT, "node_modules/.bin/biome"), options, { cwd: folder, encoding: "utf8" });
    if (error !== undefined) throw error;
    const report: { diagnostics: { location: { path: string; start: { line: number } } }[] } = JSON.parse(stdout);
    return new Set(report.diagnostics.map(({ location }) => `${location.path} ${lines.get(location.path)?.[location.start.line - 1]}`));
  } finally {
    await removeFolder(folder);
  }
}
