/**
 * What is done to a body on its way: masks first, where rules name anything in bodies, then the blanking of credentials. A
 * body that cannot be read under a mask is refused; without a mask every type passes.
 */
import type { HttpMask } from "#policies/question.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { Blanker, type Literals } from "./blanker.ts";
import { EventStreamFilter } from "./event-stream.ts";
import { FormFilter } from "./form-filter.ts";
import { type BodyFilter, JsonFilter } from "./json-filter.ts";
import { type BodyKind, bodyKind, isUtf8Charset, readMediaType } from "./media-type.ts";
import { writeRefused } from "./method.ts";
import { readsBodies } from "./request-headers.ts";

export interface ResponseBodyContext {
  readonly status: number;
  /** Of every Content-Type field. */
  readonly contentTypes: readonly string[];
  /** What is left of it once the gateway has decoded what it can; null: nothing. */
  readonly contentEncoding: string | null;
  /** There is no body, whatever the fields say: HEAD, 204, 304, or a length of 0. */
  readonly empty: boolean;
  readonly masks: readonly HttpMask[];
  readonly literals: Literals;
}

/** @returns a fault `masked-body-type` or `masked-body-encoding`, before any of the body is read */
export function responseBody(context: ResponseBodyContext): BodyFilter | Fault {
  const { masks, literals, empty, contentEncoding } = context;
  const reads = readsBodies(masks);
  if (empty || (!reads && literals.isEmpty)) return new Untouched();
  if (contentEncoding !== null && contentEncoding !== "identity") {
    return new Fault("masked-body-encoding", "the answer is encoded in a way that the gateway cannot read, and must", {
      hint: UNREADABLE_HINT,
    });
  }
  if (!reads) return new BlankedBody(new Untouched(), literals);
  if (context.status === 206) {
    return new Fault("masked-body-encoding", "the answer is a part of a document, which cannot be masked by itself", {
      hint: "ask for the whole",
    });
  }
  // An answer that says only that it was taken (202) need not say that it is empty.
  const masked = context.contentTypes.length === 0 ? new Empty() : maskedBody(context.contentTypes, masks);
  if (masked instanceof Fault || literals.isEmpty) return masked;
  return new BlankedBody(masked, literals);
}

const UNREADABLE_HINT = "ask for JSON, in UTF-8 and without a content coding of its own";

export interface RequestBodyContext {
  readonly method: string;
  readonly contentTypes: readonly string[];
  readonly contentEncoding: string | null;
  readonly masks: readonly HttpMask[];
}

/**
 * The body of a request as it may be written down: with masks on what rules name. A rule with `assign: none` refuses what
 * carries a value for them (the filter throws `masked-request`), and then what cannot be read.
 *
 * @returns null where it cannot be read, and is recorded as a digest alone; a fault where it may not pass so
 */
export function requestBody({ contentTypes, contentEncoding, masks }: RequestBodyContext): BodyFilter | Fault | null {
  if (!readsBodies(masks)) return new Untouched();
  const strict = masks.find(({ assign }) => assign === "none");
  const encoded = contentEncoding !== null && contentEncoding !== "identity";
  const filter = encoded ? null : maskedBody(contentTypes, masks);
  if (strict === undefined) return filter === null || filter instanceof Fault ? null : new Written(filter);
  if (filter === null || filter instanceof Fault) {
    return new Fault("masked-request", "the request's body cannot be read, and a rule lets no request give a value to what it masks", {
      hint: "send it as JSON or as a form, without content coding",
    });
  }
  const judged = maskedBody(
    contentTypes,
    masks.filter(({ assign }) => assign === "none"),
  );
  return judged instanceof Fault ? judged : new Written(new Judged(filter, judged, strict.rule));
}

function maskedBody(contentTypes: readonly string[], masks: readonly HttpMask[]): BodyFilter | Fault {
  const [value, ...others] = contentTypes;
  const type = value === undefined || others.length > 0 ? undefined : readMediaType(value);
  const kind: BodyKind | undefined = type === undefined ? undefined : bodyKind(type);
  if (type === undefined || kind === undefined) {
    // The type is not quoted: it is the other side's words.
    const what = type === undefined ? "has no type, or one that can be read in more than one way" : "is of a type";
    return new Fault("masked-body-type", `the body ${what}, in which masked fields cannot be told`, { hint: UNREADABLE_HINT });
  }
  if (!isUtf8Charset(type)) {
    return new Fault("masked-body-encoding", "the body is written in another charset than UTF-8", { hint: UNREADABLE_HINT });
  }
  // Whoever asks may choose the type: what is protected as a field must not come as a form that nobody looks into.
  const unnamed = masks.find(({ fields }) => fields.length > 0);
  if (kind === "form" && unnamed !== undefined && masks.every(({ form }) => form.length === 0)) {
    const message = `the body is a form, of which the rule ${unnamed.rule} names no fields`;
    return new Fault("masked-body-type", message, { hint: UNREADABLE_HINT });
  }
  return filterOf(kind, masks);
}

function filterOf(kind: BodyKind, masks: readonly HttpMask[]): BodyFilter {
  switch (kind) {
    case "form":
      return new FormFilter(masks);
    case "events":
      return new EventStreamFilter(masks);
    case "json":
      return new JsonFilter(masks);
    case "lines":
    case "records":
      return new JsonFilter(masks, kind);
  }
}

class Untouched implements BodyFilter {
  readonly maskedCells = 0;

  write(chunk: Buffer): readonly Buffer[] {
    return chunk.length === 0 ? [] : [chunk];
  }

  end(): readonly Buffer[] {
    return [];
  }

  pause(): readonly Buffer[] {
    return [];
  }
}

/** Without a type there may be no body. */
class Empty extends Untouched {
  override write(chunk: Buffer): readonly Buffer[] {
    if (chunk.length === 0) return [];
    throw new Fault("masked-body-type", "the body has no type, so that masked fields cannot be told in it", { hint: UNREADABLE_HINT });
  }
}

class BlankedBody implements BodyFilter {
  readonly #inner: BodyFilter;
  readonly #blanker: Blanker;

  constructor(inner: BodyFilter, literals: Literals) {
    this.#inner = inner;
    this.#blanker = new Blanker(literals);
  }

  get maskedCells(): number {
    return this.#inner.maskedCells;
  }

  write(chunk: Buffer): readonly Buffer[] {
    return this.#inner.write(chunk).flatMap((piece) => this.#blanker.write(piece));
  }

  end(): readonly Buffer[] {
    return [...this.#inner.end().flatMap((piece) => this.#blanker.write(piece)), ...this.#blanker.end()];
  }

  pause(): readonly Buffer[] {
    return this.#blanker.pause();
  }
}

/** Of a request: what is not what its type says may carry anything, and is not written down in clear. */
class Written implements BodyFilter {
  readonly #inner: BodyFilter;

  constructor(inner: BodyFilter) {
    this.#inner = inner;
  }

  get maskedCells(): number {
    return this.#inner.maskedCells;
  }

  write(chunk: Buffer): readonly Buffer[] {
    return understood(() => this.#inner.write(chunk));
  }

  end(): readonly Buffer[] {
    return understood(() => this.#inner.end());
  }

  pause(): readonly Buffer[] {
    return [];
  }
}

function understood<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "masked-body-malformed") throw error;
    throw new Fault("masked-request", "the request's body is not what its type says, so that nobody can tell what a mask covers in it", {
      hint: "send strict JSON in UTF-8",
      cause: error,
    });
  }
}

/** Refuses as soon as a value would have been masked. */
class Judged implements BodyFilter {
  readonly #shown: BodyFilter;
  readonly #judged: BodyFilter;
  readonly #rule: string;

  constructor(shown: BodyFilter, judged: BodyFilter, rule: string) {
    this.#shown = shown;
    this.#judged = judged;
    this.#rule = rule;
  }

  get maskedCells(): number {
    return this.#shown.maskedCells;
  }

  write(chunk: Buffer): readonly Buffer[] {
    this.#judged.write(chunk);
    this.#check();
    return this.#shown.write(chunk);
  }

  end(): readonly Buffer[] {
    this.#judged.end();
    this.#check();
    return this.#shown.end();
  }

  pause(): readonly Buffer[] {
    return [];
  }

  #check(): void {
    if (this.#judged.maskedCells > 0) throw writeRefused(this.#rule);
  }
}
