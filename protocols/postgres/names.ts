/**
 * Prepared statements and portals by name, as they will be once the server has worked off what was sent. Each change
 * stands on the one before until the server has answered, and is taken back by itself where the server skips it. What a
 * name stands for is said only where it is certain: a client that waits for no answers could else have one text judged and
 * recorded, and another run.
 */

import { Fault } from "#protocols/wire/fault.ts";
import type { Judgement } from "#protocols/wire/judgement.ts";
import { NAMES_MAX } from "#protocols/wire/limits.ts";
import type { Column } from "./decode.ts";
import type { Run } from "./run.ts";

/** What one operation does to a name. */
export interface Change {
  /** The server skipped or refused the operation. */
  undo(): void;
  /** The server did it: what the name stood for before is forgotten. */
  settle(): void;
  /** The server failed in a text that may have got this far: what the name stands for is not known any more. */
  doubt(): void;
}

export interface Prepared {
  readonly name: string;
  readonly judgement: Judgement;
  /** Known once the server described it; null for a statement without rows, undefined until then. */
  columns: readonly Column[] | null | undefined;
  /** Object ids of parameter types as ParameterDescription told; empty until then. */
  parameterTypes: readonly number[];
}

export interface Portal {
  readonly name: string;
  readonly prepared: Prepared | null;
  readonly run: Run;
}

export class Names {
  readonly #statements = new Map<string, Entry<Prepared>>();
  readonly #portals = new Map<string, Entry<Portal>>();
  /** Counts the client's Syncs: an error skips to the next one, so that within a segment all is done or all behind it is not. */
  #segment = 0;

  /** What `name` will stand for; undefined when that is nothing, or when it depends on answers that have not come. */
  statement(name: string): Prepared | undefined {
    return certain(this.#statements.get(name), this.#segment);
  }

  /** As `statement`. */
  portal(name: string): Portal | undefined {
    return certain(this.#portals.get(name), this.#segment);
  }

  /** Whether no statement of this name was ever heard of. */
  isFree(name: string): boolean {
    return !this.#statements.has(name);
  }

  setStatement(name: string, prepared: Prepared): Change {
    return this.#put(this.#statements, name, prepared);
  }

  setPortal(name: string, portal: Portal): Change {
    return this.#put(this.#portals, name, portal);
  }

  closeStatement(name: string): Change {
    return this.#put(this.#statements, name, undefined);
  }

  closePortal(name: string): Change {
    return this.#put(this.#portals, name, undefined);
  }

  /** The client has sent Sync. */
  endSegment(): void {
    this.#segment++;
  }

  /** Outside a transaction, with nothing under way, the server holds no portal. */
  clearPortals(): void {
    this.#portals.clear();
  }

  #put<T>(map: Map<string, Entry<T>>, name: string, value: T | undefined): Change {
    const before = map.get(name);
    if (before === undefined && map.size >= NAMES_MAX) {
      throw new Fault("unexpected-message", `more than ${NAMES_MAX} prepared statements or portals`);
    }
    const entry = new Entry(map, name, value, before, this.#segment);
    map.set(name, entry);
    return entry;
  }
}

class Entry<T> implements Change {
  /** Undefined: closed. */
  readonly value: T | undefined;
  readonly segment: number;
  /** What the name stood for before; gone once this change is settled. */
  before: Entry<T> | undefined;
  state: "sent" | "settled" | "undone" | "doubtful" = "sent";
  readonly #map: Map<string, Entry<T>>;
  readonly #name: string;

  constructor(map: Map<string, Entry<T>>, name: string, value: T | undefined, before: Entry<T> | undefined, segment: number) {
    this.#map = map;
    this.#name = name;
    this.value = value;
    this.before = before;
    this.segment = segment;
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
    if (state !== "undone") this.before = undefined;
    tidy(this.#map, this.#name);
  }
}

/** How many unanswered changes of one name are looked at. */
const DEPTH_MAX = 1_000;

/**
 * The one value that an operation in this segment can meet. A change in the same segment is done if the operation is
 * reached at all; an earlier one that is not answered may be skipped yet, and then the name stands for what it did before.
 */
function certain<T>(newest: Entry<T> | undefined, segment: number): T | undefined {
  let found: T | undefined;
  let depth = 0;
  for (let entry = newest; entry !== undefined; entry = entry.before) {
    if (entry.state === "undone") continue;
    if (entry.state === "doubtful" || ++depth > DEPTH_MAX) return undefined;
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
