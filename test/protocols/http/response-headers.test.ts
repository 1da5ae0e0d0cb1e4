/** Header fields on their way to the client: what goes, what is translated, blanked or masked, what is left out. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Literals } from "#protocols/http/blanker.ts";
import { type HeaderPair, valuesOf as valuesIn } from "#protocols/http/header-pairs.ts";
import { literalsOf } from "#protocols/http/literals.ts";
import { passedFields, type ResponseContext, responseHeaders } from "#protocols/http/response-headers.ts";
import { masksOf } from "./masks.ts";

const answering: ResponseContext = {
  status: 200,
  requestId: "r-1",
  origins: ["https://crm.internal"],
  basePath: "/api",
  resource: "https://gw.example:8443/t/crm",
  prefix: "/t/crm",
  masks: [],
  literals: new Literals(literalsOf(["Bearer s3cret-token"])),
  bodyChanges: false,
  decoded: false,
  credentialSent: true,
  upgrade: null,
};

function shown(raw: readonly HeaderPair[], context: Partial<ResponseContext> = {}): readonly HeaderPair[] {
  return responseHeaders(raw, { ...answering, ...context });
}

describe("header fields to the client", () => {
  test("what the target says goes on; what would lead around the gateway does not", () => {
    const raw: readonly HeaderPair[] = [
      ["Content-Type", "a/b"],
      ["Content-Length", "3"],
      ["ETag", '"x"'],
      ["Alt-Svc", 'h3=":443"'],
      ["Strict-Transport-Security", "max-age=0"],
      ["Connection", "X-Hop"],
      ["X-Hop", "1"],
      ["Proxy-Authenticate", "Basic"],
      ["Keep-Alive", "x"],
      ["Transfer-Encoding", "chunked"],
      ["X-Request-Id", "theirs"],
      ["Upgrade", "h2c"],
      ["WWW-Authenticate", "Bearer"],
    ];
    assert.deepEqual(shown(raw), [
      ["Content-Type", "a/b"],
      ["Content-Length", "3"],
      ["ETag", '"x"'],
      ["strict-transport-security", "max-age=31536000"],
      ["via", "1.1 sallyport"],
      ["x-request-id", "r-1"],
    ]);
    assert.deepEqual(valuesIn(shown(raw, { credentialSent: false }), "www-authenticate"), ["Bearer"]);
  });

  const addresses: readonly (readonly [string, string])[] = [
    ["https://crm.internal/api/v1?x=1#y", "https://gw.example:8443/t/crm/v1?x=1#y"],
    ["https://CRM.internal:443/api", "https://gw.example:8443/t/crm/"],
    ["//crm.internal/api/v1", "https://gw.example:8443/t/crm/v1"],
    ["https://crm.internal", "https://gw.example:8443/t/crm/"],
    ["/api/v1", "/t/crm/v1"],
    ["/apiary", "/t/crm/apiary"],
    ["v1?next=2", "v1?next=2"],
    ["?page=2", "?page=2"],
    ["https://elsewhere.example/api/x", "https://elsewhere.example/api/x"],
    ["http://crm.internal/api/x", "http://crm.internal/api/x"],
    ["https://crm.internal.evil.example/api", "https://crm.internal.evil.example/api"],
    ["mailto:a@b.c", "mailto:a@b.c"],
  ];
  for (const [from, to] of addresses) {
    test(`Location ${from} shows as ${to}`, () => assert.deepEqual(valuesIn(shown([["Location", from]]), "location"), [to]));
  }

  test("addresses inside Link and Refresh are translated and masked as well", () => {
    const masks = masksOf({ query: ["ssn"] });
    const pairs = shown(
      [
        ["Link", '<https://crm.internal/api/a?ssn=1&p=2>; rel="next", </api/b?ssn=2>; rel=prev'],
        ["Refresh", '5; url="https://crm.internal/api/a?ssn=1"'],
        ["Content-Location", "/api/x?SSN=1"],
        ["Location", "https://elsewhere.example/?ssn=1#ssn=2&a=b"],
      ],
      { masks },
    );
    assert.deepEqual(valuesIn(pairs, "link"), ['<https://gw.example:8443/t/crm/a?ssn=***&p=2>; rel="next", </t/crm/b?ssn=***>; rel=prev']);
    assert.deepEqual(valuesIn(pairs, "refresh"), ['5; url="https://gw.example:8443/t/crm/a?ssn=***"']);
    assert.deepEqual(valuesIn(pairs, "content-location"), ["/t/crm/x?SSN=***"]);
    assert.deepEqual(valuesIn(pairs, "location"), ["https://elsewhere.example/?ssn=***#ssn=***&a=b"]);
  });

  const cookies: readonly (readonly [string, string, string])[] = [
    ["s=1; Path=/; Domain=crm.internal; Secure; HttpOnly", "/t/crm", "s=1; Path=/t/crm/; Secure; HttpOnly"],
    ["s=1; path=/app; SameSite=Lax", "/t/crm", "s=1; Path=/t/crm/app; SameSite=Lax"],
    ["s=1; Path=/app/", "/t/crm", "s=1; Path=/t/crm/app/"],
    ["s=1; Path=x", "/t/crm", "s=1; Path=/t/crm/"],
    ["s=1; Path=/; DOMAIN=.internal", "", "s=1; Path=/"],
    ["s=1", "/t/crm", "s=1"],
    ["s=1; Path=/api/x", "/t/crm", "s=1; Path=/t/crm/x"],
    ["s=1; Path=/api/x", "", "s=1; Path=/x"],
  ];
  for (const [from, prefix, to] of cookies) {
    test(`a cookie stays behind its target's prefix: ${from}`, () => {
      assert.deepEqual(valuesIn(shown([["Set-Cookie", from]], { prefix }), "set-cookie"), [to]);
    });
  }

  test("the credential is blanked in every field, trailers too", () => {
    const raw: readonly HeaderPair[] = [
      ["X-Echo", "got Bearer s3cret-token"],
      ["Location", "/api/x?t=s3cret-token"],
    ];
    assert.deepEqual(shown(raw).slice(0, 2), [
      ["X-Echo", "got Bearer ************"],
      ["Location", "/t/crm/x?t=************"],
    ]);
    assert.deepEqual(passedFields([["grpc-message", "no s3cret-token"]], answering), [["grpc-message", "no ************"]]);
  });

  test("under a mask nothing computed over the true body is shown, and no length of it", () => {
    const raw: readonly HeaderPair[] = [
      ["ETag", '"x"'],
      ["Digest", "x"],
      ["Content-MD5", "x"],
      ["Repr-Digest", "x"],
      ["Content-Range", "x"],
      ["Accept-Ranges", "bytes"],
      ["Content-Length", "9"],
      ["X-A", "1"],
    ];
    const pairs = shown(raw, { masks: masksOf({ fields: ["$.ssn"] }), bodyChanges: true });
    assert.deepEqual(
      pairs.map(([name]) => name),
      ["X-A", "strict-transport-security", "via", "x-request-id"],
    );
    assert.deepEqual(
      passedFields(
        [
          ["ETag", "x"],
          ["x-checksum", "y"],
        ],
        { ...answering, masks: masksOf({ fields: ["$.ssn"] }) },
      ),
      [["x-checksum", "y"]],
    );
  });

  test("listed fields are masked, repeated ones too", () => {
    const masks = masksOf({ headers: ["X-SSN"], with: { keepLast: 2 } });
    assert.deepEqual(
      valuesIn(
        shown(
          [
            ["x-ssn", "12345"],
            ["X-Ssn", "6789"],
          ],
          { masks },
        ),
        "x-ssn",
      ),
      ["***45", "**89"],
    );
  });
});
