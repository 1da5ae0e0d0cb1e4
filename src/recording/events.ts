/**
 * One line of a recording: an event of `protocols/wire/transcript.ts` with what the journal adds.
 * docs/formats/recording.md is the specification.
 */
import type { EventBody } from "#protocols/wire/transcript.ts";

export type { EventBody };
export type EventKind = EventBody["kind"];

/** `prev` is the SHA-256 (hex) of the line before; `seq` counts from 0; `at` is ISO 8601 UTC; `sinceStartMs` is monotonic. */
export type RecordedEvent = { readonly seq: number; readonly prev: string; readonly at: string; readonly sinceStartMs: number } & EventBody;
