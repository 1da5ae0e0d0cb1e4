/** Targets that ask a client for files: whatever the statement, only the file that it names is ever sent, and only where allowed. */
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { after, before, describe, test } from "node:test";
import mysql from "mysql2/promise";
import { packets } from "#protocols/mysql/packet.ts";
import { recordingOf } from "#test/src/gateway/archive.ts";
import { OK, type StubMysql, startStubMysql } from "#test/src/gateway/mysql/stub.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import type { Sections } from "#test/support/gateway-files.ts";

function configure(sections: Sections): Sections {
  const { targets } = sections as { targets: Record<string, object> };
  return { ...sections, targets: { allowed: { ...targets["allowed"], localInfile: "allow" }, refused: targets["refused"] } };
}

describe("a target that asks for files", () => {
  let stub: StubMysql;
  let gateway: TestGateway;

  before(async () => {
    stub = await startStubMysql();
    gateway = await startGateway({ mysql: { allowed: stub, refused: stub }, configure });
  });
  after(async () => {
    await gateway?.stop();
    await stub?.stop();
  });

  /** What the client was told, what files it was asked for, and what the target received. */
  async function ask(target: string, sql: string, asked: string) {
    const received: Buffer[] = [];
    stub.play({
      packet: (payload, sequence) => {
        if (payload[0] === 0x03 && payload.includes(sql))
          return packets(Buffer.concat([Buffer.from([0xfb]), Buffer.from(asked)]), sequence + 1);
        if (sequence > 0) received.push(payload);
        return sequence > 0 && payload.length > 0 ? null : undefined;
      },
    });
    const { host, port, user, password, database } = await gateway.mysqlLogin(target);
    const client = await mysql.createConnection({ host, port, user, password, database, ssl: { ca: gateway.ca } });
    const files: string[] = [];
    const infileStreamFactory = (path: string) => {
      files.push(path);
      return Readable.from([Buffer.from("content")]);
    };
    const outcome: unknown = await client.query({ sql, infileStreamFactory }).then(
      () => "done",
      (error: unknown) => error,
    );
    client.destroy();
    return { told: outcome instanceof Error ? outcome.message : String(outcome), files, received: Buffer.concat(received).toString() };
  }

  test("gets the one that the client's own statement names, where that is allowed, and it is on record", async () => {
    for (const [sql, name] of [
      ["LOAD DATA LOCAL INFILE '/tmp/rows.csv' INTO TABLE t", "/tmp/rows.csv"],
      ["load /* x */ data concurrent local\ninfile \"/tmp/it''s\" replace into table shop.t (a, @b) SET c = @b + 1", "/tmp/it''s"],
      ["LOAD XML LOCAL INFILE '/tmp/tab\\there' INTO TABLE t ROWS IDENTIFIED BY '<row>'", "/tmp/tab\there"],
    ]) {
      const { told, files, received } = await ask("allowed", sql ?? "", name ?? "");
      assert.deepEqual([told, files, received], ["done", [name], "content"], sql);
    }
    const sql = "LOAD DATA LOCAL INFILE '/tmp/rows.csv' INTO TABLE t";
    const copied = (await recordingOf(gateway, sql)).find((event) => event.kind === "copy");
    assert.ok(copied?.kind === "copy");
    assert.deepEqual([copied.direction, copied.bytes, copied.data], ["in", 7, "content"]);
    assert.equal(copied.beyond?.sha256, "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73");
  });

  test("gets none for a statement that speaks of no file, of another, or in a way that is not certain: the session ends", async () => {
    for (const [sql, name] of [
      ["SELECT 1", "/etc/passwd"],
      ["SELECT 1 -- LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE t", "/etc/passwd"],
      ["SELECT 'LOAD DATA LOCAL INFILE ''x'' INTO TABLE t'", "x"],
      ["LOAD DATA LOCAL INFILE 'rows.csv' INTO TABLE t", "/etc/passwd"],
      ["LOAD DATA LOCAL INFILE 'rows.csv' INTO TABLE t", "rows.csv\0"],
      ["LOAD DATA LOCAL INFILE 'rows.csv' INTO TABLE t", "Rows.csv"],
      ["LOAD DATA LOCAL INFILE 'rows.csv' INTO TABLE t", ""],
      ["LOAD DATA INFILE 'rows.csv' INTO TABLE t", "rows.csv"],
      ["INSERT INTO t VALUES (1)", "x"],
      ["no statement at all", "x"],
    ]) {
      for (const target of ["allowed", "refused"]) {
        const { told, files, received } = await ask(target, sql ?? "", name ?? "");
        assert.match(
          told,
          target === "refused" && /^LOAD DATA LOCAL/.test(sql ?? "") ? /reason=command-refused/ : /reason=upstream-out-of-step/,
          sql,
        );
        assert.deepEqual([files, received], [[], ""], sql);
      }
    }
  });

  test("does not even get the statement where it is not allowed, nor one whose file is not one literal of one statement", async () => {
    const odd = [
      "LOAD DATA LOCAL INFILE 'a' 'b' INTO TABLE t; SELECT 1",
      "SELECT 1; LOAD DATA LOCAL INFILE 'x' INTO TABLE t",
      "LOAD DATA /*!99999 LOCAL */ INFILE 'x' INTO TABLE t",
      "LOAD DATA LOCAL INFILE /*!99999 'y' */ 'x' INTO TABLE t",
    ];
    for (const [target, texts] of [
      ["refused", [...odd, "LOAD DATA LOCAL INFILE 'x' INTO TABLE t", "/*!50000 LOAD */ DATA LOW_PRIORITY LOCAL INFILE 'x' INTO TABLE t"]],
      ["allowed", odd],
    ] as const) {
      for (const sql of texts) {
        const { told, files } = await ask(target, sql, "x");
        assert.match(
          told,
          /reason=(command-refused|statement-unparsed|upstream-out-of-step)|You have an error in your SQL syntax/,
          `${target}: ${sql}`,
        );
        assert.deepEqual(files, [], sql);
      }
    }
  });

  test("is not heard where it asks again behind the file", async () => {
    const sql = "LOAD DATA LOCAL INFILE 'x' INTO TABLE t";
    const file = (sequence: number) => packets(Buffer.from("\u00fbx", "latin1"), sequence);
    stub.play({
      packet: (payload, sequence) =>
        payload.includes("LOAD") ? file(1) : payload.length > 0 && sequence > 0 ? null : sequence > 0 ? file(sequence + 1) : packets(OK, 1),
    });
    const { host, port, user, password, database } = await gateway.mysqlLogin("allowed");
    const client = await mysql.createConnection({ host, port, user, password, database, ssl: { ca: gateway.ca } });
    let files = 0;
    const infileStreamFactory = () => {
      files++;
      return Readable.from([Buffer.from("content")]);
    };
    await assert.rejects(client.query({ sql, infileStreamFactory }), /reason=upstream-out-of-step/);
    assert.equal(files, 1);
    client.destroy();
  });
});
