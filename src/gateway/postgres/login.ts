/**
 * From TLS to a session, in one list of steps: first message, proof, target, permission, record, target's login. Each step
 * takes what the one before proved; whichever fails, the client is told in its own protocol, and nothing behind it runs.
 */
import {
  asksForReplication,
  authenticationCleartextPassword,
  denialMessage,
  type FirstMessage,
  faultMessage,
  negotiateProtocolVersion,
  PasswordReader,
  readFirstMessage,
  requestedTarget,
  type Startup,
} from "#protocols/postgres/protocol.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { authorise, Denied } from "#src/gateway/authorise.ts";
import type { LoginGrounds, LoginInput, LoginResult } from "#src/gateway/front.ts";
import { PASSWORD_BYTES_MAX } from "#src/gateway/limits.ts";
import { SocketReader } from "#src/gateway/socket-reader.ts";
import type { Proof } from "#src/identity/proof.ts";
import { PostgresConversation } from "./conversation.ts";

/** Never throws for what a client does. */
export async function login(input: LoginInput, grounds: LoginGrounds): Promise<LoginResult> {
  try {
    return await steps(input, grounds);
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

async function steps(input: LoginInput, grounds: LoginGrounds): Promise<LoginResult> {
  const reader = new SocketReader(input.socket);
  const first = await readFirst(reader);
  if (first.kind === "cancel") return { kind: "cancel", key: first.key };
  if (asksForReplication(first.parameters)) {
    throw new Fault("replication-refused", "replication connections are refused: they pass by every judgement of statements");
  }
  if (first.negotiate !== null) input.socket.write(negotiateProtocolVersion(first.negotiate));
  const { proof, rest } = await prove(first, input, reader, grounds);
  const inForce = grounds.inForce();
  const requested = requestedTarget(first, input.sni, (name) => inForce.upstreams.has(name));
  const permit = authorise("postgres", proof, requested, inForce);
  return { kind: "authorised", authorised: { ...permit, conversation: new PostgresConversation(first), rest } };
}

class ClientGone extends Error {}

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
  grounds: LoginGrounds,
): Promise<{ readonly proof: Proof; readonly rest: Buffer }> {
  if (input.certificate !== null) {
    const proof = grounds.identity.proveCertificate(input.certificate.raw);
    if (proof !== undefined) return { proof, rest: Buffer.alloc(0) };
  }
  input.socket.write(authenticationCleartextPassword());
  const passwords = new PasswordReader(PASSWORD_BYTES_MAX);
  for (;;) {
    const read = passwords.push(await more(reader));
    if (read === undefined) continue;
    const proof = await grounds.identity.prove({ user: startup.user, password: read.password });
    return { proof, rest: read.rest };
  }
}

async function more(reader: SocketReader): Promise<Buffer> {
  const bytes = await reader.more();
  if (bytes === null) throw new ClientGone("the client closed the connection during login");
  return bytes;
}
