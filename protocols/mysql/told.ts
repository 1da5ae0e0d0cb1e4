/**
 * What of an OK packet the client may see. Under a mask it tells nothing that a masked value could show in: no state of the
 * session, ids only of rows that were made, and of rows that an UPDATE found not which of them held the new value already.
 *
 * Source: MySQL source documentation, "OK_Packet"; MySQL manual, "UPDATE Statement".
 */
import { ANSWER } from "./constants.ts";
import { type OkPacket, okPayload } from "./outcome.ts";
import type { SessionTerms } from "./session.ts";

const CHANGED = /^(Rows matched: (\d{1,15}) {2}Changed: )\d+( {2}Warnings: \d+)$/;

/**
 * @param inserts the statement is INSERT or REPLACE
 * @param first byte of the packet
 */
export function toldOk(ok: OkPacket, terms: SessionTerms, inserts: boolean, first: number = ANSWER.ok): Buffer {
  if (!terms.underMask) return okPayload(ok, terms.clientCapabilities, first);
  const [, before, matched, behind] = CHANGED.exec(ok.info) ?? [];
  const found = matched === undefined ? null : matched;
  const shown = {
    ...ok,
    changes: Buffer.alloc(0),
    lastInsertId: inserts ? ok.lastInsertId : 0n,
    affectedRows: found === null ? ok.affectedRows : BigInt(found),
    info: found === null ? ok.info : `${before}${found}${behind}`,
  };
  return okPayload(shown, terms.clientCapabilities, first);
}
