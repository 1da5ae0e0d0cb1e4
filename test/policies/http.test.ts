/** Policy on HTTP requests: rights by method, rules narrowed by method, path and tool, and masks by path. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { decide, httpMasksFor, masksFor } from "#policies/decide.ts";
import { policyDocumentSchema } from "#policies/document.ts";
import { isPath, mayBePath } from "#policies/http-paths.ts";
import type { McpFacts, Principal } from "#policies/question.ts";
import { leastCpuMs } from "#test/support/cpu.ts";

const agents = { groups: ["agents"] };
const agent: Principal = { issuer: "https://idp", name: "agent", groups: ["agents"], actor: null };
const desk: Principal = { ...agent, groups: ["agents", "desk"] };

function verdict(rules: readonly object[], method: string, path: string, mcp: McpFacts | null = null, who = agent) {
  const document = policyDocumentSchema.parse({ access: { rules: rules.map((rule) => ({ who: agents, targets: ["crm"], ...rule })) } });
  return decide(document, { kind: "request", principal: who, target: "crm", facts: { method, path, mcp } });
}

function isAllowed(...asked: Parameters<typeof verdict>): boolean {
  const decision = verdict(...asked);
  if (decision.verdict === "deny") assert.match(decision.reason, /^(access|target)-not-granted$/);
  return decision.verdict === "allow";
}

describe("access to an HTTP API", () => {
  test("GET, HEAD and OPTIONS read, every other method writes", () => {
    for (const method of ["GET", "HEAD", "OPTIONS"]) assert.equal(isAllowed([{ may: ["read"] }], method, "/"), true, method);
    for (const method of ["POST", "PUT", "PATCH", "DELETE", "PROPFIND", "QUERY", "SEARCH"]) {
      assert.equal(isAllowed([{ may: ["read", "schema", "admin"] }], method, "/"), false, method);
      assert.equal(isAllowed([{ may: ["write"] }], method, "/"), true, method);
    }
  });

  test("methods and paths narrow a rule; rules add up, each by itself", () => {
    const rules = [
      { may: ["read"], paths: ["/v1/**"] },
      { may: ["write"], methods: ["POST"], paths: ["/v1/notes"] },
    ];
    const table: readonly (readonly [string, string, boolean])[] = [
      ["GET", "/v1/notes/7", true],
      ["GET", "/v1", true],
      ["GET", "/v2", false],
      ["POST", "/v1/notes", true],
      ["POST", "/v1/notes/", false],
      ["POST", "/v1/notes/7", false],
      ["PUT", "/v1/notes", false],
      ["DELETE", "/v1/notes", false],
    ];
    for (const [method, path, allowed] of table) assert.equal(isAllowed(rules, method, path), allowed, `${method} ${path}`);
  });

  test("GET grants HEAD, and nothing else does", () => {
    assert.equal(isAllowed([{ may: ["read"], methods: ["GET"] }], "HEAD", "/"), true);
    assert.equal(isAllowed([{ may: ["read"], methods: ["HEAD"] }], "GET", "/"), false);
    assert.equal(isAllowed([{ may: ["read"], methods: ["GET"] }], "OPTIONS", "/"), false);
  });

  const sayings: readonly (readonly [readonly object[], RegExp])[] = [
    [[{ may: ["read"] }], /^POST needs "write" on crm/],
    [[{ may: ["write"], methods: ["PUT"] }], /covers the method POST/],
    [[{ may: ["write"], paths: ["/a"] }], /covers this path/],
    [[{ may: ["write"], tools: ["*"] }], /for tools of its MCP server alone/],
  ];
  for (const [rules, said] of sayings) {
    test(`a denial says what is missing: ${said.source}`, () => {
      const decision = verdict(rules, "POST", "/v1/secret");
      assert.ok(decision.verdict === "deny" && said.test(decision.message), JSON.stringify(decision));
      assert.ok(!decision.message.includes("secret"));
    });
  }
});

describe("access to tools", () => {
  const calls = (...tools: string[]): McpFacts => ({ methods: tools.map(() => "tools/call"), tools });
  const asks = (...methods: string[]): McpFacts => ({ methods, tools: [] });
  const search = [{ may: ["read", "write"], tools: ["search_*", "echo"] }];

  test("a rule covers the tools that it names, and what a client needs to get there", () => {
    for (const mcp of [
      calls("search_x"),
      calls("search_"),
      calls("echo"),
      calls("echo", "search_x"),
      asks("initialize"),
      asks("tools/list"),
      asks("ping", "notifications/initialized"),
      asks("response"),
      asks(),
    ]) {
      assert.equal(isAllowed(search, "POST", "/mcp", mcp), true, JSON.stringify(mcp));
    }
  });

  test("and nothing else: other tools, one refused in a batch, other ways to what the server has", () => {
    for (const mcp of [
      calls("delete"),
      calls("Echo"),
      calls("echo "),
      calls("search"),
      calls("xsearch_a"),
      calls("echo", "delete"),
      asks("resources/read"),
      asks("prompts/get"),
      asks("completion/complete"),
      asks("tasks/result"),
      asks("tools/callx"),
      asks("x"),
    ]) {
      assert.equal(isAllowed(search, "POST", "/mcp", mcp), false, JSON.stringify(mcp));
    }
    assert.equal(isAllowed(search, "POST", "/mcp", null), false);
  });

  test("each tool of a batch may be covered by another rule, of those for the path", () => {
    const two = [
      { may: ["write"], tools: ["a"] },
      { may: ["write"], tools: ["b*c*"], paths: ["/mcp"] },
    ];
    assert.equal(isAllowed(two, "POST", "/mcp", calls("a", "bxcy")), true);
    assert.equal(isAllowed(two, "POST", "/other", calls("a", "bxcy")), false);
    assert.equal(isAllowed(two, "POST", "/mcp", calls("bx")), false);
  });

  test("a rule without tools covers them all", () => {
    assert.equal(isAllowed([...search, { may: ["write"] }], "POST", "/mcp", calls("delete")), true);
  });
});

describe("patterns of paths", () => {
  const table: readonly (readonly [string, string, boolean])[] = [
    ["/", "/", true],
    ["/a", "/a", true],
    ["/a", "/a/", false],
    ["/a", "/A", false],
    ["/a/*", "/a/b", true],
    ["/a/*", "/a/", false],
    ["/a/*", "/a/b/c", false],
    ["/a/*/c", "/a/b/c", true],
    ["/a/b*d", "/a/bccd", true],
    ["/a/b*d", "/a/bd", true],
    ["/a/b*d", "/a/b/d", false],
    ["/a/**", "/a", true],
    ["/a/**", "/a/b/c/", true],
    ["/a/**", "/ab", false],
    ["/**", "/", true],
    ["/**/x", "/a/b/x", true],
    ["/**/x", "/x", true],
    ["/**/x/**/y", "/a/x/b/x/c/y", true],
    ["/**/x/**/y", "/a/x/b", false],
  ];
  for (const [pattern, path, wanted] of table)
    test(`${pattern} ${wanted ? "is" : "is not"} ${path}`, () => assert.equal(isPath(pattern, path), wanted));

  test("what protects is matched in every spelling that servers are known to take for the same", () => {
    for (const path of [
      "/v1/customers",
      "/V1/Customers",
      "/v1/customers/",
      "/v1/customers;x=1",
      "/v1;a/customers;b/",
      "/v1/cust%6Fmers",
      "/v1/CUSTOMERS%3Bx",
    ]) {
      assert.equal(mayBePath("/v1/customers", path), true, path);
    }
    for (const path of ["/v1", "/v1/customer", "/v1/customers/7", "/x/v1/customers"])
      assert.equal(mayBePath("/v1/customers", path), false, path);
    assert.equal(mayBePath("/K%C3%BCche/*", "/k%C3%9Cche/1"), true);
  });

  test("no pattern takes long, and exact means wide", () => {
    const piece = fc.constantFrom("a", "b", "*", "**", "a*", "*a*b*");
    fc.assert(
      fc.property(
        fc.array(piece, { minLength: 1, maxLength: 6 }),
        fc.array(fc.constantFrom("a", "b", "ab", ""), { minLength: 1, maxLength: 8 }),
        (pattern, path) => {
          const [one, other] = [`/${pattern.join("/")}`, `/${path.join("/").replace(/\/{2,}/g, "/")}`];
          const slow = new RegExp(
            `^${pattern.map((part) => (part === "**" ? "(/[^/]*)*" : `/${part === "*" ? "[^/]+" : part.replaceAll("*", "[^/]*")}`)).join("")}$`,
          );
          assert.equal(isPath(one, other), slow.test(other), `${one} ${other}`);
          if (isPath(one, other) && !other.endsWith("/")) assert.ok(mayBePath(one, other));
        },
      ),
    );
    const both = () => {
      isPath(`/${"*a".repeat(200)}b`, `/${"a".repeat(8000)}`);
      isPath(`${"/**/a".repeat(100)}/b`, "/a".repeat(4000));
    };
    assert.ok(leastCpuMs(3, both, 2_000) < 2_000);
  });
});

describe("masks on an HTTP API", () => {
  const document = policyDocumentSchema.parse({
    access: { rules: [{ who: agents, targets: ["crm"], may: ["read"] }] },
    masking: {
      rules: [
        {
          name: "pii",
          target: "crm",
          paths: ["/v1/**"],
          fields: ["$..ssn"],
          headers: ["X-SSN"],
          with: "redact",
          unless: { groups: ["desk"] },
        },
        { name: "mail", target: "crm", query: ["Mail"], form: ["Mail"], with: "email", assign: "none" },
        { name: "columns", target: "orders", columns: ["a.b.c"], with: "redact" },
      ],
    },
  });

  test("hold by path, for whom no rule spares", () => {
    assert.deepEqual(
      httpMasksFor(document, agent, "crm", "/V1/x").map(({ rule }) => rule),
      ["pii", "mail"],
    );
    assert.deepEqual(
      httpMasksFor(document, desk, "crm", "/v1/x").map(({ rule }) => rule),
      ["mail"],
    );
    assert.deepEqual(
      httpMasksFor(document, agent, "crm", "/v2").map(({ rule }) => rule),
      ["mail"],
    );
    assert.deepEqual(httpMasksFor(document, agent, "orders", "/v1"), []);
    assert.deepEqual(masksFor(document, agent, "crm"), []);
    assert.deepEqual(
      masksFor(document, agent, "orders").map(({ rule }) => rule),
      ["columns"],
    );
  });

  test("names are folded, and writes pass unless a rule says otherwise", () => {
    const [pii, mail] = httpMasksFor(document, agent, "crm", "/v1");
    assert.deepEqual([pii?.headers, pii?.assign, mail?.query, mail?.form, mail?.assign], [["x-ssn"], "values", ["mail"], ["mail"], "none"]);
    assert.deepEqual(pii?.fields, [[{ kind: "descend" }, { kind: "key", name: "ssn" }]]);
  });

  test("the verdict is to mask", () => {
    const decision = decide(document, {
      kind: "request",
      principal: agent,
      target: "crm",
      facts: { method: "GET", path: "/v1", mcp: null },
    });
    assert.deepEqual(decision, { verdict: "mask", rule: "pii", columns: [] });
  });

  const paths: readonly (readonly [string, unknown])[] = [
    ["$", []],
    ["$.a.b", ["a", "b"]],
    ["$.a-b._c.$d.é", ["a-b", "_c", "$d", "é"]],
    ["$['a b']['it\\'s'][\"x\\\"y\"]", ["a b", "it's", 'x"y']],
    ["$['\"']", ['"']],
    ["$['\\u00e9\\n']", ["é\n"]],
    ["$[0][12]", [0, 12]],
    ["$.*[*]", ["any", "any"]],
    ["$..a..*..[0]..['b']", ["descend", "a", "descend", "any", "descend", 0, "descend", "b"]],
  ];
  for (const [text, steps] of paths) {
    test(`a path of fields: ${text}`, () => {
      const parsed = policyDocumentSchema.parse({ masking: { rules: [{ target: "t", fields: [text], with: "redact" }] } });
      const [path] = parsed.masking.rules[0]?.http?.fields ?? [];
      assert.deepEqual(
        path?.map((step) => (step.kind === "key" ? step.name : step.kind === "index" ? step.index : step.kind)),
        steps,
      );
    });
  }

  for (const text of [
    "",
    "a",
    "$a",
    "$.",
    "$..",
    "$.a.",
    "$[",
    "$[]",
    "$[a]",
    "$['a'",
    "$['a]",
    "$[01]",
    "$[-1]",
    "$[1:2]",
    "$[?(@.a)]",
    "$.['a']",
    "$ .a",
    "$.a b",
    "$.1a",
    "$..",
    "$['\\x']",
    "$['a','b']",
    "$[0,1]",
    `$${".a".repeat(33)}`,
  ]) {
    test(`no path of fields: ${JSON.stringify(text)}`, () => {
      assert.equal(
        policyDocumentSchema.safeParse({ masking: { rules: [{ target: "t", fields: [text], with: "redact" }] } }).success,
        false,
      );
    });
  }
});
