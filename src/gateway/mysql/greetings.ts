/**
 * What targets have greeted the gateway with, as far as clients are told of it before they have said whom they mean. What one
 * process sees is told to the keeper, and by it to all others. It comes from before TLS and may be older than the target: a
 * client's first impression, and nothing that the gateway itself decides by.
 */
import { CAPABILITY, type Greeting } from "#protocols/mysql/protocol.ts";
import type { DatabaseTarget } from "#src/config/config.ts";

export interface SeenGreeting {
  /** Without its build; null where it has not the form that servers give it. */
  readonly version: string | null;
  /** Of those that are offered where the target has them. */
  readonly capabilities: number;
  readonly collation: number;
}

/** Names a target and its address, so that one that has moved is not greeted for by what was there before. */
export type NamedGreeting = readonly [name: string, greeting: SeenGreeting];

/** Offered to clients where the target has them. */
const WHERE_KNOWN = CAPABILITY.queryAttributes | CAPABILITY.optionalResultsetMetadata;

/** Targets of one configuration are few, and so are configurations; of more the oldest are forgotten. */
export const GREETINGS_MAX = 1000;

export class Greetings {
  readonly #onNews: (news: NamedGreeting) => void;
  readonly #seen: Map<string, SeenGreeting>;

  /** @param onNews is told of each that differs from what was known */
  constructor(known: readonly NamedGreeting[], onNews: (news: NamedGreeting) => void) {
    this.#seen = new Map(known.slice(-GREETINGS_MAX));
    this.#onNews = onNews;
  }

  of(target: DatabaseTarget): SeenGreeting | undefined {
    return this.#seen.get(nameOf(target));
  }

  /** The oldest first. */
  known(): readonly NamedGreeting[] {
    return [...this.#seen];
  }

  /** The target has greeted, and has let the gateway in. */
  note(target: DatabaseTarget, { version, capabilities, collation }: Greeting): void {
    const news = [nameOf(target), { version: versionOf(version), capabilities: (capabilities & WHERE_KNOWN) >>> 0, collation }] as const;
    if (this.take(news)) this.#onNews(news);
  }

  /** @returns whether that is new */
  take([name, greeting]: NamedGreeting): boolean {
    const known = this.#seen.get(name);
    if (known !== undefined && isSame(known, greeting)) return false;
    this.#seen.delete(name);
    const [oldest] = this.#seen.keys();
    if (oldest !== undefined && this.#seen.size >= GREETINGS_MAX) this.#seen.delete(oldest);
    this.#seen.set(name, greeting);
    return true;
  }
}

function isSame(one: SeenGreeting, other: SeenGreeting): boolean {
  return one.version === other.version && one.capabilities === other.capabilities && one.collation === other.collation;
}

function nameOf({ name, address }: DatabaseTarget): string {
  return `${name} ${address.host}:${address.port}`;
}

/**
 * Numbers and make, which clients decide by; not the build, which tells attackers of the system below. Servers of MariaDB up to
 * 10 have put 5.5.5 before their own version, for replicas that took a 10 for a 1.
 */
function versionOf(told: string): string | null {
  const [, before = "", numbers = null, make = ""] = /^(5\.5\.5-)?(\d{1,3}\.\d{1,3}\.\d{1,3})(-MariaDB)?/.exec(told) ?? [];
  return numbers === null ? null : `${before}${numbers}${make}`;
}
