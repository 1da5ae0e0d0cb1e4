/**
 * What of an OK or EOF packet the client may see. Under a mask it tells nothing that a masked value could show in: no state of
 * the session, ids only of rows that were made, of rows that an UPDATE found not which of them held the new value already, and
 * nothing of how the server went about it, which it decides by what it knows of indexes, masked columns among them.
 *
 * Source: MySQL source documentation, "OK_Packet", "EOF_Packet", "Status Flags"; MySQL manual, "UPDATE Statement".
 */
import { ANSWER, STATUS } from "./constants.ts";
import { type EofPacket, eofPayload, type OkPacket, okPayload } from "./outcome.ts";
import type { SessionTerms } from "./session.ts";

const CHANGED = /^(Rows matched: (\d{1,15}) {2}Changed: )\d+( {2}Warnings: \d+)$/;

const OF_THE_PLAN = STATUS.noGoodIndexUsed | STATUS.noIndexUsed | STATUS.queryWasSlow;

export function toldEof(eof: EofPacket, { underMask }: SessionTerms): Buffer[] {
  return [eofPayload(underMask ? { ...eof, status: eof.status & ~OF_THE_PLAN } : eof)];
}

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
    status: ok.status & ~OF_THE_PLAN,
    lastInsertId: inserts ? ok.lastInsertId : 0n,
    affectedRows: found === null ? ok.affectedRows : BigInt(found),
    info: found === null ? ok.info : `${before}${found}${behind}`,
  };
  return okPayload(shown, terms.clientCapabilities, first);
}
