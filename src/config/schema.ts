/**
 * The schema of `sallyport.yaml`, all of it but the policy document, which has its own. Each key's default stands here
 * and in docs/configuration.md; unknown keys are errors. What a key means is documented in `config.ts`.
 */
import { availableParallelism, platform } from "node:os";
import { Encrypter } from "age-encryption";
import { z } from "zod";
import { policyShape } from "#policies/document.ts";
import { expected, size } from "#policies/quantities.ts";
import { DEFAULT_SUITES, isAllowedSuite } from "#src/tls/suites.ts";
import type { Files } from "./files.ts";
import { type Leaves, leaves } from "./leaves.ts";
import { targetSchema } from "./target.ts";
import { address, minVersion, TARGET_NAME, text } from "./values.ts";

/** A cancel key names its worker in seven bits; more processes than this on one machine would be a mistake anyway. */
const WORKERS_MAX = 126;

/** Reads the files and variables that the document names while parsing it: parse with `safeParseAsync`. */
export function configSchema(files: Files) {
  const leaf = leaves(files);
  return z.strictObject({
    listen: listenSchema,
    workers: z
      .union([z.literal("auto"), z.int().min(1).max(WORKERS_MAX)], { error: expected(`auto, or a number from 1 to ${WORKERS_MAX}`) })
      .default("auto")
      .transform((workers) => (workers === "auto" ? automaticWorkers() : workers)),
    tls: clientTlsSchema(leaf),
    identity: identitySchema(leaf),
    targets: z.record(
      z.string().regex(TARGET_NAME, { error: "expected a name of letters, digits, dot, dash and underscore" }),
      targetSchema(leaf),
    ),
    ...policyShape,
    recording: recordingSchema(leaf),
    evidence: z
      .strictObject({ directory: leaf.ownPath.prefault("evidence"), signingKey: leaf.privateKey })
      .superRefine(({ signingKey }, context) => {
        if (signingKey.key.asymmetricKeyType !== "ed25519") {
          context.addIssue({ code: "custom", path: ["signingKey"], message: "expected an Ed25519 key" });
        }
      }),
    state: z.strictObject({ sqlite: leaf.ownPath.prefault("state.db") }).prefault({}),
  });
}

/** Clients read the numbers off it, and MariaDB's look for that name in it. */
const GREETED_VERSION = /^\d{1,3}\.\d{1,3}\.\d{1,3}[\w.+~-]{0,40}$/;

const mysqlListenSchema = z.union(
  [
    address(0).transform((at) => ({ ...at, target: null, version: null })),
    z
      .strictObject({
        address: address(0),
        target: text.optional(),
        version: z
          .string()
          .regex(GREETED_VERSION, { error: "expected a version as servers tell it, such as 8.4.6 or 11.8.3-MariaDB" })
          .optional(),
      })
      .transform(({ address: at, target, version }) => ({ ...at, target: target ?? null, version: version ?? null })),
  ],
  { error: expected("host:port, or a map with an address") },
);

const listenSchema = z
  .strictObject({
    postgres: address(0).optional(),
    mysql: mysqlListenSchema.optional(),
    https: address(0).optional(),
    http: address(0).optional(),
    admin: address(0).optional(),
  })
  .refine(({ postgres, mysql, https }) => postgres !== undefined || mysql !== undefined || https !== undefined, {
    error: "no listener: expected postgres: host:port, mysql: host:port or https: host:port",
  })
  .refine(({ https, http }) => http === undefined || https !== undefined, {
    path: ["http"],
    error: "shows clients the way to listen.https, which is not there",
  });

function clientTlsSchema(leaf: Leaves) {
  return z
    .strictObject({
      certificates: z.array(leaf.pair).min(1, { error: "expected at least one certificate" }),
      minVersion,
      cipherSuites: z.array(z.string().refine(isAllowedSuite, { error: `expected one of ${DEFAULT_SUITES.join(", ")}` })).default([]),
      clientCertificates: clientCertificatesSchema(leaf).prefault({ mode: "none" }),
    })
    .refine(({ minVersion: least, cipherSuites }) => least !== "TLSv1.3" || cipherSuites.length === 0 || cipherSuites.some(isTls13), {
      path: ["cipherSuites"],
      error: "none of these suites is for TLS 1.3, which minVersion asks for",
    });
}

function isTls13(suite: string): boolean {
  return suite.startsWith("TLS_");
}

/** With `mode: none` the authorities are not looked at: they may be written down before they exist. */
function clientCertificatesSchema(leaf: Leaves) {
  const requested = z.strictObject({ mode: z.enum(["optional", "required"]), ca: leaf.certificates });
  return z.discriminatedUnion("mode", [z.strictObject({ mode: z.literal("none"), ca: z.string().optional() }), requested], {
    error: expected("mode none, optional or required"),
  });
}

const issuerUrl = z
  .string()
  .refine(isIssuer, { error: "expected an https address without query or fragment, exactly as in the tokens' iss" });

/** OpenID Connect Discovery 1.0 section 3. */
function isIssuer(written: string): boolean {
  if (!URL.canParse(written)) {
    return false;
  }
  const { protocol, search, hash, username, password } = new URL(written);
  return protocol === "https:" && [search, hash, username, password].every((part) => part === "") && !/[?#\s]/.test(written);
}

function identitySchema(leaf: Leaves) {
  const oidc = z.strictObject({
    issuer: issuerUrl,
    audience: text,
    ca: leaf.certificates.optional(),
    claims: z.strictObject({ name: text.default("sub"), groups: text.default("groups") }).prefault({}),
    clientCredentials: z.boolean().default(false),
  });
  return z.strictObject({
    oidc: z.array(oidc).default([]).superRefine(checkIssuers),
    certificates: z
      .strictObject({ name: z.enum(["san-uri", "san-dns", "san-email", "subject-cn"]), groups: z.enum(["ou", "none"]).default("none") })
      .optional(),
    saml: z.array(z.never()).optional(),
  });
}

function checkIssuers(issuers: readonly { issuer: string; clientCredentials: boolean }[], context: z.RefinementCtx<unknown>): void {
  for (const [index, { issuer, clientCredentials }] of issuers.entries()) {
    const before = issuers.slice(0, index);
    if (before.some((other) => other.issuer === issuer)) {
      context.addIssue({ code: "custom", path: [index, "issuer"], message: "this issuer is listed twice" });
    }
    // A pair names no issuer, so with two of them a secret would be shown to one that it is not for.
    if (clientCredentials && before.some((other) => other.clientCredentials)) {
      context.addIssue({
        code: "custom",
        path: [index, "clientCredentials"],
        message: "only one issuer can take client-credentials pairs",
      });
    }
  }
}

const RECIPIENTS_EXPECTED = expected("a list of age public keys (age1…), or none, which leaves recordings unencrypted");

function recordingSchema(leaf: Leaves) {
  return z.strictObject({
    directory: leaf.ownPath.prefault("recordings"),
    recipients: z.union([z.literal("none"), z.tuple([recipient], recipient)], { error: RECIPIENTS_EXPECTED }),
    results: z.strictObject({ rowsPerStatement: z.int().min(0).default(1000), bytesPerStatement: size.prefault("1MiB") }).prefault({}),
  });
}

const recipient = z.string().refine(isRecipient, { error: "expected an age public key" });

function isRecipient(written: string): boolean {
  try {
    new Encrypter().addRecipient(written);
    return true;
  } catch {
    return false;
  }
}

export type ConfigDocument = z.output<ReturnType<typeof configSchema>>;

/** Where several processes can listen on one port (Node's `reusePort`); elsewhere one worker serves alone. */
const PORT_SHARING: ReadonlySet<NodeJS.Platform> = new Set(["linux", "freebsd", "sunos", "aix"]);

function automaticWorkers(): number {
  return PORT_SHARING.has(platform()) ? availableParallelism() : 1;
}
