/**
 * Prepared statements and portals by name, as they will be once the server has worked off what was sent. Each change
 * stands on the one before until the server has answered, and is taken back by itself where the server skips it. What a
 * name stands for is said only where it is certain: a client that waits for no answers could else have one text judged and
 * recorded, and another run. Where any of several will do, all that it may stand for are told.
 */

import { Fault } from "#protocols/wire/fault.ts";
import type { Judgement } from "#protocols/wire/judgement.ts";
import { NAMES_MAX } from "#protocols/wire/limits.ts";
import type { Run } from "#protocols/wire/run.ts";
import type { Column } from "./decode.ts";

/** What one operation does to a name. */
export interface Change {
  /** The server skipped or refused the operation. */
  undo(): void;
  /** The server did it: what the name stood for before is forgotten. */
  settle(): void;
  /** The server failed where it may have done it already: the name stands for this, or for what it stood for before. */
  doubt(): void;
}

export interface Prepared {
  readonly name: string;
  readonly judgement: Judgement;
  /** Known once the server described it; null for a statement without rows, undefined until then. */
  columns: readonly Column[] | null | undefined;
  /** Object ids of parameter types as ParameterDescription told; empty until then. */
  parameterTypes: readonly number[];
  /** PREPARE in a text made it, not a Parse. */
  readonly inText: boolean;
}

export interface Portal {
  readonly name: string;
  readonly prepared: Prepared | null;
  readonly run: Run;
  /** Of its rows' columns, as Bind asked for them; empty: as they are described. */
  readonly formats: readonly number[];
}

export class Names {
  readonly #statements = new Map<string, Entry<Prepared>>();
  /** Null: a cursor that a text has declared. */
  readonly #portals = new Map<string, Entry<Portal | null>>();
  /** Counts the client's Syncs: an error skips to the next one, so that within a segment all is done or all behind it is not. */
  #segment = 0;
  /** Counts changes, in the order in which they are sent. */
  #order = 0;
  /** Of what was sent up to here, texts that were not understood may have made anything. */
  #doubtedTo = 0;
  /** Such texts that are not answered. */
  #unread = 0;

  /** What `name` will stand for; undefined when that is nothing, or when it depends on answers that have not come. */
  statement(name: string): Prepared | undefined {
    return this.#certain(this.#statements, name);
  }

  /** As `statement`; a cursor of a text is not known. */
  portal(name: string): Portal | undefined {
    return this.#certain(this.#portals, name) ?? undefined;
  }

  /**
   * Everything that the server may find under `name` when it gets there. All that a session prepares is put here, in the
   * order in which it is sent, so that of a name which is not known here nothing is there.
   *
   * @returns undefined when that is more than is kept
   */
  candidates(name: string): readonly Prepared[] | undefined {
    return possible(this.#statements.get(keyOf(name)));
  }

  /** What `name` stands for by the answers that have come; undefined when that is nothing, or not certain. */
  answered(name: string): Prepared | undefined {
    let entry = this.#statements.get(keyOf(name));
    while (entry !== undefined && (entry.state === "sent" || entry.state === "undone")) entry = entry.before;
    return entry?.state === "settled" ? entry.value : undefined;
  }

  setStatement(name: string, prepared: Prepared): Change {
    return this.#put(this.#statements, keyOf(name), prepared);
  }

  setPortal(name: string, portal: Portal): Change {
    return this.#put(this.#portals, keyOf(name), portal);
  }

  declareCursor(name: string): Change {
    return this.#put(this.#portals, keyOf(name), null);
  }

  closeStatement(name: string): Change {
    return this.#put(this.#statements, keyOf(name), undefined);
  }

  /**
   * DEALLOCATE ALL. Until it is answered, names stand for what they did before as well; SQL can't name the unnamed statement,
   * which stays.
   */
  closeStatements(): Change {
    return this.#closeAll(this.#statements);
  }

  closePortal(name: string): Change {
    return this.#put(this.#portals, keyOf(name), undefined);
  }

  /** CLOSE ALL, as `closeStatements`. */
  closePortals(): Change {
    return this.#closeAll(this.#portals);
  }

  /**
   * A text that is not understood. What names stand for is not certain while it is under way, nor once something of it is done;
   * where its first statement fails nothing is. The unnamed ones no text can reach.
   */
  doubtAll(): Change {
    const order = ++this.#order;
    this.#unread++;
    let over = false;
    const end = (doubtedTo: number) => (): void => {
      if (over) return;
      over = true;
      this.#unread--;
      this.#doubtedTo = Math.max(this.#doubtedTo, doubtedTo);
    };
    return { undo: end(0), settle: end(order), doubt: end(0) };
  }

  /** The client has sent Sync, or a Query: its error skips nothing that comes behind it. */
  endSegment(): void {
    this.#segment++;
  }

  /** Outside a transaction, with nothing under way, the server holds no portal. */
  clearPortals(): void {
    this.#portals.clear();
  }

  #closeAll<T>(map: Map<string, Entry<T>>): Change {
    const order = ++this.#order;
    const settle = (): void => {
      for (const [name, newest] of map) if (name !== "") forget(map, name, newest, order);
    };
    return { undo: () => undefined, settle, doubt: () => undefined };
  }

  #certain<T>(map: ReadonlyMap<string, Entry<T>>, name: string): T | undefined {
    if (name === "") return certain(map.get(name), this.#segment, 0);
    return this.#unread > 0 ? undefined : certain(map.get(keyOf(name)), this.#segment, this.#doubtedTo);
  }

  #put<T>(map: Map<string, Entry<T>>, name: string, value: T | undefined): Change {
    const before = map.get(name);
    if (before === undefined && map.size >= NAMES_MAX) {
      throw new Fault("unexpected-message", `more than ${NAMES_MAX} prepared statements or portals`);
    }
    const entry = new Entry(map, name, value, before, this.#segment, ++this.#order);
    map.set(name, entry);
    return entry;
  }
}

class Entry<T> implements Change {
  /** Undefined: closed. */
  readonly value: T | undefined;
  readonly segment: number;
  readonly order: number;
  /** What the name stood for before; gone once this change is settled. */
  before: Entry<T> | undefined;
  /** The name may stand for more than is kept. */
  lost = false;
  state: "sent" | "settled" | "undone" | "doubtful" = "sent";
  readonly #map: Map<string, Entry<T>>;
  readonly #name: string;

  constructor(
    map: Map<string, Entry<T>>,
    name: string,
    value: T | undefined,
    before: Entry<T> | undefined,
    segment: number,
    order: number,
  ) {
    this.#map = map;
    this.#name = name;
    this.value = value;
    this.before = before;
    this.segment = segment;
    this.order = order;
  }

  undo(): void {
    this.#become("undone");
  }

  settle(): void {
    this.#become("settled");
  }

  doubt(): void {
    this.#become("doubtful");
  }

  #become(state: Entry<T>["state"]): void {
    if (this.state !== "sent") return;
    this.state = state;
    if (state === "settled") this.before = undefined;
    if (state === "doubtful") this.#keepDoubts();
    tidy(this.#map, this.#name);
  }

  /** What lies behind a doubt is answered: it is kept without what was undone, and no more of it than can be asked. */
  #keepDoubts(): void {
    const kept: Entry<T>[] = [this];
    for (let entry = this.before; entry !== undefined; entry = entry.before) if (entry.state !== "undone") kept.push(entry);
    this.lost = kept.length > CANDIDATES_MAX || kept.some(({ lost }) => lost);
    if (this.lost) kept.length = 1;
    kept.forEach((entry, index) => {
      entry.before = kept[index + 1];
    });
  }
}

/** How many unanswered changes of one name are looked at. */
const DEPTH_MAX = 1_000;

/** How many statements one name may stand for, after failures that leave it open. */
const CANDIDATES_MAX = 16;

/** PostgreSQL keeps names in NAMEDATALEN - 1 bytes, of which so much counts; names beyond ASCII are refused. */
const NAME_BYTES_MAX = 63;

function keyOf(name: string): string {
  return name.slice(0, NAME_BYTES_MAX);
}

/**
 * The one value that an operation in this segment can meet. A change in the same segment is done if the operation is
 * reached at all; an earlier one that is not answered may be skipped yet, and then the name stands for what it did before.
 *
 * @param doubtedTo of changes sent up to then nothing is certain
 */
function certain<T>(newest: Entry<T> | undefined, segment: number, doubtedTo: number): T | undefined {
  let found: T | undefined;
  let depth = 0;
  for (let entry = newest; entry !== undefined; entry = entry.before) {
    if (entry.state === "undone") continue;
    if (entry.state === "doubtful" || entry.order <= doubtedTo || ++depth > DEPTH_MAX) return undefined;
    if (entry.value !== undefined) {
      if (found !== undefined) return undefined;
      found = entry.value;
    }
    if (entry.state === "settled" || entry.segment === segment) break;
  }
  return found;
}

/** The map holds the newest change that was not undone, and nothing for a name that is gone for good. */
function tidy<T>(map: Map<string, Entry<T>>, name: string): void {
  let entry = map.get(name);
  while (entry?.state === "undone") entry = entry.before;
  if (entry === undefined || (entry.state === "settled" && entry.value === undefined)) map.delete(name);
  else map.set(name, entry);
}

/** All that an operation sent now can meet, newest first. */
function possible<T>(newest: Entry<T> | undefined): readonly T[] | undefined {
  const found: T[] = [];
  let depth = 0;
  for (let entry = newest; entry !== undefined; entry = entry.before) {
    if (entry.state === "undone") continue;
    if (entry.lost || ++depth > DEPTH_MAX) return undefined;
    if (entry.value !== undefined) found.push(entry.value);
    if (entry.state === "settled") break;
  }
  return found;
}

/** Of changes sent before `order` nothing is left. */
function forget<T>(map: Map<string, Entry<T>>, name: string, newest: Entry<T>, order: number): void {
  if (newest.order < order) {
    map.delete(name);
    return;
  }
  let entry = newest;
  while (entry.before !== undefined && entry.before.order >= order) entry = entry.before;
  entry.before = undefined;
}
