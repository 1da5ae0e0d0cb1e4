/** When the catalogue is looked at anew before a text is judged: once, and not for what the session has made itself. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Judgement } from "#protocols/wire/judgement.ts";
import { refreshingJudge } from "#src/sessions/judge.ts";
import { allowed, denied } from "#test/protocols/postgres/judgements.ts";

function asked(judgements: readonly Judgement[], own: readonly string[] = []) {
  let looks = 0;
  const judge = refreshingJudge(
    () => () => judgements[Math.min(looks, judgements.length - 1)] ?? allowed(""),
    async () => {
      looks += 1;
    },
  );
  const answer = judge("text", (name) => own.includes(name));
  return { answer, looks: () => looks };
}

describe("a text", () => {
  test("whose names are known is judged at once", () => {
    const known = allowed("known");
    assert.equal(asked([known]).answer, known);
  });

  test("that names what is not in the catalogue is judged again by one as new as the text", async () => {
    for (const reason of ["masked-undefined-table", "masked-unresolved"] as const) {
      const now = allowed("now");
      const { answer, looks } = asked([denied("before", { reason }), now]);
      assert.equal(await answer, now);
      assert.equal(looks(), 1);
    }
  });

  test("whose names were taken for temporary tables is judged again, unless the session has made them all", async () => {
    const guess = allowed("guess", { guessed: ["a", "b"] });
    const other = asked([guess, allowed("now")], ["a"]);
    assert.equal((await other.answer).recordedSql, "now");
    const none = asked([guess, guess]);
    assert.equal(await none.answer, guess);
    assert.equal(none.looks(), 1);
    assert.equal(asked([guess], ["a", "b"]).answer, guess);
  });
});
