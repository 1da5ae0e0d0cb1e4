/**
 * Schemas of what stands for something outside the file: certificates, keys, secrets. They read it while the document
 * is being checked, so that a missing file is listed beside a misspelt key, all at once.
 */
import tls from "node:tls";
import { z } from "zod";
import { expected } from "#policies/quantities.ts";
import type { Files, LoadedCertificates, LoadedKey, LoadedSecret } from "./files.ts";
import { Unusable } from "./files.ts";
import { UNSUPPORTED_SECRETS } from "./unsupported.ts";

const PATH_EXPECTED = expected("the path of a file");
const path = z.string({ error: PATH_EXPECTED }).min(1, { error: PATH_EXPECTED });

export interface LoadedPair {
  readonly cert: LoadedCertificates;
  readonly key: LoadedKey;
}

export function leaves(files: Files) {
  const certificates = path.transform((value, context) => attempt(context, value, () => files.certificates(value)));
  const privateKey = path.transform((value, context) => attempt(context, value, () => files.privateKey(value)));
  return {
    certificates,
    privateKey,
    /** A folder or file that the gateway makes itself. */
    ownPath: path.transform((value) => files.resolve(value)),
    secret: secretSchema(files),
    pair: z.strictObject({ cert: certificates, key: privateKey }).superRefine(checkPair),
  };
}

export type Leaves = ReturnType<typeof leaves>;

/** Whether certificate and key belong together and OpenSSL takes both; problems stand at the key, or the certificate. */
export function checkPair(pair: LoadedPair, context: z.RefinementCtx<unknown>): void {
  const [leaf] = pair.cert.certificates;
  if (!leaf.checkPrivateKey(pair.key.key)) {
    context.addIssue({ code: "custom", path: ["key"], message: "the key is not that of the certificate" });
    return;
  }
  try {
    tls.createSecureContext({ cert: pair.cert.pem, key: pair.key.pem.expose() });
  } catch (error) {
    context.addIssue({ code: "custom", path: ["cert"], message: `OpenSSL does not take this certificate: ${reasonOf(error)}` });
  }
}

/** OpenSSL's reason, such as `ee key too small`: it holds nothing of the file. */
function reasonOf(error: unknown): string {
  return typeof error === "object" && error !== null && "reason" in error && typeof error.reason === "string" ? error.reason : "unusable";
}

const SECRET_EXPECTED = "{ env: NAME } or { file: path }; secrets are not written in this file";

function secretSchema(files: Files) {
  return z
    .union([z.strictObject({ env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/) }), z.strictObject({ file: z.string().min(1) })], {
      error: (issue) => unsupportedSecret(issue.input) ?? expected(SECRET_EXPECTED)(issue),
    })
    .transform((written, context) =>
      attempt<LoadedSecret>(context, written, async () =>
        "env" in written ? files.secretVariable(written.env) : files.secretFile(written.file),
      ),
    );
}

function unsupportedSecret(input: unknown): string | undefined {
  const kind = UNSUPPORTED_SECRETS.find((name) => typeof input === "object" && input !== null && Object.hasOwn(input, name));
  return kind === undefined ? undefined : `a secret from ${kind} is not supported yet; expected ${SECRET_EXPECTED}`;
}

interface IssueSink {
  readonly issues: { push(issue: { code: "custom"; message: string; input: unknown }): unknown };
}

async function attempt<T>(context: IssueSink, input: unknown, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (!(error instanceof Unusable)) {
      throw error;
    }
    context.issues.push({ code: "custom", message: error.message, input });
    return z.NEVER;
  }
}
