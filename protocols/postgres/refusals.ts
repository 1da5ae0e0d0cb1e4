/**
 * Refusals that need no policy, and what goes upstream in the place of a refused statement: a text with a syntax error, so
 * that the server's state, its transaction and the rest of the pipeline are exactly what an error in that place makes of them.
 */
import type { Denial, DenyReason } from "#policies/decision.ts";
import { STATEMENT_BYTES_MAX } from "#protocols/wire/limits.ts";
import { errorResponse, parse, query } from "./encode.ts";
import { WIRE_ERRORS } from "./wire-errors.ts";

/** No grammar of PostgreSQL accepts this. */
const REFUSED_SQL = "sallyport refused this statement";
/** A Parse that fails leaves a named statement as it was, and does away with the unnamed one: so this stands for all names. */
const REFUSED_NAME = "sallyport_refused";
const NO_TYPES = Buffer.alloc(2);

export const refusedQuery = (): Buffer => query(REFUSED_SQL);

/** @param name of the Parse that is refused; null for another message, which would have left the unnamed statement alone */
export function refusedParse(name: string | null): Buffer {
  return parse(name === "" ? "" : REFUSED_NAME, REFUSED_SQL, NO_TYPES);
}

export function functionCallDenial(): Denial {
  return deny("function-call-refused", "fast-path function calls are refused", "call the function in a SELECT");
}

/** The catalogue has changed since a statement was judged, and the server would run it on what is there now. */
export function changedDenial(name: string): Denial {
  const message = `what prepared statement "${name}" reads has changed since it was prepared`;
  return deny("masked-unresolved", message, "prepare the statement again");
}

/** After failures that leave open whether a name was taken, it may stand for more than is kept. */
export function manyNamedDenial(name: string): Denial {
  return deny("masked-unsupported", `what prepared statement "${name}" stands for is not known`, "DEALLOCATE it and prepare it again");
}

/** Its answer must be described behind it, which a message that streams by has no place for. */
export function largeBindDenial(name: string): Denial {
  const message = `prepared statement "${name}" was prepared in a text, and a Bind of this size is not taken for it`;
  return deny("masked-unsupported", message, "prepare it through the protocol, as drivers do");
}

/** Under a mask, what is not known by name has not been judged. */
export function unknownNameDenial(what: string, name: string): Denial {
  return deny("masked-unsupported", `no ${what} "${name}" was made through this protocol`, "prepare the statement again and bind it");
}

/**
 * The server cuts names at 63 bytes of its own encoding, and reads them in one that the session may change: beyond ASCII two
 * spellings may be one name to it, or one spelling two, and what was bound would not be what runs.
 *
 * @param what `prepared statement` or `portal`
 */
export function nameDenial(what: string, name: string): Denial | null {
  if (Buffer.byteLength(name) === name.length) return null;
  return deny("name-refused", `the name of a ${what} holds characters beyond ASCII`, "name it in ASCII, as drivers do");
}

/** Objects made after initdb have ids from here on (FirstNormalObjectId, src/include/access/transam.h). */
const FIRST_USER_OID = 16384;

/**
 * A Parse may give its parameters types that stand nowhere in its text. A type of the database's own can bring casts and
 * checks that call functions, so under a mask only the server's are taken; a parameter without a type has the one that
 * the text, which was judged, asks for.
 *
 * @param types count and OIDs as in Parse
 */
export function parameterTypeDenial(types: Buffer): Denial | null {
  for (let at = 2; at < types.length; at += 4) {
    if (types.readUInt32BE(at) < FIRST_USER_OID) continue;
    const message = `parameter $${(at - 2) / 4 + 1} is given a type that is not the server's own`;
    return deny("masked-function", message, "leave the parameter's type to be inferred");
  }
  return null;
}

function deny(reason: DenyReason, message: string, hint: string): Denial {
  return { verdict: "deny", reason, rule: null, message, hint, position: null };
}

/** The ErrorResponse for a text that would have to be judged and is too large for it. */
export function tooLargeMessage(bytes: number): Buffer {
  const { severity, sqlState } = WIRE_ERRORS["statement-too-large"];
  return errorResponse({
    severity,
    sqlState,
    message: `the statement has ${bytes} bytes; no more than ${STATEMENT_BYTES_MAX} can be judged`,
    detail: "reason=statement-too-large",
    hint: "split it into several statements, or use COPY for bulk data",
  });
}
