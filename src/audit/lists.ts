/**
 * What `sessions` and `handshakes` list: the evidence log's records under a few filters, and the open sessions of a
 * gateway that runs. Needs the evidence folder only.
 */
import { readRecords } from "./known.ts";
import type { HandshakeRecord, SessionSummary } from "./records.ts";

/** Undefined lets everything pass. Times are Unix milliseconds; `sinceMs` is included, `untilMs` is not. */
export interface ListFilter {
  readonly sinceMs?: number | undefined;
  readonly untilMs?: number | undefined;
  /** The principal's name, exact. */
  readonly principal?: string | undefined;
  readonly target?: string | undefined;
}

export interface SessionListOptions {
  readonly evidence: string;
  /** From `readOpenSessions`; undefined for an auditor without the gateway's state. */
  readonly open: readonly SessionSummary[] | undefined;
  readonly filter: ListFilter;
}

/**
 * Sessions by their start, oldest first. Open ones have status `open`; with the gateway's state at hand, their counts are
 * current. Holds the matching summaries in memory, nothing else.
 *
 * @throws EvidenceReadError
 */
export async function* listSessions(options: SessionListOptions): AsyncGenerator<SessionSummary, void, undefined> {
  const found = new Map<string, SessionSummary>();
  const current = new Map(options.open?.map((session) => [session.id, session]));
  for (const record of readRecords(options.evidence)) {
    if (record.type === "session-opened" && matches(record.session, options.filter)) {
      found.set(record.session.id, current.get(record.session.id) ?? record.session);
    }
    if (record.type === "session-sealed" && matches(record.session, options.filter)) found.set(record.session.id, record.session);
  }
  // Opened a moment ago, its record is on the way to the log.
  for (const session of current.values()) {
    if (!found.has(session.id) && matches(session, options.filter)) found.set(session.id, session);
  }
  yield* [...found.values()].sort((a, b) => compare(a.startedAt, b.startedAt) || compare(a.id, b.id));
}

export interface HandshakeListOptions {
  readonly evidence: string;
  readonly filter: ListFilter;
}

/**
 * Handshakes in the log's order, streaming. A filter by principal asks for those of sessions that the principal opened:
 * a handshake comes before anybody is proved.
 *
 * @throws EvidenceReadError
 */
export async function* listHandshakes(options: HandshakeListOptions): AsyncGenerator<HandshakeRecord, void, undefined> {
  const { principal, target } = options.filter;
  const sessions = principal === undefined ? undefined : sessionsOf(options.evidence, principal);
  for (const record of readRecords(options.evidence)) {
    if (record.type !== "handshake") continue;
    const { handshake } = record;
    if (!isWithin(handshake.at, options.filter) || (target !== undefined && handshake.target !== target)) continue;
    if (sessions !== undefined && (handshake.sessionId === null || !sessions.has(handshake.sessionId))) continue;
    yield handshake;
  }
}

function sessionsOf(evidence: string, principal: string): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const record of readRecords(evidence)) {
    if (record.type === "session-opened" && record.session.principal.name === principal) ids.add(record.session.id);
  }
  return ids;
}

function matches(session: SessionSummary, filter: ListFilter): boolean {
  if (filter.principal !== undefined && session.principal.name !== filter.principal) return false;
  if (filter.target !== undefined && session.target !== filter.target) return false;
  return isWithin(session.startedAt, filter);
}

function isWithin(at: string, { sinceMs, untilMs }: ListFilter): boolean {
  const ms = Date.parse(at);
  return (sinceMs === undefined || ms >= sinceMs) && (untilMs === undefined || ms < untilMs);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
