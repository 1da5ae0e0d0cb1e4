/** Code of the database's own that runs around a mask: functions with their owner's rights, triggers, row security. */
import type { Observation } from "#src/doctor/finding.ts";
import { called, type Patient, protectedRelations } from "./patient.ts";

export function codeObservations(patient: Patient): readonly Observation[] {
  return [...definers(patient), ...triggers(patient), ...rowSecurity(patient), ...eventTriggers(patient)];
}

function definers(patient: Patient): readonly Observation[] {
  const names = protectedRelations(patient).map((relation) => ({ relation, word: wordOf(relation.name) }));
  return patient.privileges.definers
    .filter(({ loginExecutes }) => loginExecutes)
    .flatMap((definer): readonly Observation[] => {
      const hit = names.find(({ word }) => word.test(definer.source));
      if (hit === undefined) return [];
      const allowed = patient.functionsAllowed.includes(called(definer));
      const runs = `${definer.signature} runs with the rights of ${definer.owner} and mentions ${called(hit.relation)}, which has masked columns`;
      const sql = [`REVOKE EXECUTE ON ROUTINE ${definer.signature} FROM PUBLIC;`];
      if (!allowed)
        return [{ code: "definer-function", object: definer.signature, message: runs, remedy: "see that agents can't call it", sql }];
      const message = `masking.functions.allow lists ${called(definer)}: ${runs}`;
      return [{ code: "definer-function-allowed", object: definer.signature, message, remedy: "read it again, or take it off the list" }];
    });
}

/** The name as a word of its own; PostgreSQL folds case where it is not quoted. */
function wordOf(name: string): RegExp {
  return new RegExp(`(?<![\\p{L}\\p{N}_$])${name.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")}(?![\\p{L}\\p{N}_$])`, "iu");
}

function triggers(patient: Patient): readonly Observation[] {
  const relations = new Map(protectedRelations(patient).map((relation) => [relation.oid, relation]));
  return patient.privileges.triggers.flatMap(({ relation: oid, name, calls }): readonly Observation[] => {
    const relation = relations.get(oid);
    if (relation === undefined) return [];
    const message = `trigger ${name} of ${called(relation)} calls ${calls} with whole rows, masked columns too: what it does with them is not seen`;
    return [
      {
        code: "trigger-on-protected",
        object: `${called(relation)} ${name}`,
        message,
        remedy: "read it: does it copy or tell what is masked?",
      },
    ];
  });
}

function rowSecurity(patient: Patient): readonly Observation[] {
  const secured = new Set(patient.privileges.relations.filter((one) => one.rowSecurity).map(({ oid }) => oid));
  return protectedRelations(patient)
    .filter(({ oid }) => secured.has(oid))
    .map((relation): Observation => {
      const message = `row security of ${called(relation)} holds for the gateway's login, the same for every agent, and its policies see true values`;
      return {
        code: "row-security",
        object: called(relation),
        message,
        remedy: "see that its policies call no functions that tell what they see",
      };
    });
}

function eventTriggers({ privileges }: Patient): readonly Observation[] {
  return privileges.eventTriggers.map(({ name, calls }) => {
    const message = `event trigger ${name} runs ${calls} when the schema is changed, with the rights of whoever changes it`;
    return { code: "event-trigger", object: name, message, remedy: "read it, if agents may change the schema" };
  });
}
