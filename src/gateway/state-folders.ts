/** Where a gateway keeps what it needs while it runs: all beside `state.sqlite`. */
import { dirname, join } from "node:path";
import type { StateConfig } from "#src/config/config.ts";

export interface StateFolders {
  /** Open journals with their keys; mode 0700. */
  readonly journals: string;
  /** Key of the digests that stand for protected literals. */
  readonly digestKey: string;
  /** Copy of the evidence log's last checkpoint. */
  readonly checkpoint: string;
  /** What MySQL targets have greeted with. */
  readonly greetings: string;
}

export function stateFolders(state: StateConfig): StateFolders {
  const folder = dirname(state.sqlite);
  return {
    journals: join(folder, "journals"),
    digestKey: join(folder, "digest.key"),
    checkpoint: join(folder, "checkpoint"),
    greetings: join(folder, "greetings.json"),
  };
}
