/** WITH as lineage follows it: what its names are bound to, circles of WITH RECURSIVE included. */
import { type Reader, renamed } from "./from-items.ts";
import type { Outputs } from "./namespace.ts";
import { ANYTHING, mixed, OpenOrigin } from "./origins.ts";
import type { Scope, WithOutputs } from "./scope.ts";
import { type Body, flagOf, isBody, nodeOf, nodesOf, textOf, wordsOf } from "./tree.ts";

/** Told what all arms of a set operation but the last yield, before that is read. */
export type OnFirst = (outputs: Outputs) => void;

/** Binds what a WITH clause names. Under RECURSIVE all of it is seen from the start, and each query is read when asked for. */
export function withClause(reader: Reader, owner: Body, names: WithOutputs | null, up: Scope | null): WithOutputs | null {
  const clause = owner["withClause"];
  if (!isBody(clause)) return names;
  const bound = new Map<string, () => Outputs>();
  const inner: WithOutputs = { bound, up: names };
  const expressions = nodesOf("WithClause", clause, "ctes");
  if (flagOf(clause, "recursive")) {
    for (const { body } of expressions) bound.set(textOf(body, "ctename"), onDemand(reader, body, inner, up));
    for (const { body } of expressions) bound.get(textOf(body, "ctename"))?.();
  } else {
    for (const { body } of expressions) {
      const outputs = named(reader, body, read(reader, body, inner, up, undefined));
      bound.set(textOf(body, "ctename"), () => outputs);
    }
  }
  return inner;
}

function read(reader: Reader, cte: Body, names: WithOutputs, up: Scope | null, onFirst: OnFirst | undefined): Outputs {
  const node = nodeOf("CommonTableExpr", cte, "ctequery");
  return node === undefined ? undefined : reader.query(node, names, up, onFirst);
}

/** While a recursive query is read, its columns are what its first arm yields, open for what the last one adds. */
function onDemand(reader: Reader, cte: Body, names: WithOutputs, up: Scope | null): () => Outputs {
  let begun = false;
  let outputs: Outputs;
  return () => {
    if (begun) return outputs;
    begun = true;
    const open: OpenOrigin[] = [];
    const own = read(reader, cte, names, up, (first) => {
      const opened = first?.map(({ name, origin }) => {
        const column = new OpenOrigin(origin);
        open.push(column);
        return { name, origin: column, direct: false, type: null };
      });
      outputs = named(reader, cte, opened);
    });
    for (const [index, column] of open.entries()) column.from.push(own?.[index]?.origin ?? ANYTHING);
    outputs = named(reader, cte, own);
    return outputs;
  };
}

/** SEARCH and CYCLE add columns of their own. */
function named(reader: Reader, cte: Body, outputs: Outputs): Outputs {
  if (outputs === undefined) return undefined;
  const search = cte["search_clause"];
  const cycle = cte["cycle_clause"];
  const added = [
    ...(isBody(search) ? [textOf(search, "search_seq_column")] : []),
    ...(isBody(cycle) ? [textOf(cycle, "cycle_mark_column"), textOf(cycle, "cycle_path_column")] : []),
  ];
  const own = renamed(reader, outputs, wordsOf(cte, "aliascolnames"));
  if (own === undefined || added.length === 0) return own;
  const origin = mixed(outputs.map((output) => output.origin));
  return [...own, ...added.map((name) => ({ name, origin, direct: false, type: null }))];
}
