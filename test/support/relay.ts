/**
 * A TCP relay that misbehaves on request: late, slow, byte by byte, silent, or cut off in the middle. It stands
 * between a client and the gateway, or the gateway and a server, in tests of what happens on bad networks.
 */
import { createConnection, createServer, type Socket } from "node:net";
import { setImmediate as nextTurn, setTimeout as pause } from "node:timers/promises";

/** What happens to the bytes of one direction; nothing when all are left out. */
export interface Conditions {
  readonly latencyMs?: number;
  readonly bytesPerSecond?: number;
  /** At most so many bytes a segment; 1 is byte by byte. */
  readonly slice?: number;
  /** After so many bytes of a connection, it ends: by a reset, or by closing both ways. */
  readonly cut?: { readonly afterBytes: number; readonly how: "reset" | "end" };
}

export interface Relay {
  readonly host: string;
  readonly port: number;
  /** Bytes that were passed on, over all connections. */
  readonly passed: { readonly toServer: number; readonly toClient: number };
  /** Connections accepted so far. */
  readonly accepted: number;
  /** Connections that are open now. */
  readonly open: number;
  /** From now on, for connections there are and those to come. */
  set(conditions: { readonly toServer?: Conditions; readonly toClient?: Conditions }): void;
  /** Nothing passes, nothing closes: a network that swallows packets. `thaw` ends it. */
  freeze(): void;
  thaw(): void;
  /** Resets every connection (RST). */
  reset(): void;
  stop(): Promise<void>;
}

const QUEUE_BYTES_MAX = 1 << 20;

interface State {
  toServer: Conditions;
  toClient: Conditions;
  frozen: Promise<void> | undefined;
  thaw: () => void;
  readonly passed: { toServer: number; toClient: number };
}

export async function startRelay(
  target: { readonly host: string; readonly port: number },
  conditions: { readonly toServer?: Conditions; readonly toClient?: Conditions } = {},
): Promise<Relay> {
  const state: State = {
    toServer: {},
    toClient: {},
    ...conditions,
    frozen: undefined,
    thaw: () => undefined,
    passed: { toServer: 0, toClient: 0 },
  };
  const sockets = new Set<Socket>();
  let accepted = 0;
  let open = 0;
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    accepted += 1;
    open += 1;
    const upstream = createConnection({ ...target, allowHalfOpen: true, noDelay: true });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      // A reset on one side is passed on as one.
      socket.on("error", () => reset(socket === client ? upstream : client));
      socket.on("close", () => sockets.delete(socket));
    }
    client.on("close", () => {
      open -= 1;
    });
    pump(client, upstream, "toServer", state);
    pump(upstream, client, "toClient", state);
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the relay has no port");
  const freeze = () => {
    state.frozen ??= new Promise((resolve) => {
      state.thaw = resolve;
    });
  };
  const thaw = () => {
    state.frozen = undefined;
    state.thaw();
  };
  const resetAll = () => {
    for (const socket of sockets) reset(socket);
  };
  return {
    host: "127.0.0.1",
    port: address.port,
    passed: state.passed,
    get accepted() {
      return accepted;
    },
    get open() {
      return open;
    },
    set: (changed) => Object.assign(state, changed),
    freeze,
    thaw,
    reset: resetAll,
    async stop() {
      thaw();
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Chunks wait in line until they are due; the line is bounded, so that a slow side slows the fast one. */
function pump(source: Socket, sink: Socket, direction: "toServer" | "toClient", state: State): void {
  let queued = 0;
  let sent = 0;
  let line = Promise.resolve();
  const inLine = (work: () => Promise<void>) => {
    line = line.then(work).catch(() => void sink.destroy());
  };
  source.on("data", (chunk) => {
    const due = performance.now() + (state[direction].latencyMs ?? 0);
    queued += chunk.length;
    if (queued > QUEUE_BYTES_MAX) source.pause();
    inLine(async () => {
      const wait = due - performance.now();
      if (wait > 0) await pause(wait);
      sent = await pass(chunk, sink, source, direction, state, sent);
      queued -= chunk.length;
      if (queued <= QUEUE_BYTES_MAX) source.resume();
    });
  });
  source.on("end", () => {
    inLine(async () => {
      await state.frozen;
      sink.end();
    });
  });
}

async function pass(
  chunk: Buffer,
  sink: Socket,
  source: Socket,
  direction: "toServer" | "toClient",
  state: State,
  sent: number,
): Promise<number> {
  let total = sent;
  for (let offset = 0; offset < chunk.length && !sink.destroyed; ) {
    await state.frozen;
    const { slice, bytesPerSecond, cut } = state[direction];
    const left = cut === undefined ? Number.POSITIVE_INFINITY : cut.afterBytes - total;
    const piece = chunk.subarray(offset, offset + Math.min(slice ?? (bytesPerSecond === undefined ? chunk.length : 16_384), left));
    if (piece.length > 0) await new Promise<void>((resolve) => sink.write(piece, () => resolve()));
    total += piece.length;
    offset += piece.length;
    state.passed[direction] += piece.length;
    if (cut !== undefined && total >= cut.afterBytes) {
      end(cut.how, source, sink);
      break;
    }
    if (bytesPerSecond !== undefined) await pause((piece.length / bytesPerSecond) * 1000);
    else if (slice !== undefined) await nextTurn();
  }
  return total;
}

function end(how: "reset" | "end", ...sockets: readonly Socket[]): void {
  for (const socket of sockets) {
    if (how === "reset") reset(socket);
    else socket.destroySoon();
  }
}

/** A socket that is just being closed can't be reset: libuv refuses, and Node would wait for it for ever. */
function reset(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy();
  else socket.resetAndDestroy();
}
