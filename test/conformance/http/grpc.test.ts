/** grpc-js, straight and through the gateway: every kind of call, metadata and trailers, status, deadlines, cancellations. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import grpc from "@grpc/grpc-js";
import { makeAuthority } from "#test/support/certificates.ts";
import { startGateway, type TestGateway } from "#test/support/gateway.ts";
import { until } from "#test/support/waiting.ts";
import { type GrpcTarget, SERVICE, startGrpcTarget } from "./grpc-service.ts";

let target: GrpcTarget;
let gateway: TestGateway;
/** Its characters end messages below, where they look like its beginning. */
const KEY = "kxq-secret-of-the-gateway";
let token: string;
before(async () => {
  target = await startGrpcTarget(await makeAuthority());
  const section = { credential: { header: "x-key", value: { env: "GRPC_KEY" } } };
  gateway = await startGateway({ apis: { grpc: { ...target, hosts: ["localhost"], section } }, env: { GRPC_KEY: KEY } });
  token = await gateway.token();
});
after(async () => {
  await gateway?.stop();
  target?.close();
});

function client(port: number, ca: string): grpc.Client {
  return new grpc.Client(`localhost:${port}`, grpc.credentials.createSsl(Buffer.from(ca)));
}

const straight = (): grpc.Client => client(target.port, target.ca);
const through = (): grpc.Client => client(gateway.httpsPort, gateway.ca);

function metadata(): grpc.Metadata {
  const fields = new grpc.Metadata();
  fields.set("authorization", `Bearer ${token}`);
  fields.set("x-text", "plain");
  fields.set("x-raw-bin", Buffer.of(1, 0, 254));
  return fields;
}

type Method = grpc.MethodDefinition<Buffer, Buffer>;
type Seen = readonly unknown[];

function told(error: grpc.ServiceError | null): unknown {
  return error === null ? "ok" : [error.code, error.details, shown(error.metadata)];
}

/** What the connection says of itself is not compared. */
function shown(fields: grpc.Metadata | null): unknown {
  const entries = Object.entries(fields?.toJSON() ?? {}).filter(([name]) => /^x-(sum|raw-bin|head)$/.test(name));
  return Object.fromEntries(entries.map(([name, values]) => [name, values.map(String)]));
}

function unary(
  made: grpc.Client,
  { path, requestSerialize, responseDeserialize }: Method,
  message: Buffer,
  options: grpc.CallOptions = {},
): Promise<Seen> {
  return new Promise((resolve) => {
    const seen: unknown[] = [];
    const call = made.makeUnaryRequest(path, requestSerialize, responseDeserialize, message, metadata(), options, (error, value) => {
      seen.push(told(error), value?.toString());
    });
    call.on("metadata", (fields) => seen.push(shown(fields)));
    call.on("status", (status) => resolve([...seen, status.code, shown(status.metadata)]));
  });
}

function collect(made: grpc.Client, messages: readonly Buffer[]): Promise<Seen> {
  const { path, requestSerialize, responseDeserialize } = SERVICE.collect;
  return new Promise((resolve) => {
    const call = made.makeClientStreamRequest(path, requestSerialize, responseDeserialize, metadata(), (error, value) =>
      resolve([told(error), value?.toString()]),
    );
    for (const message of messages) call.write(message);
    call.end();
  });
}

function count(made: grpc.Client, number: number): Promise<Seen> {
  const { path, requestSerialize, responseDeserialize } = SERVICE.count;
  return new Promise((resolve, reject) => {
    const call = made.makeServerStreamRequest(path, requestSerialize, responseDeserialize, Buffer.from(String(number)), metadata());
    const seen: string[] = [];
    call.on("data", (message: Buffer) => seen.push(message.toString()));
    call.on("error", reject);
    call.on("status", (status) => resolve([seen, status.code, shown(status.metadata)]));
  });
}

/** One message after the other: each is sent when the one before was answered. */
function chat(made: grpc.Client, messages: readonly string[]): Promise<Seen> {
  const { path, requestSerialize, responseDeserialize } = SERVICE.chat;
  return new Promise((resolve, reject) => {
    const call = made.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata());
    const seen: string[] = [];
    const next = (): void => {
      const message = messages[seen.length];
      if (message === undefined) call.end();
      else call.write(Buffer.from(message));
    };
    call.on("data", (message: Buffer) => {
      seen.push(message.toString());
      next();
    });
    call.on("error", reject);
    call.on("status", (status) => resolve([seen, status.code]));
    next();
  });
}

const CALLS: readonly (readonly [string, (made: grpc.Client) => Promise<Seen>])[] = [
  ["a unary call", (made) => unary(made, SERVICE.unary, Buffer.from("hello"))],
  ["an empty message", (made) => unary(made, SERVICE.unary, Buffer.alloc(0))],
  ["a large message", (made) => unary(made, SERVICE.unary, Buffer.alloc(3_000_000, "a"))],
  ["a call that fails", (made) => unary(made, SERVICE.fail, Buffer.from("x"))],
  ["a method that is not there", (made) => unary(made, { ...SERVICE.unary, path: "/test.Echo/None" }, Buffer.from("x"))],
  [
    "a stream from the client",
    (made) =>
      collect(
        made,
        Array.from({ length: 500 }, (_, at) => Buffer.alloc(at)),
      ),
  ],
  ["a stream from the server", (made) => count(made, 500)],
  [
    "a stream both ways, message by message",
    (made) =>
      chat(
        made,
        Array.from({ length: 50 }, (_, at) => `m${at}`),
      ),
  ],
  ["a stream both ways whose messages end as the credential begins", (made) => chat(made, ["k", "xk", "ykx", "zkxq"])],
  ["a deadline", async (made) => (await unary(made, SERVICE.silent, Buffer.from("x"), { deadline: Date.now() + 300 })).slice(-2, -1)],
];

describe("grpc-js", () => {
  for (const [name, call] of CALLS) {
    test(`${name} is the same through the gateway`, async () => {
      const [one, other] = [straight(), through()];
      assert.deepEqual(await call(other), await call(one));
      one.close();
      other.close();
    });
  }

  test("metadata arrive, the caller's token does not, the gateway's key does", async () => {
    const made = through();
    await unary(made, SERVICE.unary, Buffer.from("x"));
    made.close();
    const seen = target.asked.at(-1) ?? {};
    assert.deepEqual(
      [seen["x-text"], seen["x-raw-bin"], seen["x-key"], seen["authorization"]],
      ["plain", Buffer.of(1, 0, 254), KEY, undefined],
    );
  });

  test("calls at once on one connection do not get into each other's way", async () => {
    const made = through();
    const answers = await Promise.all(Array.from({ length: 100 }, (_, at) => unary(made, SERVICE.unary, Buffer.from(String(at)))));
    made.close();
    assert.deepEqual(
      answers.map((seen) => seen.find((one) => typeof one === "string" && one.startsWith("echo "))),
      answers.map((_, at) => `echo ${at}`),
    );
  });

  test("a call that the client gives up is given up at the target too", async () => {
    const made = through();
    const { path, requestSerialize, responseDeserialize } = SERVICE.chat;
    const before = target.cancelled.filter((name) => name === "chat").length;
    const call = made.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata());
    call.on("error", () => undefined);
    await new Promise((resolve) => {
      call.once("data", resolve);
      call.write(Buffer.from("x"));
    });
    call.cancel();
    await until(() => target.cancelled.filter((name) => name === "chat").length > before, "the target has seen it given up");
    assert.equal(target.cancelled.filter((name) => name === "chat").length, before + 1);
    made.close();
  });

  test("a refusal has the code of gRPC, and says reason and rule", async () => {
    const refused = async (path: string, fields: grpc.Metadata): Promise<grpc.ServiceError | null> => {
      const made = through();
      const { requestSerialize, responseDeserialize } = SERVICE.unary;
      const error = await new Promise<grpc.ServiceError | null>((resolve) =>
        made.makeUnaryRequest(path, requestSerialize, responseDeserialize, Buffer.from("x"), fields, (told) => resolve(told)),
      );
      made.close();
      return error;
    };
    const unproved = await refused("/test.Echo/Unary", new grpc.Metadata());
    assert.equal(unproved?.code, grpc.status.UNAUTHENTICATED);
    assert.match(unproved?.details ?? "", /reason=identity-missing/);
    const odd = await refused("/test.Echo/../Unary", metadata());
    assert.equal(odd?.code, grpc.status.INVALID_ARGUMENT);
    assert.match(odd?.details ?? "", /reason=request-ambiguous/);
  });
});
