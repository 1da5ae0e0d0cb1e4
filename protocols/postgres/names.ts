/**
 * Prepared statements and portals by name, as they will be once the server has worked off what was sent. Every change
 * gives back how to undo it, since the server skips what follows an error.
 */

import { Fault } from "#protocols/wire/fault.ts";
import type { Judgement } from "#protocols/wire/judgement.ts";
import { NAMES_MAX } from "#protocols/wire/limits.ts";
import type { Column } from "./decode.ts";
import type { Run } from "./run.ts";

/** Takes back what an operation did to the names, when the server skipped or refused it. */
export type Undo = () => void;

export interface Prepared {
  readonly name: string;
  readonly judgement: Judgement;
  /** Known once the server described it; null for a statement without rows, undefined until then. */
  columns: readonly Column[] | null | undefined;
  /** Object ids of parameter types as ParameterDescription told; empty until then. */
  parameterTypes: readonly number[];
}

export interface Portal {
  readonly prepared: Prepared | null;
  readonly run: Run;
}

export class Names {
  readonly #statements = new Map<string, Prepared>();
  readonly #portals = new Map<string, Portal>();

  statement(name: string): Prepared | undefined {
    return this.#statements.get(name);
  }

  portal(name: string): Portal | undefined {
    return this.#portals.get(name);
  }

  setStatement(name: string, prepared: Prepared): Undo {
    return set(this.#statements, name, prepared);
  }

  setPortal(name: string, portal: Portal): Undo {
    return set(this.#portals, name, portal);
  }

  closeStatement(name: string): Undo {
    return drop(this.#statements, name);
  }

  closePortal(name: string): Undo {
    return drop(this.#portals, name);
  }

  /** Outside a transaction, with nothing under way, the server holds no portal. */
  clearPortals(): void {
    this.#portals.clear();
  }
}

function set<T>(map: Map<string, T>, name: string, value: T): Undo {
  const before = map.get(name);
  if (before === undefined && map.size >= NAMES_MAX)
    throw new Fault("unexpected-message", `more than ${NAMES_MAX} prepared statements or portals`);
  map.set(name, value);
  return () => restore(map, name, before);
}

function drop<T>(map: Map<string, T>, name: string): Undo {
  const before = map.get(name);
  map.delete(name);
  return () => restore(map, name, before);
}

function restore<T>(map: Map<string, T>, name: string, before: T | undefined): void {
  if (before === undefined) map.delete(name);
  else map.set(name, before);
}
