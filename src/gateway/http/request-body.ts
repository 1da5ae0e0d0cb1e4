/**
 * The body of a request on its way to the target: bounded, judged where a mask holds, and each piece in the kernel's hands on
 * the record before it goes on.
 */
import { Readable, Transform, type TransformCallback } from "node:stream";
import { requestBody, valuesOf } from "#protocols/http/protocol.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { asFault } from "#src/gateway/as-fault.ts";
import type { BodyRecord } from "./body-record.ts";
import type { Exchange } from "./exchange.ts";
import type { Forwarding } from "./forwarding.ts";
import { Pace } from "./pace.ts";

/** @returns null where the request has none. @throws Fault `request-too-large`, `masked-request` */
export function bodyForTarget(forwarding: Forwarding): Readable | null {
  const { exchange, ahead } = forwarding;
  const source = ahead === null ? exchange.body : Readable.from([ahead]);
  if (source === null) return null;
  const length = lengthOf(exchange);
  const limit = limitOf(forwarding);
  if (limit !== null && length !== null && length > limit.bytes) throw limit.fault;
  const passage = new Passage(forwarding, length, limit, filterOf(forwarding));
  const pace =
    ahead === null && length !== null
      ? new Pace(
          () => passage.destroy(tooSlow()),
          () => passage.writableNeedDrain,
        )
      : null;
  source.once("error", (error) => passage.destroy(error));
  source.once("close", () => {
    if (!source.readableEnded) passage.destroy(new Error("the client broke its request off"));
  });
  source.on("data", (chunk: Buffer) => pace?.came(chunk.length));
  source.pipe(passage);
  passage.once("close", () => {
    pace?.stop();
    source.unpipe(passage);
    // What nobody wants is read all the same, for a while: see the exchanges.
    source.resume();
  });
  source.once("end", () => pace?.stop());
  passage.on("error", (error) => forwarding.stopper.stop(error instanceof Fault ? error : brokenOff(error)));
  return passage;
}

interface Limit {
  readonly bytes: number;
  readonly fault: Fault;
}

class Passage extends Transform {
  readonly #forwarding: Forwarding;
  readonly #record: BodyRecord;
  readonly #filter: ReturnType<typeof filterOf>;
  readonly #length: number | null;
  readonly #limit: Limit | null;
  #bytes = 0;
  #finished = false;

  constructor(forwarding: Forwarding, length: number | null, limit: Limit | null, filter: ReturnType<typeof filterOf>) {
    super();
    this.#forwarding = forwarding;
    this.#length = length;
    this.#limit = limit;
    this.#filter = filter;
    this.#record = forwarding.record.body("in", filter === null);
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    try {
      this.#take(chunk);
    } catch (error) {
      callback(asFault(error));
      return;
    }
    callback(null, chunk);
  }

  override _flush(callback: TransformCallback): void {
    try {
      this.#finish();
    } catch (error) {
      callback(asFault(error));
      return;
    }
    callback();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    try {
      this.#record.end("cut");
    } catch {
      // The journal has failed, and its session with it.
    }
    callback(error);
  }

  #take(chunk: Buffer): void {
    const { session } = this.#forwarding;
    this.#bytes += chunk.length;
    if (this.#limit !== null && this.#bytes > this.#limit.bytes) throw this.#limit.fault;
    session.passed(chunk.length, false);
    for (const piece of this.#filter?.write(chunk) ?? [chunk]) this.#record.write(piece);
    // The target may act as soon as it has the last byte.
    if (this.#bytes === this.#length) this.#finish();
    else this.#record.settle();
  }

  #finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    for (const piece of this.#filter?.end() ?? []) this.#record.write(piece);
    this.#record.end("done");
    this.#forwarding.session.flush();
  }
}

/** @throws Fault `masked-request` */
function filterOf({ exchange, masks }: Forwarding) {
  const { method, headers } = exchange;
  const contentEncoding = valuesOf(headers, "content-encoding").join(",") || null;
  const filter = requestBody({ method, contentTypes: valuesOf(headers, "content-type"), contentEncoding, masks });
  if (filter instanceof Fault) throw filter;
  return filter;
}

function lengthOf({ headers }: Exchange): number | null {
  const [length] = valuesOf(headers, "content-length");
  return length === undefined ? null : Number(length);
}

function limitOf({ api, bounds }: Forwarding): Limit | null {
  const configured = api.target.limits.requestBytes;
  const bytes = Math.min(configured ?? Number.POSITIVE_INFINITY, bounds.requestBytes?.bytes ?? Number.POSITIVE_INFINITY);
  if (bytes === Number.POSITIVE_INFINITY) return null;
  return { bytes, fault: new Fault("request-too-large", `the request's body has more than the ${bytes} bytes that may be sent`) };
}

function tooSlow(): Fault {
  return new Fault("login-timeout", "the request's body came too slowly");
}

function brokenOff(cause: unknown): Fault {
  return new Fault("unexpected-message", "the client broke its request off", { cause });
}
