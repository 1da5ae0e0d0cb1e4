/**
 * How values, texts and bytes stand in a recording, whatever protocol brought them: text as text, other bytes as hex, long
 * ones as their beginning with length and digest.
 */
import { hash, isUtf8Bytes } from "./digest.ts";
import type { Judgement } from "./judgement.ts";
import { RECORDED_VALUE_BYTES_MAX } from "./limits.ts";
import type { RecordedText, RecordedValue } from "./transcript.ts";

/** Of a value over the limit, kept as its beginning. */
const HEAD_BYTES = 1024;

/** Text up to `limit` bytes; bytes that are not UTF-8 as hex. */
export function textValue(bytes: Buffer, limit: number): RecordedValue {
  if (bytes.length <= limit) {
    const text = bytes.toString("utf8");
    return text.includes("\ufffd") && !isUtf8Bytes(bytes) ? { hex: bytes.toString("hex") } : text;
  }
  if (!isUtf8Bytes(bytes)) return binaryBeginning(bytes, bytes.length, hash(bytes));
  return { head: beginning(bytes, Math.min(limit, HEAD_BYTES)), bytes: bytes.length, sha256: hash(bytes) };
}

/** Of a value whose bytes are not all at hand. @param kept its beginning; @param sha256 of the whole, in hex */
export function excessOf(kept: Buffer, bytes: number, sha256: string): RecordedValue {
  const head = beginning(kept, Math.min(kept.length, HEAD_BYTES));
  return head.includes("\ufffd") ? binaryBeginning(kept, bytes, sha256) : { head, bytes, sha256 };
}

/** As many whole characters as fit. */
function beginning(bytes: Buffer, limit: number): string {
  let end = limit;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString("utf8", 0, end);
}

function binaryBeginning(kept: Buffer, bytes: number, sha256: string): RecordedValue {
  return { hex: kept.toString("hex", 0, HEAD_BYTES / 2), bytes, sha256 };
}

/** What the events of a statement, run or prepared, tell of its judgement. */
export function recordedJudgement({ recordedSql, recordedUpstreamSql, verdict, rule, reason, tables }: Judgement) {
  return { sql: recordedSql, upstreamSql: recordedUpstreamSql, verdict, rule, reason, tables };
}

/** The event of a statement that runs or is refused. Made member by member: spreading costs a call into the runtime for each statement. */
export function statementEvent(judgement: Judgement, parameters: readonly RecordedValue[]) {
  const { recordedSql, recordedUpstreamSql, verdict, rule, reason, tables } = judgement;
  return { kind: "statement", sql: recordedSql, upstreamSql: recordedUpstreamSql, verdict, rule, reason, tables, parameters } as const;
}

/** Of a statement text; the whole where it fits. */
export function recordedText(text: string, limit: number): RecordedText {
  if (text.length * 3 <= limit || Buffer.byteLength(text) <= limit) return text;
  const bytes = Buffer.from(text);
  return { head: beginning(bytes, HEAD_BYTES), bytes: bytes.length, sha256: hash(bytes) };
}

/** Bytes that are no text: as hex, up to half the limit of a value. */
export function bytesValue(bytes: Buffer): RecordedValue {
  if (bytes.length <= RECORDED_VALUE_BYTES_MAX / 2) return { hex: bytes.toString("hex") };
  return binaryBeginning(bytes, bytes.length, hash(bytes));
}
