/**
 * The server's first packet, HandshakeV10: made for clients, read from targets.
 * Source: MySQL source documentation, "Protocol::HandshakeV10"; MariaDB documentation, "Connection".
 */
import { Fault } from "#protocols/wire/fault.ts";
import { ANSWER, CAPABILITY, PROTOCOL_VERSION } from "./constants.ts";
import { PayloadCursor } from "./cursor.ts";
import { readError } from "./outcome.ts";
import { PayloadWriter } from "./writer.ts";

/** Authentication data that a greeting brings: 8 bytes and 12 behind them. */
export const SCRAMBLE_BYTES = 20;

export interface Greeting {
  readonly version: string;
  readonly connectionId: number;
  /** 20 bytes. */
  readonly scramble: Buffer;
  readonly capabilities: number;
  readonly collation: number;
  readonly status: number;
  /** Authentication plugin that the server begins with. */
  readonly plugin: string;
}

/** @param greeting its scramble without NUL bytes, as clients copy it with string functions */
export function greetingPayload(greeting: Greeting): Buffer {
  const { capabilities, scramble } = greeting;
  return new PayloadWriter()
    .uint8(PROTOCOL_VERSION)
    .nulString(greeting.version)
    .uint32(greeting.connectionId)
    .bytes(scramble.subarray(0, 8))
    .uint8(0)
    .uint16(capabilities & 0xffff)
    .uint8(greeting.collation & 0xff)
    .uint16(greeting.status)
    .uint16(capabilities >>> 16)
    .uint8(SCRAMBLE_BYTES + 1)
    .zeros(10)
    .bytes(scramble.subarray(8, SCRAMBLE_BYTES))
    .uint8(0)
    .nulString(greeting.plugin)
    .done();
}

/**
 * @param payload of a target's first packet
 * @throws Fault `upstream-login-failed` when the target refuses the connection, `upstream-out-of-step` for anything but a
 *   greeting of protocol 10 with plugin authentication, `malformed-message`
 */
export function readGreeting(payload: Buffer): Greeting {
  if (payload[0] === ANSWER.error) {
    const { errno } = readError(payload, 0);
    throw new Fault("upstream-login-failed", `the target refused the connection (errno ${errno})`, { hint: "try again later" });
  }
  const cursor = new PayloadCursor(payload);
  if (cursor.uint8() !== PROTOCOL_VERSION) throw new Fault("upstream-out-of-step", "the target does not speak MySQL protocol version 10");
  const version = cursor.nulBytes().toString("latin1");
  const connectionId = cursor.uint32();
  const first = cursor.bytes(8);
  cursor.bytes(1);
  const low = cursor.uint16();
  const collation = cursor.uint8();
  const status = cursor.uint16();
  const capabilities = (low | (cursor.uint16() << 16)) >>> 0;
  const length = cursor.uint8();
  cursor.bytes(10);
  if ((capabilities & CAPABILITY.pluginAuth) === 0 || length < SCRAMBLE_BYTES) {
    throw new Fault("upstream-out-of-step", "the target offers no plugin authentication: it is older than what is spoken here");
  }
  const second = cursor.bytes(Math.max(13, length - 8));
  const scramble = Buffer.concat([first, second.subarray(0, SCRAMBLE_BYTES - 8)]);
  // Some servers have sent the name without its NUL.
  const plugin = cursor.rest().toString("latin1").replace(/\0.*$/s, "");
  return { version, connectionId, scramble, capabilities, collation, status, plugin };
}
