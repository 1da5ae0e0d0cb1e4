/**
 * Buffers that open journals of one process take turns with: a session holds one only while it has events that are
 * not written yet, so thousands of idle sessions hold none.
 */

/** Room for some hundred ordinary events; a bulk result fills it and is written as one block. */
export const SLAB_BYTES = 64 * 1024;
/** Slabs kept for later when nobody has one: 1 MiB. */
const SPARE_MAX = 16;

/** One buffer, seen as bytes and as 32-bit words. */
export interface Slab {
  readonly bytes: Buffer;
  readonly words: Uint32Array;
}

/** A slab of at least this many bytes that no pool owns. */
export function slabOf(bytes: number): Slab {
  const buffer = new ArrayBuffer(Math.ceil(bytes / 16) * 16);
  return { bytes: Buffer.from(buffer), words: new Uint32Array(buffer) };
}

export class Slabs {
  readonly #spare: Slab[] = [];

  /** The bytes hold what the last holder left. */
  take(): Slab {
    return this.#spare.pop() ?? slabOf(SLAB_BYTES);
  }

  /** Takes a slab back; one of another size is left to the garbage collector. */
  give(slab: Slab): void {
    if (slab.bytes.length === SLAB_BYTES && this.#spare.length < SPARE_MAX) this.#spare.push(slab);
  }
}
