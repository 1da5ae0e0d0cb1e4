/**
 * Prepared statements and portals by name, as they will be once the server has worked off what was sent. Each change
 * stands on the one before until the server has answered: it can be taken back by itself, wherever it stands, since the
 * server skips what follows an error and goes on behind the next Sync.
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

  statement(name: string): Prepared | undefined {
    return this.#statements.get(name)?.value;
  }

  portal(name: string): Portal | undefined {
    return this.#portals.get(name)?.value;
  }

  setStatement(name: string, prepared: Prepared): Change {
    return put(this.#statements, name, prepared);
  }

  setPortal(name: string, portal: Portal): Change {
    return put(this.#portals, name, portal);
  }

  closeStatement(name: string): Change {
    return put(this.#statements, name, undefined);
  }

  closePortal(name: string): Change {
    return put(this.#portals, name, undefined);
  }

  /** Outside a transaction, with nothing under way, the server holds no portal. */
  clearPortals(): void {
    this.#portals.clear();
  }
}

/** Newest first: `before` is what the name stood for, until the change is settled. */
interface Entry<T> {
  /** Undefined: the name stands for nothing that is known. */
  value: T | undefined;
  before: Entry<T> | undefined;
  undone: boolean;
}

function put<T>(map: Map<string, Entry<T>>, name: string, value: T | undefined): Change {
  const before = map.get(name);
  if (before === undefined && map.size >= NAMES_MAX) {
    throw new Fault("unexpected-message", `more than ${NAMES_MAX} prepared statements or portals`);
  }
  const entry: Entry<T> = { value, before, undone: false };
  map.set(name, entry);
  const tidied = (change: () => void) => () => {
    change();
    tidy(map, name);
  };
  return {
    undo: tidied(() => {
      entry.undone = true;
    }),
    settle: tidied(() => {
      entry.before = undefined;
    }),
    doubt: tidied(() => {
      entry.value = undefined;
      entry.before = undefined;
    }),
  };
}

/** The map holds the newest change that was not undone, and nothing for a name that is gone for good. */
function tidy<T>(map: Map<string, Entry<T>>, name: string): void {
  let entry = map.get(name);
  while (entry?.undone) entry = entry.before;
  if (entry === undefined || (entry.value === undefined && entry.before === undefined)) map.delete(name);
  else map.set(name, entry);
}
