/** A real server with the seed of the attacks, its catalogue as the gateway reads it, and both ways to run a statement on it. */
import { createConnection, type FieldPacket, type RowDataPacket } from "mysql2/promise";
import { loadGrammar } from "#protocols/sql/mysql/grammar.ts";
import type { MaskedText } from "#protocols/sql/mysql/masked-text.ts";
import { maskedText } from "#protocols/sql/mysql/masked-text.ts";
import { type MysqlMaskingView, resolveMysqlProtection } from "#protocols/sql/mysql/protection.ts";
import { readSqlMode } from "#protocols/sql/mysql/sql-mode.ts";
import { readMysqlCatalogue } from "#src/catalogue/mysql-reader.ts";
import { MYSQL_MASKS, MYSQL_SEED, MYSQL_STEADY } from "#test/masking/mysql/seed.ts";
import { type MysqlFlavour, startMysql } from "#test/support/mysql.ts";

export interface Answer {
  /** Name and type of each column. */
  readonly columns: readonly (readonly [name: string, type: number | undefined])[];
  readonly rows: readonly (readonly (string | null)[])[];
}

export interface Scene {
  readonly view: MysqlMaskingView;
  readonly masked: (sql: string, sqlMode?: string) => MaskedText;
  /** @throws what the server says */
  readonly run: (sql: string) => Promise<Answer>;
  readonly stop: () => Promise<void>;
}

/** @param more statements behind the seed */
export async function startScene(flavour: MysqlFlavour, more: readonly string[] = []): Promise<Scene> {
  await loadGrammar();
  const server = await startMysql({ flavour, settings: MYSQL_STEADY, seed: [...MYSQL_SEED, ...more.map((one) => `${one};`)] });
  const connection = await createConnection({
    ...{ host: server.host, port: server.port, user: server.user, password: server.password, database: server.database },
    ssl: { ca: server.ca, rejectUnauthorized: false },
    rowsAsArray: true,
    charset: "utf8mb4_general_ci",
    typeCast: (field) => field.buffer()?.toString("latin1") ?? null,
  });
  const catalogue = await readMysqlCatalogue(async (sql) => {
    const [rows, fields] = await connection.query<RowDataPacket[]>(sql);
    return rows.map((row) => Object.fromEntries(fields.map(({ name }, index) => [name.toLowerCase(), textOf(row[index])])));
  });
  const { protection } = resolveMysqlProtection(catalogue, MYSQL_MASKS);
  const view: MysqlMaskingView = { catalogue, protection, functionsAllowed: ["app.order_total"] };
  const masked = (sql: string, sqlMode = ""): MaskedText =>
    maskedText(sql, view, { sqlMode: readSqlMode(sqlMode), foreign: false, database: "app" });
  const run = async (sql: string): Promise<Answer> => {
    const [rows, fields]: [unknown, FieldPacket[] | undefined] = await connection.query({ sql, rowsAsArray: true });
    const list = Array.isArray(rows) ? (rows as unknown[]) : [];
    return {
      columns: (fields ?? []).map(({ name, type }) => [name, type]),
      rows: list.map((row) => (Array.isArray(row) ? row.map(textOf) : [])),
    };
  };
  const stop = async (): Promise<void> => {
    connection.destroy();
    await server.stop();
  };
  return { view, masked, run, stop };
}

function textOf(cell: unknown): string | null {
  return typeof cell === "string" ? cell : null;
}
