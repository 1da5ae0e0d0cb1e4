/**
 * Buffers that open journals of one process take turns with: a session holds one only while it has events that are
 * not written yet, so thousands of idle sessions hold none. Most hold little, so there are small and large ones.
 */

/** Room for a dozen ordinary events: a statement and its answer. */
const SMALL_BYTES = 4 * 1024;
/** Room for some hundred ordinary events; a bulk result fills it and is written as one block. */
const LARGE_BYTES = 64 * 1024;
/** Buffers of a size that are kept for later when nobody has them: 256 KiB of small ones, 1 MiB of large ones. */
const SMALL_SPARE_MAX = 64;
const LARGE_SPARE_MAX = 16;

/** One buffer, seen as bytes and as 32-bit words. */
export interface Slab {
  readonly bytes: Buffer;
  readonly words: Uint32Array;
}

/** Who holds a slab, as far as the pool needs to know. */
export interface SlabHolder {
  flush(): void;
}

export class Slabs {
  readonly #small: Slab[] = [];
  readonly #large: Slab[] = [];
  readonly #holders = new Set<SlabHolder>();

  /** A slab of at least this many bytes, holding what the last holder left. One above the largest size is made for the occasion. */
  take(bytes: number, holder: SlabHolder): Slab {
    this.#holders.add(holder);
    if (bytes <= SMALL_BYTES) return this.#small.pop() ?? slabOf(SMALL_BYTES);
    if (bytes <= LARGE_BYTES) return this.#large.pop() ?? slabOf(LARGE_BYTES);
    return slabOf(bytes);
  }

  /** Takes a slab back. */
  give(slab: Slab, holder: SlabHolder): void {
    this.#holders.delete(holder);
    const { length } = slab.bytes;
    if (length === SMALL_BYTES && this.#small.length < SMALL_SPARE_MAX) this.#small.push(slab);
    else if (length === LARGE_BYTES && this.#large.length < LARGE_SPARE_MAX) this.#large.push(slab);
  }

  /** Forgets a holder that lost its slab. */
  drop(holder: SlabHolder): void {
    this.#holders.delete(holder);
  }

  /**
   * Flushes every journal that has something pending. To be called every second or so: answers then do not wait for their
   * session's next statement to be written, and an idle session holds no slab. A journal that cannot be written is dead,
   * and says so at its session's next event; the others are flushed all the same.
   *
   * @returns what failed
   */
  flushAll(): unknown[] {
    const failures: unknown[] = [];
    for (const holder of [...this.#holders]) {
      try {
        holder.flush();
      } catch (cause) {
        failures.push(cause);
      }
    }
    return failures;
  }
}

/** True when a slab that is full may be exchanged for a larger one. */
export function isSmall(slab: Slab): boolean {
  return slab.bytes.length === SMALL_BYTES;
}

/** Whether a slab may hold this many bytes without being made for the occasion. */
export function fitsLarge(bytes: number): boolean {
  return bytes <= LARGE_BYTES;
}

function slabOf(bytes: number): Slab {
  const buffer = new ArrayBuffer(Math.ceil(bytes / 16) * 16);
  return { bytes: Buffer.from(buffer), words: new Uint32Array(buffer) };
}
