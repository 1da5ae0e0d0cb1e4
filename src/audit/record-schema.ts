/** The shape of evidence records and session summaries, checked where they are read from a file. Unknown members are kept. */
import { z } from "zod";
import type { EvidenceRecord, SessionSummary } from "./records.ts";

const count = z.number().int().nonnegative();
const text = z.string().nullable();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const protocol = z.enum(["postgres", "mysql", "http"]);
const sessionStatus = z.enum([
  "open",
  "closed",
  "token-expired",
  "client-lost",
  "upstream-lost",
  "recording-failed",
  "shutdown",
  "fault",
  "recovered",
]);

const principal = z.looseObject({ issuer: z.string(), name: z.string(), groups: z.array(z.string()), actor: text });

export const SESSION_SUMMARY = z.looseObject({
  id: z.string(),
  startedAt: z.string(),
  endedAt: text,
  principal,
  target: z.string(),
  protocol,
  remote: z.string(),
  label: z.string(),
  statements: count,
  rows: count,
  maskedCells: count,
  denied: count,
  bytes: count,
  status: sessionStatus,
}) satisfies z.ZodType<SessionSummary>;

const peer = z.looseObject({
  subject: z.string(),
  issuer: z.string(),
  serial: z.string(),
  sha256: z.string(),
  validFrom: z.string(),
  validTo: z.string(),
});

const tls = z.looseObject({
  version: text,
  cipher: text,
  group: text,
  groupDerived: z.boolean(),
  signatureAlgorithm: text,
  alpn: text,
  sni: text,
  resumed: z.boolean(),
  offeredVersions: z.array(z.string()).nullable(),
  peer: z.array(peer),
});

const handshake = z.looseObject({
  at: z.string(),
  sessionId: text,
  leg: z.enum(["client", "upstream"]),
  protocol,
  negotiation: z.enum(["sslrequest", "direct", "cleartext", "none"]),
  remote: z.string(),
  target: text,
  outcome: z.enum(["ok", "refused"]),
  reason: text,
  detail: text,
  durationMs: z.number(),
  tls: tls.nullable(),
  verified: text,
  pinned: z.boolean().nullable(),
  revocation: z.enum(["not-checked", "crl"]),
  ownCertificate: text,
  policy: z.string(),
});

const recording = z.looseObject({
  sessionId: z.string(),
  file: z.string(),
  sha256,
  bytes: count,
  head: sha256,
  events: count,
});

export const EVIDENCE_RECORD = z.discriminatedUnion("type", [
  z.looseObject({ type: z.literal("log-opened"), log: z.string(), publicKey: z.string() }),
  z.looseObject({ type: z.literal("log-repaired"), bytes: count, sha256 }),
  z.looseObject({ type: z.literal("session-lost"), sessionId: z.string(), reason: z.string() }),
  z.looseObject({ type: z.literal("handshake"), handshake }),
  z.looseObject({ type: z.literal("session-opened"), session: SESSION_SUMMARY }),
  z.looseObject({ type: z.literal("session-sealed"), session: SESSION_SUMMARY, recording }),
]) satisfies z.ZodType<EvidenceRecord>;

/** The records as values that are read: the same without `readonly`. */
type Written<T> = T extends readonly (infer Item)[]
  ? Written<Item>[]
  : T extends object
    ? { -readonly [Key in keyof T]: Written<T[Key]> }
    : T;

// Whatever the gateway may write must be readable again: a type or member that the schema lacks does not compile here.
true satisfies Written<EvidenceRecord> extends z.input<typeof EVIDENCE_RECORD> ? true : never;
