/** Start-up parameters on their way to the target: what passes, what is pinned, what is refused, and how options are read. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { upstreamParameters } from "#protocols/postgres/parameters.ts";
import { isJudgeableEncoding } from "#protocols/sql/postgres/encodings.ts";
import { isFault } from "#test/support/faults.ts";

const REFUSED = isFault("startup-option-refused");
const upstream = { user: "app", database: "orders", mark: "sallyport:s1:agent", searchPath: null };

const pass = (client: Readonly<Record<string, string>>, underMask = false) =>
  upstreamParameters(new Map(Object.entries(client)), upstream, underMask);

describe("start-up parameters", () => {
  test("name the gateway's user and database, never the client's", () => {
    const sent = pass({ database: "postgres" });
    assert.deepEqual(
      [...sent],
      [
        ["user", "app"],
        ["database", "orders"],
        ["application_name", "sallyport:s1:agent"],
      ],
    );
  });

  test("under a mask, name the schemas that names are resolved in", () => {
    const path = (searchPath: readonly string[]) => upstreamParameters(new Map(), { ...upstream, searchPath }, true).get("search_path");
    assert.equal(path(["pg_catalog", "public", 'a"b, c']), '"public", "a""b, c", "pg_temp"');
    assert.equal(path(["public", "pg_catalog"]), '"public", "pg_catalog", "pg_temp"');
    assert.equal(path(["pg_catalog"]), '""');
  });

  test("pass as they came where no mask applies", () => {
    const sent = pass({ search_path: "a,b", DateStyle: "ISO", statement_timeout: "5s", options: "-c work_mem=64MB" });
    assert.equal(sent.get("search_path"), "a,b");
    assert.equal(sent.get("DateStyle"), "ISO");
    assert.equal(sent.get("options"), "-c work_mem=64MB");
  });

  test("carry the session's mark behind the client's application name, within 63 bytes of printable ASCII", () => {
    assert.equal(pass({ application_name: "psql" }).get("application_name"), "psql sallyport:s1:agent");
    const long = pass({ application_name: `${"ä".repeat(100)}\n` }).get("application_name") ?? "";
    assert.equal(long.length, 63);
    assert.match(long, /^\?+ sallyport:s1:agent$/);
    const marked = upstreamParameters(new Map([["application_name", "a"]]), { ...upstream, mark: "ü".repeat(100) }, false);
    assert.equal(marked.get("application_name"), `a ${"?".repeat(40)}`);
  });

  test("keep the mark when another spelling of application_name comes too: the last one counts in the server", () => {
    assert.equal([...pass({ Application_Name: "x" })].at(-1)?.[0], "application_name");
  });

  for (const name of [
    "role",
    "session_authorization",
    "Role",
    "SESSION_AUTHORIZATION",
    "backslash_quote",
    "Replication",
    "Session_Replication_Role",
    "pgaudit.log",
  ]) {
    test(`are refused: ${name}`, () => {
      assert.throws(() => pass({ [name]: "x" }), REFUSED);
      assert.throws(() => pass({ [name]: "x" }, true), REFUSED);
    });
  }

  test("may say that strings are standard, not that they are not", () => {
    for (const value of ["on", "true", "YES", "1"]) pass({ standard_conforming_strings: value });
    for (const value of ["off", "false", "0", "no", "of", ""]) assert.throws(() => pass({ Standard_Conforming_Strings: value }), REFUSED);
  });

  test("name the parameter that is refused, never its value", () => {
    const silent = (error: unknown) => error instanceof Error && error.message.includes('"role"') && !error.message.includes("canary");
    assert.throws(() => pass({ role: "canary" }), silent);
  });
});

describe("start-up parameters under a mask", () => {
  test("are those of a list, whatever their case", () => {
    const sent = pass({ DateStyle: "ISO", TimeZone: "UTC", extra_float_digits: "2", statement_timeout: "5s" }, true);
    assert.equal(sent.get("TimeZone"), "UTC");
  });

  for (const name of ["search_path", "session_preload_libraries", "row_security", "plan_cache_mode", "x.y", "DateStyle2"]) {
    test(`are refused when they are not on it: ${name}`, () => {
      assert.throws(() => pass({ [name]: "x" }, true), REFUSED);
      assert.throws(() => pass({ options: `-c ${name}=x` }, true), REFUSED);
    });
  }

  test("name the search path that the gateway resolves names in, quoted, and nothing else does", () => {
    const path = (searchPath: readonly string[] | null) =>
      upstreamParameters(new Map(), { ...upstream, searchPath }, true).get("search_path");
    assert.equal(path(null), undefined);
    assert.equal(path(["pg_catalog", "public", 'a "b", c']), '"public", "a ""b"", c", "pg_temp"');
    assert.equal(path(["pg_catalog"]), '""');
    assert.equal(path([]), '""');
    assert.throws(() => pass({ Search_Path: "x" }, true), REFUSED);
  });

  test("have UTF8 as their encoding, asked for or not", () => {
    assert.equal(pass({}, true).get("client_encoding"), "UTF8");
    assert.equal(pass({ client_encoding: "utf-8" }, true).get("client_encoding"), "UTF8");
    const twice = [...pass({ client_encoding: "UTF8", Client_Encoding: "SQL_ASCII" }, true)];
    assert.deepEqual(
      twice.filter(([name]) => /client_encoding/i.test(name)),
      [["client_encoding", "UTF8"]],
    );
    for (const encoding of ["LATIN1", "EUC_JP", "SJIS", "WIN1252"]) {
      assert.throws(() => pass({ client_encoding: encoding }, true), REFUSED, encoding);
      assert.throws(() => pass({ options: `-c client_encoding=${encoding}` }, true), REFUSED, encoding);
    }
  });
});

describe("options", () => {
  const allowed = ["", "  ", "-c a=1", "-ca=1", "--a=1", "-c a=1 --b-c=2", "-c\ta=1\n-c\u000bb=2", "-c a=x\\ y", "-c a=\\\\", "-c A.b=1"];
  for (const options of allowed) {
    test(`are understood: ${JSON.stringify(options)}`, () => {
      assert.equal(pass({ options }).get("options"), options.trim() === "" ? undefined : options);
    });
  }

  const refused = [
    "-c",
    "-c a",
    "-c =1",
    "--a",
    "--",
    "-- -c a=1",
    "-W 5",
    "-d5",
    "-f sh",
    "-O",
    "-P",
    "a=1",
    "-c a=1 b",
    "-c role=admin",
    "-c session-replication-role=replica",
    "--log_statement=none",
    "-crole=admin",
    "--role=admin",
    "-c ROLE=admin",
    "--session-authorization=admin",
    "--Session-Authorization=admin",
    "-c session_authorization=x",
    "-c a=1 -c role=admin",
    "-c\\ role=admin",
    "-c ro\\le=admin",
    "--ro\\le=admin",
    "-c replication=true",
    "-c standard_conforming_strings=off",
    "-c standard\\_conforming\\_strings=off",
    "-c client_encoding=sjis",
    "-c client_encoding=GBK",
    "--client-encoding=Shift_JIS-2004",
  ];
  for (const options of refused) {
    test(`are refused: ${JSON.stringify(options)}`, () => {
      assert.throws(() => pass({ options }), REFUSED);
    });
  }

  test("are refused when they hold white space that the server may not split at", () => {
    // To the server, the first word ends in front of --role, which is then a switch; split at U+00A0, it would be the argument of -c.
    for (const space of ["\u00a0", "\u2003", "\u2028", "\ufeff", "\u0085", "\u3000"]) {
      assert.throws(() => pass({ options: `-capplication_name=x${space}-c --role=admin` }), REFUSED, JSON.stringify(space));
    }
    assert.throws(() => pass({ options: "-c a=\x01" }), REFUSED);
  });
});

describe("an encoding", () => {
  test("can be judged when every ASCII byte in it is an ASCII character", () => {
    for (const name of ["UTF8", "utf-8", "LATIN1", "SQL_ASCII", "EUC_JP", "EUC_TW", "KOI8R", "WIN1252", "MULE_INTERNAL", "iso-8859-1"]) {
      assert.equal(isJudgeableEncoding(name), true, name);
    }
  });

  test("can't be judged in any spelling of the client-only ones", () => {
    for (const name of [
      "SJIS",
      "shift_jis",
      "Mskanji",
      "WIN932",
      "Windows-932",
      "SHIFT_JIS_2004",
      "BIG5",
      "win950",
      "GBK",
      "g.b.k",
      "WIN936",
      "UHC",
      "windows949",
      "GB18030",
      "gb-18030",
      "JOHAB",
    ]) {
      assert.equal(isJudgeableEncoding(name), false, name);
    }
  });
});
