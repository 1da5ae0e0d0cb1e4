/**
 * Looks at one database of a target and says what weakens masking there. It reads over a connection that it is handed, and
 * changes nothing; who calls it decides what becomes of the findings.
 */
import { X509Certificate } from "node:crypto";
import { masksFor } from "#policies/decide.ts";
import { allowedFunctions, type PolicyDocument } from "#policies/document.ts";
import { type Catalogue, resolveProtection } from "#protocols/postgres/protocol.ts";
import { readPrivileges } from "#src/catalogue/privileges.ts";
import type { DatabaseTarget } from "#src/config/config.ts";
import type { TargetConnection } from "#src/targets/connection.ts";
import { peerChain } from "#src/tls/certificates.ts";
import { codeObservations } from "./code.ts";
import { copyObservations } from "./copies.ts";
import { type Finding, found } from "./finding.ts";
import { loginInDatabase, loginObservations } from "./login.ts";
import type { Patient, Transport } from "./patient.ts";
import { ruleObservations, wallObservations } from "./rules.ts";
import { serverObservations, transportObservations } from "./transport.ts";

export interface Examination {
  readonly target: DatabaseTarget;
  readonly policy: PolicyDocument;
  readonly connection: TargetConnection;
  /** Of the connection's database. */
  readonly catalogue: Catalogue;
  /** Unix milliseconds. */
  readonly nowMs: number;
  /** How long the target may take. */
  readonly timeoutMs: number;
}

/** Under every mask. */
const NOBODY = { issuer: "", name: "", groups: [], actor: null };

/**
 * Login, TLS and server are looked at with the target's default database only: they are the same for all.
 *
 * @throws what the connection throws
 */
export async function examine({ target, policy, connection, catalogue, nowMs, timeoutMs }: Examination): Promise<readonly Finding[]> {
  const privileges = await readPrivileges((sql) => connection.query(sql), timeoutMs);
  const masks = masksFor(policy, NOBODY, target.name);
  const resolved = resolveProtection(catalogue, masks);
  const patient: Patient = { catalogue, privileges, resolved, functionsAllowed: allowedFunctions(policy) };
  const rules = new Set(masks.map(({ rule }) => rule)).size;
  const wide =
    catalogue.database === target.databases[0]
      ? [
          ...loginObservations(patient),
          ...transportObservations(transportOf(connection, target), nowMs),
          ...serverObservations(catalogue.serverVersion, nowMs),
        ]
      : [];
  const here = [
    ...loginInDatabase(patient),
    ...ruleObservations(patient, rules),
    ...codeObservations(patient),
    ...copyObservations(patient),
    ...wallObservations(patient, rules),
  ];
  return [...found(target.name, null, wide), ...found(target.name, catalogue.database, here)];
}

function transportOf({ socket }: TargetConnection, { tls }: DatabaseTarget): Transport {
  const own = tls.certificate === null ? null : new X509Certificate(tls.certificate.cert);
  return { version: socket.getProtocol(), chain: peerChain(socket), own };
}
