/**
 * Things in FROM that columns can be named of, and what a reference leads to among them. Coarser than the scopes of
 * masking, which decide what may be seen: here a name that can't be told is noted as such, and whoever asks decides what
 * that comes to.
 */
import type { CatalogueRelation } from "#protocols/sql/catalogue.ts";
import { referenceOf } from "./scope.ts";
import type { Body } from "./tree.ts";

/** A relation whose rows come out of a query without any bound; of several, the largest. */
export interface Read {
  /** As the text names it. */
  readonly shown: string;
  /** By the planner's estimate. */
  readonly rows: number;
  /** Byte offset in the text. */
  readonly location: number | undefined;
}

/** What a query is for the one around it. */
export interface Reach {
  /** Undefined where they can't be told. */
  readonly columns: () => ReadonlySet<string> | undefined;
  /** It has one row at most. */
  readonly oneRow: boolean;
  /** Something bounds its rows: a condition, LIMIT, an aggregate. */
  readonly narrow: boolean;
  readonly read: Read | undefined;
  /** A read whose rows are collected into single values, out of the reach of any LIMIT around it. */
  readonly carried: Read | undefined;
  readonly outer: References;
}

/** What references of some expression lead to, in this query and those around it. */
export interface References {
  readonly sources: ReadonlySet<Source>;
  /** Names without a qualifier that could be a column of several sources of that level. */
  readonly vague: ReadonlyMap<Level, ReadonlySet<string>>;
  /** Something is named that is nowhere to be found: the server will refuse it, or knows more. */
  readonly strange: boolean;
}

export interface Source {
  /** Its place in its FROM. */
  readonly number: number;
  readonly alias: string;
  readonly columns: ReadonlySet<string> | undefined;
  readonly relation: CatalogueRelation | undefined;
  /** Of a subquery or common table expression. */
  readonly reach: Reach | undefined;
  /** Its rows are one, or as many as the text itself writes out. */
  readonly few: boolean;
  /** Sources of the same FROM that it is computed from. */
  readonly needs: ReadonlySet<Source>;
  readonly read: Read | undefined;
  readonly shown: string;
  readonly location: number | undefined;
  /** An outer join can make its columns NULL. */
  optional: boolean;
}

export interface Level {
  /** In order. */
  readonly sources: Set<Source>;
  readonly aliases: Map<string, Source>;
  /** Aliases of joins, which stand for what they join. */
  readonly joins: Map<string, readonly Source[]>;
  readonly up: Level | null;
  readonly work: Work;
}

/** What the reading of one statement may still cost: a text must not buy unbounded work. */
export interface Work {
  left: number;
}

/** @throws RangeError */
export function spend(work: Work, steps: number): void {
  work.left -= steps + 1;
  if (work.left < 0) throw new RangeError("the statement is too winding to be followed");
}

export function largest(...reads: readonly (Read | undefined)[]): Read | undefined {
  let found: Read | undefined;
  for (const read of reads) if (read !== undefined && (found === undefined || read.rows > found.rows)) found = read;
  return found;
}

/** Common table expressions in force, innermost first. */
export interface Bound {
  readonly name: string;
  readonly reach: Reach;
  readonly up: Bound | null;
}

const SYSTEM_COLUMNS: ReadonlySet<string> = new Set(["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"]);

/** Notes what a column reference leads to: as PostgreSQL, along all levels for a column first, then for a whole row. */
export function follow(columnRef: Body, level: Level | null, into: MutableReferences): void {
  const { words, star } = referenceOf(columnRef);
  const qualifier = star ? words.at(-1) : words.length > 1 ? words.at(-2) : undefined;
  const name = star ? undefined : words.at(-1);
  if (qualifier !== undefined) followQualified(qualifier, name, level, into);
  else if (name !== undefined) followPlain(name, level, into);
}

function followPlain(name: string, level: Level | null, into: MutableReferences): void {
  for (let at = level; at !== null; at = at.up) spend(at.work, at.sources.size);
  for (let at = level; at !== null; at = at.up) {
    const found = [...at.sources].filter((source) => hasColumn(source, name));
    for (const source of found) into.sources.add(source);
    if (found.length > 0) return;
  }
  for (let at = level; at !== null; at = at.up) {
    const rows = at.aliases.get(name);
    if (rows !== undefined) {
      into.sources.add(rows);
      return;
    }
  }
  let found = false;
  for (let at = level; at !== null; at = at.up) {
    const [only, ...others] = [...at.sources].filter(({ columns }) => columns === undefined);
    if (only === undefined) continue;
    // Further out it may be meant as well: the nearest has it only if it has such a column.
    if (others.length === 0 && !found) into.sources.add(only);
    else into.vague.set(at, (into.vague.get(at) ?? new Set<string>()).add(name));
    found = true;
  }
  into.strange ||= !found;
}

function hasColumn({ columns, relation }: Source, name: string): boolean {
  return columns?.has(name) === true || (relation !== undefined && SYSTEM_COLUMNS.has(name));
}

function followQualified(qualifier: string, name: string | undefined, level: Level | null, into: MutableReferences): void {
  for (let at = level; at !== null; at = at.up) spend(at.work, at.sources.size);
  for (let at = level; at !== null; at = at.up) {
    const found = at.aliases.get(qualifier);
    if (found !== undefined) {
      into.sources.add(found);
      return;
    }
    const joined = at.joins.get(qualifier);
    const [first] = joined ?? [];
    if (joined === undefined || first === undefined) continue;
    const named = name === undefined ? joined : joined.filter((source) => hasColumn(source, name));
    for (const source of named.length > 0 ? named : [first]) into.sources.add(source);
    return;
  }
  into.strange = true;
}

export interface MutableReferences extends References {
  readonly sources: Set<Source>;
  readonly vague: Map<Level, Set<string>>;
  strange: boolean;
}

export function noReferences(): MutableReferences {
  return { sources: new Set(), vague: new Map(), strange: false };
}

export function addReferences(into: MutableReferences, more: References): void {
  for (const source of more.sources) into.sources.add(source);
  for (const [level, names] of more.vague) {
    const known = into.vague.get(level) ?? new Set<string>();
    for (const name of names) known.add(name);
    into.vague.set(level, known);
  }
  into.strange ||= more.strange;
}

/** A column of one relation that is never NULL where it stands: by its declaration, or as a system column. */
export function isNeverNull(columnRef: Body, level: Level): boolean {
  const found = noReferences();
  follow(columnRef, level, found);
  const [source, ...others] = found.sources;
  const name = referenceOf(columnRef).words.at(-1) ?? "";
  if (source?.relation === undefined || others.length > 0 || source.optional || name === source.alias) return false;
  return SYSTEM_COLUMNS.has(name) || source.relation.columns.some((column) => column.name === name && column.notNull);
}

/** Names a column so that two references to it compare equal; undefined where it is not known which source it is of. */
export function columnKey(columnRef: Body, level: Level): string | undefined {
  const { words, star } = referenceOf(columnRef);
  const found = noReferences();
  follow(columnRef, level, found);
  const [source, ...others] = found.sources;
  if (source === undefined || star || others.length > 0) return undefined;
  return level.sources.has(source) ? `${source.number}.${words.at(-1)}` : undefined;
}
