/** What every connection of a worker shares: its line to the keeper, its clock, its keys, its budget. */

import type { Clock } from "#src/recording/clock.ts";
import type { Slabs } from "#src/recording/slabs.ts";
import type { Budget } from "./budget.ts";
import type { CancelKey, Cancels } from "./cancels.ts";
import type { KillRequest } from "./ipc.ts";
import type { KeeperLink } from "./keeper-link.ts";
import type { Deadlines } from "./limits.ts";

export interface WorkerSelf {
  readonly gateway: string;
  readonly link: KeeperLink;
  readonly clock: Clock;
  readonly cancels: Cancels;
  readonly budget: Budget;
  readonly journals: { readonly directory: string; readonly slabs: Slabs };
  readonly deadlines: Deadlines;
  readonly newId: () => string;
  readonly digestOf: (value: Buffer) => string;
  /** Carries out a CancelRequest here, or hands it to the worker whose session it names. */
  readonly cancel: (key: CancelKey, remote: string) => void;
  /** As `cancel`, for a session of the same principal. @returns false where it is known that there is none */
  readonly kill: (request: KillRequest) => boolean;
  /** Looks at a catalogue again, where one is kept. */
  readonly refresh: (name: string) => Promise<void>;
  readonly log: (level: "info" | "warn" | "error", event: string, fields: Readonly<Record<string, unknown>>) => void;
  /** Work that no one waits for; its failure is logged. */
  readonly background: (work: Promise<unknown>) => void;
}
