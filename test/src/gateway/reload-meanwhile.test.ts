/** A configuration that takes over while clients are on their way in: what they get is by the one that is in force when they ask. */
import assert from "node:assert/strict";
import net from "node:net";
import { after, before, describe, test } from "node:test";
import tls from "node:tls";
import { errorIn } from "#test/src/gateway/talk.ts";
import { dialTls, password, SSL_REQUEST, startup } from "#test/src/gateway/wire.ts";
import { makeAuthority } from "#test/support/certificates.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import type { Sections } from "#test/support/gateway-files.ts";
import { type HttpTarget, startHttpTarget } from "#test/support/http-target.ts";
import { startPostgres, type TestPostgres } from "#test/support/postgres.ts";

let [postgres, api, gateway]: [TestPostgres?, HttpTarget?, TestGateway?] = [];
let sections: Sections = {};

before(async () => {
  postgres = await startPostgres();
  api = await startHttpTarget(await makeAuthority());
  gateway = await startGateway({
    postgres,
    apis: { crm: api },
    configure: (made) => {
      sections = made;
      return made;
    },
  });
});
after(async () => {
  await gateway?.stop();
  await api?.close();
  await postgres?.stop();
});

function world(): TestGateway {
  assert.ok(gateway !== undefined);
  return gateway;
}

/** The configuration of the beginning, with what is given in its place. */
async function inForce(changes: Sections): Promise<void> {
  assert.equal((await world().reconfigure(() => ({ ...sections, ...changes })))["event"], "reloaded");
}

const NOBODY = { access: { rules: [] } };
const EVERYBODY = {};

async function connected(port: number): Promise<net.Socket> {
  const raw = net.connect({ host: "127.0.0.1", port });
  await new Promise((resolve) => raw.once("connect", resolve));
  return raw;
}

describe("a client that connected before access was taken away", () => {
  const STARTUP = startup({ user: "agent", database: "orders" });

  test("and logs in behind it is refused", { timeout: 60_000 }, async () => {
    await inForce(EVERYBODY);
    const token = await world().token();
    const peer = await dialTls({ port: world().port }, world().ca);
    peer.send(STARTUP);
    await peer.next();
    await inForce(NOBODY);
    peer.send(password(token));
    const [refusal] = await peer.rest();
    assert.ok(refusal !== undefined);
    assert.match(errorIn([refusal])["D"] ?? "", /reason=target-not-granted/);
  });

  test("and begins TLS behind it is refused", { timeout: 60_000 }, async () => {
    await inForce(EVERYBODY);
    const token = await world().token();
    const raw = await connected(world().port);
    raw.write(SSL_REQUEST);
    await new Promise((resolve) => raw.once("data", resolve));
    await inForce(NOBODY);
    const socket = tls.connect({ socket: raw, ca: world().ca, servername: "localhost" });
    await new Promise((resolve) => socket.once("secureConnect", resolve));
    let received = "";
    socket.on("data", (chunk: Buffer) => {
      received += chunk.toString("latin1");
    });
    socket.write(STARTUP);
    socket.write(password(token));
    await new Promise((resolve) => socket.once("close", resolve));
    assert.match(received, /reason=target-not-granted/);
  });

  test("and asks an API for something is refused, however long it stays", { timeout: 60_000 }, async () => {
    await inForce(EVERYBODY);
    const token = await world().token();
    const raw = await connected(world().httpsPort);
    await inForce(NOBODY);
    const socket = tls.connect({ socket: raw, ca: world().ca, servername: "localhost", ALPNProtocols: ["http/1.1"] });
    await new Promise((resolve) => socket.once("secureConnect", resolve));
    const reached = api?.asked.length;
    socket.write(`GET /t/crm/echo HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n\r\n`);
    const answer: Buffer = await new Promise((resolve) => socket.once("data", resolve));
    assert.match(answer.toString(), /^HTTP\/1\.1 403 /);
    assert.equal(api?.asked.length, reached);
    socket.destroy();
  });

  test("and was let in by the handshake of before is refused where certificates have come to be required", {
    timeout: 60_000,
  }, async () => {
    await inForce(EVERYBODY);
    const token = await world().token();
    const peer = await dialTls({ port: world().port }, world().ca);
    peer.send(STARTUP);
    await peer.next();
    const required = { ...Object(sections["tls"]), clientCertificates: { mode: "required", ca: "certs/ca.crt" } };
    await inForce({ tls: required });
    peer.send(password(token));
    const [refusal] = await peer.rest();
    assert.ok(refusal !== undefined);
    assert.match(errorIn([refusal])["D"] ?? "", /reason=identity-unavailable/);
  });
});

test("a client that connected before access was given is let in", { timeout: 60_000 }, async () => {
  await inForce(NOBODY);
  const token = await world().token();
  const peer = await dialTls({ port: world().port }, world().ca);
  peer.send(startup({ user: "agent", database: "orders" }));
  await peer.next();
  await inForce(EVERYBODY);
  peer.send(password(token));
  await peer.upTo("Z");
  peer.vanish();
});
