/**
 * What the keeper and its workers tell each other. The keeper alone writes evidence, seals recordings and reads
 * catalogues; a worker asks and waits for the answer before it serves.
 */
import type { HandshakeRecord, SessionSummary } from "#src/audit/records.ts";
import type { SeenCatalogue } from "#src/catalogue/seen.ts";
import type { HostPort } from "#src/config/config.ts";
import type { NamedGreeting } from "./mysql/greetings.ts";

/** Where the workers listen; null: nowhere. */
export type Listens = Readonly<Record<"postgres" | "mysql" | "https" | "http", HostPort | null>>;

/** Who can be cancelled, as BackendKeyData gave it out. */
export interface CancelRequest {
  readonly processId: number;
  /** Hex. */
  readonly secret: string;
  readonly remote: string;
}

/** A session that its own principal stops, from another session. */
export interface KillRequest {
  readonly processId: number;
  /** Names the principal. */
  readonly owner: string;
  /** Ends the session, else only what it runs. */
  readonly connection: boolean;
  readonly remote: string;
}

export interface Start {
  readonly type: "start";
  readonly worker: number;
  /** Version of the configuration that the keeper holds; the worker must read the same. */
  readonly version: string;
  /** 48 bytes, hex. */
  readonly ticketKeys: string;
  readonly listen: Listens;
  readonly gateway: string;
  readonly catalogues: readonly (readonly [name: string, SeenCatalogue])[];
  /** Targets whose masking rules fit their schema; masked principals of others are not served. */
  readonly fitting: readonly string[];
  /** Of MySQL targets, as they were seen last. */
  readonly greetings: readonly NamedGreeting[];
}

export interface Answer {
  readonly type: "answer";
  readonly id: number;
  readonly error: string | null;
}

/** What a worker is told once it runs. */
export type Instruction =
  | { readonly type: "catalogue"; readonly name: string; readonly catalogue: SeenCatalogue | null }
  | { readonly type: "greeting"; readonly news: NamedGreeting }
  | { readonly type: "cancel"; readonly request: CancelRequest }
  | { readonly type: "kill"; readonly request: KillRequest }
  /** Of the newest configuration. */
  | { readonly type: "fits"; readonly target: string }
  | { readonly type: "reload"; readonly version: string; readonly fitting: readonly string[] }
  | { readonly type: "drain" };

export type ToWorker = Start | Answer | Instruction;

/** How a worker's start went. */
export type StartResult =
  | { readonly type: "listening"; readonly addresses: Listens }
  | { readonly type: "failed"; readonly message: string };

/** What a worker tells and asks while it runs. */
export type Report =
  | { readonly type: "reloaded"; readonly error: string | null }
  /** Answered once the record is in the evidence log. */
  | { readonly type: "handshake"; readonly id: number; readonly record: HandshakeRecord }
  /** Answered once the session's beginning is in the evidence log. */
  | { readonly type: "session-opened"; readonly id: number; readonly session: SessionSummary }
  /** Answered once the catalogue was looked at again. */
  | { readonly type: "refresh"; readonly id: number; readonly name: string }
  | { readonly type: "session-progress"; readonly sessions: readonly SessionSummary[] }
  /** The journal is closed; the keeper may seal it. */
  | { readonly type: "session-closed"; readonly session: SessionSummary }
  /** A MySQL target greets otherwise than was known. */
  | { readonly type: "greeting"; readonly news: NamedGreeting }
  | { readonly type: "cancel"; readonly request: CancelRequest }
  | { readonly type: "kill"; readonly request: KillRequest }
  | {
      readonly type: "log";
      readonly level: "info" | "warn" | "error";
      readonly event: string;
      readonly fields: Readonly<Record<string, unknown>>;
    };

export type ToKeeper = StartResult | Report;
