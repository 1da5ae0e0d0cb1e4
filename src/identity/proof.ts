/**
 * What has been proved of a caller. A `Proof` is made only in this folder, after verification; dialling a target
 * asks for one, so that no path can reach a target without it.
 */

import type { Principal } from "#policies/question.ts";
import type { Secret } from "#protocols/wire/secret.ts";

declare const proved: unique symbol;

export interface Proof {
  readonly principal: Principal;
  /** When the proof ends, Unix milliseconds; null for a client certificate's own lifetime, see `expiresAtMs` of its leaf. */
  readonly expiresAtMs: number;
  readonly via: "oidc-token" | "client-credentials" | "client-certificate";
  readonly [proved]: true;
}

/** What a client presented: the startup `user` (a label, or a client id) and the password message, never stored. */
export interface Presented {
  readonly user: string;
  readonly password: Secret<string>;
}

export interface Identity {
  /** @throws Fault `identity-refused`, `identity-expired`, `identity-unavailable` */
  prove(presented: Presented): Promise<Proof>;
  /** A verified client certificate of the TLS handshake, DER; undefined when certificates do not authenticate here. */
  proveCertificate(der: Buffer): Proof | undefined;
}
