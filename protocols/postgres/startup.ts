/**
 * The first message behind TLS: a StartupMessage, or a CancelRequest. Reads its parameters, settles the protocol version,
 * and finds out which target is asked for. Who asks is not judged here.
 *
 * Source: PostgreSQL documentation, "StartupMessage" and "NegotiateProtocolVersion" (protocol-message-formats).
 */
import { Cursor } from "#protocols/wire/cursor.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { PROTOCOL_MAJOR, PROTOCOL_MINOR_MAX, REQUEST, STARTUP_BYTES_MAX } from "./constants.ts";
import { type CancelKey, readCancel } from "./negotiation.ts";

export interface Startup {
  readonly kind: "startup";
  /** Minor version to go on with: 0 or 2 (3.1 was never defined and is spoken as 3.0). */
  readonly minor: 0 | 2;
  /** Set when the client asked for more than is spoken here: NegotiateProtocolVersion is due. */
  readonly negotiate: Negotiation | null;
  readonly user: string;
  /** Parameters but `user`, in the order given, each once. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** What NegotiateProtocolVersion tells: never a newer version than was asked for, which libpq takes for an error. */
export interface Negotiation {
  readonly minor: number;
  readonly unknownOptions: readonly string[];
}

export type FirstMessage = { readonly kind: "incomplete" } | Startup | { readonly kind: "cancel"; readonly key: CancelKey };

/** PostgreSQL knows some 30 parameters that make sense at start; more only fill tables. */
const PARAMETERS_MAX = 128;

/** @throws Fault `malformed-message`, `unsupported-protocol`, `unexpected-message`, `identity-missing` */
export function readFirstMessage(received: Buffer): FirstMessage {
  if (received.length < 4) return { kind: "incomplete" };
  const length = received.readUInt32BE(0);
  if (length < 8 || length > STARTUP_BYTES_MAX) {
    throw new Fault("malformed-message", `startup message announces ${length} bytes; 8 to ${STARTUP_BYTES_MAX} are allowed`);
  }
  if (received.length < length) return { kind: "incomplete" };
  const code = received.readUInt32BE(4);
  if (code === REQUEST.cancel) {
    const cancel = readCancel(length, received);
    return cancel.kind === "cancel" ? cancel : { kind: "incomplete" };
  }
  if (code === REQUEST.ssl || code === REQUEST.gssenc) {
    throw new Fault("unexpected-message", "an encryption request came inside TLS");
  }
  if (received.length > length) {
    throw new Fault("unexpected-message", "bytes came behind the startup message before authentication was asked for");
  }
  return readStartup(code, received.subarray(8, length));
}

function readStartup(version: number, body: Buffer): Startup {
  const major = version >>> 16;
  const minor = version & 0xffff;
  if (major !== PROTOCOL_MAJOR) {
    throw new Fault("unsupported-protocol", `protocol version ${major}.${minor} is not spoken here; 3.0 and 3.2 are`);
  }
  const parameters = readParameters(body);
  const unknownOptions = [...parameters.keys()].filter((name) => name.startsWith("_pq_."));
  for (const name of unknownOptions) parameters.delete(name);
  const user = parameters.get("user") ?? "";
  if (user === "") {
    throw new Fault("identity-missing", "no user name in the startup message", { hint: "give a user name; any label will do" });
  }
  parameters.delete("user");
  const due = minor > PROTOCOL_MINOR_MAX || unknownOptions.length > 0;
  const negotiate = due ? { minor: Math.min(minor, PROTOCOL_MINOR_MAX), unknownOptions } : null;
  return { kind: "startup", minor: minor >= 2 ? 2 : 0, negotiate, user, parameters };
}

function readParameters(body: Buffer): Map<string, string> {
  if (body.length === 0 || body[body.length - 1] !== 0) {
    throw new Fault("malformed-message", "startup message does not end with a NUL");
  }
  const cursor = new Cursor(body);
  const parameters = new Map<string, string>();
  for (;;) {
    const name = cursor.cstring();
    if (name === "") break;
    if (cursor.left <= 1) throw new Fault("malformed-message", "a startup parameter has no value");
    if (parameters.size >= PARAMETERS_MAX) throw new Fault("malformed-message", `more than ${PARAMETERS_MAX} startup parameters`);
    parameters.set(name, cursor.cstring());
  }
  cursor.end("startup");
  return parameters;
}

/** What the client named; the gateway looks it up in its own table and dials nothing else. */
export interface RequestedTarget {
  readonly target: string;
  /** The database asked for behind the target's name; null: the target's default. */
  readonly database: string | null;
  /** `user` without `@target`: a free label for the record. */
  readonly label: string;
}

/**
 * `user@target` wins over the database, the database over SNI. An `@` that names no target belongs to the label.
 *
 * @throws Fault `target-unknown`
 */
export function requestedTarget(startup: Startup, sni: string | null, isTarget: (name: string) => boolean): RequestedTarget {
  const database = startup.parameters.get("database") ?? startup.user;
  const at = startup.user.lastIndexOf("@");
  if (at > 0 && isTarget(startup.user.slice(at + 1))) {
    const target = startup.user.slice(at + 1);
    const plain = !startup.parameters.has("database") || database === target;
    return { target, database: plain ? null : afterTarget(database, target), label: startup.user.slice(0, at) };
  }
  const slash = database.indexOf("/");
  const name = slash < 0 ? database : database.slice(0, slash);
  if (isTarget(name)) {
    return { target: name, database: slash < 0 ? null : database.slice(slash + 1), label: startup.user };
  }
  const first = sni === null ? "" : (sni.split(".")[0] ?? "");
  if (first !== "" && isTarget(first)) {
    const plain = !startup.parameters.has("database") || database === startup.user;
    return { target: first, database: plain ? null : database, label: startup.user };
  }
  throw new Fault("target-unknown", `no target is named "${name}"`, {
    hint: "give a target's name as the database, or as user@target",
  });
}

function afterTarget(database: string, target: string): string {
  return database.startsWith(`${target}/`) ? database.slice(target.length + 1) : database;
}

/** Refused for everyone: a replication connection passes by every judgement of statements. */
export function asksForReplication(parameters: ReadonlyMap<string, string>): boolean {
  const value = parameters.get("replication");
  return value !== undefined && !["", "false", "off", "no", "0", "f", "n"].includes(value.toLowerCase());
}
