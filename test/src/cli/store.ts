/** A small store of sealed recordings and evidence, written by the real recorder, for the auditors' commands to read. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { EventBody } from "#protocols/wire/transcript.ts";
import { openEvidence } from "#src/audit/evidence.ts";
import type { HandshakeRecord, SessionSummary } from "#src/audit/records.ts";
import { createSigningKey, loadSigningKey } from "#src/audit/signing.ts";
import { openJournal, prepareJournals } from "#src/recording/journal.ts";
import { parseRecipients } from "#src/recording/recipients.ts";
import { discard, seal } from "#src/recording/seal.ts";
import { Slabs } from "#src/recording/slabs.ts";
import { identityFile, makeAuditorIdentity } from "#src/setup/keys.ts";
import { removeFolder, scratchFolder } from "#test/support/scratch.ts";

export interface Store {
  readonly folder: string;
  readonly recordings: string;
  readonly evidence: string;
  readonly publicKey: string;
  readonly identity: string;
  /** Files of the sealed recordings, by session id, below `recordings`. */
  readonly files: ReadonlyMap<string, string>;
  remove(): Promise<void>;
}

export interface StoredSession {
  readonly id: string;
  /** Unix milliseconds. */
  readonly startedMs: number;
  readonly principal: string;
  readonly events: readonly EventBody[];
  /** False: opened, and never sealed. */
  readonly sealed?: boolean;
}

const ISSUER = "https://idp.example.com";
export const TARGET = "shop";

export async function makeStore(sessions: readonly StoredSession[], handshakes: readonly HandshakeRecord[] = []): Promise<Store> {
  const folder = await scratchFolder("store");
  const at = (name: string): string => join(folder, name);
  const auditor = await makeAuditorIdentity();
  const signing = createSigningKey();
  writeFileSync(at("identity.txt"), identityFile(auditor).expose());
  writeFileSync(at("evidence.pub"), signing.publicKeyPem);
  for (const name of ["recordings", "state"]) mkdirSync(at(name));
  const clock = { now: () => Date.now(), monotonicMs: () => performance.now() };
  const evidence = await openEvidence({
    directory: at("evidence"),
    stateFile: at("state/evidence"),
    key: loadSigningKey(signing.privateKeyPem),
    clock,
  });
  const recipients = parseRecipients([auditor.recipient]);
  const slabs = new Slabs();
  prepareJournals(at("state/journals"));
  const files = new Map<string, string>();
  for (const handshake of handshakes) await evidence.append({ type: "handshake", handshake });
  for (const session of sessions) {
    await evidence.append({ type: "session-opened", session: summary(session, "open") });
    if (session.sealed === false) continue;
    let ms = 0;
    const own = { now: () => session.startedMs + ms, monotonicMs: () => ms };
    const journal = openJournal({ directory: at("state/journals"), sessionId: session.id, clock: own, startedAtMonotonicMs: 0, slabs });
    for (const event of session.events) {
      journal.append(event);
      ms += 50;
    }
    journal.close();
    const ending = { status: "closed", reason: null } as const;
    const { recording } = await seal({ journal: journal.paths, recipients, recordings: at("recordings"), ending, clock: own });
    await evidence.append({ type: "session-sealed", session: summary(session, "closed"), recording });
    discard(journal.paths);
    files.set(session.id, recording.file);
  }
  await evidence.close();
  const paths = { recordings: at("recordings"), evidence: at("evidence"), publicKey: at("evidence.pub"), identity: at("identity.txt") };
  return { folder, ...paths, files, remove: () => removeFolder(folder) };
}

function summary(session: StoredSession, status: "open" | "closed"): SessionSummary {
  const rows = session.events.reduce((count, event) => count + (event.kind === "rows" ? event.rows.length : 0), 0);
  return {
    id: session.id,
    startedAt: new Date(session.startedMs).toISOString(),
    endedAt: status === "open" ? null : new Date(session.startedMs + 1500).toISOString(),
    principal: { issuer: ISSUER, name: session.principal, groups: ["data-agents"], actor: null },
    target: TARGET,
    protocol: "postgres",
    remote: "127.0.0.1:50000",
    label: session.principal,
    statements: session.events.filter((event) => event.kind === "statement").length,
    rows,
    maskedCells: rows,
    denied: session.events.filter((event) => event.kind === "denied").length,
    bytes: 100,
    status,
  };
}

/** The events of a session that ran one masked SELECT. */
export function maskedSelect(id: string, principal: string, sql: string): EventBody[] {
  return [
    {
      kind: "session-start",
      session: id,
      principal: { issuer: ISSUER, name: principal, groups: ["data-agents"], actor: null },
      target: TARGET,
      protocol: "postgres",
      remote: "127.0.0.1:50000",
      label: principal,
      application: "psql",
      database: TARGET,
      gateway: "0.1.0",
    },
    {
      kind: "statement",
      sql,
      upstreamSql: null,
      parameters: [],
      verdict: "mask",
      rule: "masking.rules.0",
      reason: null,
      tables: ["public.users"],
    },
    {
      kind: "rows",
      statement: 1,
      columns: [
        { name: "id", masked: false },
        { name: "ssn", masked: true },
      ],
      rows: [
        ["1", "***"],
        ["2", "***"],
      ],
    },
    { kind: "result", statement: 1, tag: "SELECT 2", rows: 2, durationMs: 4, beyond: null },
    { kind: "session-end", status: "closed", reason: null },
  ];
}

export function handshake(at: string, changes: Partial<HandshakeRecord> = {}): HandshakeRecord {
  return {
    at,
    sessionId: null,
    leg: "client",
    protocol: "postgres",
    negotiation: "sslrequest",
    remote: "127.0.0.1:50000",
    target: null,
    outcome: "ok",
    reason: null,
    detail: null,
    durationMs: 2,
    tls: {
      version: "TLSv1.3",
      cipher: "TLS_AES_256_GCM_SHA384",
      group: "X25519",
      groupDerived: true,
      signatureAlgorithm: null,
      alpn: null,
      sni: "localhost",
      resumed: false,
      offeredVersions: ["TLSv1.3", "TLSv1.2"],
      peer: [],
    },
    verified: "none",
    pinned: null,
    revocation: "not-checked",
    ownCertificate: null,
    policy: "minVersion=TLSv1.2",
    ...changes,
  };
}
