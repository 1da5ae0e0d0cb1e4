/** The tables of a MySQL or MariaDB server with all that belongs to them, put together from the rows that tell of the parts. */
import { z } from "zod";
import {
  type MysqlColumn,
  type MysqlIndex,
  type MysqlReference,
  type MysqlReferenceAction,
  type MysqlServer,
  type MysqlTable,
  type MysqlTableKind,
  type MysqlTrigger,
  type MysqlView,
  type WallColumn,
  type WallMark,
  wallColumnIn,
  wallMarkIn,
} from "#protocols/mysql/protocol.ts";
import * as queries from "./mysql-queries.ts";
import { asked, type RunMysqlQuery } from "./mysql-rows.ts";
import { tagsInComment } from "./tags.ts";

const text = z.string();
const maybe = z.string().nullable();
const whole = z.string().regex(/^\d+$/).transform(Number);
/** What everything below belongs to. */
const owner = { db: text, rel: text };

const table = z.object({ db: text, name: text, type: text, engine: maybe, comment: maybe });
const column = z.object({
  ...owner,
  ...{ name: text, number: whole, type: text, datatype: text, nullable: text, charset: maybe, coll: maybe },
  ...{ characters: whole.nullable(), generation: maybe, dflt: maybe, extra: maybe, comment: maybe },
});
const index = z.object({ ...owner, name: text, many: text, col: maybe, expression: maybe, hidden: text });
const reference = z.object({
  ...owner,
  ...{ name: text, col: text, todb: text, torel: text, tocol: text, ondelete: text, onupdate: text },
});
const check = z.object({ ...owner, clause: text });
const trigger = z.object({ ...owner, name: text, event: text, body: maybe });
const view = z.object({ ...owner, definition: maybe, security: text, definer: text, checking: text });
const partition = z.object({ ...owner, expression: maybe, sub: maybe });

/** A table that says what the database is which it stands in. */
export interface SeenMark {
  readonly name: string;
  readonly mark: WallMark;
  readonly masked: readonly WallColumn[];
}

export class Tables {
  readonly #query: RunMysqlQuery;
  readonly #server: MysqlServer;

  constructor(query: RunMysqlQuery, server: MysqlServer) {
    this.#query = query;
    this.#server = server;
  }

  async read(): Promise<{ readonly tables: readonly MysqlTable[]; readonly marks: readonly SeenMark[] }> {
    const mariadb = this.#server.flavour === "mariadb";
    const rows = await asked(this.#query, queries.TABLES, table);
    const columns = await this.#owned(queries.COLUMNS, column);
    const indexes = await this.#owned(queries.indexes(this.#server), index);
    const references = await this.#owned(queries.REFERENCES, reference);
    const checks = await this.#owned(queries.checks(this.#server.flavour), check);
    const triggers = await this.#owned(queries.TRIGGERS, trigger);
    const views = await this.#owned(queries.VIEWS, view);
    const partitions = await this.#owned(queries.PARTITIONS, partition);
    const marks = rows.flatMap(({ db, name, type, comment }): readonly SeenMark[] => {
      const mark = type === "BASE TABLE" ? wallMarkIn(name, comment ?? "") : undefined;
      if (mark === undefined) return [];
      const masked = (columns.get(keyOf(db, name)) ?? []).flatMap((one) => wallColumnIn(one.comment ?? "") ?? []);
      return [{ name: db, mark, masked }];
    });
    const tables = rows.map((one): MysqlTable => {
      const key = keyOf(one.db, one.name);
      const tags = tagsInComment(one.comment ?? "");
      const [shown] = views.get(key) ?? [];
      const itsColumns = (columns.get(key) ?? []).map((raw) => columnOf(raw, tags, mariadb));
      return {
        database: one.db,
        name: one.name,
        kind: kindOf(one, itsColumns.length),
        columns: itsColumns,
        indexes: indexesOf(indexes.get(key) ?? []),
        references: referencesOf(references.get(key) ?? []),
        checks: (checks.get(key) ?? []).map(({ clause }) => clause),
        triggers: (triggers.get(key) ?? []).map(triggerOf),
        partitionKey: [...new Set((partitions.get(key) ?? []).flatMap(({ expression, sub }) => [expression, sub]))]
          .filter((expression) => expression !== null)
          .join(", "),
        view: shown === undefined ? null : viewOf(shown),
      };
    });
    return { tables, marks };
  }

  /** By what they belong to, in the order in which they came. */
  async #owned<Row extends { readonly db: string; readonly rel: string }>(
    sql: string,
    shape: z.ZodType<Row>,
  ): Promise<ReadonlyMap<string, readonly Row[]>> {
    const found = new Map<string, Row[]>();
    for (const row of await asked(this.#query, sql, shape)) {
      const key = keyOf(row.db, row.rel);
      const known = found.get(key);
      if (known === undefined) found.set(key, [row]);
      else known.push(row);
    }
    return found;
  }
}

function keyOf(database: string, name: string): string {
  return `${database}\0${name}`;
}

/** Engines that keep their own rows and nothing else. */
const ENGINES: ReadonlySet<string> = new Set([
  "innodb",
  "myisam",
  "aria",
  "memory",
  "archive",
  "csv",
  "rocksdb",
  "ndbcluster",
  "columnstore",
]);

function kindOf({ type, engine }: z.infer<typeof table>, columns: number): MysqlTableKind {
  if (type === "VIEW") return "view";
  // No table is without columns: what they are could not be read.
  if (columns === 0) return "other";
  if (!ENGINES.has((engine ?? "").toLowerCase())) return "other";
  if (type === "SYSTEM VERSIONED") return "system-versioned";
  return type === "BASE TABLE" ? "table" : "other";
}

function columnOf(raw: z.infer<typeof column>, inherited: readonly string[], mariadb: boolean): MysqlColumn {
  const extra = (raw.extra ?? "").toLowerCase();
  return {
    name: raw.name,
    number: raw.number,
    type: raw.type,
    dataType: raw.datatype.toLowerCase(),
    nullable: raw.nullable === "YES",
    charset: raw.charset,
    collation: raw.coll,
    characters: raw.characters,
    generation: raw.generation === "" ? null : raw.generation,
    // MariaDB tells one that is NULL; a text stands in quotes there.
    default: mariadb && raw.dflt === "NULL" ? null : raw.dflt,
    invisible: /\binvisible\b/.test(extra),
    autoIncrement: extra.includes("auto_increment"),
    tags: [...new Set([...inherited, ...tagsInComment(raw.comment ?? "")])].sort(),
  };
}

/** Rows of the same name follow one another. */
function grouped<Row extends { readonly name: string }>(rows: readonly Row[]): readonly (readonly [Row, ...Row[]])[] {
  const groups = new Map<string, [Row, ...Row[]]>();
  for (const row of rows) {
    const known = groups.get(row.name);
    if (known === undefined) groups.set(row.name, [row]);
    else known.push(row);
  }
  return [...groups.values()];
}

function indexesOf(rows: readonly z.infer<typeof index>[]): readonly MysqlIndex[] {
  return grouped(rows).map((keys) => ({
    name: keys[0].name,
    unique: keys[0].many === "0",
    visible: keys[0].hidden === "0",
    keys: keys.map(({ col, expression }) => ({ column: col, expression })),
  }));
}

function referencesOf(rows: readonly z.infer<typeof reference>[]): readonly MysqlReference[] {
  return grouped(rows).map((pairs) => ({
    name: pairs[0].name,
    columns: pairs.map(({ col, tocol }) => ({ name: col, refersTo: tocol })),
    database: pairs[0].todb,
    table: pairs[0].torel,
    onDelete: actionOf(pairs[0].ondelete),
    onUpdate: actionOf(pairs[0].onupdate),
  }));
}

function actionOf(rule: string): MysqlReferenceAction {
  if (rule === "CASCADE") return "cascade";
  return rule.startsWith("SET") ? "set" : "refuse";
}

function triggerOf({ name, event, body }: z.infer<typeof trigger>): MysqlTrigger {
  return { name, event: event === "INSERT" ? "insert" : event === "UPDATE" ? "update" : "delete", body: body === "" ? null : body };
}

function viewOf({ definition, security, definer, checking }: z.infer<typeof view>): MysqlView {
  return {
    definition: definition === "" ? null : definition,
    security: security === "INVOKER" ? "invoker" : "definer",
    definer,
    checkOption: checking !== "NONE",
  };
}
