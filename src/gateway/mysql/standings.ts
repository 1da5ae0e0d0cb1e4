/** The standing of principals on MySQL and MariaDB targets: what is masked for them by the newest catalogue, and who judges their texts. */
import { allowedFunctions } from "#policies/document.ts";
import type { ActiveMask } from "#policies/question.ts";
import {
  isProtectedMysqlColumn,
  type MysqlCatalogue,
  type MysqlJudgement,
  type MysqlMaskingView,
  resolveMysqlProtection,
  type Settings,
  sizesIn,
} from "#protocols/mysql/protocol.ts";
import { isMysqlCatalogue } from "#src/catalogue/seen.ts";
import { type MysqlStanding, type StandingOf, type StandingParts, unavailable, VIEWS_MAX } from "#src/gateway/standing.ts";
import { MysqlJudgements, refreshingMysqlJudge } from "#src/sessions/mysql-judge.ts";

interface Sight {
  readonly catalogue: MysqlCatalogue | null;
  readonly view: MysqlMaskingView | null;
  readonly judge: (sql: string, settings: Settings) => MysqlJudgement;
}

export class MysqlStandings {
  readonly #parts: StandingParts;
  readonly #judgements = new MysqlJudgements();
  /** By masks: principals under the same share what was read off a catalogue for them. */
  readonly #views = new WeakMap<MysqlCatalogue, Map<string, MysqlMaskingView>>();

  constructor(parts: StandingParts) {
    this.#parts = parts;
  }

  /** @throws Fault `catalogue-unavailable` when masks or guardrails apply that can't be judged without it */
  standing({ principal, target, catalogue: name, masks, guarded, mayPassUnparsed }: StandingOf): MysqlStanding {
    const { document, digest } = this.#parts;
    const masked = masks.length > 0;
    const sized = guarded === "by-catalogue";
    const scope = { document, principal, target, digest, guarded: guarded !== "no" };
    let sight: Sight | null = null;
    const current = (): Sight => {
      const catalogue = masked || sized ? this.#newest(name) : null;
      if (catalogue === null && (masked || sized)) throw unavailable();
      if (sight !== null && sight.catalogue === catalogue) return sight;
      const view = catalogue === null || !masked ? null : this.#viewOf(catalogue, masks);
      const sizeOf = catalogue === null || !sized ? null : sizesIn(catalogue);
      const rejudge = view === null ? null : (sql: string, settings: Settings) => current().judge(sql, settings);
      sight = { catalogue, view, judge: this.#judgements.judge({ ...scope, view, sizeOf, rejudge }) };
      return sight;
    };
    current();
    return {
      protocol: "mysql",
      underMask: masked,
      mayPassUnparsed,
      judge: masked
        ? refreshingMysqlJudge(
            () => current().judge,
            () => this.#parts.refresh(name),
          )
        : (sql, settings) => current().judge(sql, settings),
      isProtected: (database, table, column) => {
        const { view } = current();
        return view !== null && isProtectedMysqlColumn(view, database, table, column);
      },
    };
  }

  #newest(name: string): MysqlCatalogue | null {
    const newest = this.#parts.catalogues.get(name);
    return newest !== undefined && isMysqlCatalogue(newest) ? newest : null;
  }

  #viewOf(catalogue: MysqlCatalogue, masks: readonly ActiveMask[]): MysqlMaskingView {
    const known = this.#views.get(catalogue) ?? new Map<string, MysqlMaskingView>();
    if (known.size >= VIEWS_MAX) known.clear();
    this.#views.set(catalogue, known);
    const key = JSON.stringify(masks);
    const found = known.get(key);
    if (found !== undefined) return found;
    const { protection } = resolveMysqlProtection(catalogue, masks);
    const view = { catalogue, protection, functionsAllowed: allowedFunctions(this.#parts.document) };
    known.set(key, view);
    return view;
  }
}
