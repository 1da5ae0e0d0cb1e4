/** Code of the database's own that runs around a mask: routines and events with their definer's rights, triggers. */
import { quoteMysqlName } from "#protocols/mysql/protocol.ts";
import type { Observation } from "#src/doctor/finding.ts";
import { called, type MysqlPatient, protectedTables, spokenOf, userTables } from "./patient.ts";

export function codeObservations(patient: MysqlPatient): readonly Observation[] {
  return [...programs(patient), ...triggers(patient)];
}

/** The server lists those that the login may execute. */
function programs(patient: MysqlPatient): readonly Observation[] {
  const allowed = new Set(patient.functionsAllowed.map((name) => name.toLowerCase()));
  return patient.privileges.code.flatMap(({ db, name, definer, body, kind }): readonly Observation[] => {
    const object = called({ database: db, name });
    if (body === null || body === "") {
      const message = `${kind} ${object} runs with the rights of ${definer}, and what it does can't be seen`;
      return [{ code: "definer-unseen", object, message, remedy: "read it, as somebody who may: does it copy or tell what is masked?" }];
    }
    const hit = spokenOf(patient, body, db);
    if (hit === undefined) return [];
    const runs = `${object} runs with the rights of ${definer} and mentions ${called(hit)}, which has masked columns`;
    if (kind === "event")
      return [{ code: "event-on-protected", object, message: `event ${runs}`, remedy: "read it: does it copy what is masked?" }];
    if (!allowed.has(object.toLowerCase()))
      return [{ code: "definer-function", object, message: runs, remedy: "see that agents can't call it" }];
    const message = `masking.functions.allow lists ${object}: ${runs}`;
    return [{ code: "definer-function-allowed", object, message, remedy: "read it again, or take it off the list" }];
  });
}

function triggers(patient: MysqlPatient): readonly Observation[] {
  const guarded = new Set(protectedTables(patient));
  return userTables(patient).flatMap((table) =>
    table.triggers.flatMap(({ name, body }): readonly Observation[] => {
      const hit = body === null ? undefined : spokenOf(patient, body, table.database);
      if (!guarded.has(table) && hit === undefined) return [];
      const sees = guarded.has(table)
        ? "sees whole rows, masked columns too"
        : `mentions ${called(hit ?? table)}, which has masked columns`;
      const message = `trigger ${name} of ${called(table)} ${sees}, with its definer's rights: what it does with them is its own affair`;
      return [
        {
          code: "trigger-on-protected",
          object: `${called(table)} ${name}`,
          message,
          remedy: "read it: does it copy or tell what is masked?",
          sql: [`SHOW CREATE TRIGGER ${quoteMysqlName(table.database)}.${quoteMysqlName(name)};`],
        },
      ];
    }),
  );
}
