/**
 * From TLS to the first ReadyForQuery, as bytes: what may come in the place of a credential, what is pipelined behind a
 * bad one, and what a client is told. Nothing of it may run; a table on the server tells.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import {
  extended,
  fields,
  type Message,
  message,
  type Peer,
  password,
  query,
  SYNC,
  startup,
  TERMINATE,
  text,
  values,
  words,
} from "#test/src/gateway/wire.ts";
import { login, openWorld, type World } from "#test/src/gateway/world.ts";

let world: World;
before(async () => {
  world = await openWorld();
  await world.sql("create table trace (what text)");
});
after(() => world?.stop());
afterEach(async (context) => {
  await world.settled(context);
  assert.deepEqual(await world.sql("select * from trace"), [], "something ran that must not");
});

/** Start-up is sent and the password is asked for. */
async function asked(parameters: Readonly<Record<string, string>> = {}): Promise<Peer> {
  const peer = await world.secure();
  peer.send(startup({ user: "agent", database: "orders", ...parameters }));
  await peer.upTo("R");
  return peer;
}

const RUNS = query("insert into trace values ('ran')");

describe("a credential is asked for", () => {
  test("in clear text inside TLS, and no SASL mechanism is offered that the gateway could not hold to its own certificate", async () => {
    const peer = await world.secure();
    peer.send(startup({ user: "agent", database: "orders" }));
    const [ask, ...more] = await peer.upTo("R");
    assert.deepEqual(ask?.body, words(3));
    assert.deepEqual(more, []);
    peer.vanish();
  });

  test("and a good token opens a session whose greeting is complete", async () => {
    const { peer, greeting } = await world.session({ parameters: { application_name: "wire" } });
    const tags = greeting.map(({ tag }) => tag).join("");
    assert.match(tags, /^RS+KZ$/);
    assert.deepEqual(greeting.at(-1)?.body.toString(), "I");
    const told = new Map(greeting.filter(({ tag }) => tag === "S").map(({ body }) => body.toString().split("\0") as [string, string]));
    assert.equal(told.get("application_name"), "wire");
    assert.equal(told.get("client_encoding"), "UTF8");
    peer.send(TERMINATE);
    await peer.closed();
  });
});

describe("in the place of the credential", () => {
  for (const [name, bytes] of [
    ["a Query", RUNS],
    ["an extended query", Buffer.concat([extended("insert into trace values ('ran')"), SYNC])],
    ["a Terminate and then a Query", Buffer.concat([TERMINATE, RUNS])],
    ["a CopyData", message("d", Buffer.from("x"))],
    ["a fast-path call", message("F", words(0, 0))],
    ["a second start-up message", startup({ user: "agent", database: "orders" })],
    ["a tag that the protocol does not have", message("!", text("x"))],
  ] as const) {
    test(`${name} ends the connection, and nothing runs`, async () => {
      const peer = await asked();
      peer.send(bytes);
      const said = await peer.lastWords();
      assert.equal(said["C"], "08P01");
      assert.equal(said["S"], "FATAL");
      peer.vanish();
    });
  }

  for (const [name, length, code] of [
    ["0", 0, "08P01"],
    ["3", 3, "08P01"],
    ["65 KiB and more", 70_000, "08P01"],
    ["a negative number", 0x80000010, "08P01"],
    ["nearly 4 GiB", 0xffffffff, "08P01"],
  ] as const) {
    test(`a password that announces ${name} bytes is refused at its header`, async () => {
      const peer = await asked();
      peer.send(Buffer.from("p"), words(length));
      assert.equal((await peer.lastWords())["C"], code);
      peer.vanish();
    });
  }

  test("a password without its NUL, with two of them, or empty is refused", async () => {
    for (const [body, code] of [
      [Buffer.from("token"), "08P01"],
      [Buffer.from("to\0ken\0"), "08P01"],
      [Buffer.alloc(0), "08P01"],
      [Buffer.from("\0"), "28000"],
    ] as const) {
      const peer = await asked();
      peer.send(message("p", body));
      assert.equal((await peer.lastWords())["C"], code);
      peer.vanish();
    }
  });
});

describe("behind a bad credential", () => {
  for (const [name, bytes] of [
    ["a Query", RUNS],
    ["an extended query", Buffer.concat([extended("insert into trace values ('ran')"), SYNC])],
    ["a second, good password and a Query", undefined],
  ] as const) {
    test(`${name} in the same TLS record is dropped with the connection`, async () => {
      const peer = await asked();
      peer.send(password("no token at all"), bytes ?? Buffer.concat([password(world.token), RUNS]));
      const said = await peer.lastWords();
      assert.equal(said["C"], "28P01");
      assert.equal(said["S"], "FATAL");
      assert.match(said["D"] ?? "", /reason=identity-refused/);
      peer.vanish();
    });
  }

  test("nothing of the credential is in the answer or the log", async () => {
    const peer = await asked();
    peer.send(password("canary-91f4-secret"));
    const said = await peer.lastWords();
    assert.ok(!JSON.stringify([said, world.gateway.log()]).includes("canary-91f4"));
    peer.vanish();
  });

  test("a peer that never closes is let go of all the same", async () => {
    const peer = await asked();
    peer.send(password("no token"));
    await peer.lastWords();
    // `settled` finds the descriptor if it is not.
  });
});

test("a Query behind a good credential in the same record runs once, in the session and on record", async () => {
  const peer = await world.secure();
  peer.send(startup({ user: "agent", database: "orders" }));
  await peer.upTo("R");
  peer.send(password(world.token), query("select 'pipelined' as a"));
  await peer.upTo("Z");
  const answer = await peer.upTo("Z");
  assert.equal(answer.map(({ tag }) => tag).join(""), "TDCZ");
  peer.send(TERMINATE);
  await peer.closed();
});

describe("what is asked for", () => {
  test("is one of the configured targets: no name leads anywhere else", async () => {
    for (const database of ["10.0.0.1", "127.0.0.1:5432", "../orders", "orders/../x", "ORDERS", "localhost", "orders\n"]) {
      const peer = await asked({ database });
      peer.send(password(world.token));
      const said = await peer.lastWords();
      assert.equal(said["C"], "3D000", database);
      peer.vanish();
    }
  });

  test("is one of the target's databases", async () => {
    const peer = await asked({ database: "orders/template1" });
    peer.send(password(world.token));
    const said = await peer.lastWords();
    assert.equal(said["C"], "3D000");
    peer.vanish();
  });

  test("a target's name is told to nobody who has not proved who he is", async () => {
    const peer = await asked({ database: "nowhere" });
    peer.send(password("no token"));
    assert.equal((await peer.lastWords())["C"], "28P01");
    peer.vanish();
  });

  test("role, session_authorization and settings that change how text is read are refused at start", async () => {
    for (const parameters of [
      { role: "pg_monitor" },
      { session_authorization: "postgres" },
      { standard_conforming_strings: "off" },
      { client_encoding: "SJIS" },
      { options: "-c role=pg_monitor" },
      { options: "-crole=pg_monitor" },
      { options: "--role=pg_monitor" },
      { options: "--session-authorization=postgres" },
      { options: "-c standard_conforming_strings=off" },
      { options: "-c search_path=x -r /tmp/x" },
    ] as Record<string, string>[]) {
      const peer = await asked(parameters);
      peer.send(password(world.token));
      const said = await peer.lastWords();
      assert.equal(said["C"], "42501", JSON.stringify(parameters));
      peer.vanish();
    }
  });

  test("hostile labels and application names are data: the log stays one object a line", async () => {
    const hostile = 'x"}\r\n{"event":"forged"}\u001b[2J';
    const { peer } = await world.session({ parameters: { application_name: hostile, user: `label${hostile}` } });
    peer.send(query("select current_setting('application_name')"));
    const row = (await peer.upTo("Z")).find(({ tag }) => tag === "D") as Message;
    assert.match(values(row)[0] ?? "", /^[\x20-\x7e]{1,63}$/);
    peer.send(TERMINATE);
    await peer.closed();
    const lines = world.gateway.log();
    assert.ok(lines.every((line) => "event" in line && line["event"] !== "forged"));
  });
});

describe("with protocol 3.2", () => {
  test("the cancel key is longer, and everything else is the same", async () => {
    const long = await world.session({ version: 0x30002 });
    const short = await world.session();
    assert.equal(long.key.secret.length, 32);
    assert.equal(short.key.secret.length, 4);
    for (const { peer } of [long, short]) {
      peer.send(TERMINATE);
      await peer.closed();
    }
  });
});

test("a login that the client leaves in the middle leaves nothing on the server", async () => {
  for (let round = 0; round < 10; round += 1) {
    const peer = await asked();
    peer.send(password(world.token));
    await new Promise((resolve) => setTimeout(resolve, round * 3));
    peer.vanish();
  }
});

test("ten logins at the same time are ten sessions with ten keys", async () => {
  const sessions = await Promise.all(Array.from({ length: 10 }, async () => login(await world.secure(), world.token)));
  assert.equal(new Set(sessions.map(({ key }) => key.processId)).size, 10);
  assert.equal(new Set(sessions.map(({ key }) => key.secret.toString("hex"))).size, 10);
  for (const { peer } of sessions) peer.vanish();
});

test("an error's fields are whole: severity twice, code, sentence, detail and hint", async () => {
  const peer = await asked();
  peer.send(password(""));
  const [error] = await peer.rest();
  assert.ok(error !== undefined);
  assert.deepEqual(Object.keys(fields(error)).sort(), ["C", "D", "H", "M", "S", "V"]);
  peer.vanish();
});
