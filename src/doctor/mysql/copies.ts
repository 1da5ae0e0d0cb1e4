/** Where protected values may lie or go under another name: copies, views, defaults, tables of other servers, logs. */
import { type MysqlColumn, quoteMysqlName, wordsIn } from "#protocols/mysql/protocol.ts";
import type { Observation } from "#src/doctor/finding.ts";
import { called, type MysqlPatient, protectedTables, spokenOf, userTables } from "./patient.ts";

/** Engines whose tables are rows of other servers or files. */
const REACHES_OUT: ReadonlySet<string> = new Set(["federated", "connect", "spider", "s3", "mroonga", "cassandra", "sphinx"]);

export function copyObservations(patient: MysqlPatient): readonly Observation[] {
  return [...views(patient), ...sameColumns(patient), ...defaults(patient), ...foreignTables(patient), ...engines(patient)];
}

function views(patient: MysqlPatient): readonly Observation[] {
  const { account } = patient.privileges;
  return userTables(patient).flatMap((table): readonly Observation[] => {
    const { view } = table;
    if (view === null || view.definition === null || view.security === "invoker" || view.definer === account) return [];
    const hit = spokenOf(patient, view.definition, table.database);
    if (hit === undefined) return [];
    const message = `view ${called(table)} reads ${called(hit)}, which has masked columns, with the rights of ${view.definer}`;
    const remedy = "grant it to nobody whom the masks mean and who connects without the gateway";
    return [{ code: "view-over-protected", object: called(table), message, remedy }];
  });
}

/** What can hold the same values: a text of one length is one of another. */
function classOf({ dataType }: MysqlColumn): string {
  if (/char|text|enum|set/.test(dataType)) return "text";
  if (/int|decimal|float|double|year|bit/.test(dataType)) return "number";
  if (/date|time/.test(dataType)) return "time";
  return dataType;
}

/** A hint, no more: names are what can be compared. What a view shows is masked where it comes from. */
function sameColumns(patient: MysqlPatient): readonly Observation[] {
  const { columns } = patient.resolved.protection;
  const known = new Map<string, { readonly kind: string; readonly of: string }>();
  for (const table of protectedTables(patient)) {
    for (const column of table.columns) {
      const name = column.name.toLowerCase();
      if (columns.get(table)?.has(column.name) === true && !known.has(name))
        known.set(name, { kind: classOf(column), of: `${called(table)}.${column.name}` });
    }
  }
  return userTables(patient)
    .filter(({ kind }) => kind !== "view")
    .flatMap((table) =>
      table.columns.flatMap((column): readonly Observation[] => {
        const like = known.get(column.name.toLowerCase());
        if (like === undefined || like.kind !== classOf(column) || columns.get(table)?.has(column.name) === true) return [];
        const object = `${called(table)}.${column.name}`;
        const message = `${object} has the name of ${like.of}, which is masked, and no rule names it`;
        return [{ code: "copy-same-column", object, message, remedy: "if it holds such values, name it in a masking rule" }];
      }),
    );
}

/** A default may be an expression over other columns; rules reach generated columns, and not these. */
function defaults(patient: MysqlPatient): readonly Observation[] {
  const { columns } = patient.resolved.protection;
  return protectedTables(patient).flatMap((table) => {
    const masked = [...(columns.get(table)?.keys() ?? [])];
    return table.columns.flatMap((column): readonly Observation[] => {
      if (column.default === null || columns.get(table)?.has(column.name) === true || !/[(`]/.test(column.default)) return [];
      const words = wordsIn(column.default);
      const from = masked.find((name) => words.has(name.toLowerCase()));
      if (from === undefined) return [];
      const object = `${called(table)}.${column.name}`;
      const message = `${object} is by default made of ${from}, which is masked, and no rule names it`;
      return [{ code: "copy-by-default", object, message, remedy: "name it in a masking rule" }];
    });
  });
}

function foreignTables(patient: MysqlPatient): readonly Observation[] {
  const others = new Set(userTables(patient).flatMap((table) => (table.kind === "other" ? [called(table)] : [])));
  return patient.privileges.engines
    .map(({ db, name, engine }) => ({ object: called({ database: db, name }), engine }))
    .filter(({ object }) => others.has(object))
    .map(({ object, engine }) => {
      const message = `table ${object} (${engine}) takes its rows from elsewhere, which no rule of this table protects`;
      return {
        code: "foreign-table",
        object,
        message,
        remedy: "under a mask it is refused; name what it takes its rows from in the rules",
      };
    });
}

function engines({ privileges }: MysqlPatient): readonly Observation[] {
  return privileges.active
    .filter((engine) => REACHES_OUT.has(engine.toLowerCase()))
    .map((engine) => {
      const message = `engine ${engine} makes tables of other servers or files from inside a statement`;
      const sql = [`UNINSTALL PLUGIN ${quoteMysqlName(engine.toLowerCase())};`];
      return { code: "extension-reaches-out", object: engine, message, remedy: "take it out if nothing needs it", sql };
    });
}
