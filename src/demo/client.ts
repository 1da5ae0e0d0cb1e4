/** A client as any agent would write it: the `pg` package, over TLS verified against the demo's authority. */
import pg from "pg";
import type { Secret } from "#protocols/wire/secret.ts";

export interface ClientOptions {
  readonly port: number;
  readonly user: string;
  readonly password: Secret<string>;
  readonly database: string;
  /** PEM. */
  readonly ca: string;
}

export interface Answer {
  readonly columns: readonly string[];
  /** Values as text, as the server wrote them; null is SQL NULL. */
  readonly rows: readonly (readonly (string | null)[])[];
}

/** How a statement was refused. */
export interface Refusal {
  readonly sqlState: string;
  readonly message: string;
  readonly detail: string;
  readonly hint: string;
}

export type Outcome = { readonly kind: "answer"; readonly answer: Answer } | { readonly kind: "refused"; readonly refusal: Refusal };

const CONNECT_MS = 20_000;

/**
 * Runs the statements one after the other in one session.
 *
 * @throws Error when the session does not come up, or is lost on the way
 */
export async function runAs(options: ClientOptions, statements: readonly string[]): Promise<Outcome[]> {
  const client = new pg.Client({
    host: "localhost",
    port: options.port,
    user: options.user,
    password: options.password.expose(),
    database: options.database,
    application_name: "sallyport-demo",
    connectionTimeoutMillis: CONNECT_MS,
    ssl: { ca: options.ca, rejectUnauthorized: true, servername: "localhost" },
    // Values stay as the server wrote them: the demo compares texts.
    types: { getTypeParser: () => (value: string) => value },
  });
  await client.connect();
  try {
    const outcomes: Outcome[] = [];
    for (const statement of statements) outcomes.push(await outcomeOf(client, statement));
    return outcomes;
  } finally {
    await client.end();
  }
}

async function outcomeOf(client: pg.Client, statement: string): Promise<Outcome> {
  try {
    const result = await client.query<(string | null)[]>({ text: statement, rowMode: "array" });
    return { kind: "answer", answer: { columns: result.fields.map((field) => field.name), rows: result.rows } };
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || error.code === undefined || error.severity === "FATAL") throw error;
    const { code, message, detail, hint } = error;
    return { kind: "refused", refusal: { sqlState: code, message, detail: detail ?? "", hint: hint ?? "" } };
  }
}
