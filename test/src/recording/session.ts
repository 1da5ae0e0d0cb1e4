/** A folder with journals and recordings, auditors' keys and a clock that a test sets: what recording tests begin with. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { Secret } from "#protocols/wire/secret.ts";
import type { Clock } from "#src/recording/clock.ts";
import type { EventBody } from "#src/recording/events.ts";
import { type Journal, openJournal, prepareJournals } from "#src/recording/journal.ts";
import { parseIdentities } from "#src/recording/read.ts";
import { parseRecipients } from "#src/recording/recipients.ts";
import { Slabs } from "#src/recording/slabs.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";

/** Steps a millisecond and a bit at every look. */
export class StepClock implements Clock {
  ms: number;

  constructor(startMs = Date.UTC(2026, 10, 21, 12, 0, 0)) {
    this.ms = startMs;
  }

  now(): number {
    return Math.floor(this.ms);
  }

  monotonicMs(): number {
    this.ms += 1.25;
    return this.ms - 1_700_000_000_000;
  }
}

export interface Studio {
  readonly root: string;
  readonly journals: string;
  readonly recordings: string;
  readonly clock: StepClock;
  readonly slabs: Slabs;
  /** Text of an age key file. */
  readonly identity: string;
  readonly recipient: string;
  readonly recipients: ReturnType<typeof parseRecipients>;
  readonly identities: ReturnType<typeof parseIdentities>;
  open(sessionId: string): Journal;
}

export async function studio(t: TestContext): Promise<Studio> {
  const root = await scratchFolder("recording");
  t.after(() => removeFolder(root));
  const journals = join(root, "state", "journals");
  const recordings = join(root, "recordings");
  prepareJournals(journals);
  mkdirSync(recordings);
  const identity = await generateX25519Identity();
  const recipient = await identityToRecipient(identity);
  const [clock, slabs] = [new StepClock(), new Slabs()];
  return {
    root,
    journals,
    recordings,
    clock,
    slabs,
    identity,
    recipient,
    recipients: parseRecipients([recipient]),
    identities: parseIdentities(new Secret(`# an auditor\n${identity}\n`)),
    open: (sessionId) => openJournal({ directory: journals, sessionId, clock, slabs, startedAtMonotonicMs: clock.monotonicMs() }),
  };
}

export function sessionStart(session: string): EventBody {
  return {
    kind: "session-start",
    session,
    principal: { issuer: "https://idp.example", name: "agent-7", groups: ["data-agents"], actor: null },
    target: "orders",
    protocol: "postgres",
    remote: "192.0.2.7:40001",
    label: "app",
    application: "psql",
    database: "orders",
    gateway: "sallyport 0.1.0",
  };
}

export function statement(sql: string, parameters: readonly string[] = []): EventBody {
  const judged = { verdict: "allow", rule: "access[0]", reason: null, tables: ["public.users"] };
  return { kind: "statement", sql, upstreamSql: null, parameters, ...judged };
}

export function result(of: number, rows: number): EventBody {
  return { kind: "result", statement: of, tag: `SELECT ${rows}`, rows, durationMs: 0.4, beyond: null };
}

export const SESSION_END: EventBody = { kind: "session-end", status: "closed", reason: null };

/** A whole ordinary session in a journal, closed. */
export function record(studio: Studio, sessionId: string, statements: readonly string[]): Journal {
  const journal = studio.open(sessionId);
  journal.append(sessionStart(sessionId));
  journal.flush();
  for (const sql of statements) {
    const seq = journal.append(statement(sql));
    journal.flush();
    journal.append({ kind: "rows", statement: seq, columns: [{ name: "name", masked: false }], rows: [["Ada"], [null]] });
    journal.append(result(seq, 2));
  }
  journal.append(SESSION_END);
  journal.close();
  return journal;
}

/** What recovery writes where a session's own end is missing. */
export const RECOVERED = { status: "recovered", reason: "the gateway was killed" } as const;
