/** A listener as the gateway's: reads the ClientHello off the raw socket, then hands it to a tls.Server that never listens. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";
import type { TlsFacts } from "#src/audit/records.ts";
import type { ClientTls, KeyPair } from "#src/config/config.ts";
import { type ClientHello, parseClientHello } from "#src/tls/client-hello.ts";
import { type ClientCertificateVerdict, clientCertificate, ownCertificateDigest, tlsServers } from "#src/tls/contexts.ts";
import { tlsFacts } from "#src/tls/facts.ts";
import { handshakeReason, type Refusal } from "#src/tls/reasons.ts";

export type Outcome =
  | {
      readonly kind: "secure";
      readonly facts: TlsFacts;
      readonly verdict: ClientCertificateVerdict;
      readonly own: string | null;
      readonly hello: ClientHello;
    }
  | { readonly kind: "refused"; readonly refusal: Refusal; readonly hello: ClientHello | null };

export interface Gate {
  readonly port: number;
  /** The outcome of the next handshake. */
  next(): Promise<Outcome>;
  close(): void;
}

export interface GateOptions {
  readonly ticketKeys?: Buffer;
  readonly handshakeTimeoutMs?: number;
}

export function clientTls(certificates: readonly [KeyPair, ...KeyPair[]], rest: Partial<ClientTls> = {}): ClientTls {
  return { certificates, minVersion: "TLSv1.2", cipherSuites: [], clientCertificates: { mode: "none" }, ...rest };
}

export async function openGate(config: ClientTls, options: GateOptions = {}): Promise<Gate> {
  const waiting: ((outcome: Outcome) => void)[] = [];
  const done: Outcome[] = [];
  const report = (outcome: Outcome) => {
    const receiver = waiting.shift();
    if (receiver === undefined) done.push(outcome);
    else receiver(outcome);
  };
  const hellos = new Map<number | undefined, ClientHello>();
  const servers = tlsServers(config, {
    alpn: ["postgresql"],
    ticketKeys: options.ticketKeys ?? randomBytes(48),
    handshakeTimeoutMs: options.handshakeTimeoutMs ?? 5000,
  });
  const secured = (socket: tls.TLSSocket) => {
    const hello = hellos.get(socket.remotePort);
    if (hello === undefined) throw new Error("no hello");
    const verdict = clientCertificate(socket, config);
    report({ kind: "secure", facts: tlsFacts(socket, hello), verdict, own: ownCertificateDigest(socket), hello });
    socket.on("error", () => socket.destroy());
    socket.end("hello");
  };
  const failed = (error: Error, socket: tls.TLSSocket) => {
    report({
      kind: "refused",
      refusal: handshakeReason(error, "client"),
      hello: hellos.get(socket.remotePort) ?? [...hellos.values()].at(-1) ?? null,
    });
    socket.destroy();
  };
  for (const server of servers.all) server.on("secureConnection", secured).on("tlsClientError", failed);
  const sockets = new Set<net.Socket>();
  const listener = net.createServer((raw) => {
    sockets.add(raw);
    raw.on("error", () => raw.destroy());
    peek(raw, (hello) => {
      hellos.set(raw.remotePort, hello);
      servers.serverFor(hello.sni).emit("connection", raw);
    });
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    next: () => {
      const outcome = done.shift();
      return outcome === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(outcome);
    },
    close: () => {
      listener.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function peek(raw: net.Socket, ready: (hello: ClientHello) => void): void {
  let held = Buffer.alloc(0);
  const read = (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    const result = parseClientHello(held);
    if (result.kind === "incomplete") return;
    raw.off("data", read);
    raw.pause();
    raw.unshift(held);
    if (result.kind === "hello") ready(result.hello);
    else raw.destroy();
  };
  raw.on("data", read);
}

export interface Dialled {
  readonly ok: boolean;
  readonly code: string;
  readonly subject: string;
  readonly group: string | null;
  readonly text: string;
  readonly session: Buffer | null;
}

/** Connects with Node's client and waits until the connection is over. */
export function dial(port: number, options: tls.ConnectionOptions): Promise<Dialled> {
  return new Promise((resolve) => {
    const socket = tls.connect({ host: "127.0.0.1", port, ALPNProtocols: ["postgresql"], ...options });
    const seen = { ok: false, code: "", subject: "", group: null as string | null, text: "", session: null as Buffer | null };
    socket.on("session", (session: Buffer) => {
      seen.session = session;
    });
    socket.on("secureConnect", () => {
      const info = socket.getEphemeralKeyInfo();
      seen.ok = true;
      seen.subject = socket.getPeerX509Certificate()?.subject ?? "";
      seen.group = info !== null && "name" in info ? (info.name ?? null) : null;
    });
    socket.on("data", (chunk: Buffer) => {
      seen.text += chunk.toString();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      seen.code = error.code ?? "";
    });
    socket.on("close", () => resolve(seen));
  });
}
