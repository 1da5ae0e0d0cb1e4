/** A listener that takes a client to a real server and writes down every chunk in between, in the order of their coming. */
import { once } from "node:events";
import net from "node:net";
import type { Chunk } from "#test/protocols/postgres/captures/format.ts";
import type { TestPostgres } from "#test/support/postgres.ts";

/** What stands between the two: bytes of one side in, bytes for the other out. */
export interface Between {
  readonly client: (chunk: Buffer) => Buffer;
  readonly server: (chunk: Buffer) => Buffer;
}

/**
 * @param run gets the port to connect to; its connections must be closed when it is done
 * @param between what becomes of the bytes behind the login; nothing, where it is left out
 * @returns the chunks of each connection, in the order of the connections
 */
export async function record(
  server: TestPostgres,
  run: (port: number) => Promise<void>,
  between?: () => Between,
): Promise<readonly (readonly Chunk[])[]> {
  const connections: Chunk[][] = [];
  const open = new Set<Promise<unknown>>();
  const listener = net.createServer((client) => {
    const chunks: Chunk[] = [];
    connections.push(chunks);
    open.add(once(client, "close"));
    join(client, net.connect(server.port, server.host), chunks, between?.());
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  if (address === null || typeof address === "string") throw new Error("the recorder listens nowhere");
  await run(address.port);
  await Promise.all(open);
  listener.close();
  return connections;
}

function join(client: net.Socket, upstream: net.Socket, chunks: Chunk[], between: Between | undefined): void {
  client.setNoDelay(true);
  upstream.setNoDelay(true);
  let session = false;
  client.on("data", (bytes) => {
    chunks.push({ side: "client", bytes });
    upstream.write(session && between !== undefined ? between.client(bytes) : bytes);
  });
  upstream.on("data", (bytes) => {
    chunks.push({ side: "server", bytes });
    client.write(session && between !== undefined ? between.server(bytes) : bytes);
    // Login ends with the first ReadyForQuery, which is the last of its chunk.
    session ||= bytes.subarray(-6, -1).equals(Buffer.from("Z\0\0\0\x05"));
  });
  for (const [from, to] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    from.on("end", () => to.end());
    from.on("error", () => to.destroy());
  }
}
