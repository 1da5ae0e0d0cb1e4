/** A small archive as a gateway leaves it - sealed recordings, an evidence log, its key - for tests to damage. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type EvidenceLog, openEvidence } from "#src/audit/evidence.ts";
import type { HandshakeRecord, SealedRecording, SessionSummary } from "#src/audit/records.ts";
import { createSigningKey, loadPublicKey, loadSigningKey } from "#src/audit/signing.ts";
import { type Verdict, type VerifyOptions, verify } from "#src/audit/verify.ts";
import { discard, seal } from "#src/recording/seal.ts";
import { RECOVERED, record, type Studio, studio } from "#test/src/recording/session.ts";

export interface Archive {
  readonly studio: Studio;
  readonly evidence: string;
  readonly log: string;
  readonly stateFile: string;
  readonly key: ReturnType<typeof loadSigningKey>;
  readonly sealed: ReadonlyMap<string, SealedRecording>;
  /** Opens the log again, as a restarted gateway does. */
  reopen(): Promise<EvidenceLog>;
  /** All verdicts, as `id` (or `log`) and the problem's first word, those that are fine left out. */
  problems(options?: Partial<VerifyOptions>): Promise<readonly (readonly [string, string])[]>;
  verdicts(options?: Partial<VerifyOptions>): Promise<readonly Verdict[]>;
  lines(): string[];
  setLines(lines: readonly string[]): void;
}

export function summary(id: string, at: string, over: Partial<SessionSummary> = {}): SessionSummary {
  return {
    id,
    startedAt: at,
    endedAt: null,
    principal: { issuer: "https://idp.example", name: "agent-7", groups: ["data-agents"], actor: null },
    target: "orders",
    protocol: "postgres",
    remote: "192.0.2.7:40001",
    label: "app",
    statements: 0,
    rows: 0,
    maskedCells: 0,
    denied: 0,
    bytes: 0,
    status: "open",
    ...over,
  };
}

export function handshake(sessionId: string | null, at: string, over: Partial<HandshakeRecord> = {}): HandshakeRecord {
  return {
    at,
    sessionId,
    leg: "client",
    protocol: "postgres",
    negotiation: "sslrequest",
    remote: "192.0.2.7:40001",
    target: "orders",
    outcome: "ok",
    reason: null,
    detail: null,
    durationMs: 4,
    tls: null,
    verified: "none",
    pinned: null,
    revocation: "not-checked",
    ownCertificate: null,
    policy: "minVersion=TLSv1.2",
    ...over,
  };
}

const AT = "2026-11-21T12:00:00.000Z";
export const SESSIONS = ["session-1", "session-2", "session-3", "session-4"] as const;

/** Four sealed sessions, each with its handshake and its opening in batches of their own. */
export async function archive(t: TestContext): Promise<Archive> {
  const made = await studio(t);
  const evidence = join(made.root, "evidence");
  const stateFile = join(made.root, "state", "evidence-checkpoint");
  const key = loadSigningKey(createSigningKey().privateKeyPem);
  const reopen = () => openEvidence({ directory: evidence, stateFile, key, clock: made.clock });
  const log = await reopen();
  const sealed = new Map<string, SealedRecording>();
  for (const id of SESSIONS) {
    await log.append({ type: "handshake", handshake: handshake(id, AT) });
    await log.append({ type: "session-opened", session: summary(id, AT) });
    const journal = record(made, id, [`SELECT 'canary-${id}'`, "SELECT 2"]);
    const { recording, startedAt, endedAt, status } = await seal({
      journal: journal.paths,
      recipients: made.recipients,
      recordings: made.recordings,
      clock: made.clock,
      ending: RECOVERED,
    });
    await log.append({ type: "session-sealed", session: summary(id, startedAt, { endedAt, status, statements: 2 }), recording });
    discard(journal.paths);
    sealed.set(id, recording);
  }
  await log.close();
  const path = join(evidence, "log.jsonl");
  const verdicts = (options: Partial<VerifyOptions> = {}) =>
    Array.fromAsync(verify({ recordings: made.recordings, evidence, publicKey: loadPublicKey(key.publicKeyPem), ...options }));
  return {
    studio: made,
    evidence,
    log: path,
    stateFile,
    key,
    sealed,
    reopen,
    verdicts,
    problems: async (options) => {
      const all = await verdicts(options);
      return all.flatMap((verdict) =>
        verdict.ok ? [] : [["id" in verdict ? verdict.id : "log", verdict.problem?.split(":")[0] ?? ""] as const],
      );
    },
    lines: () => readFileSync(path, "utf8").split("\n").slice(0, -1),
    setLines: (lines) => writeFileSync(path, lines.map((line) => `${line}\n`).join("")),
  };
}
