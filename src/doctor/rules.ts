/** Whether the masking rules say something on this database, and whether a wall stands behind them. */
import type { Observation } from "./finding.ts";
import { called, type Patient, protectedRelations, wallSchemas } from "./patient.ts";

/** Nothing where no rule speaks of the target: then nothing is masked, and nothing is expected. */
export function ruleObservations(patient: Patient, rules: number): readonly Observation[] {
  if (rules === 0) return [];
  const problems = patient.resolved.problems.map(
    ({ kind, columns, message }): Observation =>
      kind === "unfit"
        ? { code: "mask-unfit", object: columns, message, remedy: "choose a mask for its type; until then it shows NULL" }
        : {
            code: "rule-names-nothing",
            object: columns,
            message,
            remedy: "write the names as the catalogue spells them; was something renamed?",
          },
  );
  if (problems.length > 0) return problems;
  const guarded = protectedRelations(patient).length;
  const message = `${rules} masking ${rules === 1 ? "rule" : "rules"}, each names something; ${guarded} ${guarded === 1 ? "relation has" : "relations have"} masked columns`;
  return [{ code: "rules-ok", object: patient.catalogue.database, message }];
}

export function wallObservations(patient: Patient, rules: number): readonly Observation[] {
  if (rules === 0) return [];
  const { privileges, catalogue } = patient;
  const walls = wallSchemas(privileges);
  const { database } = catalogue;
  if (walls.length === 0) {
    const message = `no wall stands in database ${database}: masks hold in the gateway alone`;
    return [{ code: "wall-absent", object: database, message, remedy: "sallyport wall prints the SQL of one: docs/wall.md" }];
  }
  const readable = new Set(privileges.relations.filter(({ loginReads }) => loginReads).map(({ oid }) => oid));
  const open = protectedRelations(patient).find(({ oid }) => readable.has(oid));
  const names = walls.map(({ name }) => name).join(", ");
  if (open === undefined) {
    return [
      {
        code: "wall-ok",
        object: names,
        message: `login ${privileges.login.name} may read no relation with masked columns but by the wall's views`,
      },
    ];
  }
  const behind = walls.find(({ comment }) => comment?.includes(`"${privileges.login.name.replaceAll('"', '""')}"`) === true);
  if (behind === undefined) {
    const message = `a wall stands in schema ${names}, and the gateway's login ${privileges.login.name} is not behind it`;
    return [{ code: "wall-unused", object: names, message, remedy: "set targets.*.credential to the wall's role: docs/wall.md" }];
  }
  const message = `login ${privileges.login.name} is behind the wall of schema ${behind.name}, and may read ${called(open)} itself, which has masked columns`;
  return [{ code: "wall-stale", object: called(open), message, remedy: "print the wall anew with sallyport wall, and run it" }];
}
