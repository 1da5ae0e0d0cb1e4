/**
 * The shape of every event, checked when a recording is read: a file is bytes from elsewhere, whoever it says it is
 * from. Members that this version does not know are kept and shown.
 */
import { z } from "zod";
import type { RecordedEvent } from "./events.ts";

const count = z.number().int().nonnegative();
const hex = z.string().regex(/^(?:[0-9a-f]{2})*$/);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const binary = z.looseObject({ hex, bytes: count.exactOptional(), sha256: sha256.nullable().exactOptional() });
const excess = z.looseObject({ head: z.string(), bytes: count, sha256: sha256.nullable() });
const text = z.union([z.string(), excess]);
const value = z.union([z.string(), z.null(), binary, excess]);
const beyond = z.looseObject({ rows: count, bytes: count, sha256 });
const statement = count.nullable();
const judged = { verdict: z.string(), rule: z.string().nullable(), reason: z.string().nullable(), tables: z.array(z.string()) };
const fields = z.record(z.string(), z.string());
const status = z.enum([
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
const principal = z.looseObject({
  issuer: z.string(),
  name: z.string(),
  groups: z.array(z.string()),
  actor: z.string().nullable(),
});

const chained = {
  seq: count,
  prev: sha256,
  at: z.iso.datetime({ precision: 3 }),
  sinceStartMs: z.number(),
};

function event<const Kind extends string, Shape extends z.core.$ZodLooseShape>(kind: Kind, shape: Shape) {
  return z.looseObject({ ...chained, kind: z.literal(kind), ...shape });
}

export const EVENT_SCHEMA = z.discriminatedUnion("kind", [
  event("session-start", {
    session: z.string(),
    principal,
    target: z.string(),
    protocol: z.string(),
    remote: z.string(),
    label: z.string(),
    application: z.string().nullable(),
    database: z.string(),
    gateway: z.string(),
  }),
  event("prepare", { name: z.string(), sql: text, upstreamSql: text.nullable(), ...judged }),
  event("statement", { sql: text, upstreamSql: text.nullable(), parameters: z.array(value), ...judged }),
  event("denied", { statement, rule: z.string().nullable(), reason: z.string(), message: z.string() }),
  event("held", { statement: count, rule: z.string() }),
  event("skipped", { statement: count, because: count }),
  event("rows", {
    statement,
    columns: z.array(z.looseObject({ name: z.string(), masked: z.boolean() })),
    rows: z.array(z.array(value)),
  }),
  event("result", { statement, tag: z.string(), rows: count, durationMs: z.number(), beyond: beyond.nullable() }),
  event("copy", {
    statement,
    direction: z.enum(["in", "out"]),
    data: z.union([text, binary]),
    bytes: count,
    beyond: beyond.nullable(),
    outcome: z.enum(["done", "failed", "cut", "part"]),
  }),
  event("head", {
    statement: count,
    direction: z.enum(["in", "out"]),
    status: count.nullable(),
    fields: z.array(z.looseObject({ name: z.string(), value: z.string() })),
  }),
  event("error", { statement, fields, from: z.enum(["target", "gateway"]) }),
  event("notice", { fields }),
  event("notify", { channel: z.string(), payload: text }),
  event("body", { statement, bytes: count, sha256 }),
  event("cancel", { remote: z.string() }),
  event("session-end", { status, reason: z.string().nullable() }),
]) satisfies z.ZodType<RecordedEvent>;

/** The events as values that are read: the same without `readonly`. */
type Written<T> = T extends readonly (infer Item)[]
  ? Written<Item>[]
  : T extends object
    ? { -readonly [Key in keyof T]: Written<T[Key]> }
    : T;

// Whatever the gateway may write must be readable again: a kind or member that the schema lacks does not compile here.
true satisfies Written<RecordedEvent> extends z.input<typeof EVENT_SCHEMA> ? true : never;
