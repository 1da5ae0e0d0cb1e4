/**
 * Pulls bytes from a socket that is not flowing: for the few messages before a session, where one step waits for the
 * next. What was read too much goes back with `unread`.
 */
import type { Duplex } from "node:stream";

export class SocketReader {
  readonly #socket: Duplex;

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  /** @returns the next bytes, or null when the peer has closed or the connection is lost */
  async more(): Promise<Buffer | null> {
    for (;;) {
      const chunk: unknown = this.#socket.read();
      if (chunk instanceof Buffer) return chunk;
      if (this.#socket.readableEnded || this.#socket.destroyed) return null;
      await this.#readable();
    }
  }

  unread(bytes: Buffer): void {
    if (bytes.length > 0) this.#socket.unshift(bytes);
  }

  /** Waits for bytes, the end, or the loss of the connection, whichever comes first. */
  #readable(): Promise<void> {
    return new Promise((resolve) => {
      const socket = this.#socket;
      const done = (): void => {
        for (const event of ["readable", "end", "close"]) socket.off(event, done);
        socket.off("error", done);
        resolve();
      };
      for (const event of ["readable", "end", "close"]) socket.on(event, done);
      socket.on("error", done);
    });
  }
}
