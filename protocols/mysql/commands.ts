/**
 * Takes the commands of a client apart: those that policy or the record need. Views into the payload are valid as long as
 * the payload is. Source: MySQL source documentation, "Command Phase" and "Prepared Statements".
 */
import { decodeText } from "#protocols/wire/cursor.ts";
import { Fault } from "#protocols/wire/fault.ts";
import type { RecordedValue } from "#protocols/wire/transcript.ts";
import { CAPABILITY, EXECUTE_FLAG, TYPE } from "./constants.ts";
import { PayloadCursor } from "./cursor.ts";
import { checkType, isNull, readBinaryValue, type ValueType } from "./values.ts";

/** A value that travels with a statement beside its parameters (query attributes), or a parameter of one. */
export interface ParameterType extends ValueType {
  readonly name: string;
}

export interface QueryCommand {
  /** As text: UTF-8, or one character a byte where it is not. */
  readonly sql: string;
  readonly attributes: readonly { readonly name: string; readonly value: RecordedValue }[];
  /** Where the statement's text begins in the payload: what is before it goes on as it came. */
  readonly textAt: number;
}

/** Query attributes in one statement. */
const ATTRIBUTES_MAX = 1024;

/** @param payload of COM_QUERY, command byte included. @throws Fault `malformed-message` */
export function readQueryCommand(payload: Buffer, capabilities: number): QueryCommand {
  const cursor = new PayloadCursor(payload, 1);
  let attributes: QueryCommand["attributes"] = [];
  if ((capabilities & CAPABILITY.queryAttributes) !== 0) {
    const count = cursor.lenenc();
    cursor.lenenc(); // number of sets, always 1
    if (count > ATTRIBUTES_MAX) throw new Fault("malformed-message", "the statement has too many query attributes");
    if (count > 0) {
      const { types, values } = readParameters(cursor, count, [], true);
      attributes = values.map((value, index) => ({ name: types[index]?.name ?? "", value }));
    }
  }
  const textAt = cursor.at;
  return { sql: decodeText(cursor.rest()), attributes, textAt };
}

export interface ExecuteCommand {
  readonly statement: number;
  readonly cursor: boolean;
  readonly values: readonly RecordedValue[];
  /** Remembered by the server for the next execution, which may leave them out. */
  readonly types: readonly ParameterType[];
  readonly attributes: QueryCommand["attributes"];
}

/**
 * @param known of the statement that is executed
 * @param known.types of its last execution
 * @param known.longData values that were sent before, and are not in the payload
 * @throws Fault `malformed-message`
 */
export function readExecuteCommand(
  payload: Buffer,
  capabilities: number,
  known: { readonly parameters: number; readonly types: readonly ParameterType[]; readonly longData: SentBefore | null },
): ExecuteCommand {
  const cursor = new PayloadCursor(payload, 1);
  const statement = cursor.uint32();
  const flags = cursor.uint8();
  cursor.uint32(); // iterations, always 1
  const named = (capabilities & CAPABILITY.queryAttributes) !== 0;
  const counted = named && (flags & EXECUTE_FLAG.parameterCountAvailable) !== 0;
  const open = (flags & ~EXECUTE_FLAG.parameterCountAvailable) !== 0;
  const none = { statement, cursor: open, values: [], types: known.types, attributes: [] };
  if (known.parameters === 0 && !counted) return none;
  const count = counted ? cursor.lenenc() : known.parameters;
  if (count < known.parameters || count > known.parameters + ATTRIBUTES_MAX) {
    throw new Fault("malformed-message", "COM_STMT_EXECUTE has another number of parameters than its statement");
  }
  if (count === 0) return none;
  const { types, values } = readParameters(cursor, count, known.types, named, known.longData ?? NONE);
  return {
    statement,
    cursor: open,
    values: values.slice(0, known.parameters),
    types,
    attributes: values.slice(known.parameters).map((value, index) => ({ name: types[known.parameters + index]?.name ?? "", value })),
  };
}

/**
 * Of a COM_STMT_EXECUTE that is too large to be collected: the types that its beginning brings, as far as they can be read.
 *
 * @throws Fault `malformed-message`
 */
export function readExecuteTypes(
  beginning: Buffer,
  capabilities: number,
  known: { readonly parameters: number; readonly types: readonly ParameterType[] },
): readonly ParameterType[] {
  const cursor = new PayloadCursor(beginning, 5);
  const named = (capabilities & CAPABILITY.queryAttributes) !== 0;
  const counted = named && (cursor.uint8() & EXECUTE_FLAG.parameterCountAvailable) !== 0;
  if (!named) cursor.uint8();
  cursor.uint32();
  const count = counted ? cursor.lenenc() : known.parameters;
  cursor.bytes((count + 7) >> 3);
  return readBound(cursor) ? Array.from({ length: count }, () => readType(cursor, named)) : known.types;
}

/** Values of parameters that were sent by COM_STMT_SEND_LONG_DATA, by number from 0; undefined for others. */
interface SentBefore {
  value(parameter: number): RecordedValue | undefined;
}

const NONE: SentBefore = { value: () => undefined };

function readParameters(
  cursor: PayloadCursor,
  count: number,
  known: readonly ParameterType[],
  named: boolean,
  before: SentBefore = NONE,
): { readonly types: readonly ParameterType[]; readonly values: readonly RecordedValue[] } {
  const nulls = cursor.bytes((count + 7) >> 3);
  const types = readBound(cursor) ? Array.from({ length: count }, () => readType(cursor, named)) : known;
  if (types.length < count) throw new Fault("malformed-message", "COM_STMT_EXECUTE leaves out types that were never sent");
  const values = types
    .slice(0, count)
    .map((type, index) => before.value(index) ?? (isNull(nulls, index) ? null : readParameter(cursor, type)));
  return { types, values };
}

/** Whether types follow. MySQL takes any number for 1. @throws Fault `malformed-message` */
function readBound(cursor: PayloadCursor): boolean {
  const bound = cursor.uint8();
  if (bound > 1) throw new Fault("malformed-message", "new_params_bind_flag is neither 0 nor 1");
  return bound === 1;
}

/** Types of columns that parameters do not have: MariaDB takes no bytes for a value of theirs, others as many as their length says. */
const NOT_SENT: ReadonlySet<number> = new Set([TYPE.null, TYPE.int24, TYPE.year, TYPE.bit, TYPE.geometry]);

function readParameter(cursor: PayloadCursor, type: ValueType): RecordedValue {
  if (NOT_SENT.has(type.type)) throw new Fault("malformed-message", `a parameter has no value of type 0x${type.type.toString(16)}`);
  return readBinaryValue(cursor, type);
}

function readType(cursor: PayloadCursor, named: boolean): ParameterType {
  const type = cursor.uint8();
  const unsigned = (cursor.uint8() & 0x80) !== 0;
  checkType(type);
  const name = named ? cursor.lenencBytes().toString("utf8") : "";
  return { type, unsigned, binary: false, name };
}

/** COM_STMT_CLOSE, RESET, FETCH, SEND_LONG_DATA begin with the statement's id. @throws Fault `malformed-message` */
export function readStatementId(payload: Buffer): number {
  return new PayloadCursor(payload, 1).uint32();
}

/** COM_STMT_SEND_LONG_DATA: which parameter, from 0, and a piece of its value, a view. @throws Fault `malformed-message` */
export function readLongData(payload: Buffer): { readonly parameter: number; readonly piece: Buffer } {
  const cursor = new PayloadCursor(payload, 5);
  return { parameter: cursor.uint16(), piece: cursor.rest() };
}
