/** What clients are greeted with before they have said whom they mean: the one target's version, or the configuration's. A stub stands for targets whose versions no server here has. */
import assert from "node:assert/strict";
import { createConnection } from "node:net";
import { after, before, describe, test } from "node:test";
import mysql from "mysql2/promise";
import { CAPABILITY } from "#protocols/mysql/constants.ts";
import { type Greeting, greetingPayload, readGreeting } from "#protocols/mysql/greeting.ts";
import { packets } from "#protocols/mysql/packet.ts";
import { packet } from "#test/src/gateway/mysql/raw.ts";
import { CAPABILITIES, GREETING, type StubMysql, startStubMysql } from "#test/src/gateway/mysql/stub.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import type { Sections } from "#test/support/gateway-files.ts";

/** Two targets; the listener is for one of them. */
function configure(sections: Sections): Sections {
  const listen = sections["listen"] as object;
  return { ...sections, listen: { ...listen, mysql: { address: "127.0.0.1:0", target: "shop", version: "11.8.3-MariaDB" } } };
}

describe("the greeting", () => {
  let stub: StubMysql;
  let other: StubMysql;
  let gateway: TestGateway;

  before(async () => {
    stub = await startStubMysql();
    other = await startStubMysql();
    gateway = await startGateway({ mysql: { shop: stub, other }, configure });
  });
  after(async () => {
    await gateway?.stop();
    await stub?.stop();
    await other?.stop();
  });

  async function greeted(): Promise<Greeting> {
    const socket = createConnection({ host: "127.0.0.1", port: Number(/:(\d+)$/.exec(gateway.addresses["mysql"] ?? "")?.[1]) });
    const greeting = readGreeting(await packet(socket));
    socket.destroy();
    return greeting;
  }

  async function connect(database: string, user = "agent"): Promise<void> {
    const login = await gateway.mysqlLogin("shop");
    const { host, port, password } = login;
    const client = await mysql.createConnection({ host, port, user, password, database, ssl: { ca: gateway.ca } });
    await client.end();
  }

  /** The stub's own greeting with another version and more capabilities */
  function told(version: string, capabilities: number): Buffer {
    const { scramble, connectionId, collation, status, plugin } = readGreeting(GREETING.subarray(4));
    return packets(greetingPayload({ version, capabilities, scramble, connectionId, collation, status, plugin }), 0);
  }

  test("tells the configuration's version until the target was reached, then the target's without its build", async () => {
    assert.equal((await greeted()).version, "11.8.3-MariaDB");
    await connect("shop");
    assert.equal((await greeted()).version, "8.4.9");
    for (const [own, shown] of [
      ["9.7.1-0ubuntu0.26.04.1", "9.7.1"],
      ["8.0.36-28.1-log", "8.0.36"],
      ["5.5.5-10.11.19-MariaDB-0+deb12u1", "5.5.5-10.11.19-MariaDB"],
      ["11.8.3-MariaDB-0+deb13u1 from Debian", "11.8.3-MariaDB"],
      ["8.0.mysql_aurora.3.05.2", "11.8.3-MariaDB"],
    ] as const) {
      stub.play({ version: () => told(own, CAPABILITIES) });
      await connect("shop");
      assert.equal((await greeted()).version, shown, own);
    }
  });

  test("offers query attributes and optional metadata where the target has them", async () => {
    const more = CAPABILITY.queryAttributes | CAPABILITY.optionalResultsetMetadata;
    stub.play({ version: () => told("9.7.0", CAPABILITIES) });
    await connect("shop");
    assert.equal((await greeted()).capabilities & more, 0);
    stub.play({ version: () => told("9.7.0", (CAPABILITIES | more | CAPABILITY.compress | CAPABILITY.localFiles) >>> 0) });
    await connect("shop");
    assert.equal((await greeted()).capabilities & (more | CAPABILITY.compress | CAPABILITY.localFiles), more);
  });

  test("is for one target: another is not reached, however it is named", async () => {
    await assert.rejects(connect("other"), /reason=target-unknown/);
    let reached = false;
    other.play({
      version: () => {
        reached = true;
        return GREETING;
      },
    });
    await connect("shop", "agent@other");
    assert.equal(reached, false);
  });

  test("tells a client plainly that another server has taken the target's place", async () => {
    const without = CAPABILITY.deprecateEof | CAPABILITY.multiResults | CAPABILITY.psMultiResults;
    stub.play({ version: () => told("5.6.1", (CAPABILITIES & ~without) >>> 0) });
    await assert.rejects(connect("shop"), /reason=upstream-login-failed/);
    assert.deepEqual(
      gateway.log().filter(({ event }) => event === "defect"),
      [],
    );
  });
});
