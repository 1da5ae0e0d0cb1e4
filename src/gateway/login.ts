/**
 * From TLS to a session, in one list of steps: first message, proof, target, permission, record, target's login. Each step
 * takes what the one before proved; whichever fails, the client is told in its own protocol, and nothing behind it runs.
 */
import type { X509Certificate } from "node:crypto";
import type tls from "node:tls";
import { decide } from "#policies/decide.ts";
import type { Denial } from "#policies/decision.ts";
import {
  asksForReplication,
  authenticationCleartextPassword,
  type CancelKey,
  denialMessage,
  type FirstMessage,
  faultMessage,
  negotiateProtocolVersion,
  PasswordReader,
  type RequestedTarget,
  readFirstMessage,
  requestedTarget,
  type Startup,
} from "#protocols/postgres/protocol.ts";
import { Fault } from "#protocols/wire/fault.ts";
import type { Proof } from "#src/identity/proof.ts";
import { PASSWORD_BYTES_MAX } from "./limits.ts";
import type { Runtime } from "./runtime.ts";
import { SocketReader } from "./socket-reader.ts";
import type { Upstream } from "./upstream.ts";

/** Who may reach which target: only `authorise` makes one, and dialling asks for it. */
export interface Authorised {
  readonly proof: Proof;
  readonly upstream: Upstream;
  /** One of the target's databases. */
  readonly database: string;
  readonly label: string;
  readonly startup: Startup;
  /** What the client pipelined behind its password. */
  readonly rest: Buffer;
}

export type LoginResult =
  | { readonly kind: "authorised"; readonly authorised: Authorised }
  | { readonly kind: "cancel"; readonly key: CancelKey }
  /** Answered already, or the client is gone. */
  | { readonly kind: "refused"; readonly reason: string };

export interface LoginInput {
  readonly socket: tls.TLSSocket;
  readonly sni: string | null;
  readonly certificate: X509Certificate | null;
}

/** Never throws for what a client does. */
export async function login(input: LoginInput, runtime: Runtime): Promise<LoginResult> {
  try {
    return await steps(input, runtime);
  } catch (error) {
    if (error instanceof ClientGone) return { kind: "refused", reason: "client-lost" };
    if (error instanceof Denied) {
      input.socket.end(denialMessage(error.denial));
      return { kind: "refused", reason: error.denial.reason };
    }
    if (!(error instanceof Fault)) throw error;
    input.socket.end(faultMessage(error));
    return { kind: "refused", reason: error.code };
  }
}

async function steps(input: LoginInput, runtime: Runtime): Promise<LoginResult> {
  const reader = new SocketReader(input.socket);
  const first = await readFirst(reader);
  if (first.kind === "cancel") return { kind: "cancel", key: first.key };
  if (asksForReplication(first.parameters)) {
    throw new Fault("replication-refused", "replication connections are refused: they pass by every judgement of statements");
  }
  if (first.negotiate !== null) input.socket.write(negotiateProtocolVersion(first.negotiate));
  const { proof, rest } = await prove(first, input, reader, runtime);
  const requested = requestedTarget(first, input.sni, (name) => runtime.upstreams.has(name));
  return { kind: "authorised", authorised: authorise(proof, requested, first, rest, runtime) };
}

class ClientGone extends Error {}

class Denied extends Error {
  readonly denial: Denial;
  constructor(denial: Denial) {
    super(denial.message);
    this.denial = denial;
  }
}

async function readFirst(reader: SocketReader): Promise<Exclude<FirstMessage, { kind: "incomplete" }>> {
  let received = Buffer.alloc(0);
  for (;;) {
    const first = readFirstMessage(received);
    if (first.kind !== "incomplete") return first;
    received = Buffer.concat([received, await more(reader)]);
  }
}

async function prove(
  startup: Startup,
  input: LoginInput,
  reader: SocketReader,
  runtime: Runtime,
): Promise<{ readonly proof: Proof; readonly rest: Buffer }> {
  if (input.certificate !== null) {
    const proof = runtime.identity.proveCertificate(input.certificate.raw);
    if (proof !== undefined) return { proof, rest: Buffer.alloc(0) };
  }
  input.socket.write(authenticationCleartextPassword());
  const passwords = new PasswordReader(PASSWORD_BYTES_MAX);
  for (;;) {
    const read = passwords.push(await more(reader));
    if (read === undefined) continue;
    const proof = await runtime.identity.prove({ user: startup.user, password: read.password });
    return { proof, rest: read.rest };
  }
}

function authorise(proof: Proof, requested: RequestedTarget, startup: Startup, rest: Buffer, runtime: Runtime): Authorised {
  const upstream = runtime.upstreams.get(requested.target);
  if (upstream === undefined) throw new Fault("target-unknown", `no target is named "${requested.target}"`);
  const decision = decide(runtime.config.policy, { kind: "connect", principal: proof.principal, target: requested.target });
  if (decision.verdict === "deny") throw new Denied(decision);
  const { databases } = upstream.target;
  const database = requested.database ?? databases[0];
  if (!databases.includes(database)) {
    throw new Fault("target-unknown", `target "${requested.target}" has no database "${database}"`, {
      hint: `its databases are ${databases.join(", ")}`,
    });
  }
  return { proof, upstream, database, label: requested.label, startup, rest };
}

async function more(reader: SocketReader): Promise<Buffer> {
  const bytes = await reader.more();
  if (bytes === null) throw new ClientGone("the client closed the connection during login");
  return bytes;
}
