/** One statement put to both twins: rewritten to the one, as it is to the other. */
import { decide } from "#policies/decide.ts";
import { analyse } from "#protocols/sql/postgres/analyse.ts";
import { type Result, run } from "#test/protocols/sql/postgres/corpus/client.ts";
import type { Query } from "#test/protocols/sql/postgres/lineage/query-maker.ts";
import { DOCUMENT, MASKED, type Twins } from "./twins.ts";

export type TwinAnswer =
  | { readonly kind: "same" }
  | { readonly kind: "different"; readonly sent: string; readonly why: string }
  /** The gateway does not let it through: the reason. */
  | { readonly kind: "denied"; readonly reason: string; readonly message: string }
  /** The server does not take it either way. */
  | { readonly kind: "failed"; readonly code: string }
  /** It takes too long or finds no memory, one way at least: no difference in what it may see. */
  | { readonly kind: "tired"; readonly code: string };

/** What the server says where a statement takes too long or finds no memory. */
const TIRED = ["57014", "53200", "54001"];

export async function askTwins({ raw, masked, view }: Twins, { sql, ordered }: Query): Promise<TwinAnswer> {
  const { facts, rewritten } = analyse(sql, view);
  const decision = decide(DOCUMENT, { kind: "statement", principal: MASKED, target: "orders", facts });
  const plain = await run(masked, sql);
  const plainCode = codeOf(plain.error);
  if (plainCode !== null && TIRED.includes(plainCode)) return { kind: "tired", code: plainCode };
  if (decision.verdict === "deny") {
    if (plainCode !== null) return { kind: "failed", code: plainCode };
    return { kind: "denied", reason: decision.reason, message: decision.message };
  }
  if (decision.verdict === "hold") throw new Error("nothing is held under this policy");
  const sent = decision.verdict === "mask" ? (rewritten?.sql ?? "") : sql;
  const answer = await run(raw, sent);
  const code = codeOf(answer.error);
  if (code !== null && TIRED.includes(code)) return { kind: "tired", code };
  if (code !== null && code === plainCode) return { kind: "failed", code };
  if (code !== plainCode) return { kind: "different", sent, why: `${answer.error ?? "no error"}\n${plain.error ?? "no error"}` };
  const [one, two] = [answer.results, plain.results].map((results) => shown(results, ordered));
  return one === two ? { kind: "same" } : { kind: "different", sent, why: `${one}\n${two}` };
}

function codeOf(error: string | null): string | null {
  return error === null ? null : (/"code":"(\w+)"/.exec(error)?.[1] ?? "?");
}

/** Equal numbers may be written with more or fewer zeros, and which of them DISTINCT or a group keeps is the server's choice. */
function shown(results: readonly Result[], ordered: boolean): string {
  return results
    .map(({ names, rows }) => {
      const lines = rows.map((row) =>
        JSON.stringify(row)
          .replace(/(\d\.\d*?)0+(?!\d)/g, "$1")
          .replace(/(\d)\.(?!\d)/g, "$1"),
      );
      return [names.join(", "), ...(ordered ? lines : lines.sort())].join("\n");
    })
    .join("\n");
}
