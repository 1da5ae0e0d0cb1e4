/**
 * Reads `sallyport.yaml` into a configuration, or into the list of everything that is wrong with it: syntax, schema,
 * files, certificates, secrets, references. There is no falling back to a default for something that is written wrong.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { type Document, LineCounter, parseDocument } from "yaml";
import { z } from "zod";
import { documentProblems, policyShape } from "#policies/document.ts";
import type { LoadResult, Problem, Remark } from "./config.ts";
import { type Environment, Files, whyUnread } from "./files.ts";
import { hashKeys } from "./hash-keys.ts";
import { type Path, placeAt, placeOf } from "./places.ts";
import { crossChecks, resolveConfig, warningsFor } from "./resolve.ts";
import { configSchema } from "./schema.ts";
import { findUnsupported } from "./unsupported.ts";

/** A configuration with thousands of rules is some hundred kB. */
const CONFIG_BYTES_MAX = 4 * 1024 * 1024;

/** @param path Relative to the working folder, or absolute. */
export async function loadConfig(path: string, env: Environment, now: Date = new Date()): Promise<LoadResult> {
  const file = resolve(path);
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    return refused([atBeginning(`${path} ${whyUnread(error)}`)]);
  }
  if (bytes.length > CONFIG_BYTES_MAX) {
    return refused([atBeginning(`${path} is larger than ${CONFIG_BYTES_MAX / 1024 / 1024} MiB`)]);
  }
  const lines = new LineCounter();
  const document = parseDocument(bytes.toString("utf8"), { lineCounter: lines, prettyErrors: false, version: "1.2", uniqueKeys: true });
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) {
    return refused(faults.map(({ message, pos }) => ({ level: "error", path: "", ...placeAt(lines, pos[0]), message })));
  }
  const place: Locate = (level, { path: where, message }, key = false) => ({
    level,
    path: where.join("."),
    ...placeOf(document, lines, where, key),
    message,
  });
  return check(document, { file, bytes, files: new Files(file, env) }, place, now);
}

type Locate = (level: Problem["level"], remark: Remark, key?: boolean) => Problem;

interface Origin {
  readonly file: string;
  readonly bytes: Buffer;
  readonly files: Files;
}

async function check(document: Document.Parsed, { file, bytes, files }: Origin, place: Locate, now: Date): Promise<LoadResult> {
  const written = toPlain(document);
  if (written.kind === "refused") {
    return refused([atBeginning(written.message)]);
  }
  const unsupported = findUnsupported(written.value);
  const parsed = await configSchema(files).safeParseAsync(written.value, { error: say });
  const hashed = await hashKeys(written.value, files);
  const isCovered = (path: Path) => unsupported.some(({ covers }) => covers.every((step, index) => path[index] === step));
  const problems = [
    ...unsupported.map((found) => place("error", found, true)),
    ...(parsed.success ? [] : parsed.error.issues.flatMap((issue) => issueProblems(issue, place, isCovered))),
    ...hashed.problems.map((remark) => place("error", remark)),
    ...referenceRemarks(written.value).map((remark) => place("error", remark)),
    ...(parsed.success ? crossChecks(parsed.data) : []).map((remark) => place("error", remark)),
  ];
  if (!parsed.success || problems.length > 0) {
    return refused(problems);
  }
  const warnings = inOrder(warningsFor(parsed.data, now).map((remark) => place("warning", remark)));
  const version = createHash("sha256").update(bytes).update(files.contents).digest("hex");
  const config = resolveConfig(parsed.data, { file, files: files.read, version, maskKeys: hashed.keys });
  return { kind: "loaded", config, warnings, locate: (level, remark) => place(level, remark) };
}

type Plain = { readonly kind: "plain"; readonly value: unknown } | { readonly kind: "refused"; readonly message: string };

function toPlain(document: Document.Parsed): Plain {
  try {
    return { kind: "plain", value: document.toJS({ maxAliasCount: 100 }) };
  } catch {
    // The library throws when aliases multiply beyond all measure.
    return { kind: "refused", message: "too many aliases" };
  }
}

/** Rules for targets that are not there; looked at even when something else is wrong with the file. */
function referenceRemarks(value: unknown): readonly Remark[] {
  const targets = z.object({ targets: z.record(z.string(), z.unknown()) }).safeParse(value);
  if (!targets.success) {
    return [];
  }
  // A part that cannot be read counts as left out here: the schema's own problems tell about it.
  const { access, masking, guardrails, approvals } = policyShape;
  const policy = z.object({
    access: access.catch({ rules: [] }),
    masking: masking.catch({ rules: [] }),
    guardrails: guardrails.catch({ rules: [] }),
    approvals: approvals.catch({ rules: [] }),
  });
  const document = policy.safeParse(value);
  return document.success ? documentProblems(document.data, Object.keys(targets.data.targets)) : [];
}

function issueProblems(issue: z.core.$ZodIssue, place: Locate, isCovered: (path: Path) => boolean): readonly Problem[] {
  const path = issue.path.map((step) => (typeof step === "symbol" ? String(step) : step));
  if (issue.code === "unrecognized_keys") {
    return issue.keys
      .map((key): Remark => ({ path: [...path, key], message: "unknown key" }))
      .filter((remark) => !isCovered(remark.path))
      .map((remark) => place("error", remark, true));
  }
  const message = issue.code === "invalid_key" ? (issue.issues[0]?.message ?? issue.message) : issue.message;
  return isCovered(path) ? [] : [place("error", { path, message })];
}

/** Words for what zod finds by itself. Values are never repeated: one of them could be a secret in the wrong place. */
function say(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === "invalid_type") {
    return issue.input === undefined ? "is missing" : `expected ${TYPE_WORDS.get(issue.expected) ?? issue.expected}`;
  }
  if (issue.code === "invalid_value") {
    return `expected ${issue.values.map(String).join(" or ")}`;
  }
  if (issue.code === "too_small") {
    return `expected ${issue.origin === "array" ? "a list with entries" : issue.origin === "string" ? "text" : `at least ${issue.minimum}`}`;
  }
  return issue.code === "too_big" ? `expected at most ${issue.maximum}` : undefined;
}

const TYPE_WORDS: ReadonlyMap<string, string> = new Map([
  ["object", "a map of keys"],
  ["record", "a map of keys"],
  ["array", "a list"],
  ["string", "text"],
  ["number", "a number"],
  ["int", "a whole number"],
  ["boolean", "true or false"],
]);

function refused(problems: readonly Problem[]): LoadResult {
  return { kind: "refused", problems: inOrder(problems) };
}

function inOrder(problems: readonly Problem[]): readonly Problem[] {
  return [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
}

function atBeginning(message: string): Problem {
  return { level: "error", path: "", line: 1, column: 1, message };
}
