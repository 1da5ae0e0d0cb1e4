/**
 * Everything outside that a command may touch, handed down by main.ts: arguments, environment, streams, clock, signals.
 * Commands never reach for the process itself, so a test can run one with streams and a clock of its own.
 */
import type { Readable, Writable } from "node:stream";

/** A stream to write to; `isTTY` and `columns` as on Node's own terminal streams. */
export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number };
/** A stream to read keys from; `setRawMode` exists on terminals only. */
export type Input = Readable & { readonly isTTY?: boolean; setRawMode?(on: boolean): unknown };

export type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

export interface Self {
  /** The interpreter, and its own options. */
  readonly command: string;
  readonly options: readonly string[];
  /** Path of main.ts. */
  readonly program: string;
}

export interface World {
  /** Arguments after the program's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Unix milliseconds. */
  now(): number;
  /** How to start this program again as a child. */
  readonly self: Self;
  /** Calls `handler` on each such signal until the returned function is called; until then the signal does not end the process. */
  onSignal(signal: StopSignal, handler: () => void): () => void;
  /** Calls `handler` with what nobody caught, until the returned function is called; until then it does not end the process. */
  onDefect(handler: (error: Error) => void): () => void;
  /** Whether the program that waits for this one (npm, a launcher) was killed. */
  orphaned(): boolean;
}
