/** Identity as the gateway makes it, with clocks that a test can move. */
import assert from "node:assert/strict";
import { Fault, type FaultCode } from "#protocols/wire/fault.ts";
import { Secret } from "#protocols/wire/secret.ts";
import type { CertificateIdentity, OidcIssuer } from "#src/config/config.ts";
import { createIdentity } from "#src/identity/identity.ts";
import type { Identity, Proof } from "#src/identity/proof.ts";
import type { TestIssuer } from "#test/support/issuer.ts";

export interface World {
  readonly identity: Identity;
  /** Moves both clocks. */
  pass(ms: number): void;
  login(password: string, user?: string): Promise<Proof>;
}

export function issuerConfig(issuer: TestIssuer, rest: Partial<OidcIssuer> = {}): OidcIssuer {
  return {
    issuer: issuer.url,
    audience: issuer.audience,
    ca: issuer.ca,
    claims: { name: "sub", groups: "groups" },
    clientCredentials: false,
    ...rest,
  };
}

export function worldFor(oidc: readonly OidcIssuer[], certificates: CertificateIdentity | null = null): World {
  let passed = 0;
  const identity = createIdentity(
    { oidc, certificates },
    { nowMs: () => Date.now() + passed, monotonicMs: () => performance.now() + passed },
  );
  return {
    identity,
    pass: (ms) => {
      passed += ms;
    },
    login: (password, user = "label") => identity.prove({ user, password: new Secret(password) }),
  };
}

/** The fault that a login ends with; its message must hold nothing of what was presented. */
export async function faultOf(login: Promise<unknown>, presented: string): Promise<{ code: FaultCode; message: string }> {
  try {
    await login;
  } catch (error) {
    assert.ok(error instanceof Fault, String(error));
    const text = JSON.stringify([error.message, error.hint, String(error.cause)]);
    for (const part of presented.split(".").filter((one) => one.length > 8)) {
      assert.ok(!text.includes(part), "the fault repeats what was presented");
    }
    return { code: error.code, message: error.message };
  }
  assert.fail("the login must not succeed");
}
