/** A MySQL client for the corpus: sends one text in either protocol, and keeps every cell, column, error and byte that comes. */
import mysql from "mysql2/promise";

export type Format = "text" | "binary";

export interface Answer {
  readonly columns: readonly { readonly name: string; readonly type: number; readonly origin: string }[];
  /** Of all results that one text has. */
  readonly rows: readonly (readonly (string | null)[])[];
  /** What the cells are made of, one byte for one byte. */
  readonly bytes: Buffer;
  /** Empty when there is none. */
  readonly error: string;
}

export interface Client {
  send(sql: string, format: Format): Promise<Answer>;
  close(): Promise<void>;
}

export interface ClientOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** PEM. */
  readonly ca: string;
}

export async function openClient({ host, port, user, password, database, ca }: ClientOptions): Promise<Client> {
  const connection = await mysql.createConnection({
    ...{ host, port, user, password, database, ssl: { ca } },
    ...{ rowsAsArray: true, supportBigNumbers: true, bigNumberStrings: true, dateStrings: true, jsonStrings: true },
  });
  connection.on("error", () => undefined);
  return {
    async send(sql, format) {
      try {
        const [rows, fields] = format === "text" ? await connection.query({ sql, typeCast: asBytes }) : await connection.execute(sql);
        return answerOf(rows, fields);
      } catch (error) {
        return { columns: [], rows: [], bytes: Buffer.alloc(0), error: error instanceof Error ? error.message : String(error) };
      }
    },
    close: () => connection.end().catch(() => undefined),
  };
}

/** Of the text protocol alone: in the binary one mysql2 does not tell where a value ends. */
function asBytes(field: unknown): string | null {
  return (field as { buffer(): Buffer | null }).buffer()?.toString("latin1") ?? null;
}

function answerOf(results: unknown, fields: unknown): Answer {
  const rows = Array.isArray(results) ? results.flatMap(rowsIn) : [];
  const list: unknown[] = Array.isArray(fields) ? fields.flat() : [];
  const columns = list.flatMap((field) =>
    isField(field) ? [{ name: field.name, type: field.columnType ?? 0, origin: field.orgName }] : [],
  );
  return { columns, rows, bytes: Buffer.from(rows.flat().join("\n"), "latin1"), error: "" };
}

function isField(field: unknown): field is { name: string; columnType?: number; orgName: string } {
  return typeof field === "object" && field !== null && "name" in field && "orgName" in field;
}

/** A row; of a text with several results a list of them. */
function rowsIn(row: unknown): readonly (readonly (string | null)[])[] {
  if (!Array.isArray(row)) return [];
  if (Array.isArray(row[0])) return row.flatMap(rowsIn);
  return [row.map((cell) => (cell === null ? null : Buffer.isBuffer(cell) ? cell.toString("latin1") : String(cell)))];
}
