/**
 * Looks at a MySQL or MariaDB target, the server as a whole, and says what weakens masking there. It reads over a connection that
 * it is handed, and changes nothing; who calls it decides what becomes of the findings.
 */
import { masksFor } from "#policies/decide.ts";
import { allowedFunctions, type PolicyDocument } from "#policies/document.ts";
import { holds, type MysqlCatalogue, resolveMysqlProtection } from "#protocols/mysql/protocol.ts";
import { readMysqlPrivileges } from "#src/catalogue/mysql-privileges.ts";
import type { DatabaseTarget } from "#src/config/config.ts";
import { type Finding, found, NOBODY } from "#src/doctor/finding.ts";
import { ruleObservations } from "#src/doctor/rules.ts";
import { serverObservations } from "#src/doctor/server.ts";
import { transportObservations, transportOf } from "#src/doctor/transport.ts";
import { type Standing, wallObservations } from "#src/doctor/walls.ts";
import type { MysqlTargetConnection } from "#src/targets/mysql-connection.ts";
import { codeObservations } from "./code.ts";
import { copyObservations } from "./copies.ts";
import { loginInDatabases, loginObservations } from "./login.ts";
import { called, type MysqlPatient, protectedTables } from "./patient.ts";
import { mysqlRelease, settingObservations } from "./server.ts";

export interface MysqlExamination {
  readonly target: DatabaseTarget;
  readonly policy: PolicyDocument;
  readonly connection: MysqlTargetConnection;
  readonly catalogue: MysqlCatalogue;
  /** Unix milliseconds. */
  readonly nowMs: number;
}

/** @throws what the connection throws */
export async function examineMysql(asked: MysqlExamination): Promise<readonly Finding[]> {
  const { target, policy, connection, catalogue, nowMs } = asked;
  const privileges = await readMysqlPrivileges((sql) => connection.query(sql), catalogue.server.flavour);
  const masks = masksFor(policy, NOBODY, target.name);
  const resolved = resolveMysqlProtection(catalogue, masks);
  const patient: MysqlPatient = { catalogue, privileges, resolved, functionsAllowed: allowedFunctions(policy) };
  const rules = new Set(masks.map(({ rule }) => rule)).size;
  return found(target.name, null, [
    ...loginObservations(patient),
    ...loginInDatabases(patient),
    ...ruleObservations({ ...resolved, rules, place: target.name, guarded: protectedTables(patient).length }),
    ...codeObservations(patient),
    ...copyObservations(patient),
    ...settingObservations(patient),
    ...transportObservations(transportOf(connection.socket, target), nowMs),
    ...serverObservations(mysqlRelease(catalogue.server, privileges.settings.version), nowMs),
    ...(rules === 0 ? [] : wallObservations(standingOf(patient, target.name))),
  ]);
}

/** A wall is stale where its account reads a table itself, or reads by a view that is older than a rule for it. */
function standingOf(patient: MysqlPatient, target: string): Standing {
  const { catalogue, privileges, resolved } = patient;
  const older = catalogue.walls
    .filter(({ ofLogin }) => ofLogin)
    .flatMap((wall) =>
      protectedTables(patient).filter((table) => {
        if (table.wall?.database !== wall.name) return false;
        const masked = new Set(wall.masked.flatMap((one) => (one.table === table.name ? [one.column] : [])));
        return [...(resolved.protection.columns.get(table)?.keys() ?? [])].some((column) => !masked.has(column));
      }),
    );
  const readable = protectedTables(patient).find(({ database, name }) => holds(privileges.all, ["SELECT"], database, name));
  const open = readable ?? older[0];
  const walls = catalogue.walls.map(({ name, ofLogin }) => ({ name, ofLogin }));
  return { place: `target ${target}`, object: target, login: privileges.account, walls, open: open === undefined ? null : called(open) };
}
