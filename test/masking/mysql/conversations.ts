/**
 * Hostile conversations on MySQL and MariaDB: what the protocol offers beside texts, and what a session may change between
 * two of them. Each gives back nothing: every byte that the client has received is searched behind it.
 */
import { COMMAND } from "#protocols/mysql/constants.ts";
import type { TestGateway } from "#test/support/gateway.ts";
import type { TestMysql } from "#test/support/mysql.ts";
import type { MysqlAttacker } from "./client.ts";

export interface MysqlScene {
  readonly attacker: MysqlAttacker;
  /** Straight to the server, as root. */
  readonly server: TestMysql;
  /** Lets a change of the schema be made; resolves once the gateway has read it. */
  readonly changed: TestGateway["changed"];
  /** Another session of the same principal, by the number of a collation in its handshake. */
  readonly enter: (collation: number) => Promise<MysqlAttacker>;
}

const SECRETS = "SELECT id, ssn, email, code, salary, bio, hidden FROM users";
/** Ends in a byte that is the first half of a character in gbk, sjis and big5, and eats the backslash behind it. */
const HALF = Buffer.from([0xbf]);

const bytes = (...parts: readonly (string | Buffer)[]): Buffer => Buffer.concat(parts.map((part) => Buffer.from(part)));
const int4 = (value: number): Buffer => Buffer.from([value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, (value >>> 24) & 0xff]);

/** The same question in every way, in the state that the session is in now. */
async function everyWay(attacker: MysqlAttacker, sql = SECRETS): Promise<void> {
  for (const way of ["text", "prepared", "cursor"] as const) if (!attacker.closed) await attacker.ask(sql, way);
}

export const MYSQL_CONVERSATIONS: Readonly<Record<string, (scene: MysqlScene) => Promise<void>>> = {
  "columns of a table by its name": async ({ attacker }) => {
    await attacker.command("fields", COMMAND.fieldList, "users\0");
    await attacker.command("fields", COMMAND.fieldList, "users\0%ssn%");
    await everyWay(attacker);
  },
  "a cursor that is fetched from row by row": async ({ attacker }) => {
    await attacker.prepare(SECRETS);
    await attacker.execute(true);
    for (let row = 0; row < 4; row++) await attacker.fetch(1);
    await attacker.execute(true);
    await attacker.query(SECRETS);
    await attacker.fetch(10);
  },
  "statements that were never prepared": async ({ attacker }) => {
    await attacker.command("binary", COMMAND.stmtExecute, int4(1), "\0", int4(1));
    await attacker.command("binary", COMMAND.stmtExecute, int4(-1), "\0", int4(1));
    await attacker.command("fetch", COMMAND.stmtFetch, int4(1), int4(100));
    await attacker.prepare("SELECT ssn FROM users; SELECT 1");
    await attacker.execute();
  },
  "several statements in one text": async ({ attacker }) => {
    await attacker.command("plain", COMMAND.setOption, Buffer.from([0, 0]));
    await attacker.query(`SELECT 1; ${SECRETS}`);
    await attacker.query(`SELECT 1;;${SECRETS};`);
    await attacker.query(`SET @a = 1; ${SECRETS}`);
  },
  "two commands in one write": async ({ attacker }) => {
    attacker.write(bytes(Buffer.from([COMMAND.query]), "SELECT 1"));
    attacker.write(bytes(Buffer.from([COMMAND.query]), SECRETS));
    await attacker.answer("text");
    await attacker.answer("text");
  },
  "executable comments": async ({ attacker }) => {
    for (const comment of ["!", "!50000", "!99999", "!080000", "M!", "M!100000", "M!999999", "+ NO_MERGE(users)"]) {
      await everyWay(attacker, `SELECT id /*${comment} , ssn, email */ FROM users`);
      await everyWay(attacker, `SELECT id FROM orders /*${comment} UNION SELECT ssn FROM users */`);
    }
  },
  "character sets of the handshake in which a quote may be half a character": async ({ enter }) => {
    for (const collation of [1, 8, 13, 24, 28, 35, 45, 63, 95, 248, 255]) {
      const other = await enter(collation).catch(() => null);
      if (other === null) continue;
      await everyWay(other);
      if (!other.closed) await other.query(bytes("SELECT '", HALF, "\\', ssn, email FROM users -- '"));
      if (!other.closed) await other.query(bytes("SELECT '", HALF, "' , ssn FROM users -- '"));
      other.end();
    }
  },
  "character sets of later": async ({ enter }) => {
    for (const set of [
      "SET NAMES gbk",
      "SET CHARACTER SET sjis",
      "SET character_set_client = big5",
      "SET NAMES latin1",
      "SET NAMES ucs2",
    ]) {
      const other = await enter(45);
      await other.query(set);
      if (!other.closed) await other.query(bytes("SELECT '", HALF, "\\', ssn, email FROM users -- '"));
      if (!other.closed) await everyWay(other);
      if (!other.closed) await other.query(bytes("SELECT s", Buffer.from([0xa0]), "sn FROM users"));
      other.end();
    }
  },
  "results in any set": async ({ attacker }) => {
    for (const set of ["NULL", "binary", "utf16", "latin1", "gbk"]) {
      await attacker.query(`SET character_set_results = ${set}`);
      if (attacker.closed) return;
      await everyWay(attacker);
    }
  },
  "sql_mode between preparation and execution": async ({ attacker }) => {
    for (const mode of ["ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "PIPES_AS_CONCAT", "ORACLE", "ANSI", "IGNORE_SPACE", ""]) {
      await attacker.prepare("SELECT \"ssn\", '\\' , id, 'x' || ssn FROM users -- '");
      await attacker.query(`SET SESSION sql_mode = '${mode}'`);
      if (attacker.closed) return;
      await attacker.execute();
      await attacker.query('SELECT "ssn" FROM users');
      await attacker.query("SELECT '\\', ssn, '' FROM users -- '");
      await attacker.query("SELECT '\\' UNION SELECT ssn FROM users -- '");
      await attacker.query("SELECT id || ssn FROM users");
      await everyWay(attacker);
    }
  },
  "another database": async ({ attacker }) => {
    await attacker.prepare("SELECT * FROM users");
    await attacker.command("plain", COMMAND.initDb, "other");
    await attacker.execute();
    await everyWay(attacker, "SELECT * FROM people");
    await everyWay(attacker, "SELECT * FROM users");
    await everyWay(attacker, "SELECT * FROM app.users");
    await attacker.query("USE app");
    await everyWay(attacker);
    await attacker.command("plain", COMMAND.initDb, "information_schema");
    await everyWay(attacker, "SELECT * FROM processlist");
    await attacker.command("plain", COMMAND.initDb, "APP");
    await everyWay(attacker);
  },
  "a connection that is reset": async ({ attacker }) => {
    await attacker.prepare(SECRETS);
    await attacker.command("plain", COMMAND.resetConnection);
    await attacker.execute();
    await everyWay(attacker);
    await attacker.query("SELECT '\\', ssn, '' FROM users -- '");
  },
  "errors that quote": async ({ attacker }) => {
    for (const sql of [
      "SELECT EXTRACTVALUE(1, CONCAT('!', ssn)) FROM users",
      "SELECT UPDATEXML(1, CONCAT('!', (SELECT ssn FROM users LIMIT 1)), 1)",
      "SELECT id FROM users GROUP BY CONCAT(ssn, FLOOR(RAND(0) * 2)) HAVING MIN(0)",
      "SELECT CAST(ssn AS JSON) FROM users",
      "SELECT EXP(~(SELECT pin FROM users LIMIT 1))",
      "SELECT NAME_CONST(ssn, 1) FROM users",
      "SELECT * FROM (SELECT ssn, ssn FROM users) x",
      "SELECT 1 FROM orders WHERE id = (SELECT ssn FROM users)",
      "SELECT GTID_SUBSET(ssn, 'x') FROM users",
      "SELECT ST_GEOMFROMTEXT(ssn) FROM users",
      "SELECT STR_TO_DATE(ssn, '%Y') + INTERVAL 1 DAY FROM users",
      "SELECT JSON_EXTRACT(details, bio) FROM users",
      "SELECT UUID_TO_BIN(ssn) FROM users",
    ]) {
      await everyWay(attacker, sql);
      for (const diagnostics of [
        "SHOW WARNINGS",
        "SHOW ERRORS",
        "SHOW COUNT(*) WARNINGS",
        "GET DIAGNOSTICS CONDITION 1 @m = MESSAGE_TEXT",
        "SELECT @m",
      ]) {
        await attacker.query(diagnostics);
      }
    }
  },
  "values that are put aside": async ({ attacker }) => {
    await attacker.query("SELECT ssn INTO @a FROM users LIMIT 1");
    await attacker.query("SELECT @a := ssn FROM users");
    await attacker.query("SELECT LAST_INSERT_ID(pin) FROM users");
    await attacker.query("SELECT LAST_INSERT_ID(), @a");
    await attacker.prepare("SELECT ?, LAST_INSERT_ID(?)");
    await attacker.execute();
    await attacker.query("DO RELEASE_LOCK((SELECT ssn FROM users LIMIT 1))");
  },
  "a table that changes its place behind a prepared statement": async ({ attacker, server, changed }) => {
    await attacker.prepare("SELECT * FROM counters");
    await attacker.execute();
    await changed(() => server.sql("USE app; RENAME TABLE counters TO aside; CREATE TABLE counters AS SELECT * FROM users"));
    try {
      // It bears the name of a table that nothing is masked in, and no rule means it: copies are for the doctor to find.
      await attacker.query("SELECT id FROM counters");
    } finally {
      await changed(() => server.sql("USE app; DROP TABLE counters; RENAME TABLE aside TO counters"));
    }
    await changed(() => server.sql("USE app; RENAME TABLE counters TO aside, users TO counters"));
    try {
      await attacker.execute();
      await attacker.query("SELECT ssn FROM users");
    } finally {
      await changed(() => server.sql("USE app; RENAME TABLE counters TO users, aside TO counters"));
    }
  },
  "a view that changes behind a prepared statement": async ({ attacker, server, changed }) => {
    await attacker.prepare("SELECT * FROM open_orders");
    await attacker.execute();
    await changed(() => server.sql("USE app; CREATE OR REPLACE VIEW open_orders AS SELECT id, ssn AS total FROM users"));
    try {
      await attacker.execute();
      await everyWay(attacker, "SELECT * FROM open_orders");
    } finally {
      await changed(() => server.sql("USE app; CREATE OR REPLACE VIEW open_orders AS SELECT id, total FROM orders WHERE status = 'open'"));
    }
  },
  "other people's sessions": async ({ attacker }) => {
    await attacker.query("KILL 1");
    await attacker.query("KILL QUERY 7");
    await attacker.query("SHOW FULL PROCESSLIST");
    await attacker.command("plain", COMMAND.processInfo);
    await attacker.command("plain", COMMAND.processKill, int4(1));
    await attacker.command("plain", COMMAND.debug);
    await attacker.command("plain", COMMAND.statistics);
    await attacker.command("plain", COMMAND.changeUser, "root\0\0\0");
    await attacker.command("plain", COMMAND.binlogDump, Buffer.alloc(10));
    await attacker.command("plain", COMMAND.registerSlave, Buffer.alloc(18));
    await attacker.command("plain", COMMAND.tableDump, "app\0users");
    await everyWay(attacker);
  },
};
