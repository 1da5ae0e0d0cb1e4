/**
 * Replaces literal byte sequences by stars of the same length, wherever a stream is cut. An Aho-Corasick automaton (Aho and
 * Corasick 1975) walks each byte once, whatever the number of literals; held back is only what may be the beginning of one.
 */

const STAR = 0x2a; // *
const NONE = -1;

/** So short a beginning may go when nothing follows: a peer that waits for an answer would wait for ever. */
const RELEASED_BYTES_MAX = 3;

/** The automaton of a set of literals: made once for a credential, and shared by its streams. */
export class Literals {
  readonly isEmpty: boolean;
  readonly #classOf = new Uint16Array(256);
  readonly #classes: number;
  /** Whether a literal begins with that byte. */
  readonly #starts = new Uint8Array(256);
  /** State times class to state; complete, so that a byte takes one step. */
  readonly #next: Int32Array;
  /** Of each state: bytes of the longest literal that ends there, and of the beginning that may become a longer one. */
  readonly #ends: Int32Array;
  readonly #depth: Int32Array;

  constructor(literals: readonly Uint8Array[]) {
    const given = literals.filter(({ length }) => length > 0);
    this.isEmpty = given.length === 0;
    let classes = 1;
    for (const literal of given) for (const byte of literal) if (this.#classOf[byte] === 0) this.#classOf[byte] = classes++;
    this.#classes = classes;
    const states = given.reduce((sum, { length }) => sum + length, 1);
    this.#next = new Int32Array(states * classes).fill(NONE);
    this.#ends = new Int32Array(states);
    this.#depth = new Int32Array(states);
    let made = 1;
    for (const literal of given) {
      this.#starts[literal[0] ?? 0] = 1;
      let state = 0;
      for (const [at, byte] of literal.entries()) {
        const edge = state * classes + at0(this.#classOf, byte);
        if (this.#next[edge] === NONE) {
          this.#depth[made] = at + 1;
          this.#next[edge] = made++;
        }
        state = at0(this.#next, edge);
      }
      this.#ends[state] = literal.length;
    }
    this.#complete();
  }

  /** Breadth first: a state's missing edges are those of its longest proper suffix, and so is the literal that ends there. */
  #complete(): void {
    const suffix = new Int32Array(this.#ends.length);
    const queue: number[] = [];
    for (let one = 0; one < this.#classes; one++) {
      const to = at0(this.#next, one);
      if (to === NONE) this.#next[one] = 0;
      else queue.push(to);
    }
    for (let done = 0; done < queue.length; done++) {
      const state = queue[done] ?? 0;
      const shorter = at0(suffix, state);
      let ends = true;
      this.#ends[state] = Math.max(at0(this.#ends, state), at0(this.#ends, shorter));
      for (let one = 0; one < this.#classes; one++) {
        const edge = state * this.#classes + one;
        const to = at0(this.#next, edge);
        const other = at0(this.#next, shorter * this.#classes + one);
        if (to === NONE) this.#next[edge] = other;
        else {
          ends = false;
          suffix[to] = other;
          queue.push(to);
        }
      }
      // A literal that no other goes on from is done with: what may still become one is shorter.
      if (ends) this.#depth[state] = at0(this.#depth, shorter);
    }
  }

  /**
   * @param found is told of each literal that ends: where, and how long the longest is
   * @returns the state behind the chunk
   */
  walk(chunk: Buffer, from: number, found: (at: number, length: number) => void): number {
    const [next, classOf, ends, starts, classes] = [this.#next, this.#classOf, this.#ends, this.#starts, this.#classes];
    let state = from;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] ?? 0;
      // Nearly every byte of nearly every body: nothing has begun, and nothing begins.
      if (state === 0 && starts[byte] === 0) continue;
      state = next[state * classes + (classOf[byte] ?? 0)] ?? 0;
      const length = ends[state] ?? 0;
      if (length > 0) found(at, length);
    }
    return state;
  }

  depthOf(state: number): number {
    return at0(this.#depth, state);
  }
}

function at0(table: Int32Array | Uint16Array, index: number): number {
  return table[index] ?? 0;
}

/** One stream of bytes. What it yields is as long as what it was given, once it has ended. */
export class Blanker {
  readonly #literals: Literals;
  #state = 0;
  /** What may be the beginning of a literal, already blanked where a shorter one was found in it. */
  #held: Buffer = Buffer.alloc(0);

  constructor(literals: Literals) {
    this.#literals = literals;
  }

  /** Views of the chunk where nothing was found and nothing is held. */
  write(chunk: Buffer): readonly Buffer[] {
    if (this.#literals.isEmpty || chunk.length === 0) return chunk.length === 0 ? [] : [chunk];
    const found = this.#walk(chunk);
    const depth = this.#literals.depthOf(this.#state);
    const untouched = found === undefined && this.#held.length === 0;
    if (untouched && depth === 0) return [chunk];
    const whole = untouched ? chunk : Buffer.concat([this.#held, chunk]);
    if (found !== undefined) blank(whole, this.#held.length, found);
    // Of a beginning that `pause` let go the rest alone is held.
    const held = Math.min(depth, whole.length);
    this.#held = Buffer.from(whole.subarray(whole.length - held));
    return whole.length === held ? [] : [whole.subarray(0, whole.length - held)];
  }

  /**
   * Nothing has come for a moment: the last bytes of a message may look like the beginning of a literal, and its reader has to
   * have them before it goes on. Should the literal follow after all, the rest of it is blanked.
   */
  pause(): readonly Buffer[] {
    return this.#held.length > RELEASED_BYTES_MAX ? [] : this.#release();
  }

  get holds(): boolean {
    return this.#held.length > 0;
  }

  /** What was held back began no literal after all. */
  end(): readonly Buffer[] {
    this.#state = 0;
    return this.#release();
  }

  #release(): readonly Buffer[] {
    const rest = this.#held;
    this.#held = Buffer.alloc(0);
    return rest.length === 0 ? [] : [rest];
  }

  /** Of each byte of the chunk, how long the literal is that ends with it; undefined where none does. */
  #walk(chunk: Buffer): Map<number, number> | undefined {
    let found: Map<number, number> | undefined;
    this.#state = this.#literals.walk(chunk, this.#state, (at, length) => {
      found ??= new Map();
      found.set(at, length);
    });
    return found;
  }
}

/** Backwards, so that overlapping literals cost no more than one. */
function blank(whole: Buffer, offset: number, found: ReadonlyMap<number, number>): void {
  let left = 0;
  for (let at = whole.length - 1; at >= 0; at--) {
    left = Math.max(left - 1, found.get(at - offset) ?? 0);
    if (left > 0) whole[at] = STAR;
  }
}

/** The same of a header value or another short text; Latin-1, as Node gives header values. */
export function blankedText(text: string, literals: Literals): string {
  if (literals.isEmpty) return text;
  const blanker = new Blanker(literals);
  const bytes = Buffer.from(text, "latin1");
  const blanked = Buffer.concat([...blanker.write(bytes), ...blanker.end()]);
  return blanked.equals(bytes) ? text : blanked.toString("latin1");
}
