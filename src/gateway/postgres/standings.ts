/** The standing of principals on PostgreSQL targets: what is masked for them by the newest catalogue, and who judges their texts. */
import { createHmac } from "node:crypto";
import { allowedFunctions } from "#policies/document.ts";
import type { ActiveMask } from "#policies/question.ts";
import { type Catalogue, type HashValue, isProtectedOrigin, type MaskingView, resolveProtection } from "#protocols/postgres/protocol.ts";
import type { Judgement } from "#protocols/wire/judgement.ts";
import { isMysqlCatalogue } from "#src/catalogue/seen.ts";
import { type PostgresStanding, type StandingOf, type StandingParts, unavailable, VIEWS_MAX } from "#src/gateway/standing.ts";
import { Judgements, refreshingJudge } from "#src/sessions/judge.ts";

/** 128 bits of HMAC-SHA-256, in hex: no two values of a table will share them. */
const HASH_DIGITS = 32;

interface Sight {
  readonly catalogue: Catalogue | null;
  readonly view: MaskingView | null;
  readonly judge: (sql: string) => Judgement;
}

export class PostgresStandings {
  readonly #parts: StandingParts;
  readonly #judgements = new Judgements();
  /** By search path and masks: principals under the same share what was read off a catalogue for them. */
  readonly #views = new WeakMap<Catalogue["relations"], Map<string, MaskingView>>();

  constructor(parts: StandingParts) {
    this.#parts = parts;
  }

  searchPath(catalogue: string): readonly string[] | null {
    return this.#newest(catalogue)?.searchPath ?? null;
  }

  /** @throws Fault `catalogue-unavailable` when masks or guardrails apply that can't be judged without it */
  standing({ principal, target, catalogue: name, masks, guarded, mayPassUnparsed }: StandingOf): PostgresStanding {
    const { document, digest } = this.#parts;
    const path = this.searchPath(name);
    const scope = { document, principal, target, guarded: guarded !== "no", digest };
    let sight: Sight | null = null;
    const current = (): Sight => {
      const newest = this.#newest(name);
      if (newest === null && (masks.length > 0 || guarded === "by-catalogue")) throw unavailable();
      // The very same, not only of the same version: estimates of rows change without one.
      if (sight !== null && sight.catalogue === newest) return sight;
      // The session looks names up where it did when it began, whatever the target's setting has become.
      const catalogue = newest === null || path === null ? newest : { ...newest, searchPath: path };
      const view = catalogue === null || masks.length === 0 ? null : this.#viewOf(catalogue, masks);
      const rejudge = view === null ? null : (sql: string) => current().judge(sql);
      sight = { catalogue: newest, view, judge: this.#judgements.judge({ ...scope, view, catalogue, rejudge }) };
      return sight;
    };
    current();
    return {
      protocol: "postgres",
      underMask: masks.length > 0,
      searchPath: masks.length === 0 ? null : path,
      mayPassUnparsed,
      judge:
        masks.length === 0
          ? (sql) => current().judge(sql)
          : refreshingJudge(
              () => current().judge,
              () => this.#parts.refresh(name),
            ),
      isProtected: (tableOid, attribute) => {
        const { view } = current();
        return view !== null && isProtectedOrigin(view, tableOid, attribute);
      },
      hashOf: (tableOid, attribute) => {
        const found = current().view?.protection.columns.get(tableOid)?.get(attribute);
        return found?.mask.kind === "hash" ? this.#hash(found.rule) : null;
      },
    };
  }

  /** Null where there is no key: the column may not pass then. */
  #hash(rule: string): HashValue | null {
    const key = this.#parts.maskKeys.get(rule)?.expose();
    return key === undefined ? null : (value) => Buffer.from(createHmac("sha256", key).update(value).digest("hex").slice(0, HASH_DIGITS));
  }

  #newest(name: string): Catalogue | null {
    const newest = this.#parts.catalogues.get(name);
    return newest === undefined || isMysqlCatalogue(newest) ? null : newest;
  }

  #viewOf(catalogue: Catalogue, masks: readonly ActiveMask[]): MaskingView {
    const known = this.#views.get(catalogue.relations) ?? new Map<string, MaskingView>();
    if (known.size >= VIEWS_MAX) known.clear();
    this.#views.set(catalogue.relations, known);
    const key = JSON.stringify([catalogue.searchPath, masks]);
    const found = known.get(key);
    if (found !== undefined) return found;
    const { protection } = resolveProtection(catalogue, masks);
    const view = { catalogue, protection, functionsAllowed: allowedFunctions(this.#parts.document) };
    known.set(key, view);
    return view;
  }
}
