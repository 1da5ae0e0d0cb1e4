/** Request targets: one spelling is judged and sent, and what can be read in two ways is refused. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type Addressed, canonicalPath, requestedTarget, sentTarget } from "#protocols/http/target.ts";
import { Fault } from "#protocols/wire/fault.ts";

const known = {
  hosts: new Map([
    ["crm.example", "crm"],
    ["10.0.0.1", "crm"],
  ]),
  names: new Set(["crm", "billing.v2"]),
};

function asked(path: string, given: Partial<Addressed> = {}) {
  return requestedTarget({ path, authority: null, hosts: ["crm.example"], sni: "crm.example", ...given }, known);
}

function code(result: unknown): string | undefined {
  return result instanceof Fault ? result.code : undefined;
}

describe("the target of a request", () => {
  test("the host names it", () => {
    assert.deepEqual(asked("/v1/x?y=1"), { target: "crm", path: "/v1/x", query: "y=1", prefix: "", authority: "crm.example" });
  });

  test("the prefix names it, and wins over the host", () => {
    assert.deepEqual(asked("/t/billing.v2/v1?"), {
      target: "billing.v2",
      path: "/v1",
      query: "",
      prefix: "/t/billing.v2",
      authority: "crm.example",
    });
    assert.deepEqual(asked("/t/crm"), { target: "crm", path: "/", query: null, prefix: "/t/crm", authority: "crm.example" });
    const other = asked("/t/crm/a", { hosts: ["gateway:8443"], sni: "gateway" });
    assert.deepEqual(other, { target: "crm", path: "/a", query: null, prefix: "/t/crm", authority: "gateway:8443" });
  });

  test("an escaped prefix is the prefix", () => {
    assert.deepEqual(asked("/%74/%63rm/a"), asked("/t/crm/a"));
  });

  test("neither names one", () => {
    assert.equal(code(asked("/v1", { hosts: ["other"], sni: "other" })), "target-unknown");
    assert.equal(code(asked("/t/nothere/x", { hosts: ["other"], sni: null })), "target-unknown");
  });

  test("a host is compared without case, port and final dot", () => {
    for (const host of ["CRM.example", "crm.example:443", "crm.example:8443", "crm.example.", "CRM.Example.:8443"]) {
      assert.equal(code(asked("/", { hosts: [host] })), undefined, host);
    }
  });

  test("another host than in the handshake is misdirected, whatever the path says", () => {
    assert.equal(code(asked("/t/crm/", { sni: "other.example" })), "request-misdirected");
    assert.equal(code(asked("/", { hosts: ["10.0.0.1"], sni: null })), undefined);
  });

  for (const hosts of [
    [],
    ["a", "b"],
    ["crm.example", "crm.example"],
    [""],
    ["a b"],
    ["u@crm.example"],
    ["crm.example/x"],
    ["crm.example:"],
    ["crm.example:x"],
    ["crm..example"],
    ["crm%2eexample"],
    ["crm.example,other"],
    [".crm.example"],
    ["crm.example#"],
    ["crm.example\\x"],
  ]) {
    test(`no host, two, or one that can be read in two ways is refused: ${JSON.stringify(hosts)}`, () => {
      assert.equal(code(asked("/", { hosts, sni: null })), "request-ambiguous");
    });
  }

  test("of HTTP/2 :authority and Host have to be the same", () => {
    assert.equal(code(asked("/", { authority: "crm.example", hosts: [] })), undefined);
    assert.equal(code(asked("/", { authority: "crm.example", hosts: ["crm.example:443"] })), undefined);
    assert.equal(code(asked("/", { authority: "crm.example", hosts: ["other.example"] })), "request-ambiguous");
  });

  test("an absolute target is taken where it says the same host", () => {
    assert.deepEqual(asked("https://CRM.example/v1?x"), asked("/v1?x"));
    assert.deepEqual(asked("https://crm.example"), asked("/"));
    for (const path of [
      "https://other/v1",
      "http://crm.example/v1",
      "https://crm.example@other/",
      "ftp://crm.example/",
      "*",
      "",
      "v1",
      "crm.example:443",
      "//other/x",
    ]) {
      assert.equal(code(asked(path)), "request-ambiguous", path);
    }
  });

  test("what goes on is what was judged, behind the base path of the target", () => {
    assert.equal(sentTarget({ path: "/v1/x", query: "a=1" }, ""), "/v1/x?a=1");
    assert.equal(sentTarget({ path: "/v1/x", query: "" }, "/api/"), "/api/v1/x?");
    assert.equal(sentTarget({ path: "/", query: null }, "/api"), "/api/");
  });

  test("a query passes as it is, unless it holds what ends a line or a target", () => {
    for (const query of ["a=1&b=%ff", "x=100%", "a[]=1&b={}|`^", "..%2f", "?", "a=b;c=d"]) {
      const result = asked(`/x?${query}`);
      assert.ok(!(result instanceof Fault) && result.query === query, query);
    }
    for (const query of ["a b", "a\r\nx", "a\0", "é", "a#b"]) assert.equal(code(asked(`/x?${query}`)), "request-ambiguous", query);
  });
});

describe("paths that servers read in more than one way are refused", () => {
  const confusing = [
    "/a/../b",
    "/a/..",
    "/..",
    "/.",
    "/./a",
    "/a/.",
    "/a/./b",
    "/%2e%2e/b",
    "/a/%2e%2E/b",
    "/a/.%2e/b",
    "/a/%2e./b",
    "/a/%2e",
    "/a/%2E%2E",
    "/a//b",
    "//",
    "//a",
    "/a//",
    "/a%2fb",
    "/a%2Fb",
    "/%2f",
    "/a%5cb",
    "/a\\b",
    "/\\",
    "/a/..\\b",
    "/..%5c",
    "/a/..;/b",
    "/a/..;x=1/b",
    "/a/.;/b",
    "/a/..%3b/b",
    "/a/%2e%2e;x/b",
    "/a%00b",
    "/a%00",
    "/a\0",
    "/a%0d%0ab",
    "/a%0a",
    "/a%09b",
    "/a%7f",
    "/a%1fb",
    "/a\tb",
    "/a b",
    "/a\r\nb",
    "/a\nb",
    "/a%",
    "/a%2",
    "/a%zz",
    "/a%2g",
    "/%u002e/",
    "/a%%32f",
    "/a%252fb",
    "/%252e%252e/",
    "/a%255cb",
    "/a%25",
    "/a#b",
    "/a<b",
    '/a"b',
    "/a`b",
    "/é",
    "/a\u2215b",
    "/%c0%ae%c0%ae/",
    "/%c0%af",
    "/%e0%80%af",
    "/%ff",
    "/%ed%a0%80",
    "/%ef%bc%8f",
    "/%ef%bc%8e%ef%bc%8e/",
    "/%e2%88%95",
    "/%ef%bc%bc",
    "/a%c2%85b",
    "/%e2%80%a5/",
  ];
  for (const path of confusing) {
    test(JSON.stringify(path), () => {
      assert.equal(code(canonicalPath(path)), "request-ambiguous");
      assert.equal(code(asked(`/t/crm${path}`)), "request-ambiguous");
    });
  }

  const plain: readonly (readonly [string, string])[] = [
    ["/", "/"],
    ["/a/b/", "/a/b/"],
    ["/%61%2D%7e", "/a-~"],
    ["/a%3ab", "/a%3Ab"],
    ["/a:b", "/a:b"],
    ["/k%c3%bc", "/k%C3%BC"],
    ["/a..b/...", "/a..b/..."],
    ["/.well-known/x", "/.well-known/x"],
    ["/a;v=1/b", "/a;v=1/b"],
    ["/a%20b", "/a%20b"],
    ["/{id}/[0]|x^", "/%7Bid%7D/%5B0%5D%7Cx%5E"],
    ["/a@b!$&'()*+,=", "/a@b!$&'()*+,="],
  ];
  for (const [from, to] of plain) test(`${from} is sent as ${to}`, () => assert.equal(canonicalPath(from), to));

  test("the one spelling is its own spelling, and no reader finds dot segments, slashes or controls in it", () => {
    const piece = fc.constantFrom(
      "/",
      "a",
      ".",
      "..",
      "%2e",
      "%2f",
      "%5c",
      "%25",
      "%c3%a4",
      "%41",
      ";",
      "%3b",
      "%00",
      "\\",
      "{",
      "x y",
      "%",
      "%e0%80",
      "é",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 10 }), (pieces) => {
        const path = canonicalPath(`/${pieces.join("")}`);
        if (path instanceof Fault) return;
        assert.equal(canonicalPath(path), path);
        // The URL parser of the platform, which resolves dot segments and turns backslashes, leaves it alone.
        assert.equal(new URL(`https://host${path}`).pathname, path);
        const twice = decodeURIComponent(path);
        assert.equal(decodeURIComponent(twice), twice);
        assert.doesNotMatch(twice, /\\|\/\/|\p{Cc}/u);
        assert.ok(twice.split("/").length === path.split("/").length);
        assert.ok(!twice.split("/").some((segment) => /^\.\.?(;|$)/.test(segment)));
      }),
      { numRuns: Number(process.env["FUZZ_RUNS"] ?? 5000) },
    );
  });
});
