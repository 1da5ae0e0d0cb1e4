/**
 * What linters do not keep: the size of files, their opening words, words that must not be in the repository, and
 * that documents list what the code has. Every exception stands here by name, with its reason.
 */
import assert from "node:assert/strict";
import { matchesGlob } from "node:path/posix";
import { describe, test } from "node:test";
import { WIRE_ERRORS as HTTP_ERRORS } from "#protocols/http/wire-errors.ts";
import { WIRE_ERRORS } from "#protocols/postgres/wire-errors.ts";
import { FAULT_CODES } from "#protocols/wire/fault.ts";
import { FINDINGS } from "#src/doctor/finding.ts";
import { skeleton } from "#test/support/imports.ts";
import { lineOf, read, repositoryFiles } from "#test/support/tree.ts";

const LINES_MAX = 400;

interface Ban {
  readonly word: RegExp;
  readonly why: string;
  /** Globs; everything when left out. */
  readonly within?: readonly string[];
  readonly except?: readonly string[];
}

const CODE = ["{policies,protocols,src,test,bench,tools,deploy}/**/*.ts", "bin/*.js"];
const PURE = ["{policies,protocols}/**/*.ts"];
/** These start programs and are started as programs. */
const PROGRAMS = ["src/main.ts", "bin/**", "tools/**", "bench/**", "test/**", "deploy/**"];

const BANNED_IN_CODE: readonly Ban[] = [
  { word: /\bas any\b|@ts-ignore|@ts-nocheck/, why: "types are checked, not switched off" },
  { word: /\bbiome-ignore\b(?![^:\n]*:\s*\S.{9})/, why: "an exception to the linter states its reason" },
  { word: /\bprocess\.(exit|argv|env)\b/, why: "only src/main.ts speaks with the process", except: PROGRAMS },
  {
    word: /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\brandom(Bytes|UUID|Int)\b|\bgetRandomValues\b/,
    why: "time and chance arrive as arguments",
    within: PURE,
  },
  { word: /\bMath\.random\b/, why: "chance that guards something comes from node:crypto", except: ["test/**", "bench/**"] },
  { word: /\beval\s*\(|\bnew Function\b/, why: "no code from text" },
  {
    word: /\brejectUnauthorized\s*:\s*false\b/,
    why: "no TLS leg goes unverified",
    // The client leg's listener verifies client certificates itself, after the handshake, so that a refusal is recorded and explained.
    except: ["test/**", "src/tls/contexts.ts"],
  },
];

const BANNED_IN_TEXT: readonly Ban[] = [
  { word: /\b(TODO|FIXME|XXX|HACK)\b/, why: "unfinished work is an issue, not a note", except: ["test/tidy.test.ts"] },
  {
    word: /(^|[^\w.$}{*-])\/(work|root|home\/\w+)\/|\bbash_jobs\b|\.\.\/shared\b/,
    why: "paths of one machine",
    except: ["test/tidy.test.ts"],
  },
  {
    word: /\bregistry\.(npmjs|yarnpkg)\.\w+|\bnpm\.pkg\.github\.com\b|"resolved":/,
    why: "the registry is the reader's to choose",
    except: ["test/tidy.test.ts"],
  },
  { word: /-----BEGIN [A-Z ]*PRIVATE KEY-----\s*\\?n?[A-Za-z0-9+/]{20}/, why: "no private key is committed" },
  { word: /\bAGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{20}/, why: "no private key is committed", except: ["test/vectors/**"] },
];

const files = repositoryFiles();
const sources = files.filter((path) => CODE.some((glob) => matchesGlob(path, glob)));
const texts = files.filter((path) => !/\.(png|gif|jpg|ico|woff2|age|zst|bin)$/.test(path) && path !== "package-lock.json");

function breaches(bans: readonly Ban[], paths: readonly string[], textOf: (path: string) => string): readonly string[] {
  const covered = (path: string, globs: readonly string[]) => globs.some((glob) => matchesGlob(path, glob));
  return paths.flatMap((path) => {
    const text = textOf(path);
    return bans
      .filter((ban) => (ban.within === undefined || covered(path, ban.within)) && !covered(path, ban.except ?? []))
      .flatMap(({ word, why }) => {
        const found = word.exec(text);
        return found === null ? [] : [`${path}:${lineOf(text, found.index)} ${found[0].trim()}: ${why}`];
      });
  });
}

describe("files", () => {
  test(`no file of code is longer than ${LINES_MAX} lines`, () => {
    const long = sources.map((path) => ({ path, lines: read(path).split("\n").length - 1 })).filter(({ lines }) => lines > LINES_MAX);
    assert.deepEqual(long, []);
  });

  test("every file of code opens by saying what it is for", () => {
    const silent = sources.filter((path) => !/^(#![^\n]*\n)?\/\*\*[\s*]*[A-Z`][^*]{30,}/.test(read(path)));
    // A test's sentences are its names.
    assert.deepEqual(
      silent.filter((path) => !path.endsWith(".test.ts")),
      [],
    );
  });

  test("names of files are words in lower case", () => {
    const odd = sources.filter((path) => !/^[a-z0-9/.-]+$/.test(path));
    assert.deepEqual(odd, []);
  });

  test("folders are named after the domain, not after what all code is", () => {
    const bags = sources.filter((path) => /(^|\/)(utils?|helpers?|services?|managers?|common|misc|lib)(\/|\.ts$)/.test(path));
    assert.deepEqual(bags, []);
  });
});

describe("banned words", () => {
  test("code keeps clear of what the house does without", () => {
    assert.deepEqual(
      breaches(BANNED_IN_CODE, sources, (path) => skeleton(read(path)).code.concat(ignores(read(path)))),
      [],
    );
  });

  test("no text holds notes to self, paths of one machine, registry hosts or keys", () => {
    assert.deepEqual(breaches(BANNED_IN_TEXT, texts, read), []);
    assert.doesNotMatch(read("package-lock.json"), /"resolved": "http/);
  });

  test("each ban finds what it bans", () => {
    const planted = [
      "x as any;",
      "process.exit(1);",
      "Date.now();",
      "Math.random();",
      "eval(x);",
      "f({ rejectUnauthorized: false });",
      "// biome-ignore lint: x",
    ];
    for (const line of planted) assert.equal(breaches(BANNED_IN_CODE, ["policies/planted.ts"], () => line).length > 0, true, line);
    const words = [
      "// TO" + "DO later",
      "see /wo" + "rk/main",
      "at /ro" + "ot/x",
      "from regis" + "try.npmjs.org",
      "in ../sha" + "red/x.md",
    ];
    for (const line of words) assert.equal(breaches(BANNED_IN_TEXT, ["docs/planted.md"], () => line).length, 1, line);
  });
});

describe("documents", () => {
  test("docs/errors.md has a row for every fault and every reason of a denial, with what PostgreSQL clients get, and for no other", () => {
    const rows = [...read("docs/errors.md").matchAll(/^\| `([a-z-]+)` \| ([0-9A-Z]{5}) \| (ERROR|FATAL) \|/gm)];
    const listed = rows.map(([, code, sqlState, severity]) => `${code} ${sqlState} ${severity}`);
    const known = Object.entries(WIRE_ERRORS).map(([code, { sqlState, severity }]) => `${code} ${sqlState} ${severity}`);
    assert.deepEqual(listed.sort(), known.sort());
    assert.deepEqual(
      [...FAULT_CODES, ...denyReasons()].filter((code) => !(code in WIRE_ERRORS)),
      [],
    );
  });

  test("docs/errors.md has the HTTP status of every reason, and of no other", () => {
    const rows = [...read("docs/errors.md").matchAll(/^\| `([a-z-]+)` \| (\d{3}) \|$/gm)].map(([, code, status]) => `${code} ${status}`);
    const known = Object.entries(HTTP_ERRORS).map(([code, { status }]) => `${code} ${status}`);
    assert.deepEqual(rows.sort(), known.sort());
  });

  test("docs/doctor.md has a row for every finding, with its severity, and for no other", () => {
    const rows = [...read("docs/doctor.md").matchAll(/^\| `([a-z-]+)` \| (high|medium|low|ok) \|/gm)];
    const known = Object.entries(FINDINGS).map(([code, severity]) => `${code} ${severity}`);
    assert.deepEqual(rows.map(([, code, severity]) => `${code} ${severity}`).sort(), known.sort());
  });

  test("docs/dependencies.md has a line for every package, with its version, and for no other", () => {
    const { dependencies, devDependencies } = JSON.parse(read("package.json"));
    const wanted = Object.entries<string>({
      ...dependencies,
      ...devDependencies,
      ...JSON.parse(read("tools/runtime/package.json")).optionalDependencies,
    })
      .filter(([, version]) => !version.startsWith("file:"))
      .map(([name, version]) => `${name} ${version}`);
    const lines = [...read("docs/dependencies.md").matchAll(/^\| `([^`]+)` \| (\S+) \|/gm)].map(
      ([, name, version]) => `${name} ${version}`,
    );
    assert.deepEqual(lines.sort(), wanted.sort());
  });

  test("every package has an exact version", () => {
    const { dependencies, devDependencies } = JSON.parse(read("package.json"));
    const loose = Object.entries<string>({ ...dependencies, ...devDependencies }).filter(
      ([, version]) => !/^(\d+\.\d+\.\d+(-[\w.]+)?|file:tools\/\w+)$/.test(version),
    );
    assert.deepEqual(loose, []);
  });

  test("links between documents lead somewhere", () => {
    const broken = files
      .filter((path) => path.endsWith(".md"))
      .flatMap((path) =>
        [...read(path).matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)/g)]
          .map(([, link]) => new URL(link ?? "", `file:///${path}`).pathname.slice(1))
          .filter((target) => !files.some((file) => file === target || file.startsWith(target.endsWith("/") ? target : `${target}/`)))
          .map((target) => `${path} -> ${target}`),
      );
    assert.deepEqual(broken, []);
  });
});

/** The linter's exceptions stand in comments, which the skeleton leaves out. */
function ignores(source: string): string {
  return [...source.matchAll(/^\s*\/\/ biome-ignore[^\n]*/gm)].join("\n");
}

/** The reasons are types, gone at run time: read off the source. */
function denyReasons(): readonly string[] {
  const of = (path: string, name: string) => {
    const [, body] = new RegExp(`export type ${name} =([^;]+);`).exec(read(path)) ?? [];
    return [...(body ?? "").matchAll(/"([^"]+)"/g)].map(([, reason]) => reason ?? "");
  };
  const reasons = [...of("policies/decision.ts", "DenyReason"), ...of("policies/question.ts", "MaskingReason")];
  assert.ok(reasons.length >= 10, "the reasons were not found where they are declared");
  return reasons;
}
