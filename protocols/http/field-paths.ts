/**
 * Which values of a JSON document masking rules mean, told while the document streams: the rules' paths as one automaton, a
 * place in the document as the set of its states. Places that are met again are kept, so that a wide array costs one step
 * an element.
 */
import type { FieldStep, HttpMask, Mask } from "#policies/question.ts";

/** No mask is in force here. */
export const BARE = Number.MAX_SAFE_INTEGER;

/** Of the names below one place that are remembered: more than a record has, less than somebody could make us keep. */
const REMEMBERED_MAX = 256;

/** Where a value stands, as far as the rules care. */
export interface Place {
  /** Steps that may come next; positions in the list of all steps. */
  readonly states: readonly number[];
  /** Position among the rules of the first that means this value, or something around it; `BARE` where none does. */
  readonly rule: number;
  readonly named: Map<string, Place>;
  readonly elements: { every: Place | undefined };
}

export class FieldPaths {
  readonly root: Place;
  readonly masks: readonly Mask[];
  /** All paths one behind the other, each followed by the position of its rule. */
  readonly #steps: readonly (FieldStep | number)[];
  readonly #counts: boolean;

  constructor(masks: readonly HttpMask[]) {
    this.masks = masks.map(({ mask }) => mask);
    const paths = masks.flatMap(({ fields }, rule) => fields.map((path) => [...path, rule]));
    this.#steps = paths.flat();
    this.#counts = this.#steps.some((step) => typeof step === "object" && step.kind === "index");
    let start = 0;
    const states: number[] = [];
    let rule = BARE;
    for (const path of paths) {
      rule = this.#add(start, rule, states);
      start += path.length;
    }
    this.root = placeOf(states, rule);
  }

  /** @param spelled the name as it stands in the document, by which its place is remembered */
  member(place: Place, spelled: string, name: () => string): Place {
    if (place.states.length === 0) return this.#below(place);
    const known = place.named.get(spelled);
    if (known !== undefined) return known;
    const plain = name();
    const made = this.#child(place, (step) => step.kind === "any" || (step.kind === "key" && step.name === plain));
    if (place.named.size < REMEMBERED_MAX) place.named.set(spelled, made);
    return made;
  }

  element(place: Place, index: number): Place {
    if (place.states.length === 0) return this.#below(place);
    const known = place.elements.every;
    if (known !== undefined) return known;
    const made = this.#child(place, (step) => step.kind === "any" || (step.kind === "index" && step.index === index));
    if (!this.#counts) place.elements.every = made;
    return made;
  }

  /** What lies below a value that no path leads through, masked as it is itself. */
  #below(place: Place): Place {
    return place;
  }

  #child(place: Place, fits: (step: FieldStep) => boolean): Place {
    const states: number[] = [];
    let rule = place.rule;
    for (const state of place.states) {
      const step = this.#steps[state];
      if (typeof step !== "object") continue;
      if (step.kind === "descend") {
        rule = this.#add(state, rule, states);
        const next = this.#steps[state + 1];
        if (typeof next === "object" && fits(next)) rule = this.#add(state + 2, rule, states);
      } else if (fits(step)) rule = this.#add(state + 1, rule, states);
    }
    return placeOf(states, rule);
  }

  /** A state to come, or, at the end of its path, the rule that holds from here on. */
  #add(state: number, rule: number, states: number[]): number {
    const step = this.#steps[state];
    if (typeof step === "number") return Math.min(rule, step);
    if (!states.includes(state)) states.push(state);
    return rule;
  }
}

function placeOf(states: readonly number[], rule: number): Place {
  return { states, rule, named: new Map(), elements: { every: undefined } };
}
