/** What the readers of a MySQL catalogue ask with: rows of texts, held to the form that is expected. */
import { z } from "zod";

/** Runs one statement and gives its rows by column name. */
export type RunMysqlQuery = (sql: string) => Promise<readonly Readonly<Record<string, string | null>>[]>;

/** @throws whatever `query` throws, and Error when a row has another form */
export async function asked<Shape>(query: RunMysqlQuery, sql: string, shape: z.ZodType<Shape>): Promise<readonly Shape[]> {
  return z.array(shape).parse(await query(sql));
}
