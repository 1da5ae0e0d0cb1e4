/**
 * Whether the masking rules of a target fit its schema. A rule that never fitted is an error: somebody believes that it
 * masks what it does not, so no masked principal is served until it does. One that did fit, and no longer does since the
 * schema was changed, is a warning: it is not the rule that is wrong, and work goes on.
 */
import type { PolicyDocument } from "#policies/document.ts";
import type { SeenCatalogue } from "#src/catalogue/seen.ts";
import type { DatabaseTarget } from "#src/config/config.ts";
import { entryKeys, type RuleRemark, remarksOn } from "#src/targets/masking-rules.ts";

export class RulesFit {
  readonly target: DatabaseTarget;
  readonly #document: PolicyDocument;
  /** Entries that have once been without fault on this target. */
  readonly #proved: Set<string>;
  #remarks: readonly RuleRemark[] = [];
  #told: ReadonlySet<string> = new Set();

  /** @param before the rules' standing under the configuration that this one replaces: what did fit there has been proved */
  constructor(target: DatabaseTarget, document: PolicyDocument, before: RulesFit | undefined) {
    this.target = target;
    this.#document = document;
    this.#proved = new Set(before !== undefined && samePlace(before.target, target) ? before.#proved : []);
  }

  /** What is known to be wrong, and never was right. */
  get errors(): readonly RuleRemark[] {
    return this.#remarks.filter(({ level }) => level === "error");
  }

  /** Whether masked principals may be served. */
  get fits(): boolean {
    return entryKeys(this.#document, this.target.name).every((key) => this.#proved.has(key));
  }

  /**
   * Holds the rules against the newest catalogues.
   *
   * @param catalogues one for each database; null where it could not be read: what is not found elsewhere may be there
   */
  look(catalogues: readonly (SeenCatalogue | null)[]): void {
    const read = catalogues.filter((catalogue) => catalogue !== null);
    const remarks = remarksOn(this.#document, this.target.name, read);
    const faulty = new Set(remarks.filter(({ level }) => level === "error").map(({ key }) => key));
    for (const key of entryKeys(this.#document, this.target.name)) if (!faulty.has(key)) this.#proved.add(key);
    const complete = read.length === catalogues.length;
    this.#remarks = remarks
      .filter(({ kind }) => complete || kind !== "names-nothing")
      .map((remark): RuleRemark => (this.#proved.has(remark.key) ? { ...remark, level: "warning" } : remark));
  }

  /** What there is to say and was not said before. */
  untold(): readonly RuleRemark[] {
    const before = this.#told;
    this.#told = new Set(this.#remarks.map(textOf));
    return this.#remarks.filter((remark) => !before.has(textOf(remark)));
  }
}

function textOf({ level, path, message }: RuleRemark): string {
  return JSON.stringify([level, path, message]);
}

/** Whether a schema that a rule once fitted is this one. */
function samePlace(one: DatabaseTarget, other: DatabaseTarget): boolean {
  const placeOf = ({ address, databases, tls }: DatabaseTarget): string => JSON.stringify([address, databases, tls.serverName]);
  return placeOf(one) === placeOf(other);
}
