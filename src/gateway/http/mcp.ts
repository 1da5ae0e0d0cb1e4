/** A message to an MCP server, read whole before it is judged: it is small, and names what it calls in its body. */
import { type HeaderPair, MCP_MESSAGE_BYTES_MAX, type McpMessage, mcpMessage } from "#protocols/http/protocol.ts";
import { Fault } from "#protocols/wire/fault.ts";
import type { Exchange } from "./exchange.ts";

/** A message is small: whoever means it has sent it by then. */
const MESSAGE_MS = 30_000;

/** @throws Fault `mcp-unreadable` when it is too large, `unexpected-message` when the client broke it off */
export async function gathered(exchange: Exchange): Promise<Buffer> {
  if (exchange.body === null) return Buffer.alloc(0);
  if (exchange.expectsContinue) exchange.information(100, []);
  const { body } = exchange;
  const timer = setTimeout(() => body.destroy(new Fault("login-timeout", "the message did not come in time")), MESSAGE_MS);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body.iterator({ destroyOnReturn: false })) {
      if (!(chunk instanceof Buffer)) continue;
      bytes += chunk.length;
      if (bytes > MCP_MESSAGE_BYTES_MAX) throw new Fault("mcp-unreadable", `the message is larger than ${MCP_MESSAGE_BYTES_MAX} bytes`);
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw new Fault("unexpected-message", "the client broke its message off", { cause });
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks);
}

/** @throws Fault `mcp-unreadable` */
export function readMessage(headers: readonly HeaderPair[], body: Buffer): McpMessage {
  const message = mcpMessage(headers, body);
  if (message instanceof Fault) throw message;
  return message;
}
