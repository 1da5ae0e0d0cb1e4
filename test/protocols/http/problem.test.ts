/** Refusals as HTTP responses, challenges, and the document by which clients find the issuer. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { grpcRefusal, isGrpc } from "#protocols/http/grpc.ts";
import { checkMethod } from "#protocols/http/method.ts";
import { challenge, metadataAskedFor, problem, protectedResourceMetadata } from "#protocols/http/problem.ts";
import { checkUpgrade } from "#protocols/http/upgrade.ts";
import { FAULT_CODES, Fault } from "#protocols/wire/fault.ts";
import { masksOf } from "./masks.ts";

describe("problem documents", () => {
  test("name reason, rule, sentence, way on and the request", () => {
    const denial = {
      verdict: "deny",
      reason: "statement-guarded",
      rule: "small",
      message: "too much",
      hint: "less",
      position: null,
    } as const;
    const { status, headers, body } = problem(denial, { requestId: "r-1" });
    assert.equal(status, 403);
    assert.deepEqual(JSON.parse(body.toString()), {
      type: "about:blank",
      title: "Forbidden",
      status: 403,
      detail: "too much",
      reason: "statement-guarded",
      rule: "small",
      hint: "less",
      requestId: "r-1",
    });
    const fields = new Map(headers);
    assert.equal(fields.get("content-type"), "application/problem+json");
    assert.equal(fields.get("content-length"), String(body.length));
    assert.equal(fields.get("cache-control"), "no-store");
    assert.equal(fields.get("x-request-id"), "r-1");
  });

  test("every fault has a status of an error, and a title", () => {
    for (const code of FAULT_CODES) {
      const { status, body } = problem(new Fault(code, "x"), { requestId: "r" });
      assert.ok(status >= 400 && status < 600, code);
      assert.notEqual(JSON.parse(body.toString()).title, "Refused", code);
    }
  });

  test("a rate says when to come back, a method which others there are", () => {
    assert.equal(new Map(problem(new Fault("rate-limited", "x"), { requestId: "r", retryAfter: 1.2 }).headers).get("retry-after"), "2");
    assert.match(new Map(problem(new Fault("method-refused", "x"), { requestId: "r" }).headers).get("allow") ?? "", /^GET, /);
  });

  test("an answer whose body had to be withheld keeps its status", () => {
    assert.equal(problem(new Fault("masked-body-type", "x"), { requestId: "r", status: 404 }).status, 404);
  });
});

describe("refusals of gRPC calls", () => {
  test("are told in its own words, percent-encoded, and only where gRPC was spoken", () => {
    const denial = { verdict: "deny", reason: "access-not-granted", rule: "r", message: "100% nö", hint: "ask", position: null } as const;
    const { status, headers, body } = grpcRefusal(denial, "r-1");
    assert.deepEqual([status, body.length], [200, 0]);
    const fields = new Map(headers);
    assert.equal(fields.get("grpc-status"), "7");
    assert.equal(fields.get("grpc-message"), "100%25 n%C3%B6 (reason=access-not-granted rule=r); ask");
    for (const type of ["application/grpc", "application/grpc+proto", "Application/GRPC;x=y"])
      assert.equal(isGrpc([["Content-Type", type]]), true, type);
    for (const type of ["application/grpc-web", "application/grpcx", "application/json"])
      assert.equal(isGrpc([["Content-Type", type]]), false, type);
  });
});

describe("challenges", () => {
  const resource = "https://gw.example:8443/t/crm";
  const metadata = 'resource_metadata="https://gw.example:8443/.well-known/oauth-protected-resource/t/crm"';

  test("a request without proof is told where to get one, and of no error", () => {
    assert.deepEqual(challenge(new Fault("identity-missing", "x"), resource), [
      "www-authenticate",
      `Bearer realm="sallyport", ${metadata}`,
    ]);
    assert.match(
      challenge(new Fault("identity-missing", "x"), "https://gw.example")?.[1] ?? "",
      /"https:\/\/gw.example\/.well-known\/oauth-protected-resource"$/,
    );
  });

  test("a proof that does not hold is told so, in characters that a header field has room for", () => {
    const [, value] = challenge(new Fault("identity-expired", 'the "token" \\ is é'), resource) ?? [];
    assert.equal(value, `Bearer realm="sallyport", error="invalid_token", error_description="the 'token' ' is ?", ${metadata}`);
  });

  test("other refusals challenge nobody", () => assert.equal(challenge(new Fault("target-unknown", "x"), resource), null));

  test("the metadata of a target is asked for behind the well-known path", () => {
    assert.equal(metadataAskedFor("/.well-known/oauth-protected-resource/t/crm"), "/t/crm");
    assert.equal(metadataAskedFor("/.well-known/oauth-protected-resource"), "");
    assert.equal(metadataAskedFor("/.well-known/oauth-protected-resourcex"), undefined);
    assert.equal(metadataAskedFor("/v1"), undefined);
    const { status, body } = protectedResourceMetadata(resource, ["https://idp.example"], "r");
    assert.equal(status, 200);
    const document = JSON.parse(body.toString());
    assert.equal(document.resource, resource);
    assert.deepEqual(document.authorization_servers, ["https://idp.example"]);
  });
});

describe("methods and upgrades", () => {
  test("what is no method for an API is refused", () => {
    for (const method of ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "PROPFIND", "M-SEARCH"])
      assert.equal(checkMethod(method), undefined, method);
    for (const method of ["CONNECT", "TRACE", "TRACK", "PRI", "get", "Get", "", "G ET", "GET\r\n", "X".repeat(40)]) {
      assert.equal(checkMethod(method)?.code, "method-refused", method);
    }
  });

  const asked = [
    ["Connection", "keep-alive, Upgrade"],
    ["Upgrade", "websocket"],
    ["Sec-WebSocket-Version", "13"],
    ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="],
  ] as const;

  test("a WebSocket is passed, other upgrades are not asked for", () => {
    assert.equal(checkUpgrade(asked, "GET", []), "websocket");
    assert.equal(
      checkUpgrade(
        [
          ["Connection", "Upgrade, HTTP2-Settings"],
          ["Upgrade", "h2c"],
        ],
        "GET",
        [],
      ),
      null,
    );
    assert.equal(checkUpgrade([["Upgrade", "websocket"]], "GET", []), null);
    assert.equal(checkUpgrade([], "GET", []), null);
  });

  test("one that servers could read differently is refused", () => {
    const wrong = [
      checkUpgrade(asked, "POST", []),
      checkUpgrade([...asked, ["Sec-WebSocket-Key", "x"]], "GET", []),
      checkUpgrade([...asked, ["Upgrade", "h2c"]], "GET", []),
      checkUpgrade(
        asked.map(([name, value]) => [name, value === "13" ? "8" : value] as const),
        "GET",
        [],
      ),
    ];
    for (const result of wrong) assert.ok(result instanceof Fault && result.code === "request-ambiguous");
  });

  test("none is passed where a mask would have to read it", () => {
    const result = checkUpgrade(asked, "GET", masksOf({ fields: ["$.ssn"] }));
    assert.ok(result instanceof Fault && result.code === "masked-body-type");
    assert.equal(checkUpgrade(asked, "GET", masksOf({ headers: ["x"] })), "websocket");
  });
});
