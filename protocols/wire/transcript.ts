/**
 * What one session leaves on record, as plain data that a protocol machine can make without knowing how it is kept.
 * Field names are the product's face (`replay --json`); docs/formats/recording.md is the specification.
 */
import type { Principal } from "#policies/question.ts";

/** How a session ended; `open` until then. */
export type SessionStatus =
  | "open"
  | "closed"
  | "token-expired"
  | "client-lost"
  | "upstream-lost"
  | "recording-failed"
  | "shutdown"
  | "fault"
  | "recovered";

/** A value as text; null is SQL NULL; an object when it is binary or went over a limit. */
export type RecordedValue = string | null | RecordedBinary | RecordedExcess;
/** Bytes that are no text: hex. Over a limit, `hex` is their beginning, and whole length and SHA-256 follow. */
export interface RecordedBinary {
  readonly hex: string;
  readonly bytes?: number;
  readonly sha256?: string | null;
}
/**
 * What went over a limit: its beginning, whole length in bytes, SHA-256 of the whole in hex; the digest is null where the
 * value was streamed, and then a `body` event holds the digest of the message.
 */
export interface RecordedExcess {
  readonly head: string;
  readonly bytes: number;
  readonly sha256: string | null;
}
export type RecordedText = string | RecordedExcess;

export interface RecordedColumn {
  readonly name: string;
  readonly masked: boolean;
}

export type EventBody =
  | {
      readonly kind: "session-start";
      readonly session: string;
      readonly principal: Principal;
      readonly target: string;
      readonly protocol: string;
      readonly remote: string;
      readonly label: string;
      readonly application: string | null;
      readonly database: string;
      readonly gateway: string;
    }
  /** A Parse: the text was sent upstream to be prepared under `name`. */
  | {
      readonly kind: "prepare";
      readonly name: string;
      readonly sql: RecordedText;
      readonly upstreamSql: RecordedText | null;
      readonly verdict: string;
      readonly rule: string | null;
      readonly reason: string | null;
      readonly tables: readonly string[];
    }
  /** A Query, or a Bind of a prepared statement. `upstreamSql` is null where it is what the client sent. */
  | {
      readonly kind: "statement";
      readonly sql: RecordedText;
      readonly upstreamSql: RecordedText | null;
      readonly parameters: readonly RecordedValue[];
      readonly verdict: string;
      readonly rule: string | null;
      readonly reason: string | null;
      readonly tables: readonly string[];
    }
  /**
   * `statement`, here and below, is the seq of the statement event that this belongs to, or of the prepare event where a
   * Parse was refused or failed; null where there is none.
   */
  | {
      readonly kind: "denied";
      readonly statement: number | null;
      readonly rule: string | null;
      readonly reason: string;
      readonly message: string;
    }
  | { readonly kind: "held"; readonly statement: number; readonly rule: string }
  /** A statement of a text of several did not run, since the one of the event `because` was refused, failed or was stopped. */
  | { readonly kind: "skipped"; readonly statement: number; readonly because: number }
  | {
      readonly kind: "rows";
      readonly statement: number | null;
      readonly columns: readonly RecordedColumn[];
      readonly rows: readonly (readonly RecordedValue[])[];
    }
  /** End of a statement's answer. `beyond` counts what the limits kept out of `rows` events. */
  | {
      readonly kind: "result";
      readonly statement: number | null;
      readonly tag: string;
      readonly rows: number;
      readonly durationMs: number;
      readonly beyond: Beyond | null;
    }
  | {
      readonly kind: "copy";
      readonly statement: number | null;
      readonly direction: "in" | "out";
      readonly data: RecordedText | RecordedBinary;
      readonly bytes: number;
      readonly beyond: Beyond | null;
      /** `part`: more of the same follows, in events of the same direction. */
      readonly outcome: "done" | "failed" | "cut" | "part";
    }
  /** Header fields of a request (`in`, `status` null) or a response (`out`), as they were sent on; those that let somebody in as digests. */
  | {
      readonly kind: "head";
      readonly statement: number;
      readonly direction: "in" | "out";
      readonly status: number | null;
      readonly fields: readonly { readonly name: string; readonly value: string }[];
    }
  | {
      readonly kind: "error";
      readonly statement: number | null;
      readonly fields: Readonly<Record<string, string>>;
      readonly from: "target" | "gateway";
    }
  | { readonly kind: "notice"; readonly fields: Readonly<Record<string, string>> }
  | { readonly kind: "notify"; readonly channel: string; readonly payload: RecordedText }
  /**
   * Digest of a whole Query, Parse or Bind body that went over the gather limit and was streamed; on record before its last byte is
   * forwarded, so that the target cannot have acted on it before.
   */
  | { readonly kind: "body"; readonly statement: number | null; readonly bytes: number; readonly sha256: string }
  | { readonly kind: "cancel"; readonly remote: string }
  | { readonly kind: "session-end"; readonly status: SessionStatus; readonly reason: string | null };

/** Messages past the limits: how many, how many bytes, SHA-256 of them one after the other, hex. */
export interface Beyond {
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
}
