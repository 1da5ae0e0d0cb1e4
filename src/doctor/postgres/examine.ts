/**
 * Looks at one database of a target and says what weakens masking there. It reads over a connection that it is handed, and
 * changes nothing; who calls it decides what becomes of the findings.
 */
import { masksFor } from "#policies/decide.ts";
import { allowedFunctions, type PolicyDocument } from "#policies/document.ts";
import { type Catalogue, resolveProtection } from "#protocols/postgres/protocol.ts";
import { readPrivileges } from "#src/catalogue/privileges.ts";
import type { DatabaseTarget } from "#src/config/config.ts";
import { type Finding, found, NOBODY } from "#src/doctor/finding.ts";
import { ruleObservations } from "#src/doctor/rules.ts";
import { serverObservations } from "#src/doctor/server.ts";
import { transportObservations, transportOf } from "#src/doctor/transport.ts";
import { type Standing, wallObservations } from "#src/doctor/walls.ts";
import type { TargetConnection } from "#src/targets/connection.ts";
import { codeObservations } from "./code.ts";
import { copyObservations } from "./copies.ts";
import { loginInDatabase, loginObservations } from "./login.ts";
import { called, type Patient, protectedRelations, wallSchemas } from "./patient.ts";
import { postgresRelease } from "./release.ts";

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
          ...transportObservations(transportOf(connection.socket, target), nowMs),
          ...serverObservations(postgresRelease(catalogue.serverVersion), nowMs),
        ]
      : [];
  const here = [
    ...loginInDatabase(patient),
    ...ruleObservations({ ...resolved, rules, place: catalogue.database, guarded: protectedRelations(patient).length }),
    ...codeObservations(patient),
    ...copyObservations(patient),
    ...(rules === 0 ? [] : wallObservations(standingOf(patient))),
  ];
  return [...found(target.name, null, wide), ...found(target.name, catalogue.database, here)];
}

function standingOf(patient: Patient): Standing {
  const { privileges, catalogue } = patient;
  const login = privileges.login.name;
  const readable = new Set(privileges.relations.filter(({ loginReads }) => loginReads).map(({ oid }) => oid));
  const open = protectedRelations(patient).find(({ oid }) => readable.has(oid));
  const walls = wallSchemas(privileges).map(({ name, comment }) => ({
    name,
    ofLogin: comment?.includes(`"${login.replaceAll('"', '""')}"`) === true,
  }));
  return {
    place: `database ${catalogue.database}`,
    object: catalogue.database,
    login,
    walls,
    open: open === undefined ? null : called(open),
  };
}
