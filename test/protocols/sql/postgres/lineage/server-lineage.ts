/**
 * What a server itself resolves a query to: a view is made of it in a transaction that is rolled back, and read are the
 * columns that the view depends on (pg_depend), and its stored query tree, through which each output column is followed.
 */
import type pg from "pg";
import { isNode, listOf, numberOf, parseNodeTree, type ServerNode, type TreeValue, wordOf } from "./node-tree.ts";

export interface ServerOutput {
  readonly name: string;
  /** `oid/attribute number`. */
  readonly origins: ReadonlySet<string>;
  /** The column that the server would name in RowDescription; null for a computed one and for a whole row. */
  readonly column: string | null;
}

export interface ServerLineage {
  /** As pg_depend has them; relations of the server's own bootstrap (OID below 12000) are not in it. */
  readonly reads: ReadonlySet<string>;
  readonly outputs: readonly ServerOutput[];
  /** Where USING or NATURAL merges columns of two types, or other than plain ones: what each side derives from. */
  readonly merges: readonly (readonly ReadonlySet<string>[])[];
}

const READ = `SELECT coalesce((SELECT json_agg(d.refobjid::int8 || '/' || d.refobjsubid)
    FROM pg_depend d JOIN pg_class c ON c.oid = d.refobjid AND c.relkind <> 'c'
   WHERE d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class AND d.refobjsubid <> 0), '[]')::text AS reads,
  r.ev_action::text AS tree FROM pg_rewrite r WHERE r.ev_class = 'pg_temp.resolved'::regclass`;

/** The error when the server refuses the query. In EXISTS its columns may be of any kind and name. */
export async function serverLineage(client: pg.Client, sql: string): Promise<ServerLineage | { readonly error: string }> {
  try {
    const answers = (await client.query(
      `BEGIN; CREATE TEMP VIEW resolved AS SELECT 1 AS x WHERE EXISTS (\n${sql}\n); ${READ}; ROLLBACK`,
    )) as unknown as readonly pg.QueryResult[];
    const row = answers[2]?.rows[0];
    const [action] = listOf(parseNodeTree(String(row.tree)));
    if (!isNode(action)) throw new Error("the view's tree is no query");
    const inner = firstSubselect(action);
    if (inner === undefined) throw new Error("the view's tree holds no subquery");
    return { reads: new Set(JSON.parse(String(row.reads))), ...new Follower().follow(inner) };
  } catch (error) {
    await client.query("ROLLBACK");
    if (error instanceof Error && "severity" in error) return { error: error.message };
    throw error;
  }
}

function firstSubselect(value: TreeValue): ServerNode | undefined {
  if (Array.isArray(value)) {
    for (const item of value as readonly TreeValue[]) {
      const found = firstSubselect(item);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (!isNode(value)) return undefined;
  const subselect = value.node === "SUBLINK" ? value.fields.get("subselect") : undefined;
  if (isNode(subselect)) return subselect;
  return firstSubselect([...value.fields.values()]);
}

/** Queries around a place, innermost first. */
interface Around {
  readonly query: ServerNode;
  readonly up: Around | null;
}

const KINDS = { relation: 0, subquery: 1, join: 2, cte: 6 } as const;

class Follower {
  /** Common table expressions by their query: a recursive one leads back to itself. */
  readonly #known = new Map<ServerNode, Set<string>[]>();
  #changed = false;

  readonly #merges: (readonly ReadonlySet<string>[])[] = [];

  follow(query: ServerNode): Pick<ServerLineage, "outputs" | "merges"> {
    let origins: readonly ReadonlySet<string>[] = [];
    // Circles are gone round until nothing is added.
    do {
      this.#changed = false;
      this.#done.clear();
      origins = this.#ofQuery(query, null);
    } while (this.#changed);
    const outputs = visible(query).map((target, index) => {
      const [table, column] = [numberOf(target, "resorigtbl"), numberOf(target, "resorigcol")];
      return {
        name: wordOf(target, "resname"),
        origins: origins[index] ?? new Set(),
        column: table === 0 || column === 0 ? null : `${table}/${column}`,
      };
    });
    this.#noteMerges(query, null);
    return { outputs, merges: this.#merges };
  }

  /** Every join with merged columns below a query, those of queries inside it included. */
  #noteMerges(value: TreeValue, around: Around | null): void {
    if (Array.isArray(value)) for (const item of value as readonly TreeValue[]) this.#noteMerges(item, around);
    if (!isNode(value)) return;
    const inner: Around | null = value.node === "QUERY" ? { query: value, up: around } : around;
    if (value.node === "JOINEXPR" && listOf(value.fields.get("usingClause")).length > 0 && inner !== null)
      this.#noteMerge(value.fields.get("quals") ?? null, inner);
    for (const field of value.fields.values()) this.#noteMerges(field, inner);
  }

  #noteMerge(quals: TreeValue, around: Around): void {
    const equalities = isNode(quals) && quals.node === "BOOLEXPR" ? listOf(quals.fields.get("args")) : [quals];
    for (const equality of equalities) {
      const sides = isNode(equality) ? listOf(equality.fields.get("args")).filter(isNode) : [];
      const types = sides.map((side) => this.#plainType(side, around));
      if (types[0] !== types[1] || types[0] === undefined) this.#merges.push(sides.map((side) => this.#ofExpression(side, around)));
    }
  }

  /** Undefined for anything but a column of a relation. */
  #plainType(side: ServerNode, around: Around): string | undefined {
    const entry = side.node === "VAR" && wordOf(side, "varlevelsup") === "0" ? entryAt(around.query, numberOf(side, "varno")) : undefined;
    const isRelation = entry !== undefined && numberOf(entry, "rtekind") === KINDS.relation;
    return isRelation ? `${wordOf(side, "vartype")} ${wordOf(side, "vartypmod")}` : undefined;
  }

  readonly #done = new Set<ServerNode>();

  /** Each query of a CTE is gone through once a round. */
  #ofQuery(query: ServerNode, up: Around | null): readonly Set<string>[] {
    const around: Around = { query, up };
    const arms = query.fields.get("setOperations");
    if (isNode(arms)) return this.#ofArms(arms, around);
    return visible(query).map((target) => this.#ofExpression(target.fields.get("expr") ?? null, around));
  }

  #ofArms(arms: TreeValue, around: Around): readonly Set<string>[] {
    if (!isNode(arms)) return [];
    if (arms.node === "RANGETBLREF") {
      const entry = entryAt(around.query, numberOf(arms, "rtindex"));
      const subquery = entry?.fields.get("subquery");
      return isNode(subquery) ? this.#ofQuery(subquery, around) : [];
    }
    const [left, right] = ["larg", "rarg"].map((field) => this.#ofArms(arms.fields.get(field) ?? null, around));
    return (left ?? []).map((one, index) => new Set([...one, ...(right?.[index] ?? [])]));
  }

  #ofExpression(value: TreeValue, around: Around): Set<string> {
    const found = new Set<string>();
    const add = (more: Iterable<string>) => {
      for (const one of more) found.add(one);
    };
    if (Array.isArray(value)) for (const item of value as readonly TreeValue[]) add(this.#ofExpression(item, around));
    if (!isNode(value)) return found;
    if (value.node === "VAR") return this.#ofVar(value, around);
    if (value.node === "SUBLINK") {
      const subselect = value.fields.get("subselect");
      if (isNode(subselect)) for (const column of this.#ofQuery(subselect, around)) add(column);
      add(this.#ofExpression(value.fields.get("testexpr") ?? null, around));
      return found;
    }
    if (value.node === "WINDOWFUNC") add(this.#ofWindow(numberOf(value, "winref"), around));
    add(this.#ofExpression([...value.fields.values()], around));
    return found;
  }

  #ofWindow(reference: number, around: Around): Set<string> {
    const window = listOf(around.query.fields.get("windowClause")).find((one) => isNode(one) && numberOf(one, "winref") === reference);
    if (!isNode(window)) return new Set();
    const clauses = [...listOf(window.fields.get("partitionClause")), ...listOf(window.fields.get("orderClause"))];
    const targets = listOf(around.query.fields.get("targetList")).filter(isNode);
    const sorted = clauses.flatMap((clause) => {
      const number = isNode(clause) ? wordOf(clause, "tleSortGroupRef") : "";
      return targets.filter((target) => wordOf(target, "ressortgroupref") === number).map((target) => target.fields.get("expr") ?? null);
    });
    return this.#ofExpression([...sorted, window.fields.get("startOffset") ?? null, window.fields.get("endOffset") ?? null], around);
  }

  #ofVar(variable: ServerNode, around: Around): Set<string> {
    let level: Around | null = around;
    for (let up = numberOf(variable, "varlevelsup"); up > 0; up -= 1) level = level?.up ?? null;
    const entry = level === null ? undefined : entryAt(level.query, numberOf(variable, "varno"));
    const number = numberOf(variable, "varattno");
    if (entry === undefined || level === null) throw new Error("a variable of no relation");
    if (numberOf(entry, "rtekind") === KINDS.relation) {
      const oid = wordOf(entry, "relid");
      if (number !== 0) return new Set([`${oid}/${number}`]);
      const names = entry.fields.get("eref");
      const columns = isNode(names) ? listOf(names.fields.get("colnames")) : [];
      return new Set(columns.map((_, index) => `${oid}/${index + 1}`));
    }
    const columns = this.#columnsOf(entry, level);
    return number === 0 ? new Set(columns.flatMap((column) => [...column])) : (columns[number - 1] ?? this.#allOf(columns));
  }

  #allOf(columns: readonly ReadonlySet<string>[]): Set<string> {
    return new Set(columns.flatMap((column) => [...column]));
  }

  #columnsOf(entry: ServerNode, level: Around): readonly Set<string>[] {
    switch (numberOf(entry, "rtekind")) {
      case KINDS.subquery: {
        const subquery = entry.fields.get("subquery");
        return isNode(subquery) ? this.#ofQuery(subquery, level) : [];
      }
      case KINDS.join:
        return listOf(entry.fields.get("joinaliasvars")).map((one) => this.#ofExpression(one, level));
      case KINDS.cte:
        return this.#ofTable(entry, level);
      default:
        return this.#ofOther(entry, level);
    }
  }

  #ofTable(entry: ServerNode, level: Around): readonly Set<string>[] {
    let at: Around | null = level;
    for (let up = numberOf(entry, "ctelevelsup"); up > 0; up -= 1) at = at?.up ?? null;
    const table = listOf(at?.query.fields.get("cteList")).find((one) => isNode(one) && wordOf(one, "ctename") === wordOf(entry, "ctename"));
    const query = isNode(table) ? table.fields.get("ctequery") : undefined;
    if (!isNode(query)) throw new Error("a common table expression of no query");
    const known = this.#known.get(query) ?? [];
    this.#known.set(query, known);
    if (this.#done.has(query)) return known;
    this.#done.add(query);
    for (const [index, column] of this.#ofQuery(query, at).entries()) {
      const its = known[index] ?? new Set<string>();
      known[index] = its;
      for (const origin of column) {
        if (!its.has(origin)) this.#changed = true;
        its.add(origin);
      }
    }
    return known;
  }

  /** Functions, VALUES, grouping: by column where there is a list for each. */
  #ofOther(entry: ServerNode, level: Around): readonly Set<string>[] {
    const names = entry.fields.get("eref");
    const columns = isNode(names) ? listOf(names.fields.get("colnames")) : [];
    const grouped = listOf(entry.fields.get("groupexprs"));
    if (grouped.length > 0) return grouped.map((one) => this.#ofExpression(one, level));
    const rows = listOf(entry.fields.get("values_lists"));
    if (rows.length > 0)
      return columns.map((_, index) =>
        this.#ofExpression(
          rows.map((row) => listOf(row)[index] ?? null),
          level,
        ),
      );
    const all = this.#ofExpression([entry.fields.get("functions") ?? null, entry.fields.get("tablefunc") ?? null], level);
    return columns.map(() => all);
  }
}

function entryAt(query: ServerNode, number: number): ServerNode | undefined {
  const entry = listOf(query.fields.get("rtable"))[number - 1];
  return isNode(entry) ? entry : undefined;
}

function visible(query: ServerNode): readonly ServerNode[] {
  return listOf(query.fields.get("targetList"))
    .filter(isNode)
    .filter((target) => wordOf(target, "resjunk") !== "true");
}
