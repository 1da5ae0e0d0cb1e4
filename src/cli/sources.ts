/**
 * Where an auditor's command reads: the folders and the key that it names, or those of a configuration. Of the
 * configuration only the paths are read, so that no secret of the gateway has to be at hand.
 */
import type { KeyObject } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Decrypter } from "age-encryption";
import { parse } from "yaml";
import { z } from "zod";
import { Secret } from "#protocols/wire/secret.ts";
import { readOpenSessions } from "#src/audit/index.ts";
import type { ListFilter } from "#src/audit/lists.ts";
import type { SessionSummary } from "#src/audit/records.ts";
import { loadPublicKey, loadSigningKey } from "#src/audit/signing.ts";
import { parseIdentities } from "#src/recording/read.ts";
import { Failure } from "./failure.ts";
import { parseMoment } from "./moments.ts";
import type { World } from "./world.ts";

/** As commander hands them over. */
export interface AuditOptions {
  readonly config: string;
  readonly recordings?: string;
  readonly evidence?: string;
  readonly publicKey?: string;
  readonly identity: readonly string[];
  readonly since?: string;
  readonly until?: string;
  readonly principal?: string;
  readonly target?: string;
}

/** Absolute paths; null for what was neither named nor configured. */
export interface Sources {
  readonly recordings: string | null;
  readonly evidence: string | null;
  readonly publicKey: string | null;
  /** Private; only its public half is used. */
  readonly signingKey: string | null;
  /** The gateway's state, which knows the open sessions. */
  readonly state: string | null;
}

const PATHS = z.object({
  recording: z.object({ directory: z.string() }),
  evidence: z.object({ directory: z.string(), signingKey: z.string() }),
  state: z.object({ sqlite: z.string() }),
});

/** @throws Failure `config-missing`, `config-invalid` */
export function findSources(world: World, options: AuditOptions): Sources {
  const named = (path: string | undefined): string | null => (path === undefined ? null : resolve(world.cwd, path));
  const [recordings, evidence, publicKey] = [named(options.recordings), named(options.evidence), named(options.publicKey)];
  if (recordings !== null || evidence !== null) return { recordings, evidence, publicKey, signingKey: null, state: null };
  const file = resolve(world.cwd, options.config);
  const paths = configuredPaths(file, options.config);
  const at = (path: string): string => resolve(dirname(file), path);
  return {
    recordings: at(paths.recording.directory),
    evidence: at(paths.evidence.directory),
    publicKey,
    signingKey: at(paths.evidence.signingKey),
    state: at(paths.state.sqlite),
  };
}

function configuredPaths(file: string, given: string): z.infer<typeof PATHS> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new Failure("config-missing", `${given} can't be read`, {
      hint: "name it with --config FILE; without a configuration give --recordings DIR --evidence DIR --public-key FILE",
      cause,
    });
  }
  let content: unknown;
  try {
    content = parse(text);
  } catch (cause) {
    throw new Failure("config-invalid", `${given} is no YAML`, { hint: `sallyport check --config ${given} says where`, cause });
  }
  const paths = PATHS.safeParse(content);
  if (paths.success) return paths.data;
  const missing = paths.error.issues.map((issue) => issue.path.join(".")).join(", ");
  throw new Failure("config-invalid", `${given} does not name ${missing}`, {
    hint: `sallyport check --config ${given} lists every problem`,
  });
}

/** @throws Failure `source-missing` when the folder was not named or is not there */
export function needFolder(path: string | null, option: "--recordings" | "--evidence"): string {
  if (path === null) throw new Failure("source-missing", `${option} is needed too`, { hint: `name the folder with ${option} DIR` });
  if (!existsSync(path))
    throw new Failure("source-missing", `there is no folder ${path}`, { hint: "has the gateway run with this configuration yet?" });
  return path;
}

/** @throws Failure `source-missing` */
export function needPublicKey(sources: Sources): KeyObject {
  const path = sources.publicKey ?? sources.signingKey;
  if (path === null)
    throw new Failure("source-missing", "--public-key is needed too", { hint: "the file that init made as certs/evidence.pub" });
  try {
    const text = readFileSync(path, "utf8");
    return loadPublicKey(sources.publicKey === null ? loadSigningKey(new Secret(text)).publicKeyPem : text);
  } catch (cause) {
    const why =
      cause instanceof Error && "code" in cause ? `it can't be read (${String(cause.code)})` : cause instanceof Error ? cause.message : "";
    throw new Failure("source-missing", `${path} is not the evidence log's key: ${why}`, {
      hint: "name the public key with --public-key FILE",
      cause,
    });
  }
}

/** Undefined when none was given. @throws Failure `source-missing` when a file can't be used */
export function readIdentities(world: World, options: AuditOptions): Decrypter | undefined {
  if (options.identity.length === 0) return undefined;
  const texts = options.identity.map((path) => {
    try {
      return readFileSync(resolve(world.cwd, path), "utf8");
    } catch (cause) {
      throw new Failure("source-missing", `the identity file ${path} can't be read`, { cause });
    }
  });
  try {
    return parseIdentities(new Secret(texts.join("\n")));
  } catch (cause) {
    throw new Failure("source-missing", cause instanceof Error ? cause.message : "the identity file can't be used", {
      hint: "an age identity file holds lines that begin with AGE-SECRET-KEY-",
    });
  }
}

/** The sessions that run now; undefined for an auditor without the gateway's state. */
export function openSessions(sources: Sources): readonly SessionSummary[] | undefined {
  return sources.state === null ? undefined : readOpenSessions(sources.state);
}

/** @throws Failure `usage` for a moment that is none */
export function readFilter(world: World, options: AuditOptions): ListFilter {
  const moment = (option: string, text: string | undefined): number | undefined =>
    text === undefined ? undefined : parseMoment(option, text, world.now());
  return {
    sinceMs: moment("--since", options.since),
    untilMs: moment("--until", options.until),
    principal: options.principal,
    target: options.target,
  };
}
