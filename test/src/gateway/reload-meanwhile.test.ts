/** A configuration that takes over while clients are on their way in: what they get is by the one that is in force when they ask. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import tls from "node:tls";
import { Secret } from "#protocols/wire/secret.ts";
import { listRecordings } from "#src/audit/recording-files.ts";
import { parseIdentities, readRecording } from "#src/recording/read.ts";
import { makeAuditorIdentity } from "#src/setup/keys.ts";
import { errorIn } from "#test/src/gateway/talk.ts";
import { dialTls, password, query, SSL_REQUEST, startup, TERMINATE } from "#test/src/gateway/wire.ts";
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

test("recordings are sealed for the auditors of now, also of sessions that began before", { timeout: 60_000 }, async () => {
  await inForce(EVERYBODY);
  const peer = await dialTls({ port: world().port }, world().ca);
  peer.send(startup({ user: "agent", database: "orders" }));
  await peer.next();
  peer.send(password(await world().token()));
  await peer.upTo("Z");
  const root = join(world().folder, "recordings");
  const before = (await listRecordings(root)).bySession;
  const { recipient, identity } = await makeAuditorIdentity();
  await inForce({ recording: { ...Object(sections["recording"]), recipients: [recipient] } });
  peer.send(query("select 'for the new auditor'"));
  await peer.upTo("Z");
  peer.send(TERMINATE);
  await peer.closed();
  const sealed = async (): Promise<string> => {
    for (;;) {
      const [found] = [...(await listRecordings(root)).bySession].filter(([id]) => !before.has(id)).flatMap(([, files]) => files);
      if (found !== undefined) return found.path;
      await pause(100);
    }
  };
  const path = await sealed();
  const texts: unknown[] = [];
  for await (const event of readRecording(path, parseIdentities(identity))) if (event.kind === "statement") texts.push(event.sql);
  assert.deepEqual(texts, ["select 'for the new auditor'"]);
  const former = parseIdentities(new Secret(readFileSync(world().identityFile, "utf8")));
  await assert.rejects(async () => {
    for await (const _ of readRecording(path, former));
  });
});
