/** Commands of a client that could reach past what was judged. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ClientCommands } from "#protocols/mysql/client-commands.ts";
import { packets, SessionState } from "#protocols/mysql/protocol.ts";
import { unparsedJudgement } from "#protocols/mysql/refusals.ts";
import type { SessionTerms } from "#protocols/mysql/session.ts";
import { DEFAULT_SQL_MODE } from "#protocols/sql/mysql/sql-mode.ts";
import { NO_CAPS } from "#protocols/wire/caps.ts";

const TERMS: SessionTerms = {
  underMask: false,
  mayPassUnparsed: false,
  localFiles: false,
  isProtected: () => false,
  limits: { rowsPerStatement: 10, bytesPerStatement: 1000 },
  caps: NO_CAPS,
  clientCapabilities: 0,
  product: "MySQL",
  upstreamCapabilities: 0,
  preamble: [],
};

function commands(heard: string[] = []) {
  const counts = { statements: 0, denied: 0, rows: 0, maskedCells: 0, bytes: 0 };
  const state = new SessionState(TERMS, () => 1, counts, { database: null, sqlMode: DEFAULT_SQL_MODE, charset: "utf8mb4" }, 2);
  const judge = (sql: string) => {
    heard.push(sql);
    return { ...unparsedJudgement(Buffer.from(sql), sql.length), localFile: { name: "x" } };
  };
  return new ClientCommands(state, judge, { kill: () => false, digestOf: () => "" });
}

test("a statement that was not prepared here is not executed, nor MariaDB's -1 for the last one where there is none", () => {
  const payload = Buffer.from([0x17, 0xff, 0xff, 0xff, 0xff, 0, 1, 0, 0, 0]);
  const outcome = commands().onCommand(payload, packets(payload, 0), 0);
  assert.equal(outcome.kind, "answer");
  assert.equal(outcome.kind === "answer" && outcome.payloads[0]?.readUInt16LE(1), 1243);
});

test("where local files are not allowed, a statement that reads one does not go upstream, prepared or not", () => {
  for (const command of ["\u0003", "\u0016"]) {
    const payload = Buffer.from(`${command}LOAD DATA LOCAL INFILE 'x' INTO TABLE t`);
    const outcome = commands().onCommand(payload, packets(payload, 0), 0);
    assert.ok(outcome.kind === "answer");
    assert.match(outcome.payloads[0]?.toString("latin1") ?? "", /reason=command-refused/);
  }
});

test("of a text that streams by, the record holds nothing from where a password may stand", () => {
  const { recordedSql } = unparsedJudgement(Buffer.from("CREATE USER x IDENTIFIED BY 'sesame'"), 5_000_000);
  assert.doesNotMatch(JSON.stringify(recordedSql), /sesame/);
});

test("a text that is no UTF-8 keeps its bytes apart, one character each, prepared too", () => {
  const heard: string[] = [];
  for (const command of [0x03, 0x16]) {
    for (const byte of [0xe9, 0xe8]) {
      const payload = Buffer.from([command, ...Buffer.from("SELECT '"), byte, 0x27]);
      commands(heard).onCommand(payload, packets(payload, 0), 0);
    }
  }
  assert.deepEqual(heard, ["SELECT 'é'", "SELECT 'è'", "SELECT 'é'", "SELECT 'è'"]);
});
