/**
 * What a server says to a text of several statements over a connection that has not asked for them. The gateway says it itself: were
 * the text taken apart after all, what stands behind the first would be judged by settings of before.
 *
 * Source: MySQL manual, "Multiple Statement Execution Support"; error 1064, ER_PARSE_ERROR.
 */
import { bytesOf } from "#protocols/sql/mysql/cuts.ts";
import type { StackedStatement } from "./judge.ts";
import type { ErrPacket } from "./outcome.ts";

/** Servers quote no more of a text. */
const QUOTED_CHARACTERS_MAX = 80;

/** @param text that `several` stand in, as the client sent it */
export function notSeveral(text: Buffer, several: readonly Pick<StackedStatement, "behind">[], product: "MySQL" | "MariaDB"): ErrPacket {
  const [rest = Buffer.alloc(0)] = bytesOf(text, [{ behind: several[1]?.behind ?? null, before: null }]);
  const before = text.subarray(0, text.lastIndexOf(rest));
  const line = before.toString("latin1").split("\n").length;
  const near = [...rest.toString("utf8")].slice(0, QUOTED_CHARACTERS_MAX).join("");
  const manual = `check the manual that corresponds to your ${product} server version for the right syntax to use`;
  return { errno: 1064, sqlState: "42000", message: `You have an error in your SQL syntax; ${manual} near '${near}' at line ${line}` };
}
