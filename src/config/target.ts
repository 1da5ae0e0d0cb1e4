/** Targets as they are written: databases here, APIs in `http-target.ts`, told apart by `protocol`. */
import { z } from "zod";
import { expected } from "#policies/quantities.ts";
import { httpTargetSchema } from "./http-target.ts";
import type { Leaves } from "./leaves.ts";
import { sessionLimits, upstreamTlsSchema } from "./target-parts.ts";
import { address, count, distinct, text } from "./values.ts";

export function targetSchema(leaf: Leaves) {
  const schemas = [z.strictObject(databaseShape("postgres", leaf)), mysqlSchema(leaf), httpTargetSchema(leaf)] as const;
  return z.discriminatedUnion("protocol", schemas, {
    error: ({ input }) => (isMap(input) ? expected("postgres, mysql or http")({ input: input["protocol"] }) : undefined),
  });
}

function isMap(input: unknown): input is Readonly<Record<string, unknown>> {
  return typeof input === "object" && input !== null && !Array.isArray(input);
}

function mysqlSchema(leaf: Leaves) {
  return z.strictObject({ ...databaseShape("mysql", leaf), localInfile: z.enum(["refuse", "allow"]).default("refuse") });
}

function databaseShape<const Protocol extends "postgres" | "mysql">(protocol: Protocol, leaf: Leaves) {
  const credential = z.strictObject({ user: text, password: leaf.secret.optional(), allowWeak: z.boolean().default(false) });
  return {
    protocol: z.literal(protocol),
    address: address(1),
    database: z.union([text, distinct(text).min(1)], { error: expected("a name or a list of names") }).optional(),
    tls: upstreamTlsSchema(leaf).prefault({}),
    credential,
    limits: z.strictObject({ ...sessionLimits, rowsPerStatement: count.optional(), rowsPerSession: count.optional() }).prefault({}),
  };
}
