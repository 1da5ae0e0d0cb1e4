/**
 * Who may do what in a database, as far as the wall and the doctor ask: what the gateway's own login holds, what everybody
 * holds, and what moves rows elsewhere. Read by any login on PostgreSQL 13 to 18, like the catalogue, in one transaction.
 */
import { z } from "zod";
import { PRIVILEGES } from "./privilege-queries.ts";
import type { RunQuery } from "./reader.ts";

const oid = z.int().min(0);
const privileges = z.object({
  login: z.object({
    name: z.string(),
    superuser: z.boolean(),
    createRole: z.boolean(),
    createDatabase: z.boolean(),
    replication: z.boolean(),
    bypassRowSecurity: z.boolean(),
    /** Roles that it is a member of, directly or through others. */
    memberOf: z.array(z.string()),
  }),
  /** Roles that may log in and are no superusers. */
  loginRoles: z.array(z.string()),
  database: z.object({ publicTemporary: z.boolean(), publicCreate: z.boolean() }),
  schemas: z.array(z.object({ name: z.string(), publicCreates: z.boolean(), loginCreates: z.boolean(), comment: z.string().nullable() })),
  relations: z.array(
    z.object({
      oid,
      owner: z.string(),
      ownedByLogin: z.boolean(),
      /** Some privilege on it, or on a column. */
      publicHas: z.boolean(),
      loginReads: z.boolean(),
      rowSecurity: z.boolean(),
    }),
  ),
  /** SECURITY DEFINER, not the server's own, and no trigger functions. */
  definers: z.array(
    z.object({
      oid,
      schema: z.string(),
      name: z.string(),
      /** Qualified and quoted, with the types of its arguments: as GRANT takes it. */
      signature: z.string(),
      owner: z.string(),
      publicExecutes: z.boolean(),
      loginExecutes: z.boolean(),
      source: z.string(),
    }),
  ),
  triggers: z.array(z.object({ relation: oid, name: z.string(), calls: z.string() })),
  extensions: z.array(z.string()),
  eventTriggers: z.array(z.object({ name: z.string(), calls: z.string() })),
  publications: z.array(z.object({ name: z.string(), relations: z.array(oid) })),
});

export type Privileges = z.infer<typeof privileges>;

/** How long a person waits; the gateway, with statements waiting behind it, waits less. */
export const PRIVILEGES_MS = 25_000;

/** @throws whatever `query` throws, and Error when the answer has not the form that is expected */
export async function readPrivileges(query: RunQuery, timeoutMs: number): Promise<Privileges> {
  await query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  try {
    // Every name is then written with its schema.
    await query("SET LOCAL search_path = ''");
    await query(`SET LOCAL statement_timeout = ${timeoutMs}`);
    const [row] = await query(PRIVILEGES);
    await query("COMMIT");
    const answer = row?.["answer"];
    if (typeof answer !== "string") throw new Error("the answer about privileges is not a text");
    return privileges.parse(JSON.parse(answer));
  } catch (error) {
    // When the connection itself is gone this fails too, and the first error is the one that tells why.
    await query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}
