/**
 * Accounts of every kind at real servers, as targets: those that can be logged in to are, inside verified TLS alone; all others
 * are refused with a reason that names neither address nor credential.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import mysql from "mysql2/promise";
import { readRecords } from "#src/audit/known.ts";
import { makeAuthority } from "#test/support/certificates.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import type { Sections } from "#test/support/gateway-files.ts";
import { type MysqlFlavour, PART_OF, startMysql, type TestMysql } from "#test/support/mysql.ts";
import { optional } from "#test/support/optional.ts";
import { until } from "#test/support/waiting.ts";

const PASSWORD = "pässwort with 'quotes' and \\ backslash";
const QUOTED = PASSWORD.replaceAll("\\", "\\\\").replaceAll("'", "''");

interface Account {
  readonly create: string;
  /** Null: it lets the gateway in. */
  readonly refused: RegExp | null;
  readonly password?: string;
  /** More of the target's section. */
  readonly section?: (target: Sections) => Sections;
}

const tlsOf = (target: Sections): Sections => ({ ...(target["tls"] as object) });
const withCertificate = (target: Sections): Sections => ({
  ...target,
  tls: { ...tlsOf(target), cert: "certs/login.crt", key: "keys/login.key" },
});

const ANYWHERE: Readonly<Record<string, Account>> = {
  x509: { create: `IDENTIFIED BY '${QUOTED}' REQUIRE X509`, refused: null, section: withCertificate },
  without_x509: { create: `IDENTIFIED BY '${QUOTED}' REQUIRE X509`, refused: /refused the gateway's login \(errno 1045\)/ },
  locked: { create: `IDENTIFIED BY '${QUOTED}' ACCOUNT LOCK`, refused: /errno (3118|4151)/ },
  wrong: { create: `IDENTIFIED BY '${QUOTED}'`, refused: /errno 1045/, password: "another" },
};

const ACCOUNTS: Readonly<Record<MysqlFlavour, Readonly<Record<string, Account>>>> = {
  mysql9: {
    ...ANYWHERE,
    sha2: { create: `IDENTIFIED WITH caching_sha2_password BY '${QUOTED}'`, refused: null },
    // MariaDB lets it in, and runs nothing but SET PASSWORD.
    expired: { create: `IDENTIFIED BY '${QUOTED}' PASSWORD EXPIRE`, refused: /errno (1862|1820)/ },
    sha256: { create: `IDENTIFIED WITH sha256_password BY '${QUOTED}'`, refused: /plugin sha256_password, which is not spoken here/ },
    factors: { create: `IDENTIFIED WITH caching_sha2_password BY '${QUOTED}' AND IDENTIFIED WITH auth_socket`, refused: /./ },
  },
  mariadb10: {
    ...ANYWHERE,
    native: { create: `IDENTIFIED VIA mysql_native_password USING PASSWORD('${QUOTED}')`, refused: null },
    ed25519: { create: `IDENTIFIED VIA ed25519 USING PASSWORD('${QUOTED}')`, refused: null },
    unix: { create: "IDENTIFIED VIA unix_socket", refused: /./ },
  },
  mariadb11: {
    native: { create: `IDENTIFIED VIA mysql_native_password USING PASSWORD('${QUOTED}')`, refused: null },
    ed25519: { create: `IDENTIFIED VIA ed25519 USING PASSWORD('${QUOTED}')`, refused: null },
    parsec: { create: `IDENTIFIED VIA parsec USING PASSWORD('${QUOTED}')`, refused: null },
  },
};

for (const flavour of ["mysql9", "mariadb10", "mariadb11"] as const) {
  describe(`accounts of ${flavour}`, { skip: optional(PART_OF[flavour]) }, () => {
    const accounts = ACCOUNTS[flavour];
    let server: TestMysql;
    let gateway: TestGateway;

    before(async () => {
      server = await startMysql({
        flavour,
        settings:
          flavour === "mariadb11"
            ? { "plugin-load-add": "auth_parsec" }
            : flavour === "mysql9"
              ? { "plugin-load-add": "auth_socket.so" }
              : {},
        seed: Object.entries(accounts).map(
          ([name, { create }]) => `CREATE USER '${name}'@'%' ${create}; GRANT ALL ON app.* TO '${name}'@'%';`,
        ),
      });
      const mysql = Object.fromEntries(
        Object.entries(accounts).map(([name, { password }]) => [name, { ...server, user: name, password: password ?? PASSWORD }]),
      );
      gateway = await startGateway({
        mysql,
        configure: (sections) => {
          const targets = sections["targets"] as Record<string, Sections>;
          const changed = Object.entries(targets).map(([name, target]) => [name, accounts[name]?.section?.(target) ?? target]);
          return { ...sections, targets: Object.fromEntries(changed) };
        },
        papers: { "certs/login.crt": server.client.cert, "keys/login.key": server.client.key.expose() },
      });
    });
    after(async () => {
      await gateway?.stop();
      await server?.stop();
    });

    for (const [name, { refused }] of Object.entries(accounts)) {
      test(refused === null ? `${name} lets the gateway in, each time` : `${name} is refused, with its reason`, async () => {
        // Where passwords are cached, the first login after this sends the password, and the second proves it.
        server.sql("FLUSH PRIVILEGES");
        for (const _ of [1, 2]) {
          const said = await enter(gateway, name);
          if (refused === null) assert.equal(said, "1");
          else {
            assert.match(said, refused);
            assert.match(said, /\[reason=upstream-login-failed\]/);
            for (const inner of [server.host, String(server.port), PASSWORD, "another"]) assert.ok(!said.includes(inner), said);
          }
        }
      });
    }
  });
}

describe("a target that can't be verified", { skip: optional("mariadb") }, () => {
  let server: TestMysql;
  let gateway: TestGateway;

  before(async () => {
    server = await startMysql({ flavour: "mariadb10", seed: ["SET GLOBAL log_output = 'TABLE', GLOBAL general_log = ON;"] });
    const other = await makeAuthority("Another CA");
    gateway = await startGateway({
      mysql: { stranger: { ...server, ca: other.ca }, named: server, pinned: server, rightly: server },
      configure: (sections) => {
        const targets = sections["targets"] as Record<string, Sections>;
        const change = (name: string, tls: Sections) => ({ ...targets[name], tls: { ...tlsOf(targets[name] ?? {}), ...tls } });
        const pins = [`sha256/${Buffer.alloc(32, 7).toString("base64")}`];
        return {
          ...sections,
          targets: { ...targets, named: change("named", { serverName: "db.other.example" }), pinned: change("pinned", { pins }) },
        };
      },
    });
  });
  after(async () => {
    await gateway?.stop();
    await server?.stop();
  });

  /** That the server has heard of, refused ones too. */
  const logins = (): number =>
    Number(
      /^\d+$/m.exec(server.sql("SELECT COUNT(*) FROM mysql.general_log WHERE command_type = 'Connect' AND argument LIKE '%app@%'"))?.[0],
    );

  for (const [name, reason] of [
    ["stranger", "unknown-ca"],
    ["named", "name-mismatch"],
    ["pinned", "pin-mismatch"],
  ] as const) {
    test(`${name}: nothing of a login goes out, and the handshake is on record as refused`, async () => {
      assert.match(await enter(gateway, name), /reason=upstream-tls-refused/);
      assert.equal(logins(), 0);
      const records = await until(() => {
        const found = [...readRecords(join(gateway.folder, "evidence"))].flatMap((entry) =>
          entry.type === "handshake" && entry.handshake.leg === "upstream" && entry.handshake.target === name ? [entry.handshake] : [],
        );
        return found.length > 0 && found;
      }, "the handshake is on record");
      assert.deepEqual(
        records.map((record) => [record.outcome, record.reason]),
        [["refused", reason]],
      );
    });
  }

  test("the same server, by its own name and authority, is", async () => {
    assert.equal(await enter(gateway, "rightly"), "1");
    assert.equal(logins(), 1);
  });
});

/** @returns what a statement gave, or what the client was told instead */
async function enter(gateway: TestGateway, target: string): Promise<string> {
  const { host, port, user, password } = await gateway.mysqlLogin(target);
  try {
    const client = await mysql.createConnection({ host, port, user, password, database: target, ssl: { ca: gateway.ca } });
    try {
      const [rows] = await client.query<mysql.RowDataPacket[]>("SELECT 1 AS one");
      return String(rows[0]?.["one"]);
    } finally {
      client.destroy();
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
