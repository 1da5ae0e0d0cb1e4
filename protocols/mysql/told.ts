/**
 * What of an OK or EOF packet the client may see. Under a mask it tells nothing that a masked value could show in: no state of
 * the session, ids only of rows that were made, of rows that an UPDATE found not which of them held the new value already, and
 * nothing of how the server went about it, which it decides by what it knows of indexes, masked columns among them.
 *
 * Source: MySQL source documentation, "OK_Packet", "EOF_Packet", "Status Flags"; MySQL manual, "UPDATE Statement".
 */
import { ANSWER, CAPABILITY, STATUS } from "./constants.ts";
import { type EofPacket, eofPayload, type OkPacket, okPayload } from "./outcome.ts";
import type { Exchange } from "./server-frame.ts";
import type { SessionTerms } from "./session.ts";

const CHANGED = /^(Rows matched: (\d{1,15}) {2}Changed: )\d+( {2}Warnings: \d+)$/;

const OF_THE_PLAN = STATUS.noGoodIndexUsed | STATUS.noIndexUsed | STATUS.queryWasSlow;

export function toldEof(eof: EofPacket, { underMask }: SessionTerms): Buffer[] {
  return [eofPayload(underMask ? { ...eof, status: eof.status & ~OF_THE_PLAN } : eof)];
}

/** Whether the client may have the packet as it came: it hides nothing, and on its connection the packet has the same form. */
export function passes({ status }: OkPacket, { underMask, clientCapabilities }: SessionTerms): boolean {
  const tracks = (clientCapabilities & CAPABILITY.sessionTrack) !== 0;
  return !underMask && (tracks || (status & STATUS.sessionStateChanged) === 0);
}

/** @param more another result of the same text follows */
export function withMore<Packet extends { readonly status: number }>(packet: Packet, more: boolean): Packet {
  return more ? { ...packet, status: packet.status | STATUS.moreResults } : packet;
}

/** What ends rows. @param ok the same packet where it is an OK packet */
export function toldEnd(end: EofPacket, ok: OkPacket | null, terms: SessionTerms): Exchange {
  if (ok === null) return terms.underMask ? toldEof(end, terms) : null;
  return passes(ok, terms) ? null : [toldOk(ok, terms, false, ANSWER.eof)];
}

/** As `toldEnd`, where another statement of the same text has its turn, of which the server knows nothing. */
export function toldMore(end: EofPacket, ok: OkPacket | null, terms: SessionTerms): readonly Buffer[] {
  return ok === null ? toldEof(withMore(end, true), terms) : [toldOk(withMore(ok, true), terms, false, ANSWER.eof)];
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
