/** Errors of statements that could carry protected values: what of them may be shown, and positions in the client's own text. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SERVER } from "#protocols/postgres/constants.ts";
import { readErrorFields } from "#protocols/postgres/decode.ts";
import { rebuilt } from "#protocols/postgres/rebuilt-errors.ts";
import { allowed } from "#test/protocols/postgres/judgements.ts";

const CANARY = "123-45-6789";
const full = new Map(
  Object.entries({
    S: "ERROR",
    V: "ERROR",
    C: "22P02",
    M: `invalid input syntax for type integer: "${CANARY}"`,
    D: `Key (ssn)=(${CANARY})`,
    H: CANARY,
    P: "8",
    p: "3",
    q: `select ${CANARY}`,
    W: `PL/pgSQL function f('${CANARY}')`,
    s: "public",
    t: "users",
    c: "ssn",
    d: "int4",
    n: "users_pkey",
    F: "int.c",
    L: "12",
    R: "pg_strtoint32",
    x: CANARY,
  }),
);

function shown(
  fields: ReadonlyMap<string, string>,
  upstreamSql: string | null,
  rebuild: boolean,
  map = (position: number) => position as number | null,
) {
  const judgement = upstreamSql === null ? null : allowed("select", { upstreamSql, mapPosition: map });
  const bytes = rebuilt(SERVER.errorResponse, fields, judgement, rebuild);
  if (bytes === undefined) return undefined;
  assert.equal(bytes[0], SERVER.errorResponse);
  return Object.fromEntries(readErrorFields(bytes.subarray(5)));
}

describe("a rebuilt error", () => {
  test("keeps the code and the names of objects, and nothing that a row could have put there", () => {
    const fields = shown(full, null, true);
    assert.deepEqual(fields, {
      S: "ERROR",
      V: "ERROR",
      C: "22P02",
      M: "invalid text representation",
      D: "reason=text-withheld",
      P: "8",
      s: "public",
      t: "users",
      c: "ssn",
      d: "int4",
      n: "users_pkey",
    });
    assert.doesNotMatch(JSON.stringify(fields), new RegExp(CANARY));
  });

  test("says its class where its condition is not known", () => {
    assert.equal(shown(new Map([...full, ["C", "ZZ123"]]), null, true)?.["M"], "error of class ZZ");
    assert.deepEqual(shown(new Map([["S", "ERROR"]]), null, true), {
      S: "ERROR",
      C: "XX000",
      M: "internal error",
      D: "reason=text-withheld",
    });
  });

  test("has no code and no position that is none, whatever the target sends", () => {
    for (const code of ["valueOf", "__proto__", "constructor", "", "4270", "42p01", CANARY]) {
      const fields = shown(new Map([...full, ["C", code], ["P", "1; drop"]]), "select 1", true, (position) => position);
      assert.deepEqual([fields?.["C"], fields?.["M"], fields?.["P"]], ["XX000", "internal error", undefined], code);
    }
  });

  test("of RAISE keeps no names, which the function was free to choose", () => {
    const raised = new Map([...full, ["R", "exec_stmt_raise"], ["C", "P0001"], ["t", CANARY], ["n", CANARY]]);
    const fields = shown(raised, null, true);
    assert.doesNotMatch(JSON.stringify(fields), new RegExp(CANARY));
    assert.equal(fields?.["C"], "P0001");
  });

  test("has its position mapped back, or none where it has no place in the client's text", () => {
    assert.equal(shown(full, "select 1", true, (position) => position + 100)?.["P"], "108");
    assert.equal("P" in (shown(full, "select 1", true, () => null) ?? {}), false);
  });

  test("is a notice where it was one", () => {
    assert.equal(rebuilt(SERVER.noticeResponse, full, null, true)?.[0], SERVER.noticeResponse);
  });
});

describe("an error that may be shown", () => {
  test("passes as it came, unless its position belongs to a rewritten text", () => {
    assert.equal(shown(full, null, false), undefined);
    const fields = shown(full, "select 1", false, () => 5);
    assert.deepEqual(fields, { ...Object.fromEntries(full), P: "5" });
    assert.equal("P" in (shown(full, "select 1", false, () => null) ?? {}), false);
  });

  test("passes as it came when it names no position", () => {
    const plain = new Map(full);
    plain.delete("P");
    assert.equal(shown(plain, "select 1", false), undefined);
  });
});

describe("an error of a table that there is not", () => {
  const told = (code: string, message: string, guessed: readonly string[], rebuild: boolean) => {
    const judgement = allowed("select", { guessed, upstreamSql: "x", mapPosition: (position) => position - 8 });
    const bytes = rebuilt(
      SERVER.errorResponse,
      new Map(Object.entries({ S: "ERROR", V: "ERROR", C: code, M: message, P: "15" })),
      judgement,
      rebuild,
    );
    const fields = bytes === undefined ? {} : Object.fromEntries(readErrorFields(bytes.subarray(5)));
    return [fields["C"], fields["M"], fields["P"], fields["D"]];
  };

  test("is told of the name that the client wrote, withheld or not", () => {
    for (const rebuild of [false, true]) {
      const expected = ["42P01", 'relation "no ""w' + '" does not exist', "7", undefined];
      assert.deepEqual(told("42P01", 'relation "pg_temp.no ""w" does not exist', ["x", 'no ""w'], rebuild), expected);
      assert.deepEqual(told("42P01", 'la relation « x », "pg_temp.a"', ["a"], rebuild)[1], 'relation "a" does not exist');
      assert.deepEqual(told("3F000", 'schema "pg_temp" does not exist', ["a"], rebuild)[1], 'relation "a" does not exist');
    }
  });

  test("is any other where the name can't be told, or the code is another", () => {
    assert.equal(told("3F000", 'schema "pg_temp" does not exist', ["a", "b"], true)[1], "error of class 3F");
    assert.equal(told("42P01", `relation "${CANARY}" does not exist`, ["a"], true)[1], "undefined table");
    assert.equal(told("22P02", '"pg_temp.a"', ["a"], true)[1], "invalid text representation");
    assert.equal(told("42P01", 'relation "pg_temp.a" does not exist', [], true)[1], "undefined table");
  });
});
