/** Packets of the server's that stand by themselves: what a statement was prepared as, definitions, a count of columns, a request for a file. */
import { Fault } from "#protocols/wire/fault.ts";
import { checkOrigin, outOfStep, renamedAt } from "./answer-parts.ts";
import type { DefinedOutputs, Phase } from "./answer-phase.ts";
import { readColumn } from "./column.ts";
import { ANSWER, CAPABILITY } from "./constants.ts";
import { PayloadCursor } from "./cursor.ts";
import type { MysqlJudgement } from "./judge.ts";
import type { Prepared, SessionTerms } from "./session.ts";

interface PreparedAnswer {
  readonly prepared: Prepared;
  readonly outputs: DefinedOutputs | null;
  /** How many follow, list by list. */
  readonly definitions: number[];
}

/** Filler and the count of warnings, behind the count of parameters. */
const BETWEEN_BYTES = 3;

/**
 * @param payload of COM_STMT_PREPARE_OK
 * @throws Fault `upstream-out-of-step` for any other, `masking-tripwire` where columns come without definitions under a mask, `malformed-message`
 */
export function readPrepared(payload: Buffer, judgement: MysqlJudgement, terms: SessionTerms): PreparedAnswer {
  if (payload[0] !== ANSWER.ok) throw outOfStep("an answer to COM_STMT_PREPARE");
  const cursor = new PayloadCursor(payload, 1);
  const id = cursor.uint32();
  const columns = cursor.uint16();
  const parameters = cursor.uint16();
  const prepared = { id, judgement, parameters, types: [], longData: null, renamed: [], cursor: false, open: null };
  // Who has set resultset_metadata to NONE gets no definitions, neither of columns nor of parameters.
  const described = !mayOmit(terms) || tellsDefinitions(cursor);
  if (!described && terms.underMask && columns > 0) throw undescribed();
  const outputs = described && columns > 0 ? { judgement, count: columns, renamed: prepared.renamed } : null;
  return { prepared, outputs, definitions: described ? [parameters, columns].filter((count) => count > 0) : [] };
}

/**
 * Of a column it is noted whether it bears another name than its origin: those of the parameters stand in front.
 *
 * @throws Fault `masking-tripwire`, `malformed-message`
 */
export function checkDefinition(payload: Buffer, phase: Extract<Phase, { kind: "definitions" }>, terms: SessionTerms): void {
  const column = readColumn(payload);
  const { outputs } = phase;
  const isOutput = phase.counts.length === 0 && outputs !== null;
  checkOrigin(column, terms, isOutput ? renamedAt(outputs.judgement, outputs.renamed.length, outputs.count) : []);
  if (isOutput) outputs.renamed.push(column.name !== column.originalName);
}

/** The first packet of rows. @throws Fault `upstream-out-of-step`, `malformed-message` */
export function readColumnCount(payload: Buffer, terms: SessionTerms): { readonly left: number; readonly described: boolean } {
  const cursor = new PayloadCursor(payload);
  const left = cursor.lenenc();
  const described = !mayOmit(terms) || cursor.uint8() === 1;
  cursor.end("a column count");
  if (left === 0) throw outOfStep("a result without columns");
  return { left, described };
}

/** Of a connection on which definitions are optional. */
function mayOmit({ upstreamCapabilities }: SessionTerms): boolean {
  return (upstreamCapabilities & CAPABILITY.optionalResultsetMetadata) !== 0;
}

function tellsDefinitions(cursor: PayloadCursor): boolean {
  cursor.bytes(BETWEEN_BYTES);
  return cursor.uint8() === 1;
}

export function undescribed(): Fault {
  return new Fault("masking-tripwire", "rows came whose columns are not known; the session ends");
}

/**
 * Byte by byte: a client may read the name as a path of its own kind.
 *
 * @param file the one that may be asked for; null: none
 * @throws Fault `upstream-out-of-step`
 */
export function checkFileRequest(payload: Buffer, file: string | null): void {
  if (file !== null && payload.subarray(1).equals(Buffer.from(file))) return;
  throw new Fault("upstream-out-of-step", "the target asks for a file that no statement of the client's speaks of; the session ends");
}
