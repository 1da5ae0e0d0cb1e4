/** Header fields on their way to the target: what goes, what is made anew, what never travels. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type HeaderPair, valuesOf as valuesIn } from "#protocols/http/header-pairs.ts";
import { type RequestContext, requestHeaders } from "#protocols/http/request-headers.ts";
import { Fault } from "#protocols/wire/fault.ts";
import { masksOf } from "./masks.ts";

const asking: RequestContext = {
  method: "GET",
  requestId: "r-1",
  host: "crm.internal",
  authority: "crm.example:8443",
  clientAddress: "192.0.2.7",
  version: "2",
  proof: "authorization",
  credential: [["authorization", "Bearer ours"]],
  upgrade: null,
  readsResponse: false,
  masks: [],
};

function sent(raw: readonly HeaderPair[], context: Partial<RequestContext> = {}): readonly HeaderPair[] {
  const pairs = requestHeaders(raw, { ...asking, ...context });
  assert.ok(!(pairs instanceof Fault), String(pairs));
  return pairs;
}

describe("header fields to the target", () => {
  test("what is for it goes on in order, repeated fields too", () => {
    const raw: readonly HeaderPair[] = [
      ["Accept", "a"],
      ["X-A", "1"],
      ["Cookie", "s=1"],
      ["X-A", "2"],
      ["User-Agent", "u"],
      ["Content-Length", "3"],
      ["Content-Type", "a/b"],
    ];
    assert.deepEqual(sent(raw).slice(1, 8), raw);
  });

  test("the gateway says who asked, through whom, for whom; nobody else does", () => {
    const forged: readonly HeaderPair[] = [
      "Forwarded",
      "X-Forwarded-For",
      "X-Forwarded-Host",
      "X-Forwarded-Proto",
      "X-Forwarded-Prefix",
      "X-Forwarded-Client-Cert",
      "X-Real-IP",
      "True-Client-IP",
      "CF-Connecting-IP",
      "Client-IP",
      "Via",
      "X-Request-Id",
      "Host",
      "X-Original-URL",
      "X-Rewrite-URL",
      "X-HTTP-Method-Override",
      "X-HTTP-Method",
      "X-Method-Override",
      "Expect",
      "X-Original-Host",
      "X-Original-URI",
      "X-Remote-User",
      "Remote-User",
      "REMOTE_ADDR",
      "X-Auth-Request-Email",
      "X-WebAuth-User",
      "X-Authenticated-UserId",
      "X-Goog-Authenticated-User-Email",
      "X-MS-CLIENT-PRINCIPAL-NAME",
      "x-amzn-oidc-identity",
      "X-SSL-Client-Verify",
      "SSL_CLIENT_CERT",
      "Client-Cert",
      "X-Client-Cert-Chain",
      "X-Envoy-Original-Path",
      "X-Middleware-Subrequest",
      "Front-End-Https",
    ].map((name) => [name, "forged"]);
    const pairs = sent(forged);
    assert.ok(!pairs.some(([, value]) => value.includes("forged")));
    assert.deepEqual(Object.fromEntries(pairs), {
      host: "crm.internal",
      authorization: "Bearer ours",
      forwarded: 'for=192.0.2.7;host="crm.example:8443";proto=https',
      "x-forwarded-for": "192.0.2.7",
      "x-forwarded-host": "crm.example:8443",
      "x-forwarded-proto": "https",
      via: "2 sallyport",
      "x-request-id": "r-1",
    });
    assert.match(valuesIn(sent([], { clientAddress: "::1" }), "forwarded")[0] ?? "", /^for="\[::1\]";/);
  });

  test("what was meant for one connection ends there, and what Connection names with it", () => {
    const raw: readonly HeaderPair[] = [
      ["Connection", "close, X-Hop"],
      ["connection", "keep-alive , X-Other"],
      ["X-Hop", "1"],
      ["x-other", "1"],
      ["Keep-Alive", "1"],
      ["Proxy-Connection", "x"],
      ["Proxy-Authorization", "x"],
      ["TE", "gzip"],
      ["Transfer-Encoding", "chunked"],
      ["Upgrade", "h2c"],
      ["HTTP2-Settings", "x"],
      [":path", "/x"],
      ["X-Kept", "1"],
    ];
    assert.deepEqual(
      sent(raw)
        .map(([name]) => name)
        .filter((name) => !/^(host|authorization|forwarded|x-forwarded-.*|via|x-request-id)$/.test(name)),
      ["X-Kept"],
    );
  });

  test("Connection cannot take away what the gateway says", () => {
    const pairs = sent([["Connection", "authorization, host, x-request-id, x-forwarded-for"]]);
    assert.deepEqual(valuesIn(pairs, "authorization"), ["Bearer ours"]);
    assert.deepEqual(valuesIn(pairs, "x-request-id"), ["r-1"]);
  });

  test("the caller's proof never travels on, and its other credential only where the gateway has none of that name", () => {
    assert.deepEqual(valuesIn(sent([["Authorization", "Bearer theirs"]]), "authorization"), ["Bearer ours"]);
    assert.deepEqual(valuesIn(sent([["Authorization", "Bearer theirs"]], { credential: [] }), "authorization"), []);
    const own = sent(
      [
        ["Authorization", "Basic x"],
        ["Proxy-Authorization", "Bearer theirs"],
      ],
      { proof: "proxy-authorization", credential: [["x-api-key", "k"]] },
    );
    assert.deepEqual(
      [valuesIn(own, "authorization"), valuesIn(own, "proxy-authorization"), valuesIn(own, "x-api-key")],
      [["Basic x"], [], ["k"]],
    );
    assert.deepEqual(valuesIn(sent([["X-API-Key", "theirs"]], { credential: [["x-api-key", "k"]] }), "x-api-key"), ["k"]);
  });

  test("trailers are asked for where the client asked, and nothing else by TE", () => {
    assert.deepEqual(valuesIn(sent([["TE", "trailers, deflate;q=0.5"]]), "te"), ["trailers"]);
    assert.deepEqual(valuesIn(sent([["TE", "deflate"]]), "te"), []);
  });

  test("an answer that will be read is asked for without coding", () => {
    const raw: readonly HeaderPair[] = [
      ["Accept-Encoding", "br"],
      ["grpc-accept-encoding", "gzip"],
      ["Content-Type", "application/grpc+proto"],
    ];
    const pairs = sent(raw, { readsResponse: true });
    assert.deepEqual([valuesIn(pairs, "accept-encoding"), valuesIn(pairs, "grpc-accept-encoding")], [["identity"], ["identity"]]);
    assert.deepEqual(valuesIn(sent(raw), "accept-encoding"), ["br"]);
  });

  test("an upgrade is asked for only as the gateway has agreed to it", () => {
    const pairs = sent(
      [
        ["Connection", "Upgrade"],
        ["Upgrade", "websocket"],
        ["Sec-WebSocket-Key", "k"],
      ],
      { upgrade: "websocket" },
    );
    assert.deepEqual(
      [valuesIn(pairs, "connection"), valuesIn(pairs, "upgrade"), valuesIn(pairs, "sec-websocket-key")],
      [["Upgrade"], ["websocket"], ["k"]],
    );
  });

  const ambiguous: readonly (readonly [string, readonly HeaderPair[]])[] = [
    [
      "two lengths",
      [
        ["Content-Length", "1"],
        ["Content-Length", "1"],
      ],
    ],
    ["a list of lengths", [["Content-Length", "1, 1"]]],
    ["a signed length", [["Content-Length", "+1"]]],
    ["a hexadecimal length", [["Content-Length", "0x1"]]],
    [
      "a length and chunks",
      [
        ["Content-Length", "1"],
        ["Transfer-Encoding", "chunked"],
      ],
    ],
    ["another coding", [["Transfer-Encoding", "gzip, chunked"]]],
    [
      "chunks twice",
      [
        ["Transfer-Encoding", "chunked"],
        ["Transfer-Encoding", "chunked"],
      ],
    ],
    ["a coding that is none", [["Transfer-Encoding", "xchunked"]]],
    [
      "two types",
      [
        ["Content-Type", "a/b"],
        ["content-type", "c/d"],
      ],
    ],
    [
      "two proofs",
      [
        ["Authorization", "a"],
        ["Authorization", "b"],
      ],
    ],
    ["an underscore in a name that the gateway sets", [["X_Forwarded_For", "1"]]],
    ["an underscore in Content-Length", [["Content_Length", "1"]]],
  ];
  for (const [what, raw] of ambiguous) {
    test(`${what} is refused`, () => {
      const result = requestHeaders(raw, asking);
      assert.ok(result instanceof Fault && result.code === "request-ambiguous");
    });
  }

  test("a line end in a field is an error of ours, not a request", () => {
    assert.throws(() => requestHeaders([["x", "a\r\nb: c"]], asking), /broken invariant/);
  });

  test("under a mask no range is asked for, and no guess can be confirmed", () => {
    const masks = masksOf({ fields: ["$.ssn"] });
    const raw: readonly HeaderPair[] = [
      ["Range", "bytes=0-1"],
      ["If-Range", "x"],
      ["If-None-Match", '"x"'],
      ["If-Modified-Since", "x"],
      ["Accept", "a"],
    ];
    assert.deepEqual(
      sent(raw, { masks })
        .map(([name]) => name)
        .filter((name) => /^(range|if-.*|accept)$/i.test(name)),
      ["Accept"],
    );
    const result = requestHeaders([["If-Match", '"x"']], { ...asking, method: "PUT", masks });
    assert.ok(result instanceof Fault && result.code === "masked-request");
    assert.deepEqual(valuesIn(sent([["If-Match", "*"]], { method: "PUT", masks }), "if-match"), ["*"]);
  });

  test("a lookup by a masked header sees what the mask shows; a write goes on unless a rule forbids", () => {
    const raw: readonly HeaderPair[] = [["X-SSN", "123-45-6789"]];
    assert.deepEqual(valuesIn(sent(raw, { masks: masksOf({ headers: ["x-ssn"], with: { keepLast: 4 } }) }), "x-ssn"), ["*******6789"]);
    assert.deepEqual(valuesIn(sent(raw, { method: "PUT", masks: masksOf({ headers: ["x-ssn"] }) }), "x-ssn"), ["123-45-6789"]);
    const result = requestHeaders(raw, { ...asking, method: "PUT", masks: masksOf({ headers: ["x-ssn"], assign: "none" }) });
    assert.ok(result instanceof Fault && result.code === "masked-request");
  });
});
