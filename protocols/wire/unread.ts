/**
 * The judgement of a text that is too large to be collected and streams by unread: only principals with every right and no mask
 * have one. Of its beginning the record holds what stands before the first place where a password may.
 */
import type { Judgement } from "./judgement.ts";
import type { TextRange } from "./redacted.ts";

/** Of the text's beginning, in bytes, what the record holds at the most. */
const HEAD_BYTES_MAX = 1024;

/**
 * @param bytes length of the whole text
 * @param secretsIn where a text of the product's may hold passwords, in the order of the text
 */
export function unreadJudgement(beginning: Buffer, bytes: number, secretsIn: (sql: string) => readonly TextRange[]): Judgement {
  const text = beginning.toString("utf8", 0, HEAD_BYTES_MAX);
  return {
    verdict: "allow",
    rule: null,
    reason: "unparsed",
    denial: null,
    upstreamSql: null,
    outputMasked: [],
    outputHashed: [],
    mapPosition: (position) => position,
    recordedSql: { head: text.slice(0, secretsIn(text)[0]?.start), bytes, sha256: null },
    recordedUpstreamSql: null,
    tables: [],
    sensitiveParameters: [],
    sensitiveCopy: false,
    rebuildErrors: false,
    lasting: [],
    uses: [{ kind: "any", at: 0 }],
    guessed: [],
    holds: () => true,
    changesCatalogue: true,
  };
}
